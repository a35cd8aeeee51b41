"""What is news from one audit to the next, and what is the same fault once more."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from dns_audit_cases import DOMAIN, FakeDns, dns, expectations, full, full_expectations

from outreach_pipelines.application.audit_domains import AuditTarget as Target
from outreach_pipelines.application.audit_domains import DomainAudit, audit_domains
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType, Unknown
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.news import AuditMemory, News, NewsKind, Seen, whats_new
from outreach_pipelines.domain.dns_audit.settling import Standing, settle
from outreach_pipelines.domain.provider_account import AccountName

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
DAY = timedelta(days=1)
LISTING = DomainName("7.113.0.203.ips.blocked.test")
LISTED = f"{LISTING} A 127.0.0.2"
NO_DMARC = ("_dmarc",)


class Nights:
    """One domain, audited night after night."""

    def __init__(self, expected: Expectations | None = None) -> None:
        self.expected = expected or expectations()
        self.memory: AuditMemory | None = None
        self.standings: dict[AccountName, Standing] = {}
        self.now = NIGHT

    async def next(self, zone: FakeDns, *, after: timedelta = DAY) -> tuple[News, ...]:
        (one,) = await audit_domains(zone, [Target(DOMAIN, self.expected)])
        self.now += after
        return self._taken(one)

    def _taken(self, one: DomainAudit) -> tuple[News, ...]:
        before = dict(self.standings)
        for account, readiness in one.findings.readiness.items():
            self.standings[account] = settle(before.get(account), readiness, now=self.now)
        seen = Seen(
            domain=DOMAIN, findings=one.findings, answers=one.answers, before=before, after=dict(self.standings)
        )
        news, self.memory = whats_new(self.memory, seen, now=self.now)
        return news


def kinds(news: Iterable[News]) -> list[NewsKind]:
    return [each.kind for each in news if each.kind is not NewsKind.RECORDS]


class Silent(FakeDns):
    """Nobody answers."""

    def answer(self, query: Query, *, steps: int = 8) -> Unknown:
        return Unknown(Cause.TIMEOUT)


async def test_a_first_audit_of_a_sound_domain_is_no_news() -> None:
    assert await Nights().next(dns()) == ()


async def test_a_fault_is_told_when_two_audits_have_shown_it_and_then_no_more() -> None:
    nights = Nights()
    await nights.next(dns())

    told = [kinds(await nights.next(dns(without=NO_DMARC))) for _ in range(4)]

    # Both accounts of the domain stop; the fault behind it is told by that and not once more.
    assert told == [[], [NewsKind.NOT_READY, NewsKind.NOT_READY], [], []]


async def test_two_audits_of_the_same_minutes_are_one_witness() -> None:
    nights = Nights()
    await nights.next(dns(without=NO_DMARC))

    assert kinds(await nights.next(dns(without=NO_DMARC), after=timedelta(minutes=5))) == []


async def test_a_mended_domain_is_ready_again_once() -> None:
    nights = Nights()
    for _ in range(2):
        await nights.next(dns(without=NO_DMARC))

    told = [kinds(await nights.next(dns())) for _ in range(2)]

    assert told == [[NewsKind.READY_AGAIN, NewsKind.READY_AGAIN, NewsKind.MENDED], []]


async def test_a_listing_stops_nobody_and_is_told_when_it_is_seen_again() -> None:
    nights = Nights(full_expectations())
    await nights.next(full())

    told = [kinds(await nights.next(full(LISTED))) for _ in range(3)]
    ended = kinds(await nights.next(full()))

    assert told == [[], [NewsKind.CRITICAL], []]
    assert ended == [NewsKind.MENDED]


async def test_a_list_that_does_not_answer_mends_nothing() -> None:
    nights = Nights(full_expectations())
    for _ in range(2):
        await nights.next(full(LISTED))
    silence = [Query(LISTING, RecordType.A)]

    told = [kinds(await nights.next(full(LISTED, failing=silence))), kinds(await nights.next(full(LISTED)))]

    assert told == [[], []]


async def test_after_72_hours_of_silence_it_is_told_that_nobody_knows() -> None:
    nights = Nights()
    await nights.next(dns())

    told = [kinds(await nights.next(Silent(()))) for _ in range(5)]

    assert told == [[], [], [], [NewsKind.OUT_OF_SIGHT] * 2, []]


async def test_a_changed_record_is_news_and_the_same_one_later_is_not() -> None:
    nights = Nights()
    await nights.next(dns())
    changed = dns("_dmarc.acme.example TXT v=DMARC1; p=none; rua=mailto:dmarc@acme.example", without=NO_DMARC)

    (first,) = await nights.next(changed)
    again = await nights.next(changed)

    assert (first.kind, first.subject) == (NewsKind.RECORDS, "TXT of _dmarc.acme.example")
    assert first.gone == ('TXT "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"',)
    assert first.come == ('TXT "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"',)
    assert again == ()


async def test_a_night_without_answers_hides_no_change_from_the_next() -> None:
    nights = Nights()
    await nights.next(dns())
    await nights.next(Silent(()))

    news = await nights.next(dns("_dmarc.acme.example TXT v=DMARC1; p=none", without=NO_DMARC))

    assert [each.subject for each in news if each.kind is NewsKind.RECORDS] == ["TXT of _dmarc.acme.example"]


async def test_an_answer_that_nobody_gave_is_no_change() -> None:
    nights = Nights()
    await nights.next(dns())

    assert await nights.next(Silent(())) == ()
    assert nights.memory is not None
    assert not any(isinstance(answer, Unknown) for answer in nights.memory.answers.values())


async def test_addresses_of_other_peoples_hosts_move_without_news() -> None:
    nights = Nights()
    await nights.next(dns())

    moved = await nights.next(dns("edge.tracking.test A 203.0.113.81", without=["edge.tracking.test"]))

    assert moved == ()
