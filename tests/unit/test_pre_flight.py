"""Letters judged as a recipient would get them: what forbids one, and what is advised."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.pre_flight import SampleLetter, Weight, findings_of, lacking
from outreach_pipelines.settings import load_settings
from resources import files

pytest_plugins = ("settings_fixtures",)

OUT = "https://unsubscribe.example/u/1"
GOOD = SampleLetter(
    is_first=True,
    subject="Your trial ends on Friday",
    text=f"Hello Ada,\nyour trial ends. See https://www.example.com/plans\n\n{OUT}\nAcme Ltd\n1 Main St",
    html=f'<p>Hello Ada</p><p>See <a href="https://example.com/plans">https://www.example.com/plans</a></p>'
    f'<p><a href="{OUT}">Unsubscribe</a></p><p>Acme Ltd<br>1 Main St</p>',
    unsubscribe_url=OUT,
    postal_address="Acme Ltd\n1 Main St",
)
BODY = GOOD.html or ""


def faults(letter: SampleLetter) -> list[tuple[str, str]]:
    return [(row.part, row.sentence) for row in findings_of(letter) if row.weight is Weight.FAULT]


def test_a_decent_letter_has_nothing_to_be_said_against_it() -> None:
    assert findings_of(GOOD) == ()


@pytest.mark.parametrize(
    ("part", "words", "letter"),
    [
        ("subject", "empty", replace(GOOD, subject=" ")),
        ("subject", "line break", replace(GOOD, subject="a\nBcc: x@example.com")),
        ("subject", "pretend to be a reply", replace(GOOD, subject="RE: our talk")),
        ("subject", "pretend to be a reply", replace(GOOD, subject="Fwd: our talk")),
        ("subject", "201 characters", replace(GOOD, subject="x" * 201)),
        ("subject", "left over", replace(GOOD, subject="Hello {{ first_name }}")),
        ("text", "a letter without a text", replace(GOOD, text="")),
        ("text", "are the most", replace(GOOD, text=GOOD.text + "x" * 20_001)),
        ("text", "left over", replace(GOOD, text=GOOD.text + "Hello [First Name]")),
        ("text", "unsubscribe link", replace(GOOD, text=GOOD.text.replace(OUT, ""))),
        ("text", "postal address", replace(GOOD, text=GOOD.text.replace("1 Main St", ""))),
        ("html", "unsubscribe link", replace(GOOD, html=BODY.replace(OUT, "https://example.com/"))),
        ("html", "postal address", replace(GOOD, html=BODY.replace("1 Main St", ""))),
        ("html", "reads example.com leads to evil.example", replace(GOOD, html=BODY.replace('"https://example.com', '"https://evil.example'))),
        ("html", "hidden", replace(GOOD, html=BODY + '<p style="display: none">buy</p>')),
        ("html", "hidden", replace(GOOD, html=BODY + '<p style="font-size:0px">buy</p>')),
        ("html", "script", replace(GOOD, html=BODY + "<script>1</script>")),
        ("html", "no link to a page", replace(GOOD, html=BODY + '<a href="javascript:alert(1)">x</a>')),
        ("html", "no link to a page", replace(GOOD, html=BODY + '<a href="/plans">x</a>')),
        ("html", "clients cut", replace(GOOD, html=BODY + "x" * 100_001)),
        ("text", "hides where the link leads", replace(GOOD, text=GOOD.text + "\nhttps://bit.ly/x")),
        ("text", "bare address 192.0.2.1", replace(GOOD, text=GOOD.text + "\nhttp://192.0.2.1/x")),
        ("text", "behind a user name", replace(GOOD, text=GOOD.text + "\nhttps://example.com@evil.example/x")),
        ("letter", "providers refuse it", replace(GOOD, attached=8 * 2**20)),
    ],
)  # fmt: skip
def test_what_must_not_leave_is_a_fault_of_its_part(part: str, words: str, letter: SampleLetter) -> None:
    assert any(found == part and words in sentence for found, sentence in faults(letter)), faults(letter)


@pytest.mark.parametrize("mark", ["Re", "AW", "Fwd", "FW", "WG", "SV", "VS", "Antw", "TR", "RV", "re [2]", "Re[2] "])
def test_a_first_message_pretends_to_be_no_reply_in_any_language(mark: str) -> None:
    (fault,) = faults(replace(GOOD, subject=f"{mark}: our talk"))

    assert fault == ("subject", "A first message does not pretend to be a reply or a forward.")


@pytest.mark.parametrize("subject", ["Regarding: your trial", "Trial: the end", "Reply by Friday: plans"])
def test_a_word_before_a_colon_is_no_reply(subject: str) -> None:
    assert faults(replace(GOOD, subject=subject)) == []


@pytest.mark.parametrize("part", ["subject", "text", "html"])
@pytest.mark.parametrize("left", ["{{ plan }}", "{% if x %}", "Hello None,", "[last_name]"])
def test_a_field_that_was_not_filled_in_is_found_in_every_part(part: str, left: str) -> None:
    letters = {
        "subject": replace(GOOD, subject=f"{GOOD.subject} {left}"),
        "text": replace(GOOD, text=f"{GOOD.text} {left}"),
        "html": replace(GOOD, html=f"<p>{left}</p>{BODY}"),
    }

    (fault,) = faults(letters[part])

    assert (fault[0], "left over" in fault[1]) == (part, True)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ('<p style="opacity:0">buy</p>', "hidden"),
        ('<p style="visibility : hidden">buy</p>', "hidden"),
        ("<p hidden>buy</p>", "hidden"),
        ("<form></form>", "script, a form or a frame"),
        ('<iframe src="https://example.com/"></iframe>', "script, a form or a frame"),
        ("<object></object>", "script, a form or a frame"),
        ("<embed>", "script, a form or a frame"),
        ("é" * 50_000, "clients cut"),
    ],
)
def test_what_mail_clients_hide_take_out_or_cut_is_a_fault(tag: str, words: str) -> None:
    (fault,) = faults(replace(GOOD, html=BODY + tag))

    assert fault[0] == "html"
    assert words in fault[1]


def test_a_way_out_that_is_only_written_and_not_linked_is_none_in_html() -> None:
    written = BODY.replace(f'<a href="{OUT}">Unsubscribe</a>', OUT)

    assert faults(replace(GOOD, html=written)) == [("html", "The unsubscribe link is not there.")]


def test_a_carriage_return_alone_breaks_the_subject_too() -> None:
    assert faults(replace(GOOD, subject="a\rBcc: x@example.com")) == [("subject", "It holds a line break.")]


def test_what_a_client_does_not_show_as_text_is_not_read_as_such() -> None:
    style = "<style>p::after{content:'{{ x }}'}</style>"

    assert faults(replace(GOOD, html=BODY + style)) == []


def test_a_link_that_opens_a_new_mail_leads_to_no_page_and_is_no_fault() -> None:
    assert findings_of(replace(GOOD, html=BODY + '<a href="mailto:us@example.com">us</a>')) == ()


@pytest.mark.parametrize(
    ("letter", "advised"),
    [
        (replace(GOOD, subject="x" * 78), 0),
        (replace(GOOD, subject="x" * 79), 1),
        (replace(GOOD, text=GOOD.text + "".join(f"\nhttps://example.com/{n}" for n in range(8))), 0),
        (replace(GOOD, text=GOOD.text + "".join(f"\nhttps://example.com/{n}" for n in range(9))), 1),
    ],
)
def test_advice_begins_beyond_its_limit(letter: SampleLetter, advised: int) -> None:
    assert len(findings_of(letter)) == advised


@pytest.mark.parametrize(
    "letter",
    [
        replace(GOOD, subject="x" * 100),
        replace(GOOD, subject="YOUR TRIAL ENDS ON FRIDAY, ACT"),
        replace(GOOD, text=GOOD.text + "\nhttp://example.com/"),
        replace(GOOD, text=GOOD.text + "".join(f"\nhttps://example.com/{n}" for n in range(12))),
    ],
)
def test_what_is_only_unwise_is_an_advice(letter: SampleLetter) -> None:
    assert [row.weight for row in findings_of(letter)] == [Weight.ADVICE]


def test_a_follow_up_may_be_called_a_reply_and_a_letter_may_have_no_html() -> None:
    assert findings_of(replace(GOOD, is_first=False, subject="Re: our talk", html=None)) == ()


@pytest.mark.parametrize("hidden", ['<p style="opacity:0.9">x</p>', "<title>None</title>"])
def test_harmless_styles_and_titles_are_no_faults(hidden: str) -> None:
    assert faults(replace(GOOD, html=BODY + hidden)) == []


@pytest.fixture
def examples(environment: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands read the example inventories."""
    environment.setenv("OUTREACH_FILES", str(Path(__file__).parents[2] / "examples"))
    load_settings.cache_clear()
    files.object_store.cache_clear()
    yield
    files.object_store.cache_clear()


@pytest.mark.usefixtures("examples")
def test_the_campaigns_of_the_examples_pass_on_the_command_line() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight"], env={"COLUMNS": "300"})

    assert said.exit_code == 0, said.output
    assert "acme/trial-tips: 0 faults" in said.output


@pytest.mark.usefixtures("examples")
def test_a_campaign_that_is_not_there_is_said_so() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight", "no-such-campaign"])

    assert said.exit_code == 1
    assert "no-such-campaign" in str(said.exception)


@pytest.mark.usefixtures("examples")
def test_a_tenant_that_is_not_there_is_said_so_with_those_that_are() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight", "--tenant", "nobody"])

    assert said.exit_code == 1
    assert "no tenant is called 'nobody' in the inventory files; there are acme" in str(said.exception)


@pytest.mark.usefixtures("examples")
def test_only_the_campaigns_of_the_tenant_asked_for_are_read() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight", "--tenant", "acme"], env={"COLUMNS": "300"})

    names = {line.partition("/")[0] for line in said.output.splitlines() if not line.startswith(" ")}
    assert names == {"acme"}


def test_a_letter_shows_how_it_reads_to_who_lacks_a_field() -> None:
    (finding,) = lacking("text", "first_name", "Hello Ada,\nyour trial ends.", "Hello ,\nyour trial ends.")

    assert (finding.weight, finding.sentence) == (Weight.ADVICE, "Who has no first_name reads 'Hello ,'.")


def test_a_field_that_leaves_nothing_behind_where_it_is_missing_is_said_so() -> None:
    (finding,) = lacking("text", "company", "Hello,\nAcme\nbye", "Hello,\n\nbye")

    assert finding.sentence == "Who has no company reads nothing in its place."


def test_a_letter_that_reads_the_same_without_a_field_lacks_nothing() -> None:
    assert lacking("text", "company", "Hello", "Hello") == ()


@pytest.fixture
def webinar(environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The file of a campaign in a copy of the examples."""
    shutil.copytree(Path(__file__).parents[2] / "examples", tmp_path / "files")
    environment.setenv("OUTREACH_FILES", str(tmp_path / "files"))
    load_settings.cache_clear()
    files.object_store.cache_clear()
    yield tmp_path / "files" / "inventory" / "acme" / "campaigns" / "webinar-follow-up.yaml"
    files.object_store.cache_clear()


def test_how_a_letter_reads_without_an_optional_field_is_told_of_each_of_its_parts(webinar: Path) -> None:
    webinar.write_text(
        webinar.read_text().replace("[first_name, company,", "[first_name,") + "optional_fields: [company]\n"
    )

    said = CliRunner().invoke(app, ["plan", "preflight", "webinar-follow-up"], env={"COLUMNS": "300"})

    told = [line for line in said.output.splitlines() if "Who has no company reads" in line]
    assert said.exit_code == 0
    assert [line.split(":")[1].strip() for line in told] == [
        f"step 1, variant {variant}, {part}" for variant in "ab" for part in ("text", "html")
    ]


def test_what_a_campaign_declares_wrongly_is_told_in_place_of_its_letters(webinar: Path) -> None:
    webinar.write_text(webinar.read_text().replace('"The slides of', '"Re: the slides of'))

    said = CliRunner().invoke(app, ["plan", "preflight"], env={"COLUMNS": "300"})

    assert said.exit_code == 1
    assert "acme: its inventory files are faulty, 1 fault:\n  " in str(said.exception)
    assert "A first message does not pretend to be a reply or a forward." in str(said.exception)


@pytest.mark.usefixtures("examples")
def test_the_sample_takes_values_of_its_own() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight", "--field", "first_name={{ oops }}"], env={"COLUMNS": "300"})

    assert said.exit_code == 1
    assert "is left over" in said.output


def test_a_value_without_a_name_is_refused() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight", "--field", "nonsense"])

    assert said.exit_code == 2
    assert "takes NAME=VALUE" in said.output
