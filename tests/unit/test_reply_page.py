"""The page of replies: what others wrote is text, nothing runs or loads, and each reply stands with its thread."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.reply_list import ReplyRow, ReplyWork, Review
from outreach_pipelines.application.reply_page.page import LONGEST_TEXT, ReplyPageFacts, reply_page
from outreach_pipelines.application.reply_thread import Came, Sent
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.domain.ids import EnrollmentId
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.decided import DecidedIntent, IntentSource
from outreach_pipelines.domain.tenant import TenantSlug

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
THREAD = EnrollmentId(3)
EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</pre></article></main></body></html><h1>gone",
    "<!-- ",
    "]]><svg/onload=alert(1)>",
    "&lt;b&gt; &#60;b&#62;",
    "javascript:alert(1) https://evil.example/",
    "\x00\x1b[2J\u202egnp.exe\u2028\ud800",
    "<style>*{display:none}</style>",
    "'; drop table app.lead; --",
]
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Collects tags and text, and fails on an element that is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def reply(number: int = 7, text: str = "Yes, gladly.", word: str = "c", **facts: object) -> ReplyRow:
    """A reply in which `word` stands wherever others may have written something."""
    told: dict[str, object] = {
        "inbound": InboundId(number),
        "received_at": NOON,
        "read_as": "human_reply",
        "confidence": "medium",
        "evidence": word,
        "park_reason": None,
        "text": text,
        "away_until": None,
        "object_key": ObjectKey("inbound/1/x.eml"),
        "inbox": word,
        "folder": word,
        "enrollment": THREAD,
        "person": word,
        "campaign": word,
        "mailbox": word,
        "review": None,
        "work": ReplyWork(word, word),
        "intent": DecidedIntent(Intent.POSITIVE, IntentSource.RULE, f"positive:en: {word}"),
    }
    return ReplyRow(**(told | facts))  # type: ignore[arg-type]  # the fields of ReplyRow


def page(*rows: ReplyRow, to_review: tuple[ReplyRow, ...] = (), word: str = "c", is_cut: bool = False) -> str:
    thread = (
        Sent(NOON - timedelta(days=1), 1, word, word, word, word),
        *(Came(NOON, row, word, word, word) for row in rows),
    )
    return reply_page(ReplyPageFacts(TenantSlug("acme"), NOON, 30, rows, to_review, {THREAD: thread}, is_cut))


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


SOUND_TAGS = {tag for tag, _ in read(page(reply(), to_review=(reply(8, review=Review("why")),))).tags}


@pytest.mark.parametrize("evil", EVIL)
def test_what_others_wrote_is_text(evil: str) -> None:
    text = page(reply(text=evil, word=evil), to_review=(reply(8, evil, evil, review=Review(evil)),), word=evil)
    reader = read(text)

    assert reader.open == []
    assert {tag for tag, _ in reader.tags} <= SOUND_TAGS
    assert not SOUND_TAGS & {"script", "img", "iframe", "svg", "a", "link", "form", "object", "base"}


@given(st.text(max_size=200))
def test_no_text_makes_an_element(wild: str) -> None:
    reader = read(page(reply(text=wild, word=wild), word=wild))

    assert {tag for tag, _ in reader.tags} <= SOUND_TAGS
    assert reader.open == []


def test_nothing_is_loaded_and_the_browser_is_told_so() -> None:
    reader = read(page(reply(word="https://evil.example/x.png")))
    policies = [attrs["content"] for tag, attrs in reader.tags if tag == "meta" and "http-equiv" in attrs]

    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert not [attrs for _, attrs in reader.tags if attrs.keys() & {"src", "href", "action", "onclick", "style"}]


def test_controls_and_marks_that_turn_the_direction_are_gone() -> None:
    text = page(reply(text="a\x00b\x1bc\u202ed"))

    assert not set("\x00\x1b\u202e") & set(text)
    assert "a b c d" in text


def test_a_reply_stands_with_its_intent_who_decided_it_and_its_thread() -> None:
    told = " ".join(read(page(reply(text="Yes, gladly."))).text)

    for words in (
        "Yes, gladly.",
        "positive, by rule positive:en: c",
        "we sent step 1 from c",
        "answered by c, open",
        "mail 7",
    ):
        assert words in told


def test_done_and_uncertain_replies_stand_apart() -> None:
    done = reply(1, work=ReplyWork("ada", done_at=NOON))
    told = "".join(read(page(reply(2), done, to_review=(reply(3, review=Review("it names no send")),))).text)

    waiting, open_ones, finished = (
        told.index("Waiting for a verdict (1)"),
        told.index("Open (1)"),
        told.index("Done (1)"),
    )
    assert waiting < told.index("mail 3") < open_ones < told.index("mail 2") < finished < told.index("mail 1")
    assert "waits for a person: it names no send" in told


def test_a_reply_that_waits_for_a_verdict_stands_once() -> None:
    uncertain = reply(3, review=Review("untied"))
    told = "".join(read(page(uncertain, reply(4), to_review=(uncertain,))).text)

    assert told.count("mail 3,") == 1
    assert "waits for a person: nothing in it names a message of ours" in told
    assert "2 replies, 2 open, 1 waiting for a verdict" in told


def test_a_text_without_end_is_cut() -> None:
    assert len(page(reply(text="x" * 10 * LONGEST_TEXT))) < 4 * LONGEST_TEXT


def test_an_empty_page_says_so() -> None:
    assert "".join(read(page()).text).count("None.") == 3


def test_the_same_replies_give_the_same_page() -> None:
    assert page(reply(), is_cut=True) == page(reply(), is_cut=True)
    assert "Older ones are left out." in page(reply(), is_cut=True)
