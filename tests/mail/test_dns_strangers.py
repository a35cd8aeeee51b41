"""The resolver and answers of strangers: forged, cut, referred, odd; and what only some servers can say."""

from collections.abc import Callable
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest
from dns_audit_cases import DOMAIN
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback_dns import Fault, LoopbackDns, config, records, refuse_with, serving

from outreach_pipelines.adapters.dns import ResolverConfig, UdpResolver
from outreach_pipelines.adapters.dns_wire import decode_answer, encode_question, is_answer_to
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Authority,
    Cause,
    KeyDigest,
    NoData,
    NxDomain,
    Query,
    Records,
    RecordType,
    ServerAddress,
    Unknown,
    ZoneKey,
    ZoneStart,
)


@pytest.mark.parametrize(
    "code", [code for code in dns.rcode.Rcode if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)]
)
async def test_every_response_code_but_two_is_unknown(code: dns.rcode.Rcode) -> None:
    query = Query(DomainName("odd.acme.example"), RecordType.TXT)

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        server.faults["odd"] = refuse_with(code) if code < 16 else refuse_with(dns.rcode.SERVFAIL)
        answers = await resolver.resolve([query])

    assert isinstance(answers[query], Unknown)


def forged(server: LoopbackDns, change: Callable[[dns.message.Message], None]) -> Fault:
    """A fault that sends a forged answer ahead of the true one."""

    def respond(query: dns.message.Message) -> bytes:
        lie = dns.message.make_response(query)
        lie.set_rcode(dns.rcode.NXDOMAIN)
        change(lie)
        server.transport.sendto(lie.to_wire(), server.asker)
        return server.from_zone(query).to_wire(max_size=65535)

    return respond


def with_another_id(lie: dns.message.Message) -> None:
    lie.id ^= 0x5A5A


def with_another_question(lie: dns.message.Message) -> None:
    lie.question = [dns.rrset.RRset(dns.name.from_text("other.example."), dns.rdataclass.IN, dns.rdatatype.A)]


def as_a_query(lie: dns.message.Message) -> None:
    lie.flags &= ~dns.flags.QR


@pytest.mark.parametrize("change", [with_another_id, with_another_question, as_a_query])
async def test_a_forged_answer_is_passed_over_and_the_true_one_taken(
    change: Callable[[dns.message.Message], None],
) -> None:
    query = Query(DomainName("ns1.acme.example"), RecordType.A)

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        server.faults["ns1"] = forged(server, change)
        answers = await resolver.resolve([query])

    assert answers[query] == records(Address(ip_address("192.0.2.53")), ttl=300)


async def test_records_of_another_owner_in_an_answer_are_nobodys_word() -> None:
    query = Query(DomainName("ns1.acme.example"), RecordType.A)

    def respond(asked: dns.message.Message) -> bytes:
        response = dns.message.make_response(asked)
        response.answer.append(dns.rrset.from_text("bank.example.", 300, "IN", "A", "203.0.113.66"))
        return response.to_wire()

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        server.faults["ns1"] = respond
        answers = await resolver.resolve([query])

    assert answers[query] == Unknown(Cause.MALFORMED)


async def test_a_referral_is_no_empty_answer() -> None:
    query = Query(DomainName("elsewhere.acme.example"), RecordType.MX)

    def refer(asked: dns.message.Message) -> bytes:
        response = dns.message.make_response(asked)
        response.authority.append(dns.rrset.from_text("example.", 300, "IN", "NS", "ns.example."))
        return response.to_wire()

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        server.faults["elsewhere"] = refer
        answers = await resolver.resolve([query])

    assert answers[query] == Unknown(Cause.REFERRED)


async def test_a_server_that_knows_no_edns_is_asked_without_it() -> None:
    query = Query(DomainName("ns1.acme.example"), RecordType.A)

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        server.faults["ns1"] = lambda asked: (
            refuse_with(dns.rcode.FORMERR)(asked) if asked.edns >= 0 else server.from_zone(asked).to_wire()
        )
        answers = await resolver.resolve([query])

    assert answers[query] == records(Address(ip_address("192.0.2.53")), ttl=300)


async def test_a_name_server_named_by_the_query_is_asked_itself_without_recursion() -> None:
    asked: list[dns.message.Message] = []
    query = Query(DomainName("ns1.acme.example"), RecordType.A, ServerAddress("127.0.0.1"))

    async with serving() as (server, address):
        server.faults["ns1"] = lambda message: asked.append(message) or server.from_zone(message).to_wire()
        async with UdpResolver(ResolverConfig(servers=(address,), direct_port=address.port)) as resolver:
            answers = await resolver.resolve([query])

    assert answers[query] == records(Address(ip_address("192.0.2.53")), ttl=300)
    assert not asked[0].flags & dns.flags.RD


async def test_what_a_resolver_says_of_validation_is_kept() -> None:
    query = Query(DomainName("ns1.acme.example"), RecordType.A)

    def validated(asked: dns.message.Message) -> bytes:
        response = server.from_zone(asked)
        response.flags |= dns.flags.AD
        return response.to_wire()

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        server.faults["ns1"] = validated
        answer = (await resolver.resolve([query]))[query]

    assert isinstance(answer, Records)
    assert answer.ad is True


async def test_a_lost_datagram_is_asked_again_and_counts_as_nothing() -> None:
    query = Query(DomainName("ns1.acme.example"), RecordType.A)
    lost: list[int] = []

    async with serving() as (server, address), UdpResolver(config(address)) as resolver:
        server.faults["ns1"] = lambda asked: (
            server.from_zone(asked).to_wire() if len(lost) == 2 else lost.append(asked.id)
        )
        answers = await resolver.resolve([query])

    assert answers[query] == records(Address(ip_address("192.0.2.53")), ttl=300)
    assert len(lost) == 2


async def test_no_more_answers_are_kept_than_the_bound() -> None:
    queries = [Query(DomainName(f"n{number}.acme.example"), RecordType.A) for number in range(20)]

    async with serving() as (server, address), UdpResolver(ResolverConfig(servers=(address,), kept=5)) as resolver:
        await resolver.resolve(queries)
        await resolver.resolve(queries[-5:])
        await resolver.resolve(queries[:1])

    assert server.asked["n19"] == 1
    assert server.asked["n0"] == 2


@pytest.mark.parametrize("cut", range(0, 60, 3))
async def test_a_message_cut_anywhere_is_no_answer(cut: int) -> None:
    query = Query(DomainName("long.acme.example"), RecordType.TXT)
    async with serving() as (server, _):
        whole = server.from_zone(dns.message.make_query("long.acme.example", "TXT")).to_wire(max_size=65535)
    question = encode_question(query)

    message = whole[: len(whole) - 1 - cut * 50]

    assert not is_answer_to(message, question) or decode_answer(message, query, question) == Unknown(Cause.MALFORMED)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_after_the_question_end_in_an_answer(rest: bytes) -> None:
    query = Query(DomainName("acme.example"), RecordType.TXT)
    question = encode_question(query)

    answer = decode_answer(b"\0\1\x80\0\0\1\0\3\0\0\0\0" + question + rest, query, question)

    assert isinstance(answer, Records | NoData | NxDomain | Unknown)


async def test_keys_and_their_digests_are_read() -> None:
    text = """
$ORIGIN acme.example.
$TTL 300
@ SOA ns1 hostmaster 7 3600 600 86400 60
@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
@ DS 31589 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
@ CAA 0 issue "ca.example"
@ TXT "x"
"""
    kinds = [RecordType.DNSKEY, RecordType.DS, RecordType.CAA, RecordType.SOA]
    queries = [Query(DOMAIN, kind) for kind in kinds]

    async with serving(text) as (_, address), UdpResolver(config(address)) as resolver:
        answers = await resolver.resolve(queries)

    assert [answers[query] for query in queries] == [
        records(ZoneKey(2371, 13), ttl=300),  # the tag that dnspython and BIND give this key
        records(KeyDigest(31589, 8), ttl=300),
        records(Authority(0, "issue", "ca.example"), ttl=300),
        records(ZoneStart(DomainName("ns1.acme.example"), 7), ttl=300),
    ]
