"""The DNS, asked through recursive resolvers, and through single name servers where a query names one.

Here: questions out, answers in, with retries, a bound on what is under way, and a cache of one run. Not here: what
answers mean, bytes (dns_wire.py), sockets (dns_exchange.py).
"""

import asyncio
import heapq
from collections import OrderedDict, deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from outreach_pipelines.adapters.dns_exchange import Exchange, NameServerAddress, Posted, over_tcp
from outreach_pipelines.adapters.dns_wire import NoEdns, Truncated, WireError, decode_answer, encode_question
from outreach_pipelines.domain.dns_audit.answers import ANY_RESOLVER, Answer, Cause, Query, Unknown

__all__ = ["NameServerAddress", "ResolverConfig", "UdpResolver"]

_RESOLV_CONF: Final = Path("/etc/resolv.conf")
_PORTS_TO_A_RESOLVER: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverConfig:
    """How patiently the servers are asked.

    `servers` empty: the machine's own (resolv.conf). A question waits `timeout_seconds` for its answer, then twice as
    long each time after, `tries` times in all, the servers in turn. An answer that says nothing (SERVFAIL, REFUSED) is
    asked for `attempts` times. `under_way` bounds how many questions wait at once, `kept` how many answers are kept.
    `direct_port`: where name servers listen that a query names.
    """

    servers: tuple[NameServerAddress, ...] = ()
    timeout_seconds: float = 1.0
    tries: int = 4
    attempts: int = 2
    under_way: int = 256
    kept: int = 20_000
    direct_port: int = 53


@dataclass(slots=True)
class _Batch:
    """Who waits for several answers."""

    left: int
    done: asyncio.Future[None]
    answers: dict[Query, Answer]


@dataclass(slots=True)
class _Question:
    """A question from its first datagram to its answer. `sent` counts tries, `serial` tells one datagram from the next."""

    query: Query
    wire: bytes
    batches: list[_Batch]
    sent: int = 0
    serial: int = 0
    unhelpful: int = 0
    edns: bool = True
    exchange: Exchange["_Question"] | None = None
    posted: Posted | None = None


@dataclass(order=True, slots=True)
class _Deadline:
    at: float
    serial: int
    question: _Question = field(compare=False)


class UdpResolver:
    """The port `DnsResolver`: an async context manager, one for a run, that keeps definite answers until closed."""

    def __init__(self, config: ResolverConfig) -> None:
        self._config = config
        self._kept: OrderedDict[Query, Answer] = OrderedDict()
        self._open: dict[Query, _Question] = {}
        self._queue: deque[_Question] = deque()
        self._under_way = 0
        self._deadlines: list[_Deadline] = []
        self._timer: asyncio.TimerHandle | None = None
        self._resolvers: list[Exchange[_Question]] = []
        self._direct: dict[str, Exchange[_Question]] = {}
        self._streams: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open the sockets on the running loop. A server that the machine has no way to is left out."""
        for server in self._config.servers or _machine_servers():
            with suppress(OSError):
                self._resolvers.append(self._exchange(server, _PORTS_TO_A_RESOLVER))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what is under way; who still waits gets `Unknown`."""
        for task in self._streams:
            task.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        for exchange in (*self._resolvers, *self._direct.values()):
            exchange.close()
        self._resolvers.clear()
        self._direct.clear()
        for question in tuple(self._open.values()):
            self._tell(question, Unknown(Cause.NOT_ANSWERED))

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        """Answer each query, by `Unknown` where no server gave a definite answer; the next call asks those anew."""
        wanted = dict.fromkeys(queries)
        answers: dict[Query, Answer] = {}
        batch = _Batch(0, asyncio.get_running_loop().create_future(), answers)
        for query in wanted:
            known = self._kept.get(query)
            if known is not None:
                self._kept.move_to_end(query)
                answers[query] = known
            else:
                self._join(query, batch)
        self._launch()
        if batch.left:
            await batch.done
        return {query: answers[query] for query in wanted}

    def _join(self, query: Query, batch: _Batch) -> None:
        open_question = self._open.get(query)
        if open_question is not None:
            open_question.batches.append(batch)
            batch.left += 1
            return
        try:
            wire = encode_question(query)
        except WireError:
            batch.answers[query] = Unknown(Cause.MALFORMED)
            return
        question = self._open[query] = _Question(query, wire, [batch])
        batch.left += 1
        self._queue.append(question)

    def _launch(self) -> None:
        while self._queue and self._under_way < self._config.under_way:
            self._under_way += 1
            self._send(self._queue.popleft())

    def _send(self, question: _Question) -> None:
        """Post a question once more, or give it up."""
        if question.sent >= self._config.tries:
            self._finish(question, Unknown(Cause.TIMEOUT))
            return
        exchange = self._exchange_for(question)
        if exchange is None:
            self._finish(question, Unknown(Cause.UNREACHABLE))
            return
        patience = self._config.timeout_seconds * 2**question.sent
        question.sent += 1
        question.serial += 1
        question.exchange = exchange
        question.posted = exchange.post(question, question.query, question.wire, edns=question.edns)
        self._wake_at(_Deadline(asyncio.get_running_loop().time() + patience, question.serial, question))

    def _exchange_for(self, question: _Question) -> Exchange[_Question] | None:
        host = question.query.server
        if host == ANY_RESOLVER:
            number = question.sent + question.unhelpful
            return self._resolvers[number % len(self._resolvers)] if self._resolvers else None
        exchange = self._direct.get(host)
        if exchange is None:
            try:
                exchange = self._exchange(NameServerAddress(host, self._config.direct_port), 1)
            except (OSError, ValueError):
                return None
            self._direct[host] = exchange
        return exchange

    def _exchange(self, server: NameServerAddress, ports: int) -> Exchange[_Question]:
        exchange = Exchange(server, self._on_answer, self._on_refusal, ports)
        try:
            exchange.open()
        except BaseException:
            exchange.close()
            raise
        return exchange

    def _on_answer(self, question: _Question, message: bytes) -> None:
        answer = decode_answer(message, question.query, question.wire)
        match answer:
            case Truncated():
                self._by_stream(question)
            case NoEdns() if question.edns:
                question.edns = False
                question.sent -= 1
                self._send(question)
            case NoEdns():
                self._unhelpful(question, Unknown(Cause.MALFORMED))
            case Unknown():
                self._unhelpful(question, answer)
            case _:
                self._finish(question, answer)

    def _on_refusal(self, question: _Question) -> None:
        self._unhelpful(question, Unknown(Cause.UNREACHABLE))

    def _unhelpful(self, question: _Question, answer: Unknown) -> None:
        question.unhelpful += 1
        if question.unhelpful >= self._config.attempts * max(1, len(self._resolvers)):
            self._finish(question, answer)
        else:
            question.sent -= 1
            self._send(question)

    def _by_stream(self, question: _Question) -> None:
        question.posted = None
        task = asyncio.get_running_loop().create_task(self._ask_by_stream(question))
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)

    async def _ask_by_stream(self, question: _Question) -> None:
        if question.exchange is None:
            return
        patience = self._config.timeout_seconds * 2 ** (self._config.tries - 1)
        try:
            async with asyncio.timeout(patience):
                message = await over_tcp(question.exchange.server, question.query, question.wire)
        except TimeoutError:
            self._finish(question, Unknown(Cause.TIMEOUT))
        except (OSError, EOFError):
            self._finish(question, Unknown(Cause.UNREACHABLE))
        else:
            answer = decode_answer(message, question.query, question.wire)
            self._finish(question, Unknown(Cause.MALFORMED) if isinstance(answer, Truncated | NoEdns) else answer)

    def _finish(self, question: _Question, answer: Answer) -> None:
        question.posted = None
        exchange, host = question.exchange, question.query.server
        self._under_way -= 1
        if not isinstance(answer, Unknown):
            self._kept[question.query] = answer
            if len(self._kept) > self._config.kept:
                self._kept.popitem(last=False)
        self._tell(question, answer)
        if host != ANY_RESOLVER and exchange is not None and exchange.is_idle and host in self._direct:
            # One of many hundred name servers: its port is wanted for the next.
            self._direct.pop(host).close()
        self._launch()

    def _tell(self, question: _Question, answer: Answer) -> None:
        self._open.pop(question.query, None)
        for batch in question.batches:
            batch.answers[question.query] = answer
            batch.left -= 1
            if not batch.left and not batch.done.done():
                batch.done.set_result(None)

    def _wake_at(self, deadline: _Deadline) -> None:
        heapq.heappush(self._deadlines, deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(deadline.at, self._wake)

    def _wake(self) -> None:
        """Post again what has waited too long; deadlines of answered questions are thrown away."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = None
        while self._deadlines and (self._deadlines[0].at <= now or self._is_over(self._deadlines[0])):
            deadline = heapq.heappop(self._deadlines)
            if not self._is_over(deadline):
                self._expire(deadline.question)
        if self._deadlines and self._timer is None:
            self._timer = loop.call_at(self._deadlines[0].at, self._wake)

    def _is_over(self, deadline: _Deadline) -> bool:
        return deadline.question.posted is None or deadline.question.serial != deadline.serial

    def _expire(self, question: _Question) -> None:
        if question.exchange is not None and question.posted is not None:
            question.exchange.withdraw(question.posted)
        self._send(question)


def _machine_servers() -> tuple[NameServerAddress, ...]:
    """Read resolv.conf; a machine without it asks itself (resolv.conf(5))."""
    try:
        lines = _RESOLV_CONF.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    hosts = [words[1] for line in lines if (words := line.split())[:1] == ["nameserver"] and len(words) > 1]
    return tuple(NameServerAddress(host) for host in hosts[:3]) or (NameServerAddress("127.0.0.1"),)
