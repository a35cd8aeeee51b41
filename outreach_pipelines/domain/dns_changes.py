"""From fixes to changes of a hosted zone: what is created, edited or taken out, and what stands in the way.

Belongs here: the decision, from the records that stand there. Does not: hosts of zones (an adapter), the order of doing
(`application.apply_fixes`). Only records that a fix names are touched; a record that takes the place of another edits it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NewType

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import RecordType
from outreach_pipelines.domain.dns_audit.findings import ResourceRecord

HostedId = NewType("HostedId", str)
AUTOMATIC_TTL = 1
"""The host chooses (Cloudflare API, "DNS Records", `ttl`)."""
# Two of these at one name are worse than one that is wrong (RFC 7208 section 4.5, RFC 9989, RFC 8461 section 3.1, RFC 8460 section 3).
_ONLY_ONE = re.compile(r"\s*(v=spf1)(?:\s|$)|\s*v\s*=\s*(DMARC1|STSv1|TLSRPTv1)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HostedRecord:
    """A record as it stands at the host. `ttl` may be `AUTOMATIC_TTL`."""

    id: HostedId
    record: ResourceRecord


@dataclass(frozen=True, slots=True)
class Create:
    """A record that is not there."""

    record: ResourceRecord

    @property
    def before(self) -> ResourceRecord | None:
        """Nothing stands there."""
        return None

    @property
    def after(self) -> ResourceRecord | None:
        """What will."""
        return self.record


@dataclass(frozen=True, slots=True)
class Edit:
    """A record that another one takes the place of."""

    hosted: HostedRecord
    record: ResourceRecord

    @property
    def before(self) -> ResourceRecord | None:
        """What stands there."""
        return self.hosted.record

    @property
    def after(self) -> ResourceRecord | None:
        """What will."""
        return self.record


@dataclass(frozen=True, slots=True)
class TakeOut:
    """A record that a fix names as one too many."""

    hosted: HostedRecord

    @property
    def before(self) -> ResourceRecord | None:
        """What stands there."""
        return self.hosted.record

    @property
    def after(self) -> ResourceRecord | None:
        """Nothing will."""
        return None


Change = Create | Edit | TakeOut


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A record that cannot be published without touching one that no fix names, and why."""

    record: ResourceRecord
    reason: str


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """What to do, in order; what stands in the way; what stands there already."""

    changes: tuple[Change, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    standing: tuple[ResourceRecord, ...] = ()


def plan_changes(
    publish: Sequence[ResourceRecord], withdraw: Sequence[ResourceRecord], hosted: Sequence[HostedRecord]
) -> ChangePlan:
    """Decide how one zone comes to hold `publish` and to lack `withdraw`.

    Records to withdraw that are not there need nothing. A record is edited where one of its name and type is withdrawn, so
    that at no moment there are two of them, or none. An obstacle keeps back its own record, and what would be taken out for it.
    """
    named = [each for each in hosted if any(same_record(each.record, old) for old in withdraw)]
    others = [each for each in hosted if each not in named]
    standing = tuple(new for new in publish if any(same_record(each.record, new) for each in hosted))
    wanted = [new for new in publish if new not in standing]
    obstacles = tuple(_obstacles(wanted, others))
    blocked = [each.record for each in obstacles]
    free = [each for each in named if not _is_named(each.record, standing) and not _replaced(each.record, blocked)]
    changes = tuple(_changes([new for new in wanted if new not in blocked], free))
    return ChangePlan(changes, obstacles, standing)


def _changes(wanted: Iterable[ResourceRecord], free: list[HostedRecord]) -> Iterator[Change]:
    left, edits, creates = list(free), list[Change](), list[Change]()
    for new in wanted:
        old = next((each for each in left if _replaced(each.record, [new])), None)
        if old is None:
            creates.append(Create(new))
        else:
            left.remove(old)
            edits.append(Edit(old, new))
    # Taken out first: a CNAME lets nothing stand beside it.
    yield from (TakeOut(each) for each in left)
    yield from edits
    yield from creates


def _replaced(old: ResourceRecord, by: Iterable[ResourceRecord]) -> bool:
    return any((old.name, old.type) == (new.name, new.type) for new in by)


def _is_named(record: ResourceRecord, among: Iterable[ResourceRecord]) -> bool:
    return any(same_record(record, each) for each in among)


def _obstacles(wanted: Sequence[ResourceRecord], others: Sequence[HostedRecord]) -> Iterator[Obstacle]:
    for number, new in enumerate(wanted):
        beside = [each.record for each in others if each.record.name == new.name]
        reason = _reason(new, beside) or _twice(new, wanted[:number])
        if reason is not None:
            yield Obstacle(new, reason)


def _reason(new: ResourceRecord, beside: Sequence[ResourceRecord]) -> str | None:
    aliases = [each for each in beside if each.type is RecordType.CNAME]
    if new.type is RecordType.CNAME and beside:
        kinds = ", ".join(sorted({each.type.value for each in beside}))
        return f"a CNAME lets nothing stand beside it, and {kinds} stands there"
    if aliases:
        return f"a CNAME to {aliases[0].value} stands there, and lets nothing stand beside it"
    kind = _single_kind(new)
    if kind is not None and any(_single_kind(each) == kind for each in beside):
        return f"another {kind} record stands there that no fix names, and two are worse than one"
    return None


def _twice(new: ResourceRecord, before: Iterable[ResourceRecord]) -> str | None:
    kind = _single_kind(new)
    if kind is not None and any(each.name == new.name and _single_kind(each) == kind for each in before):
        return f"another fix writes the {kind} record there: apply that one, and audit again"
    return None


def _single_kind(record: ResourceRecord) -> str | None:
    found = _ONLY_ONE.match(record.value) if record.type is RecordType.TXT else None
    return (found[1] or found[2]).lower() if found else None


def same_record(one: ResourceRecord, other: ResourceRecord) -> bool:
    """Whether two are one record of a zone: name, type and data; the time to live is no part of it."""
    return (one.name, one.type) == (other.name, other.type) and _data(one) == _data(other)


def _data(record: ResourceRecord) -> str:
    if record.type in {RecordType.TXT, RecordType.CAA}:
        return record.value.strip()
    return " ".join(part.removesuffix(".") for part in record.value.lower().split())


def zone_names(name: DomainName) -> tuple[DomainName, ...]:
    """The zones that may hold a name: itself and those above, the nearest first, no top-level domain."""
    labels = name.split(".")
    return tuple(DomainName(".".join(labels[start:])) for start in range(len(labels) - 1))
