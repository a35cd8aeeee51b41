"""Answers DNS over UDP and TCP (RFC 1035 section 4.2, EDNS by RFC 6891), and lets names fail on demand.

What the answers hold is in `zones`.
"""

import asyncio
import logging
import struct
from contextlib import suppress
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode

from outreach_pipelines.lab.faults import Fault, FaultBoard
from outreach_pipelines.lab.zones import Zones

log = logging.getLogger(__name__)

_MAX_UDP_WITHOUT_EDNS = 512
_MAX_UDP = 1232
_MAX_TCP = 65_535
_PORT_TRIES = 20


class DnsServer:
    """One name server on one port of UDP and TCP, in the running event loop."""

    def __init__(self, zones: Zones, faults: FaultBoard) -> None:
        self._zones, self._faults = zones, faults
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, the same for both protocols."""
        for attempt in range(_PORT_TRIES):
            self._tcp = await asyncio.start_server(self._serve_tcp, host, port)
            bound = int(self._tcp.sockets[0].getsockname()[1])
            try:
                self._udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(host, bound)
                )
            except OSError:
                # A port that is free for TCP may be taken for UDP.
                self._tcp.close()
                if port != 0 or attempt == _PORT_TRIES - 1:
                    raise
            else:
                return bound
        raise AssertionError

    async def stop(self) -> None:
        """Close both listeners."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    def answer(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        """The response to a query in wire format, or None where none is to leave."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return _format_error(wire)
        if query.flags & dns.flags.QR:
            return None
        name = query.question[0].name.to_text(omit_final_dot=True) if query.question else ""
        if self._faults.take(Fault.DNS_DROP, name):
            return None
        return _to_wire(self._response(query, name), query, over_udp=over_udp)

    def _response(self, query: dns.message.Message, name: str) -> dns.message.Message:
        if self._faults.take(Fault.DNS_SERVFAIL, name):
            response = dns.message.make_response(query, recursion_available=True)
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        return self._zones.answer(query)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                wire = self.answer(await reader.readexactly(length), over_udp=False)
                if wire is not None:
                    writer.write(struct.pack("!H", len(wire)) + wire)
                    await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The loop's own transports of Python 3.11 are no subclasses of DatagramTransport.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        wire = self._server.answer(data, over_udp=True)
        if wire is not None and self._transport is not None:
            self._transport.sendto(wire, addr)


def _to_wire(response: dns.message.Message, query: dns.message.Message, *, over_udp: bool) -> bytes:
    if not over_udp:
        return response.to_wire(max_size=_MAX_TCP)
    asked = query.payload if query.edns >= 0 else _MAX_UDP_WITHOUT_EDNS
    limit = max(_MAX_UDP_WITHOUT_EDNS, min(asked, _MAX_UDP))
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        truncated = dns.message.make_response(query, recursion_available=True)
        truncated.flags |= dns.flags.TC | (response.flags & dns.flags.AA)
        return truncated.to_wire()


def _format_error(wire: bytes) -> bytes | None:
    if len(wire) < 12:
        return None
    flags = dns.flags.QR | dns.rcode.FORMERR
    return wire[:2] + struct.pack("!HHHHH", flags, 0, 0, 0, 0)
