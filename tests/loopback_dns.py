"""An authoritative DNS server of one zone on loopback, UDP and TCP, whose answers can be made to fail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

from outreach_pipelines.adapters.dns import NameServerAddress, ResolverConfig
from outreach_pipelines.domain.dns_audit.answers import (
    RecordData,
    Records,
)

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


def records(*data: RecordData, ttl: int) -> Records:
    """An answer of a server that did not validate."""
    return Records(data, ttl, ad=False)


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
        self.asker = addr
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


# Patient, for a busy machine.
PATIENT = 6


def config(address: NameServerAddress, *, tries: int = PATIENT) -> ResolverConfig:
    return ResolverConfig(servers=(address,), timeout_seconds=0.1, tries=tries, attempts=2)


def zone_text(lines: tuple[str, ...]) -> str:
    """One zone at the root that holds all names of all domains."""
    return "$ORIGIN .\n$TTL 300\n@ SOA ns1.dns.test. hostmaster.dns.test. 1 3600 600 86400 60\n" + "\n".join(
        map(zone_line, lines)
    )


def zone_line(line: str) -> str:
    owner, kind, value = line.split(" ", 2)
    chunks = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
    return f"{owner}. {kind} {chunks if kind == 'TXT' else value if kind == 'A' else value + '.'}"
