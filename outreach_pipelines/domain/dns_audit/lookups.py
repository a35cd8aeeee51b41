"""Checks that need answers step by step, without asking anyone themselves.

A check is a generator: it yields the queries it needs next and is sent all answers known. Replayed from the start with
more answers each time, it stays a pure function of them. Here: running and combining such generators.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Alias,
    Answer,
    Answers,
    Cause,
    MailExchanger,
    NameServer,
    Query,
    Records,
    RecordType,
    Text,
    Unknown,
    data_of,
)

Result = TypeVar("Result")
Lookup: TypeAlias = Generator[tuple[Query, ...], Answers, Result]

_LONGEST_ALIAS_CHAIN = 8
_DATA = {
    RecordType.A: Address,
    RecordType.AAAA: Address,
    RecordType.CNAME: Alias,
    RecordType.MX: MailExchanger,
    RecordType.NS: NameServer,
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


def together(lookups: Sequence[Lookup[Result]]) -> Lookup[tuple[Result, ...]]:
    """Run lookups side by side, so that their queries travel in one round; results keep the order."""
    results: dict[int, Result] = {}
    waiting: dict[int, tuple[Query, ...]] = {}
    answers: Answers | None = None
    while len(results) < len(lookups):
        for place, lookup in enumerate(lookups):
            if place not in results:
                try:
                    waiting[place] = next(lookup) if answers is None else lookup.send(answers)
                except StopIteration as end:
                    results[place] = end.value
                    waiting.pop(place, None)
        if waiting:
            answers = yield tuple(query for queries in waiting.values() for query in queries)
    return tuple(results[place] for place in range(len(lookups)))


def ask(name: DomainName, record_type: RecordType) -> Lookup[Answer]:
    """Ask one question."""
    query = Query(name, record_type)
    answers = yield (query,)
    return answers[query]


def follow(name: DomainName, record_type: RecordType) -> Lookup[Answer]:
    """Ask one question and walk CNAMEs that the resolver did not follow itself.

    The alias's own NXDOMAIN or NODATA is the answer where the chain ends in nothing.
    """
    for _ in range(_LONGEST_ALIAS_CHAIN):
        answer = yield from ask(name, record_type)
        aliases = data_of(answer, Alias)
        if not isinstance(answer, Records) or not aliases or _has(answer, record_type):
            return answer
        name = aliases[-1].target
    return Unknown(Cause.ALIAS_LOOP)


def addresses_of(host: DomainName) -> Lookup[tuple[Answer, Answer]]:
    """Ask for both families of addresses: (A, AAAA)."""
    a, aaaa = yield from together([follow(host, RecordType.A), follow(host, RecordType.AAAA)])
    return a, aaaa


def _has(answer: Records, record_type: RecordType) -> bool:
    return any(isinstance(rr, _DATA[record_type]) for rr in answer.rrs)
