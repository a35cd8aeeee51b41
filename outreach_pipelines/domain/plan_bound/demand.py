"""Who could be written to on the day, in groups that the rules treat alike.

Belongs here: grouping, and the limits on the recipient's side that can bind at all. Does not: mailboxes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from outreach_pipelines.domain.calendar import Span
from outreach_pipelines.domain.send_plan.eligibility import Eligible, Examiner
from outreach_pipelines.domain.send_plan.routes import Routes
from outreach_pipelines.domain.send_plan.snapshot import AccountId, Candidate, MailboxId, Snapshot


class Reach(NamedTuple):
    """The mailboxes that can carry some messages, and for each the accounts that limit it (None is no limit) and what
    holds leave of these messages alone (None is all)."""

    mailbox_ids: tuple[MailboxId, ...]
    accounts: tuple[frozenset[AccountId] | None, ...]
    slowed: tuple[Fraction | None, ...]
    is_new: bool


class Limit(NamedTuple):
    """A limit on the recipient's side: what it is about, and whom."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Group:
    """`count` messages of the same reach, the same open time and the same limits."""

    reach: Reach
    spans: tuple[Span, ...]
    limits: frozenset[Limit]
    count: int


@dataclass(frozen=True, slots=True)
class Demand:
    """`rooms` holds the recipient-side limits that more messages meet than they let through. `follow_ups` counts those
    of each mailbox."""

    groups: tuple[Group, ...]
    rooms: Mapping[Limit, int]
    follow_ups: Mapping[MailboxId, int]


def demand_of(snapshot: Snapshot, examiner: Examiner) -> Demand:
    """The day's demand, after the rules that exclude a candidate before any slot is given."""
    examined = (examiner.examine(candidate) for candidate in snapshot.candidates)
    eligible = [row for row in examined if isinstance(row, Eligible)]
    rooms = _rooms(snapshot, eligible)
    reaches = _Reaches(snapshot, examiner.routes)
    counts = Counter(
        (
            reaches.of(row),
            row.recipient_day.usable,
            frozenset(limit for limit in _limits(row.candidate) if limit in rooms),
        )
        for row in eligible
    )
    groups = tuple(Group(reach, spans, limits, count) for (reach, spans, limits), count in counts.items())
    follow_ups = Counter(row.mailbox_ids[0] for row in eligible if not row.lane.is_new)
    return Demand(groups, rooms, follow_ups)


class _Reaches:
    """Lanes of bases that the same accounts allow are one reach."""

    def __init__(self, snapshot: Snapshot, routes: Routes) -> None:
        self._routes = routes
        self._unlimited = {account.id for account in snapshot.accounts if account.share_left is None}
        self._known: dict[object, Reach] = {}

    def of(self, row: Eligible) -> Reach:
        reach = self._known.get(row.lane)
        if reach is None:
            sets = (frozenset(self._routes.accounts(id_, row.lane.basis)) for id_ in row.mailbox_ids)
            limited = tuple(None if accounts & self._unlimited else accounts for accounts in sets)
            slowed = tuple(self._routes.slowed(id_, row.lane) for id_ in row.mailbox_ids)
            reach = self._known[row.lane] = Reach(row.mailbox_ids, limited, slowed, row.lane.is_new)
        return reach


def _limits(candidate: Candidate) -> Iterator[Limit]:
    yield Limit("recipient_domain", candidate.recipient_domain)
    yield Limit("provider", candidate.provider)
    yield Limit("person", candidate.recipient)
    if candidate.company is not None:
        yield Limit("company", candidate.company)


def _rooms(snapshot: Snapshot, eligible: Iterable[Eligible]) -> dict[Limit, int]:
    """The limits that bind, with what each lets through today."""
    policy, used = snapshot.policy, snapshot.used_today
    asked = Counter(limit for row in eligible for limit in _limits(row.candidate))
    before = Counter(
        {Limit("recipient_domain", use.recipient_domain): use.count for use in used.recipient_domains}
        | {Limit("company", use.company): use.count for use in used.companies}
        | {Limit("provider", use.provider): use.count for use in used.providers}
    )
    caps = {"recipient_domain": policy.recipient_domain_daily_cap, "company": policy.company_daily_cap}
    providers = {cap.provider.value: cap.daily_cap for cap in policy.recipient_provider_caps}
    persons = _persons(snapshot, eligible)
    rooms: dict[Limit, int] = {}
    for limit, count in asked.items():
        cap = providers.get(limit.key) if limit.kind == "provider" else caps.get(limit.kind)
        room = persons.get(limit.key) if limit.kind == "person" else _left(cap, before[limit])
        if room is not None and room < count:
            rooms[limit] = room
    return rooms


def _left(cap: int | None, used: int) -> int | None:
    return None if cap is None else max(0, cap - used)


def _persons(snapshot: Snapshot, eligible: Iterable[Eligible]) -> Mapping[str, int]:
    """What contact pressure leaves of each person: by the row that says most of it."""
    pressure = snapshot.policy.contact_pressure
    if pressure is None:
        return {}
    left: dict[str, int] = {}
    for row in eligible:
        person = row.candidate.recipient
        left[person] = max(left.get(person, 0), pressure.messages - row.candidate.recent_contacts)
    return left
