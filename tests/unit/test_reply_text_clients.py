"""The author's own words, whatever client wrote the rest, and in whatever language."""

import pytest
from reply_clients import APPLE_MAIL, GMAIL, HTML, ORIGINALS, OTHER_CLIENTS, OUTLOOK, SIGNATURES, THUNDERBIRD, WRITTEN

from outreach_pipelines.domain.inbound.html_text import text_of_html
from outreach_pipelines.domain.inbound.reply_text import own_words, reply_text

OWN = "That suits me.\nSee you then."


@pytest.mark.parametrize("history", [*GMAIL, *APPLE_MAIL, *THUNDERBIRD, *OUTLOOK, *OTHER_CLIENTS, *SIGNATURES])
def test_what_a_client_adds_below_is_cut(history: str) -> None:
    assert reply_text(f"{OWN}\n\n{history}\n") == OWN


@pytest.mark.parametrize("title", ORIGINALS)
def test_all_below_the_title_of_an_original_is_history(title: str) -> None:
    assert reply_text(f"{OWN}\n\n-----{title}-----\nHello Ann, shall we talk?\n") == OWN


@pytest.mark.parametrize("history", [each for each in GMAIL if "\n> " in each])
def test_an_answer_below_the_history_is_found(history: str) -> None:
    assert reply_text(f"{history}\n> Shall we talk?\n\n{OWN}\n") == OWN


@pytest.mark.parametrize("words", WRITTEN)
def test_words_that_look_like_a_clients_are_kept(words: str) -> None:
    assert reply_text(words) == words


@pytest.mark.parametrize(
    "own", ["Let us meet at 10:00", "On Monday I can talk, at 10:00 or 11:00", "My address is ann@example.net"]
)
@pytest.mark.parametrize(
    "attribution",
    [
        "On Sat, 21 Nov 2026, App <app@example.com> wrote:",
        "App <app@example.com> wrote on 11/21/2026 10:00 AM:",
        "Am 21.11.26 um 10:00 schrieb App:",
        "21.11.2026, 10:00, App <app@example.com>:",
    ],
)
def test_a_line_right_above_an_attribution_is_the_authors(own: str, attribution: str) -> None:
    assert reply_text(f"{own}\n{attribution}\n> Shall we talk?") == own


@pytest.mark.parametrize("document", HTML)
def test_history_and_signature_in_html_are_cut(document: str) -> None:
    assert reply_text(text_of_html(document)) == "Yes, please."


def test_answers_between_quoted_lines_keep_the_lines_they_answer() -> None:
    text = "On Sat, 21 Nov 2026, App <app@example.com> wrote:\n> Monday?\n\nYes.\n\n> At ten?\n\nNo, eleven.\n\n> Best\n> App"

    assert reply_text(text) == "> Monday?\n\nYes.\n\n> At ten?\n\nNo, eleven."


def test_what_is_judged_holds_no_quoted_line() -> None:
    text = (
        "On Sat, 21 Nov 2026, App <app@example.com> wrote:\n> Monday?\n\nYes.\n\n> To unsubscribe, click\n\nNo, eleven."
    )

    assert own_words(text).split() == ["Yes.", "No,", "eleven."]


@pytest.mark.parametrize(
    "footer",
    [
        "Best regards\nAnn",
        "Mit freundlichen Grüßen\n\nAnn",
        "Example list: https://example.org/list",
        "Ann\n+49 30 1234567",
    ],
)
def test_a_leave_taking_below_a_whole_quoted_message_is_no_answer(footer: str) -> None:
    text = f"{OWN}\n\nOn Sat, 21 Nov 2026, App <app@example.com> wrote:\n> Shall we talk?\n\n{footer}"

    assert reply_text(text) == OWN


def test_an_answer_below_a_quoted_message_is_kept_beside_the_greeting_above() -> None:
    text = "Hello App,\n\nOn Sat, 21 Nov 2026, App <app@example.com> wrote:\n> Shall we talk?\n\nYes, on Monday."

    assert reply_text(text) == "Hello App,\n\n> Shall we talk?\n\nYes, on Monday."


@pytest.mark.parametrize(
    "text",
    [
        "On Sat, 21 Nov 2026, App <app@example.com> wrote:\n> Shall we talk?",
        "-----Original Message-----\nFrom: App\n\nHello",
    ],
)
def test_who_wrote_nothing_has_said_nothing(text: str) -> None:
    assert reply_text(text) == own_words(text) == ""


def test_code_between_fences_is_written() -> None:
    text = "Use this:\n\n```\n# ----\n-----\n> a\n```\n\nDone."

    assert reply_text(text) == text


def test_a_signature_above_the_answers_does_not_end_the_reply() -> None:
    text = (
        "Hello.\n\nSent from my iPhone\n\nOn Sat, 21 Nov 2026, App <app@example.com> wrote:\n> Monday?\n\nYes, Monday."
    )

    assert reply_text(text).endswith("Yes, Monday.")
