"""The DNS, asked through aiodns (c-ares).

Here: questions out, answers in, with retries, a bound on what is under way, and a cache of one run. Not here: what
answers mean.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

import aiodns
import pycares
from aiodns import error as ares

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
    RecordData,
    Records,
    Text,
    Unknown,
)
from outreach_pipelines.domain.dns_audit.names import ROOT, parse_domain_name

_DEFINITE: Final[Mapping[int, Answer]] = {ares.ARES_ENODATA: NoData(), ares.ARES_ENOTFOUND: NxDomain()}
_CAUSES: Final[Mapping[int, Cause]] = {
    ares.ARES_ETIMEOUT: Cause.TIMEOUT,
    ares.ARES_ESERVFAIL: Cause.SERVER_FAILURE,
    ares.ARES_EREFUSED: Cause.REFUSED,
    ares.ARES_ECONNREFUSED: Cause.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class NameServerAddress:
    """Where a recursive name server listens; `host` is an IP address."""

    host: str
    port: int = 53

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverConfig:
    """How patiently the servers are asked.

    `servers` empty: the machine's own (resolv.conf). c-ares tries each server `tries` times, `timeout_seconds` the
    first time and twice as long each time after; for a server it has measured to be fast it begins lower, at 250 ms
    (ares_metrics.c), so few tries give up early on a slow name. A query that ends unknown is asked `attempts` times in
    all; `under_way` bounds how many queries wait at once.
    """

    servers: tuple[NameServerAddress, ...] = ()
    timeout_seconds: float = 2.0
    tries: int = 4
    attempts: int = 2
    under_way: int = 64


class AiodnsResolver:
    """The port `DnsResolver`: an async context manager, one for a run, that keeps definite answers until closed."""

    def __init__(self, config: ResolverConfig) -> None:
        self._config = config
        self._slots = asyncio.Semaphore(config.under_way)
        self._asked: dict[Query, asyncio.Task[Answer]] = {}
        self._channel: aiodns.DNSResolver | None = None

    async def __aenter__(self) -> Self:
        """Open the channel on the running loop."""
        self._channel = aiodns.DNSResolver(
            nameservers=[str(server) for server in self._config.servers] or None,
            timeout=self._config.timeout_seconds,
            tries=self._config.tries,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what is under way and close the channel."""
        tasks = tuple(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._channel is not None:
            await self._channel.close()

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        """Answer each query, by `Unknown` where no server gave a definite answer; the next call asks those anew."""
        wanted = tuple(dict.fromkeys(queries))
        answers = await asyncio.gather(*(self._shared(query) for query in wanted))
        return dict(zip(wanted, answers, strict=True))

    async def _shared(self, query: Query) -> Answer:
        task = self._asked.get(query)
        if task is None:
            task = self._asked[query] = asyncio.create_task(self._ask(query))
            task.add_done_callback(partial(self._forget_unknown, query))
        # A caller that gives up must not take the answer from the others who wait for it.
        return await asyncio.shield(task)

    def _forget_unknown(self, query: Query, task: asyncio.Task[Answer]) -> None:
        if task.cancelled() or task.exception() is not None or isinstance(task.result(), Unknown):
            self._asked.pop(query, None)

    async def _ask(self, query: Query) -> Answer:
        answer: Answer = Unknown(Cause.NOT_ANSWERED)
        for _ in range(self._config.attempts):
            async with self._slots:
                answer = await self._ask_once(query)
            if not isinstance(answer, Unknown):
                break
        return answer

    async def _ask_once(self, query: Query) -> Answer:
        if self._channel is None:
            return Unknown(Cause.NOT_ANSWERED)
        try:
            result = await self._channel.query_dns(query.name, query.type)
        except ares.DNSError as error:
            return answer_of_status(int(error.args[0]))
        return _records(result.answer)


def answer_of_status(status: int) -> Answer:
    """Read a c-ares status that is not success (ares.h). Only NODATA and NXDOMAIN are definite."""
    return _DEFINITE.get(status) or Unknown(_CAUSES.get(status, Cause.MALFORMED))


def _records(found: Collection[pycares.DNSRecord]) -> Answer:
    data = tuple(rr for rr in (_data(record) for record in found) if rr is not None)
    if not data:
        # c-ares tells an empty answer by a status: an answer whose records pycares cannot read is not an empty one.
        return Unknown(Cause.MALFORMED)
    return Records(data, min(record.ttl for record in found))


def _data(record: pycares.DNSRecord) -> RecordData | None:
    match record.data:
        case pycares.ARecordData(addr=address) | pycares.AAAARecordData(addr=address):
            return Address(ip_address(address))
        case pycares.CNAMERecordData(cname=target):
            return Alias(_name(target))
        case pycares.MXRecordData(priority=preference, exchange=host):
            return MailExchanger(preference, _name(host))
        case pycares.NSRecordData(nsdname=host):
            return NameServer(_name(host))
        case pycares.TXTRecordData(data=text):
            return Text(text)
        case _:
            return None


def _name(text: str) -> DomainName:
    """Give a name from the wire in the audit's spelling; c-ares writes the root as nothing and odd bytes as escapes."""
    if not text:
        return ROOT
    return parse_domain_name(text) or DomainName(text.lower())
