"""Checks that need answers step by step, without asking anyone themselves.

A check is a generator: it yields the queries it needs next and is sent all answers known. Replayed from the start with
more answers each time, it stays a pure function of them. Here: running and combining such generators.
"""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias, TypeVar, cast

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    ANY_RESOLVER,
    Address,
    Alias,
    Answer,
    Answers,
    Authority,
    Cause,
    KeyDigest,
    MailExchanger,
    MailGreeting,
    NameServer,
    PolicyText,
    Query,
    Records,
    RecordType,
    ReverseName,
    ServerAddress,
    Text,
    Unknown,
    ZoneKey,
    ZoneStart,
    data_of,
)

Result = TypeVar("Result")
Lookup: TypeAlias = Generator[tuple[Query, ...], Answers, Result]

_LONGEST_ALIAS_CHAIN = 8
_DATA = {
    RecordType.A: Address,
    RecordType.AAAA: Address,
    RecordType.CAA: Authority,
    RecordType.CNAME: Alias,
    RecordType.DNSKEY: ZoneKey,
    RecordType.DS: KeyDigest,
    RecordType.MX: MailExchanger,
    RecordType.NS: NameServer,
    RecordType.POLICY: PolicyText,
    RecordType.PTR: ReverseName,
    RecordType.SMTP: MailGreeting,
    RecordType.SOA: ZoneStart,
    RecordType.TXT: Text,
}


@dataclass(frozen=True, slots=True)
class NeedMore:
    """The decision waits for these answers; never empty."""

    queries: frozenset[Query]


def replay(lookup: Lookup[Result], answers: Answers) -> Result | NeedMore:
    """Run a lookup as far as the answers reach."""
    try:
        wanted = next(lookup)
        while True:
            lacking = frozenset(query for query in wanted if query not in answers)
            if lacking:
                return NeedMore(lacking)
            wanted = lookup.send(answers)
    except StopIteration as end:
        result: Result = end.value
        return result


def together(lookups: Iterable[Lookup[Result]]) -> Lookup[tuple[Result, ...]]:
    """Run lookups side by side, so that their queries travel in one round; results keep the order."""
    results: list[Result | None] = []
    waiting: list[tuple[int, Lookup[Result]]] = []
    wanted: list[tuple[Query, ...]] = []
    for place, lookup in enumerate(lookups):
        results.append(None)
        try:
            wanted.append(next(lookup))
            waiting.append((place, lookup))
        except StopIteration as end:
            results[place] = end.value
    while waiting:
        answers = yield tuple(chain.from_iterable(wanted))
        waiting, wanted = _advanced(waiting, answers, results)
    return cast("tuple[Result, ...]", tuple(results))


def _advanced(
    waiting: list[tuple[int, Lookup[Result]]], answers: Answers, results: list[Result | None]
) -> tuple[list[tuple[int, Lookup[Result]]], list[tuple[Query, ...]]]:
    still: list[tuple[int, Lookup[Result]]] = []
    wanted: list[tuple[Query, ...]] = []
    for place, lookup in waiting:
        try:
            wanted.append(lookup.send(answers))
            still.append((place, lookup))
        except StopIteration as end:
            results[place] = end.value
    return still, wanted


def ask(name: DomainName, record_type: RecordType, server: ServerAddress = ANY_RESOLVER) -> Lookup[Answer]:
    """Ask one question."""
    query = Query(name, record_type, server)
    answers = yield (query,)
    return answers[query]


def follow(name: DomainName, record_type: RecordType) -> Lookup[Answer]:
    """Ask one question and walk CNAMEs that the resolver did not follow itself.

    The alias's own NXDOMAIN or NODATA is the answer where the chain ends in nothing.
    """
    kind = _DATA[record_type]
    for _ in range(_LONGEST_ALIAS_CHAIN):
        query = Query(name, record_type)
        answer = (yield (query,))[query]
        if not isinstance(answer, Records) or any(isinstance(rr, kind) for rr in answer.rrs):
            return answer
        aliases = data_of(answer, Alias)
        if not aliases:
            return answer
        name = aliases[-1].target
    return Unknown(Cause.ALIAS_LOOP)


def addresses_of(host: DomainName) -> Lookup[tuple[Answer, Answer]]:
    """Ask for both families of addresses: (A, AAAA)."""
    a, aaaa = yield from together([follow(host, RecordType.A), follow(host, RecordType.AAAA)])
    return a, aaaa
