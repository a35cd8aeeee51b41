"""Letters judged as a recipient would get them: what forbids one, and what is advised."""

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


def test_a_letter_shows_how_it_reads_to_who_lacks_a_field() -> None:
    (finding,) = lacking("text", "first_name", "Hello Ada,\nyour trial ends.", "Hello ,\nyour trial ends.")

    assert (finding.weight, finding.sentence) == (Weight.ADVICE, "Who has no first_name reads 'Hello ,'.")


def test_a_field_that_leaves_nothing_behind_where_it_is_missing_is_said_so() -> None:
    (finding,) = lacking("text", "company", "Hello,\nAcme\nbye", "Hello,\n\nbye")

    assert finding.sentence == "Who has no company reads nothing in its place."


def test_a_letter_that_reads_the_same_without_a_field_lacks_nothing() -> None:
    assert lacking("text", "company", "Hello", "Hello") == ()


@pytest.mark.usefixtures("examples")
def test_the_sample_takes_values_of_its_own() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight", "--field", "first_name={{ oops }}"], env={"COLUMNS": "300"})

    assert said.exit_code == 1
    assert "is left over" in said.output


def test_a_value_without_a_name_is_refused() -> None:
    said = CliRunner().invoke(app, ["plan", "preflight", "--field", "nonsense"])

    assert said.exit_code == 2
    assert "takes NAME=VALUE" in said.output
