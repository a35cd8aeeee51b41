"""What changed in the DNS between two audits.

Here: the comparison of answers. An answer that was unknown on either day is no change: it was not seen.
"""

from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Alias,
    Answer,
    Answers,
    MailGreeting,
    NxDomain,
    Query,
    Records,
    RecordType,
    Unknown,
    ZoneStart,
    data_of,
)
from outreach_pipelines.domain.dns_audit.names import is_within
from outreach_pipelines.domain.dns_audit.presentation import written

NO_NAME = "(the name did not exist)"


@dataclass(frozen=True, slots=True)
class Drift:
    """Records of one name and type that went and came; `NO_NAME` stands for a name that did not exist."""

    name: DomainName
    type: RecordType
    gone: tuple[str, ...]
    come: tuple[str, ...]


def drift_between(before: Answers, after: Answers) -> tuple[Drift, ...]:
    """Compare what both audits were told; order of records, TTL and serial numbers are no change.

    Nor are addresses of other people's hosts that an alias leads to: these come and go as their owners like.
    """
    both = sorted(before.keys() & after.keys())
    changes = (
        Drift(query.name, query.type, _lacking(query, before, after), _lacking(query, after, before))
        for query in both
        if not isinstance(before[query], Unknown) and not isinstance(after[query], Unknown)
    )
    return tuple(change for change in changes if change.gone or change.come)


def is_noteworthy(change: Drift, domain: DomainName) -> bool:
    """Tell whether the owner of the domain wants to hear of it: records of ours went or came.

    Addresses of other people's hosts move as they like, and a name that is gone is told with its records.
    """
    if all(text == NO_NAME for text in (*change.gone, *change.come)):
        return False
    return change.type not in (RecordType.A, RecordType.AAAA) or is_within(change.name, domain)


def _lacking(query: Query, one: Answers, other: Answers) -> tuple[str, ...]:
    return tuple(sorted(_told(query, one[query]) - _told(query, other[query])))


def _told(query: Query, answer: Answer) -> frozenset[str]:
    if isinstance(answer, NxDomain):
        return frozenset({NO_NAME})
    rrs = answer.rrs if isinstance(answer, Records) else ()
    passing = (ZoneStart, MailGreeting, Address) if _leads_away(query, answer) else (ZoneStart, MailGreeting)
    return frozenset(written(rr) for rr in rrs if not isinstance(rr, passing))


def _leads_away(query: Query, answer: Answer) -> bool:
    """Tell whether aliases end at a host that is no neighbour of the name asked for."""
    aliases = data_of(answer, Alias)
    home = DomainName(query.name.partition(".")[2] or query.name)
    return bool(aliases) and not is_within(aliases[-1].target, home)
