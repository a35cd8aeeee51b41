"""The resolver against a real DNS server on loopback, UDP and TCP."""

import asyncio
from ipaddress import ip_address
from itertools import pairwise

import pytest
from dns_audit_cases import DOMAIN, expectations, good_zone
from loopback_dns import (
    LONG_TEXT,
    PATIENT,
    config,
    records,
    serving,
    zone_text,
)

from outreach_pipelines.adapters.dns import UdpResolver
from outreach_pipelines.application.audit_domains import AuditTarget, audit_domains
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Alias,
    Answer,
    Cause,
    MailExchanger,
    NameServer,
    NoData,
    NxDomain,
    Query,
    Records,
    RecordType,
    Text,
    Unknown,
)
from outreach_pipelines.domain.dns_audit.names import ROOT
from outreach_pipelines.domain.dns_audit.readiness import Ready


async def asked(label: str, record_type: RecordType) -> Answer:
    name = DomainName(f"{label}.acme.example" if label else "acme.example")
    query = Query(name, record_type)
    tries = 1 if label in ("silent", "garbage") else PATIENT
    async with serving() as (_, address), UdpResolver(config(address, tries=tries)) as resolver:
        return (await resolver.resolve([query]))[query]


@pytest.mark.parametrize(
    ("label", "record_type", "expected"),
    [
        ("ns1", RecordType.A, records(Address(ip_address("192.0.2.53")), ttl=300)),
        ("ns1", RecordType.AAAA, records(Address(ip_address("2001:db8::53")), ttl=300)),
        ("", RecordType.MX, records(MailExchanger(10, DomainName("mx.acme.example")), ttl=60)),
        ("", RecordType.NS, records(NameServer(DomainName("ns1.acme.example")), ttl=300)),
        ("nullmx", RecordType.MX, records(MailExchanger(0, ROOT), ttl=300)),
        ("alias", RecordType.CNAME, records(Alias(DomainName("ns1.acme.example")), ttl=300)),
        (
            "alias",
            RecordType.A,
            records(Alias(DomainName("ns1.acme.example")), Address(ip_address("192.0.2.53")), ttl=300),
        ),
        ("astray", RecordType.A, records(Alias(DomainName("gone.elsewhere.test")), ttl=300)),
    ],
)
async def test_records_are_read_with_their_ttl(label: str, record_type: RecordType, expected: Answer) -> None:
    assert await asked(label, record_type) == expected


async def test_strings_of_a_text_are_glued_and_bytes_are_kept() -> None:
    answer = await asked("", RecordType.TXT)

    assert isinstance(answer, Records)
    assert set(answer.rrs) == {Text(b"v=spf1 ip4:192.0.2.1 -all"), Text(b"caf\xe9")}


async def test_a_name_without_the_type_is_told_from_a_name_that_does_not_exist() -> None:
    assert await asked("ns1", RecordType.TXT) == NoData()
    assert await asked("gone", RecordType.TXT) == NxDomain()


@pytest.mark.parametrize(
    ("label", "cause"),
    [
        ("broken", Cause.SERVER_FAILURE),
        ("refused", Cause.REFUSED),
        ("silent", Cause.TIMEOUT),
        ("garbage", Cause.TIMEOUT),
        ("notimp", Cause.MALFORMED),
    ],
)
async def test_a_server_that_does_not_say_leaves_it_unknown(label: str, cause: Cause) -> None:
    assert await asked(label, RecordType.TXT) == Unknown(cause)


async def test_no_server_at_all_leaves_it_unknown() -> None:
    async with serving() as (_, address):
        pass
    query = Query(DOMAIN, RecordType.MX)

    async with UdpResolver(config(address)) as resolver:
        answers = await resolver.resolve([query])

    assert isinstance(answers[query], Unknown)


async def test_a_truncated_answer_is_fetched_whole_over_tcp() -> None:
    query = Query(DomainName("long.acme.example"), RecordType.TXT)

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        answers = await resolver.resolve([query])

    assert answers[query] == records(Text(LONG_TEXT.encode()), ttl=300)
    assert server.over_tcp == 1


async def test_definite_answers_are_kept_for_the_run_and_unknown_ones_asked_anew() -> None:
    kept = [Query(DOMAIN, RecordType.MX), Query(DomainName("gone.acme.example"), RecordType.MX)]
    lost = Query(DomainName("broken.acme.example"), RecordType.MX)

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        await resolver.resolve([*kept, lost])
        after_first = server.asked["broken"]
        del server.faults["broken"]
        again = await resolver.resolve([*kept, lost])

    assert (server.asked["acme"], server.asked["gone"]) == (1, 1)
    assert after_first >= 2
    assert again[lost] == NxDomain()


async def test_one_question_of_many_callers_is_asked_once() -> None:
    query = Query(DOMAIN, RecordType.NS)

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        answers = await asyncio.gather(*(resolver.resolve([query]) for _ in range(20)))

    assert server.asked["acme"] == 1
    assert all(one == other for one, other in pairwise(answers))


async def test_a_caller_that_gives_up_does_not_take_the_answer_from_others() -> None:
    query = Query(DOMAIN, RecordType.NS)

    async with serving() as (_, address), UdpResolver(config(address)) as resolver:
        impatient = asyncio.create_task(resolver.resolve([query]))
        patient = asyncio.create_task(resolver.resolve([query]))
        await asyncio.sleep(0)
        impatient.cancel()
        answers = await patient

    assert isinstance(answers[query], Records)


@pytest.mark.parametrize("name", ["a:odd/name.acme.example", "back\\slash.acme.example", "_dmarc.acme.example", "x..y"])
async def test_odd_names_are_answered_and_raise_nothing(name: str) -> None:
    query = Query(DomainName(name), RecordType.TXT)

    async with serving() as (_, address), UdpResolver(config(address)) as resolver:
        answers = await resolver.resolve([query])

    assert isinstance(answers[query], NxDomain | Unknown)


async def test_many_queries_stay_below_the_bound_and_are_all_answered() -> None:
    queries = [Query(DomainName(f"n{number}.acme.example"), RecordType.A) for number in range(500)]

    async with serving() as (_, address), UdpResolver(config(address)) as resolver:
        answers = await resolver.resolve(queries)

    assert answers == dict.fromkeys(queries, NxDomain())


async def test_a_whole_domain_is_audited_over_the_wire() -> None:
    async with serving(zone_text(good_zone())) as (_, address), UdpResolver(config(address)) as resolver:
        (one,) = await audit_domains(resolver, [AuditTarget(DOMAIN, expectations())])

    assert one.findings.findings == ()
    assert set(one.findings.readiness.values()) == {Ready()}
