"""What a day came to: counted from the database, and held against the lab's own ledger.

The ledger is the truth about what left: a line for each message that a provider of the lab took. Nothing here trusts
our own tables where the ledger can say it.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from outreach_pipelines.domain.message_tag import MessageTag
from resources import database, keys

STATES = ("accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown", "open")
_LEADS = text("""
    select coalesce(sum(row_count), 0) as read, coalesce(sum(accepted), 0) as accepted,
           coalesce(sum(already_known), 0) as already_known, coalesce(sum(rejected), 0) as rejected
      from app.lead_file""")
_STATES = text("""
    select case when m.state in ('planned', 'claimed', 'sending', 'retry_wait', 'in_doubt') then 'open' else m.state end as state, count(*) as n
      from app.message m join app.plan p on p.tenant_id = m.tenant_id and p.plan_id = m.plan_id
     where m.plan_day = :day group by 1""")
_PLACED = text("""
    select count(distinct (d.tenant_id, d.message_id)) from app.decision d join app.plan p on p.tenant_id = d.tenant_id and p.plan_id = d.plan_id
     where p.day = :day and d.placed and d.message_id is not null""")
_ATTEMPTS = text(
    "select tenant_id, plan_day, message_id, attempt from app.send_attempt where outcome in ('accepted', 'accepted_twice') and plan_day = :day"
)
_EVENTS = text(
    "select kind, coalesce(class, '') as class, count(*) as n from app.message_event where plan_day = :day group by 1, 2"
)
_UNSUBSCRIBED = text(
    "select count(*) from app.suppression where kind = 'unsubscribe' and created_at >= cast(:day as date) - 1"
)
_HOLDS = text(
    "select level, count(distinct scope_key) as n from app.hold where level in ('slow', 'stop') group by 1 order by 1"
)


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """The numbers of summary.json."""

    day: date
    leads: Mapping[str, int]
    placed: int
    states: Mapping[str, int]
    bounces: Mapping[str, int]
    complaints: int
    replies: int
    out_of_office: int
    unsubscribes: int
    holds: Mapping[str, int]
    ledger_lines: int
    duplicates: int
    lost: int
    wall_seconds: float = 0.0

    @property
    def balanced(self) -> bool:
        """The identity of the send protocol."""
        return self.placed == sum(self.states.values())

    def after(self, seconds: float) -> "DemoSummary":
        """With the time it took."""
        return replace(self, wall_seconds=round(seconds, 1))

    def as_json(self) -> dict[str, object]:
        """As summary.json has it."""
        return {
            "day": self.day.isoformat(),
            "leads": dict(self.leads),
            "placed": self.placed,
            **self.states,
            "identity_holds": self.balanced,
            "bounces": dict(self.bounces),
            "complaints": self.complaints,
            "replies": self.replies,
            "out_of_office": self.out_of_office,
            "unsubscribes": self.unsubscribes,
            "holds": dict(self.holds),
            "ledger_lines": self.ledger_lines,
            "duplicates": self.duplicates,
            "lost": self.lost,
            "wall_seconds": self.wall_seconds,
        }


def summarize(day: date, ledger: Path) -> DemoSummary:
    """Count the day over all tenants, as role outreach_ops."""
    with database.ops_engine().connect() as connection:
        leads = connection.execute(_LEADS).mappings().one()
        found = Counter({row.state: row.n for row in connection.execute(_STATES, {"day": day})})
        placed = int(connection.execute(_PLACED, {"day": day}).scalar_one())
        accepted = {tuple(row) for row in connection.execute(_ATTEMPTS, {"day": day})}
        events = {(row.kind, row[1]): row.n for row in connection.execute(_EVENTS, {"day": day})}
        unsubscribes = int(connection.execute(_UNSUBSCRIBED, {"day": day}).scalar_one())
        holds = {row.level: row.n for row in connection.execute(_HOLDS)}
    tags = _tags(ledger)
    return DemoSummary(
        day=day,
        leads=dict(leads),
        placed=placed,
        states={state: found[state] for state in STATES},
        bounces={
            kind: n
            for (event, kind), n in sorted(events.items())
            if event in ("bounced", "refused") and kind not in ("", "not_a_failure")
        },
        complaints=sum(n for (event, _), n in events.items() if event == "complained"),
        replies=sum(n for (event, _), n in events.items() if event == "replied"),
        out_of_office=sum(n for (event, _), n in events.items() if event == "out_of_office"),
        unsubscribes=unsubscribes,
        holds=holds,
        ledger_lines=len(tags),
        duplicates=duplicates(tags),
        lost=lost(tags, accepted),
    )


def duplicates(tags: Sequence[MessageTag]) -> int:
    """Messages that the providers took more than once, whichever attempt it was."""
    taken = Counter((tag.tenant, tag.plan_day, tag.message) for tag in tags)
    return sum(count - 1 for count in taken.values())


def lost(tags: Sequence[MessageTag], accepted: set[tuple[object, ...]]) -> int:
    """Attempts on which ledger and database disagree: taken and not known, or known and never taken."""
    taken = {(tag.tenant, tag.plan_day, tag.message, tag.attempt) for tag in tags}
    return len(taken ^ accepted)


def _tags(ledger: Path) -> list[MessageTag]:
    reader = keys.tagger()
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    tags = [reader.read(line["tag"]) for line in lines]
    return [tag for tag in tags if tag is not None and tag.attempt > 0]


def print_summary(summary: DemoSummary, console: Console) -> None:
    """The day on one screen."""
    table = Table(title=f"{summary.day:%A, %d %B %Y}", show_header=False)
    leads = summary.leads
    fates = f"{leads['accepted']} accepted, {leads['already_known']} in two files, {leads['rejected']} refused"
    table.add_row("leads read", f"{leads['read']}: {fates}")
    table.add_row("placed", str(summary.placed))
    for state in STATES:
        if summary.states[state] or state in ("accepted", "open", "unknown"):
            table.add_row(f"  {state}", str(summary.states[state]))
    table.add_row("bounces", ", ".join(f"{kind} {n}" for kind, n in summary.bounces.items()) or "none")
    table.add_row("complaints", str(summary.complaints))
    table.add_row("replies", f"{summary.replies}, out of office {summary.out_of_office}")
    table.add_row("unsubscribes", str(summary.unsubscribes))
    table.add_row("holds set", ", ".join(f"{level} {n}" for level, n in summary.holds.items()) or "none")
    table.add_row(
        "against the lab's ledger",
        f"{summary.ledger_lines} messages, duplicates {summary.duplicates}, lost {summary.lost}",
    )
    table.add_row("all accounted for", "yes" if summary.balanced else "NO")
    table.add_row("took", f"{summary.wall_seconds:.0f} s")
    console.print(table)
