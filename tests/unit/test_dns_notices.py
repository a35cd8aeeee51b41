"""What people are told of an audit, and how often."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from outreach_pipelines.application.notify_dns import MOST_LINES, WaitingNews, notice_of_news, notify_dns
from outreach_pipelines.application.notify_replies import Notice, NotTold, Told
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.news import News, NewsKind
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug

ACME = TenantRef(TenantId(1), TenantSlug("acme"))
OPERATORS = SecretRef(SecretScheme.ENVIRONMENT, "OPERATORS")
NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)


def news(kind: NewsKind, domain: str = "desk.example", subject: str = "ses-main", sentence: str = "why") -> News:
    return News(kind=kind, domain=DomainName(domain), subject=subject, sentence=sentence)


@dataclass
class Book:
    """`NewsBook` in memory: what waits is handed out in turn."""

    waiting: list[WaitingNews]
    settled: list[tuple[Told | NotTold, int | None]] = field(default_factory=list)

    def queue(self, tenant: TenantId, targets: Sequence[str]) -> int:
        return len(self.waiting)

    def claim(self, tenant: TenantId, targets: Sequence[str]) -> WaitingNews | None:
        return self.waiting.pop(0) if self.waiting else None

    def settle(self, tenant: TenantId, waiting: WaitingNews, outcome: Told | NotTold, retry: int | None) -> None:
        self.settled.append((outcome, retry))


@dataclass
class People:
    """A `Notifier` that answers this."""

    answer: Told | NotTold = field(default_factory=Told)
    told: list[Notice] = field(default_factory=list)

    def tell(self, target: SecretRef, notice: Notice) -> Told | NotTold:
        self.told.append(notice)
        return self.answer


def test_one_audit_is_one_notice_with_the_gravest_first() -> None:
    notice = notice_of_news(
        ACME,
        [
            news(NewsKind.MENDED, subject="dnssec of desk.example"),
            news(NewsKind.NOT_READY),
            news(NewsKind.NOT_READY, subject="relay"),
        ],
    )

    first, second, third, last = notice.body.splitlines()
    assert notice.title == "acme: 1 not ready to send, 1 faults mended"
    assert first == "desk.example: not ready to send through relay: why"
    assert second.startswith("desk.example: not ready to send through ses-main")
    assert third == "desk.example: mended: dnssec of desk.example: why"
    assert last == "outreach dns news --tenant acme"


def test_a_night_in_which_everything_broke_is_a_short_notice() -> None:
    many = [news(NewsKind.NOT_READY, domain=f"d{n}.example", sentence=f"no key for d{n}") for n in range(100)]

    lines = notice_of_news(ACME, many).body.splitlines()

    assert len(lines) == MOST_LINES + 2
    assert lines[MOST_LINES] == f"and {100 - MOST_LINES} more"


def test_a_fault_that_many_domains_share_is_one_line() -> None:
    listed = [news(NewsKind.CRITICAL, domain=f"d{n}.example", subject="blocklist of 25.ips.example") for n in range(9)]

    notice = notice_of_news(ACME, listed)

    assert notice.title == "acme: 1 grave faults"
    assert notice.body.splitlines()[0] == "d0.example and 8 more domains: blocklist of 25.ips.example: why"


def test_a_strangers_record_mentions_nobody_and_breaks_no_line() -> None:
    notice = notice_of_news(ACME, [news(NewsKind.CRITICAL, sentence="<!channel>\nnew line @all " + "x" * 1000)])

    line = notice.body.splitlines()[0]
    assert not set("<>@") & set(notice.body)
    assert len(line) == 300
    assert "new line" in line


def test_without_anybody_to_tell_nothing_is_taken() -> None:
    book = Book([WaitingNews(NIGHT, str(OPERATORS), 1, (news(NewsKind.NOT_READY),))])

    done = notify_dns(book, People(), (), tenant=ACME)

    assert (done.told, len(book.waiting)) == (0, 1)


def test_what_was_not_told_is_tried_again_later_and_given_up_in_the_end() -> None:
    several = (news(NewsKind.NOT_READY),)
    book = Book([WaitingNews(NIGHT, str(OPERATORS), tries, several) for tries in (1, 10)])

    done = notify_dns(book, People(NotTold("the service answered 503")), [OPERATORS], tenant=ACME)

    assert [retry for _, retry in book.settled] == [60, None]
    assert (done.told, done.not_told, done.given_up) == (0, 2, 1)
