"""Templates say what a letter needs and can do no harm: not hang, not grow, not look around, not leave a gap."""

import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.templates import TemplateStore, letter_fields, render, template_key
from outreach_pipelines.application.stored_objects import ObjectStoreUnreachable
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Content, Letter, Recipient, Sender
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import Rendered
from outreach_pipelines.errors import TemplateFault

ADA = {"first_name": "Ada", "company": "Cake & Co <Ltd>"}
LINK = "https://u.client.example/u/token"


def test_fields_are_filled_in() -> None:
    assert render("Hello {{ first_name }},\n", ADA, html=False) == "Hello Ada,\n"


def test_html_is_escaped_and_text_is_not() -> None:
    assert render("{{ company }}", ADA, html=True) == "Cake &amp; Co &lt;Ltd&gt;"
    assert render("{{ company }}", ADA, html=False) == "Cake & Co <Ltd>"


def test_a_choice_and_a_default_are_understood() -> None:
    source = "{% if first_name and company != 'x' %}Dear {{ first_name|upper }}{% else %}Hello{% endif %}"

    assert render(source + "{{ nick|default('!') }}", ADA, html=False) == "Dear ADA!"


def test_a_field_is_asked_for_safely() -> None:
    assert render("{{ 'yes' if nick is defined else 'no' }}", ADA, html=False) == "no"


@given(st.text(), st.booleans())
def test_a_field_that_holds_a_template_stays_text(value: str, html: bool) -> None:
    shown = render("{{ field }}", {"field": "{{ first_name }}" + value}, html=html)

    assert shown.startswith("{{ first_name }}")


HOSTILE = [
    "{% for letter in company %}{{ letter }}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for x in first_name recursive %}{{ loop(x) }}{% endfor %}",
    "{{ 'a' * 10**10 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ first_name|replace('A', 'AAAA') }}",
    "{{ first_name|indent(1000000000) }}",
    "{% set x = 'a' %}{% set x = x ~ x %}",
    "{{ first_name ~ first_name }}",
    "{{ first_name.__class__ }}",
    "{{ first_name['__class__'] }}",
    "{{ first_name|attr('__class__') }}",
    "{{ first_name|map(attribute='__class__')|list }}",
    "{{ first_name.format }}",
    "{{ self }}",
    "{{ lipsum(1000) }}",
    "{{ range }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ first_name|safe }}",
    "{% autoescape false %}{{ first_name }}{% endautoescape %}",
    "{% include 'x' %}",
    "{% import 'x' as x %}",
    "{% extends 'x' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% filter upper %}x{% endfilter %}",
    "{% call first_name() %}{% endcall %}",
    "{{ [first_name] }}",
    "{{ {'a': 1} }}",
    "{{ first_name[:1] }}",
    "{{ first_name|default(*first_name) }}",
    "{{ first_name|default(**first_name) }}",
    "{{ first_name|truncate('x') }}",
    "{{ first_name|truncate(-1, true, 5) }}",
    "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}",
    "{{ " + "not " * 5000 + "1 }}",
    "{% if 1 %}" * 200 + "x" + "{% endif %}" * 200,
    "{{ first_name" + "|urlencode" * 50 + " }}",
    "{{ first_name }}" * 10_000,
    "a" * 1_000_000,
    "{{ " + "9" * 5000 + " }}",
    "{{ first_name",
    "{% if %}",
    "{{ first_name|unknown }}",
    "{{ 1 is divisibleby(0) }}",
    "\x00{{",
]


@pytest.mark.parametrize("source", HOSTILE, ids=[each[:40] for each in HOSTILE])
@pytest.mark.parametrize("html", [True, False])
def test_a_hostile_or_broken_template_is_a_fault_and_costs_little(source: str, html: bool) -> None:
    started = time.process_time()

    with pytest.raises(TemplateFault):
        render(source, ADA, html=html)

    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "source", ["{{ last_name }}", "{% if last_name %}{% endif %}", "{{ last_name|upper }}", "{{ last_name == '' }}"]
)
def test_a_missing_field_is_a_fault_that_names_it(source: str) -> None:
    with pytest.raises(TemplateFault, match=r"^field_missing: 'last_name'"):
        render(source, ADA, html=False)


def test_a_text_that_grows_too_long_is_a_fault() -> None:
    with pytest.raises(TemplateFault, match=r"^too_long"):
        render("{{ first_name }}" * 100, {"first_name": "a" * 10_000}, html=False)


def a_letter(content: Content, fields: Mapping[str, str] = ADA) -> Letter:
    claim = ClaimedMessage(TenantId(1), date(2026, 11, 23), MessageId(7), 1, ClaimToken(UUID(int=1)))
    when = datetime(2026, 11, 23, 9, tzinfo=UTC)
    sender = Sender(
        mailbox_id=13,
        address="bo@mail.client.example",
        display_name="Bo",
        company="Client Ltd",
        website="https://client.example",
        contact="office@client.example",
        privacy_notice_url="https://client.example/privacy",
        postal_address="1 Example Street",
        unsubscribe_host="u.client.example",
    )
    recipient = Recipient("ada@people.example", b"\x07" * 32, fields)
    return Letter(claim, 5, 11, 1, when, when, recipient, sender, content, None)


def stored(objects: LocalObjectStore, source: str) -> str:
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    objects.put(template_key(sha256), source.encode())
    return sha256


def test_a_letter_is_rendered_from_the_texts_that_its_hashes_name(tmp_path: Path) -> None:
    objects = LocalObjectStore(tmp_path)
    text = stored(objects, "Hello {{ first_name }}\n{{ sender_name }}, {{ postal_address }}\n{{ unsubscribe_url }}\n")
    html = stored(objects, "<p>{{ company }}</p><a href='{{ unsubscribe_url }}'>x</a>")

    rendered = TemplateStore(objects).render_letter(a_letter(Content("For {{ first_name }}", text, html)), LINK)

    assert rendered == Rendered(
        "For Ada",
        f"Hello Ada\nBo, 1 Example Street\n{LINK}\n",
        f"<p>Cake &amp; Co &lt;Ltd&gt;</p><a href='{LINK}'>x</a>",
    )


def test_a_letter_without_html_has_none(tmp_path: Path) -> None:
    objects = LocalObjectStore(tmp_path)

    rendered = TemplateStore(objects).render_letter(a_letter(Content("Hi", stored(objects, "a"), None)), LINK)

    assert rendered.html is None


def test_a_text_is_read_once_and_kept(tmp_path: Path) -> None:
    objects = LocalObjectStore(tmp_path)
    store, letter = TemplateStore(objects), a_letter(Content("Hi", stored(objects, "Hello"), None))
    store.render_letter(letter, LINK)

    (tmp_path / template_key(letter.content.text_sha256)).unlink()

    assert store.render_letter(letter, LINK).text == "Hello"


def test_the_same_text_as_html_and_as_text_is_kept_apart(tmp_path: Path) -> None:
    objects = LocalObjectStore(tmp_path)
    same = stored(objects, "{{ company }}")

    rendered = TemplateStore(objects).render_letter(a_letter(Content("Hi", same, same)), LINK)

    assert (rendered.text, rendered.html) == ("Cake & Co <Ltd>", "Cake &amp; Co &lt;Ltd&gt;")


def test_a_template_that_is_not_there_is_a_fault_of_the_template(tmp_path: Path) -> None:
    letter = a_letter(Content("Hi", "0" * 64, None))

    with pytest.raises(TemplateFault, match=r"^template_missing"):
        TemplateStore(LocalObjectStore(tmp_path)).render_letter(letter, LINK)


@pytest.mark.parametrize(("body", "reason"), [(b"another text", "template_changed"), (b"\xff\xfe", "template_syntax")])
def test_a_template_that_was_changed_under_its_name_is_not_sent(tmp_path: Path, body: bytes, reason: str) -> None:
    objects = LocalObjectStore(tmp_path)
    sha256 = stored(objects, "Hello")
    objects.put(template_key(sha256), body)

    with pytest.raises(TemplateFault, match=f"^{reason}"):
        TemplateStore(objects).render_letter(a_letter(Content("Hi", sha256, None)), LINK)


def test_a_store_that_does_not_answer_is_no_fault_of_the_template(tmp_path: Path) -> None:
    letter = a_letter(Content("Hi", "0" * 64, None))

    with pytest.raises(ObjectStoreUnreachable):
        TemplateStore(LocalObjectStore(tmp_path / "away")).render_letter(letter, LINK)


def test_a_column_of_a_lead_file_cannot_pass_for_what_the_system_fills_in() -> None:
    forged = dict.fromkeys(("unsubscribe_url", "postal_address", "sender_name", "sender_identity", "step"), "forged")

    fields = letter_fields(a_letter(Content("Hi", "0" * 64, None), forged), LINK)

    assert "forged" not in fields.values()


def test_a_lead_without_a_source_leaves_a_gap_that_stops_the_letter() -> None:
    fields = letter_fields(a_letter(Content("Hi", "0" * 64, None)), LINK)

    with pytest.raises(TemplateFault, match="data_source"):
        render("{{ data_source }}", fields, html=False)


@pytest.mark.parametrize("name", ["source", "data_source"])
def test_where_the_data_come_from_has_two_names(name: str) -> None:
    fields = letter_fields(a_letter(Content("Hi", "0" * 64, None), {name: "trade fair"}), LINK)

    assert render("{{ source }}, {{ data_source }}", fields, html=False) == "trade fair, trade fair"
