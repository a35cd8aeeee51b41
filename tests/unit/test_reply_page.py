"""The page of replies: what others wrote is text, nothing runs or loads, and each reply stands with its thread."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from fakes import Tenants
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.reply_list import ReplyRow, ReplyWork, Review
from outreach_pipelines.application.reply_page.page import LONGEST_TEXT, MOST_IN_THREAD, ReplyPageFacts, reply_page
from outreach_pipelines.application.reply_page.present import page_key
from outreach_pipelines.application.reply_thread import Came, Sent
from outreach_pipelines.application.stored_objects import ObjectKey
from outreach_pipelines.application.tenants import in_turn
from outreach_pipelines.domain.ids import EnrollmentId
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.decided import DecidedIntent, IntentSource
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

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


def page(
    *rows: ReplyRow,
    to_review: tuple[ReplyRow, ...] = (),
    word: str = "c",
    is_cut: bool = False,
    thread: tuple[Came, ...] = (),
) -> str:
    told = thread or (
        Sent(NOON - timedelta(days=1), 1, word, word, word, word),
        *(Came(NOON, row, word, word, word) for row in rows),
    )
    return reply_page(ReplyPageFacts(TenantSlug("acme"), NOON, 30, rows, to_review, {THREAD: told}, is_cut))


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


def test_a_thread_stands_once_and_other_mails_of_it_name_the_place() -> None:
    thread = tuple(Came(NOON, reply(number, f"word {number}"), None, None) for number in (7, 8))
    told = page(reply(8), reply(7), thread=thread)

    assert told.count("The thread: 2 messages") == 1
    assert "The thread stands with mail 8." in told


def test_machines_that_answer_each_other_fill_no_page() -> None:
    thread = tuple(Came(NOON, reply(number, "x" * LONGEST_TEXT), None, None) for number in range(1, 101))
    rows = [reply(number, "short") for number in range(1, 101)]

    told = page(*rows, thread=thread)

    assert f"{100 - MOST_IN_THREAD} older ones are left out." in told
    assert len(told) < 200_000


def test_a_page_is_another_when_something_changed_and_when_an_hour_began() -> None:
    changed = [NOON, NOON, NOON + timedelta(minutes=1), NOON]
    nows = [NOON, NOON + timedelta(minutes=59), NOON, NOON + timedelta(minutes=60)]

    first, same, other, later = (page_key(Book(c, n), TenantId(1)) for c, n in zip(changed, nows, strict=True))  # type: ignore[arg-type]  # what a key is made of

    assert first == same
    assert len({first, other, later}) == 3
    assert page_key(Book(None, NOON), TenantId(1)) is None  # type: ignore[arg-type]  # as above


@dataclass
class Book:
    """When something last changed, and what time it is."""

    changed: datetime | None
    time: datetime

    def last_change(self, tenant: TenantId) -> datetime | None:
        return self.changed

    def now(self, tenant: TenantId) -> datetime:
        return self.time


def test_tenants_have_their_turns_behind_who_had_the_last_one() -> None:
    rows = Tenants.named("zulu", "acme", "mira").all()

    told = [[row.ref.slug for row in in_turn(rows, after=after)] for after in (None, "acme", "bela")]

    assert told == [["acme", "mira", "zulu"], ["mira", "zulu", "acme"], ["mira", "zulu", "acme"]]
