"""What changed in the DNS between two audits.

Here: the comparison of answers. An answer that was unknown on either day is no change: it was not seen.
"""

from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Answer,
    Answers,
    MailGreeting,
    NxDomain,
    Records,
    RecordType,
    Unknown,
    ZoneStart,
)
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
    """Compare what both audits were told; order of records, TTL and serial numbers are no change."""
    both = sorted(before.keys() & after.keys())
    changes = (
        Drift(query.name, query.type, _lacking(before[query], after[query]), _lacking(after[query], before[query]))
        for query in both
        if not isinstance(before[query], Unknown) and not isinstance(after[query], Unknown)
    )
    return tuple(change for change in changes if change.gone or change.come)


def _lacking(one: Answer, other: Answer) -> tuple[str, ...]:
    return tuple(sorted(_told(one) - _told(other)))


def _told(answer: Answer) -> frozenset[str]:
    if isinstance(answer, NxDomain):
        return frozenset({NO_NAME})
    rrs = answer.rrs if isinstance(answer, Records) else ()
    return frozenset(written(rr) for rr in rrs if not isinstance(rr, ZoneStart | MailGreeting))
