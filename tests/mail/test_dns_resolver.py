"""The resolver against a real DNS server on loopback, UDP and TCP."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from itertools import pairwise
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest
from dns_audit_cases import DOMAIN, expectations, good_zone

from outreach_pipelines.adapters.dns import AiodnsResolver, NameServerAddress, ResolverConfig, answer_of_status
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

LONG_TEXT = "v=DKIM1; k=rsa; p=" + "A" * 3000
ZONE = f"""
$ORIGIN acme.example.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
@ 60 MX 10 MX.acme.example.
@ TXT "v=spf1 ip4:192.0.2.1" " -all"
@ TXT "caf\\233"
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
nullmx MX 0 .
alias CNAME ns1
astray CNAME gone.elsewhere.test.
long TXT {" ".join('"' + LONG_TEXT[at : at + 255] + '"' for at in range(0, len(LONG_TEXT), 255))}
"""
Fault = Callable[[dns.message.Message], bytes | None]


class LoopbackDns(asyncio.DatagramProtocol):
    """An authoritative server of one zone. `faults` by first label; it counts what it was asked."""

    def __init__(self, zone: dns.zone.Zone, faults: dict[str, Fault]) -> None:
        self.zone = zone
        self.faults = faults
        self.asked: Counter[str] = Counter()
        self.over_tcp = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        wire = self.respond(data)
        if wire is not None and len(wire) > 512:
            short = dns.message.make_response(dns.message.from_wire(data))
            short.flags |= dns.flags.TC
            wire = short.to_wire()
        if wire is not None:
            self.transport.sendto(wire, addr)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                self.over_tcp += 1
                wire = self.respond(await reader.readexactly(size)) or b""
                writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    def respond(self, data: bytes) -> bytes | None:
        query = dns.message.from_wire(data)
        label = query.question[0].name.labels[0].decode()
        self.asked[label] += 1
        fault = self.faults.get(label)
        return fault(query) if fault else self.from_zone(query).to_wire(max_size=65535)

    def from_zone(self, query: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(query)
        asked = query.question[0]
        found = self.zone.get_rrset(asked.name, asked.rdtype) or self.zone.get_rrset(asked.name, "CNAME")
        if found is not None:
            response.answer.append(found)
            self.follow(response, found, asked.rdtype)
        elif not any(name.is_subdomain(asked.name) for name in absolute_names(self.zone)):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def follow(self, response: dns.message.Message, found: dns.rrset.RRset, wanted: dns.rdatatype.RdataType) -> None:
        if found.rdtype != dns.rdatatype.CNAME or wanted == dns.rdatatype.CNAME:
            return
        with suppress(KeyError):
            target = self.zone.get_rrset(found[0].target, wanted)
            if target is not None:
                response.answer.append(target)


def absolute_names(zone: dns.zone.Zone) -> list[dns.name.Name]:
    return [name.derelativize(zone.origin or dns.name.root) for name in zone.nodes]


def refuse_with(rcode: dns.rcode.Rcode) -> Fault:
    def respond(query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return response.to_wire()

    return respond


FAULTS: dict[str, Fault] = {
    "broken": refuse_with(dns.rcode.SERVFAIL),
    "refused": refuse_with(dns.rcode.REFUSED),
    "notimp": refuse_with(dns.rcode.NOTIMP),
    "silent": lambda _: None,
    "garbage": lambda query: query.to_wire()[:2] + b"\x80" * 3,
}


@asynccontextmanager
async def serving(text: str = ZONE) -> AsyncIterator[tuple[LoopbackDns, NameServerAddress]]:
    server = LoopbackDns(dns.zone.from_text(text, relativize=False, check_origin=False), dict(FAULTS))
    tcp, udp, port = await bound(server)
    try:
        yield server, NameServerAddress("127.0.0.1", port)
    finally:
        udp.close()
        tcp.close()


async def bound(server: LoopbackDns) -> tuple[asyncio.Server, asyncio.BaseTransport, int]:
    """Take a port that is free for both protocols: the one that TCP got may be another program's on UDP."""
    while True:
        tcp = await asyncio.start_server(server.stream, "127.0.0.1", 0)
        port = tcp.sockets[0].getsockname()[1]
        try:
            udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: server, local_addr=("127.0.0.1", port)
            )
        except OSError:
            tcp.close()
        else:
            return tcp, udp, port


# Patient, for a busy machine: c-ares waits as little as 250 ms for a server that has been fast.
PATIENT = 6


def config(address: NameServerAddress, *, tries: int = PATIENT) -> ResolverConfig:
    return ResolverConfig(servers=(address,), timeout_seconds=0.1, tries=tries, attempts=2)


async def asked(label: str, record_type: RecordType) -> Answer:
    name = DomainName(f"{label}.acme.example" if label else "acme.example")
    query = Query(name, record_type)
    tries = 1 if label == "silent" else PATIENT
    async with serving() as (_, address), AiodnsResolver(config(address, tries=tries)) as resolver:
        return (await resolver.resolve([query]))[query]


@pytest.mark.parametrize(
    ("label", "record_type", "expected"),
    [
        ("ns1", RecordType.A, Records((Address(ip_address("192.0.2.53")),), 300)),
        ("ns1", RecordType.AAAA, Records((Address(ip_address("2001:db8::53")),), 300)),
        ("", RecordType.MX, Records((MailExchanger(10, DomainName("mx.acme.example")),), 60)),
        ("", RecordType.NS, Records((NameServer(DomainName("ns1.acme.example")),), 300)),
        ("nullmx", RecordType.MX, Records((MailExchanger(0, ROOT),), 300)),
        ("alias", RecordType.CNAME, Records((Alias(DomainName("ns1.acme.example")),), 300)),
        (
            "alias",
            RecordType.A,
            Records((Alias(DomainName("ns1.acme.example")), Address(ip_address("192.0.2.53"))), 300),
        ),
        ("astray", RecordType.A, Records((Alias(DomainName("gone.elsewhere.test")),), 300)),
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
        ("garbage", Cause.MALFORMED),
        ("notimp", Cause.MALFORMED),
    ],
)
async def test_a_server_that_does_not_say_leaves_it_unknown(label: str, cause: Cause) -> None:
    assert await asked(label, RecordType.TXT) == Unknown(cause)


async def test_no_server_at_all_leaves_it_unknown() -> None:
    async with serving() as (_, address):
        pass
    query = Query(DOMAIN, RecordType.MX)

    async with AiodnsResolver(config(address)) as resolver:
        answers = await resolver.resolve([query])

    assert isinstance(answers[query], Unknown)


async def test_a_truncated_answer_is_fetched_whole_over_tcp() -> None:
    query = Query(DomainName("long.acme.example"), RecordType.TXT)

    async with serving() as (server, address), AiodnsResolver(config(address)) as resolver:
        answers = await resolver.resolve([query])

    assert answers[query] == Records((Text(LONG_TEXT.encode()),), 300)
    assert server.over_tcp == 1


async def test_definite_answers_are_kept_for_the_run_and_unknown_ones_asked_anew() -> None:
    kept = [Query(DOMAIN, RecordType.MX), Query(DomainName("gone.acme.example"), RecordType.MX)]
    lost = Query(DomainName("broken.acme.example"), RecordType.MX)

    async with serving() as (server, address), AiodnsResolver(config(address)) as resolver:
        await resolver.resolve([*kept, lost])
        after_first = server.asked["broken"]
        del server.faults["broken"]
        again = await resolver.resolve([*kept, lost])

    assert (server.asked["acme"], server.asked["gone"]) == (1, 1)
    assert after_first >= 2
    assert again[lost] == NxDomain()


async def test_one_question_of_many_callers_is_asked_once() -> None:
    query = Query(DOMAIN, RecordType.NS)

    async with serving() as (server, address), AiodnsResolver(config(address)) as resolver:
        answers = await asyncio.gather(*(resolver.resolve([query]) for _ in range(20)))

    assert server.asked["acme"] == 1
    assert all(one == other for one, other in pairwise(answers))


async def test_a_caller_that_gives_up_does_not_take_the_answer_from_others() -> None:
    query = Query(DOMAIN, RecordType.NS)

    async with serving() as (_, address), AiodnsResolver(config(address)) as resolver:
        impatient = asyncio.create_task(resolver.resolve([query]))
        patient = asyncio.create_task(resolver.resolve([query]))
        await asyncio.sleep(0)
        impatient.cancel()
        answers = await patient

    assert isinstance(answers[query], Records)


@pytest.mark.parametrize("name", ["a:odd/name.acme.example", "back\\slash.acme.example", "_dmarc.acme.example", "x..y"])
async def test_odd_names_are_answered_and_raise_nothing(name: str) -> None:
    query = Query(DomainName(name), RecordType.TXT)

    async with serving() as (_, address), AiodnsResolver(config(address)) as resolver:
        answers = await resolver.resolve([query])

    assert isinstance(answers[query], NxDomain | Unknown)


async def test_many_queries_stay_below_the_bound_and_are_all_answered() -> None:
    queries = [Query(DomainName(f"n{number}.acme.example"), RecordType.A) for number in range(500)]

    async with serving() as (_, address), AiodnsResolver(config(address)) as resolver:
        answers = await resolver.resolve(queries)

    assert answers == dict.fromkeys(queries, NxDomain())


async def test_a_whole_domain_is_audited_over_the_wire() -> None:
    async with serving(zone_text(good_zone())) as (_, address), AiodnsResolver(config(address)) as resolver:
        (one,) = await audit_domains(resolver, [AuditTarget(DOMAIN, expectations())])

    assert one.findings.findings == ()
    assert set(one.findings.readiness.values()) == {Ready()}


def zone_text(lines: tuple[str, ...]) -> str:
    """One zone at the root that holds all names of all domains."""
    return "$ORIGIN .\n$TTL 300\n@ SOA ns1.dns.test. hostmaster.dns.test. 1 3600 600 86400 60\n" + "\n".join(
        map(zone_line, lines)
    )


def zone_line(line: str) -> str:
    owner, kind, value = line.split(" ", 2)
    chunks = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
    return f"{owner}. {kind} {chunks if kind == 'TXT' else value if kind == 'A' else value + '.'}"


def test_every_status_but_two_is_unknown() -> None:
    definite = {status for status in range(60) if not isinstance(answer_of_status(status), Unknown)}

    assert definite == {1, 4}  # ARES_ENODATA and ARES_ENOTFOUND of ares.h
