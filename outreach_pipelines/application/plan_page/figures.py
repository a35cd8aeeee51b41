"""The numbers behind the charts of a plan's page.

Belongs here: counting. Does not: drawing (`svg`), words around it (`page`).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from outreach_pipelines.application.constraint_words import name_of
from outreach_pipelines.domain.ids import DomainId, MailboxId, PoolId
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.snapshot import Mailbox, RecipientProvider, Snapshot

MOST_ROWS = 60
"""Rows that a heat map shows; of more mailboxes it shows their domains, of more domains their pools."""
HOURS = 24


@dataclass(frozen=True, slots=True)
class HeatRow:
    """Messages of each hour of the tenant's clock, 0 to 23."""

    label: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Sends by hour; `what` names what a row is. Rows without a send are counted, not drawn."""

    what: str
    zone: str
    rows: tuple[HeatRow, ...]
    idle: int

    @property
    def hottest(self) -> int:
        return max((count for row in self.rows for count in row.counts), default=0)


@dataclass(frozen=True, slots=True)
class Bar:
    """`start` and `length` in messages; `is_total` for candidates and placed."""

    label: str
    start: int
    length: int
    is_total: bool


def heat_map(snapshot: Snapshot, plan: Plan) -> HeatMap:
    """By mailbox where they are few enough to be seen, else by domain, else by pool."""
    what, label_of = _rows_of(snapshot)
    zone = ZoneInfo(snapshot.policy.zone)
    labels = {mailbox.id: label_of(mailbox) for mailbox in snapshot.mailboxes}
    sent = Counter((labels[row.mailbox_id], row.due_at.astimezone(zone).hour) for row in plan.placements)
    order = list(dict.fromkeys(labels[mailbox.id] for mailbox in snapshot.mailboxes))
    rows = [HeatRow(label, tuple(sent[label, hour] for hour in range(HOURS))) for label in order]
    busy = tuple(row for row in rows if row.total)
    return HeatMap(what, snapshot.policy.zone, busy, len(rows) - len(busy))


def _rows_of(snapshot: Snapshot) -> tuple[str, Callable[[Mailbox], str]]:
    names: Mapping[DomainId, str] = {domain.id: domain.name for domain in snapshot.domains}
    pools: Mapping[DomainId, PoolId] = {domain.id: domain.pool_id for domain in snapshot.domains}
    if len(snapshot.mailboxes) <= MOST_ROWS:
        return "mailbox", lambda mailbox: _mailbox_label(mailbox.id, names[mailbox.domain_id])
    if len({mailbox.domain_id for mailbox in snapshot.mailboxes}) <= MOST_ROWS:
        return "sending domain", lambda mailbox: names[mailbox.domain_id]
    return "pool", lambda mailbox: f"pool {pools[mailbox.domain_id]}"


def _mailbox_label(mailbox: MailboxId, domain: str) -> str:
    return f"{mailbox} at {domain}"


def waterfall(plan: Plan) -> Sequence[Bar]:
    """From all candidates down to those placed: each constraint takes its part off the end."""
    day = plan.breakdown
    bars, left = [Bar("candidates", 0, day.candidates, is_total=True)], day.candidates
    for row in day.not_placed:
        left -= row.candidates
        bars.append(Bar(name_of(row.constraint), left, row.candidates, is_total=False))
    return [*bars, Bar("placed", 0, day.placed, is_total=True)]


def by_provider(snapshot: Snapshot, plan: Plan) -> Sequence[Bar]:
    """Messages to the recipients of each provider; all of them are listed, also those with none."""
    providers = {row.enrollment_id: row.provider for row in snapshot.candidates}
    counts = Counter(providers[row.enrollment_id] for row in plan.placements)
    return [Bar(provider.value, 0, counts[provider], is_total=False) for provider in RecipientProvider]
