"""What replies to RCPT TO say of an address, and which servers are asked at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from dns_audit_cases import FakeDns

from outreach_pipelines.application.probe_recipients import Probed, ProbeSubject, probe_recipients
from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.domain.dns_audit.answers import Query, RecordType
from outreach_pipelines.domain.ids import LeadId
from outreach_pipelines.domain.recipient_probe import ProbeResult, ProbeTalk, RcptReply, judge_probe, operator_of
from outreach_pipelines.domain.tenant import TenantId

ADA = Address("ada", DomainName("firm.example"), "Ada")
BEN = Address("ben", DomainName("firm.example"), "ben")
CLEO = Address("cleo", DomainName("shop.example"), "cleo")
TENANT = TenantId(1)
TAKEN, DENIED = RcptReply(250, "2.1.5"), RcptReply(550, "5.1.1")
DNS = FakeDns(("firm.example MX 20 b.firm.example", "firm.example MX 10 a.firm.example", "shop.example MX 0 ."))


@pytest.mark.parametrize(
    ("made_up", "reply", "result"),
    [
        (DENIED, TAKEN, ProbeResult.VALID),
        (DENIED, RcptReply(251, "2.1.5"), ProbeResult.VALID),
        (DENIED, DENIED, ProbeResult.REJECTED),
        (RcptReply(450, "4.2.0"), DENIED, ProbeResult.REJECTED),
        (TAKEN, None, ProbeResult.CATCH_ALL),
        (DENIED, RcptReply(550, "5.7.1"), ProbeResult.UNKNOWN),
        (DENIED, RcptReply(550), ProbeResult.UNKNOWN),
        (DENIED, RcptReply(553, "5.1.1"), ProbeResult.UNKNOWN),
        (DENIED, RcptReply(450, "4.2.0"), ProbeResult.UNKNOWN),
        (DENIED, RcptReply(252), ProbeResult.UNKNOWN),
        (RcptReply(450, "4.2.0"), TAKEN, ProbeResult.UNKNOWN),
        (RcptReply(550, "5.7.1"), TAKEN, ProbeResult.UNKNOWN),
        (DENIED, None, ProbeResult.UNKNOWN),
        (None, None, ProbeResult.UNKNOWN),
    ],
)
def test_only_a_definite_reply_says_something_of_an_address(
    made_up: RcptReply | None, reply: RcptReply | None, result: ProbeResult
) -> None:
    talk = ProbeTalk(made_up, {} if reply is None else {ADA: reply})

    assert judge_probe(talk, ADA) is result


@dataclass
class Book:
    """A `ProbeStore` of some people; domains and operators in `called` were called within the hour."""

    people: Sequence[ProbeSubject]
    called: set[str] = field(default_factory=set)
    results: dict[LeadId, ProbeResult] = field(default_factory=dict)
    passed_over: list[LeadId] = field(default_factory=list)

    def due(self, tenant: TenantId, *, most_an_hour: int) -> Sequence[ProbeSubject]:
        assert tenant == TENANT
        return [each for each in self.people if each.lead not in self.passed_over][:most_an_hour]

    def begin(self, tenant: TenantId, domain: DomainName, operator: str, leads: Sequence[LeadId]) -> bool:
        assert tenant == TENANT
        assert leads
        first = self.called.isdisjoint({domain, operator})
        self.called.update({domain, operator})
        return first

    def pass_over(self, tenant: TenantId, leads: Sequence[LeadId]) -> None:
        assert tenant == TENANT
        self.passed_over += leads

    def save(self, tenant: TenantId, results: Mapping[LeadId, ProbeResult]) -> None:
        assert tenant == TENANT
        self.results.update(results)


@dataclass
class Caller:
    """A `RecipientCaller` whose servers deny whom they do not know."""

    known: frozenset[Address] = frozenset({ADA})
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    async def ask(self, host: DomainName, made_up: Address, addresses: Sequence[Address]) -> ProbeTalk:
        self.asked.append((host, [each.canonical for each in (made_up, *addresses)]))
        return ProbeTalk(DENIED, {each: TAKEN if each in self.known else DENIED for each in addresses})


PEOPLE = (ProbeSubject(LeadId(1), ADA), ProbeSubject(LeadId(2), BEN), ProbeSubject(LeadId(3), CLEO))


async def test_a_domain_is_called_once_at_its_first_host_and_one_without_a_host_never() -> None:
    caller, book = Caller(), Book(PEOPLE)

    done = await probe_recipients(DNS, caller, book, tenant=TENANT, new_name=lambda: "zz")

    assert caller.asked == [("a.firm.example", ["zz@firm.example", "ada@firm.example", "ben@firm.example"])]
    assert book.results == {LeadId(1): ProbeResult.VALID, LeadId(2): ProbeResult.REJECTED}
    assert done == Probed(1, {ProbeResult.VALID: 1, ProbeResult.REJECTED: 1}, no_host=1)


async def test_a_second_run_calls_nobody_again() -> None:
    caller, book = Caller(), Book(PEOPLE)

    await probe_recipients(DNS, caller, book, tenant=TENANT)
    again = await probe_recipients(DNS, caller, book, tenant=TENANT)

    assert (len(caller.asked), again) == (1, Probed(put_off=1))


async def test_a_domain_without_a_host_is_not_looked_up_again_and_one_that_dns_says_nothing_of_is() -> None:
    caller, book = Caller(), Book(PEOPLE)
    silent = FakeDns(DNS.lines, failing=frozenset({Query(ADA.domain, RecordType.MX)}))

    first = await probe_recipients(silent, caller, book, tenant=TENANT)
    second = await probe_recipients(silent, caller, book, tenant=TENANT)

    assert (first, second) == (Probed(no_host=1, unresolved=1), Probed(unresolved=1))
    assert (caller.asked, book.results) == ([], {})


async def test_two_domains_whose_servers_one_operator_runs_are_one_call() -> None:
    hosted = FakeDns(("firm.example MX 10 firm.in.hoster.test", "shop.example MX 10 shop.in.hoster.test"))
    caller = Caller()

    done = await probe_recipients(hosted, caller, Book(PEOPLE), tenant=TENANT)

    assert ([host for host, _ in caller.asked], done.put_off) == (["firm.in.hoster.test"], 1)


@pytest.mark.parametrize(
    ("host", "operator"),
    [
        ("mx1.hoster.example", "hoster.example"),
        ("firm-test.mail.hoster.example", "hoster.example"),
        ("mx.firm.co.uk", "firm.co.uk"),
        ("mx.firm.de", "firm.de"),
        ("mx00.gmx.de", "gmx.de"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
    ],
)
def test_an_operator_is_told_by_the_registered_name_of_its_host(host: str, operator: str) -> None:
    assert operator_of(DomainName(host)) == operator
