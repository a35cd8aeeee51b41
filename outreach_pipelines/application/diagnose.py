"""What keeps mail from leaving, each with its cure: the answer of `outreach doctor`.

Belongs here: which sign is a fault and what cures it. Does not: reading signs (`vital_signs.SignsReader`), printing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from outreach_pipelines.application.constraint_words import IN_WORDS
from outreach_pipelines.application.vital_signs import (
    AccountSigns,
    HoldSigns,
    InboxSigns,
    PathSigns,
    PlanSigns,
    SignsReader,
    SystemSigns,
    TenantSigns,
)
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound

QUIET_HEARTBEAT = timedelta(minutes=5)
PROOF_LASTS = timedelta(minutes=60)
READ_LASTS = timedelta(minutes=30)
DOUBT_LASTS = timedelta(hours=2)
PARTITIONS_WARN = timedelta(days=7)
LATE_EVENING = 23  # tenants are planned at 22:05 of their own clock
MOST_NAMED = 5


class Level(StrEnum):
    """How much it matters: a fault keeps mail from leaving, a warning some of it, or soon."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `cure` says what to do, and is empty when there is nothing to."""

    level: Level
    what: str
    cure: str = ""


def diagnose(reader: SignsReader, *, now: datetime, only: TenantSlug | None = None) -> tuple[Finding, ...]:
    """Look at everything sending needs, for all tenants or one. `now` is policy time. Raises `NotFound` for no such one."""
    refs = [ref for ref in reader.tenants() if only in (None, ref.slug)]
    if only is not None and not refs:
        message = f"no tenant is called {only!r}"
        raise NotFound(message)
    findings = [*about_system(reader.system(), now)]
    for account in reader.accounts():
        findings += about_account(account)
    if not refs:
        findings.append(_fault("there is no tenant", "write inventory/TENANT/ files and run: outreach inventory load"))
    for ref in refs:
        findings += _named(ref.slug, about_tenant(reader.tenant(ref), now))
    return tuple(findings)


def about_system(signs: SystemSigns, now: datetime) -> Iterator[Finding]:
    """Clock guard, epoch, partitions."""
    if not signs.guard_passes:
        cure = "check the machine's time, then confirm it: outreach clock confirm"
        yield _fault("the clock guard is closed: the machine's time is too far from the last heartbeat", cure)
    elif signs.heartbeat_age > QUIET_HEARTBEAT:
        cure = "start the sensor `sweeper` in Dagster (Automation); without it nothing is swept"
        yield _warning(f"the last heartbeat is {_age(signs.heartbeat_age)} old", cure)
    else:
        yield Finding(Level.OK, "the clock guard passes")
    yield Finding(Level.OK, f"epoch {signs.epoch} ({signs.epoch_reason}); the database is for mode {signs.mode}")
    yield _partitions(signs, now)
    for slug in signs.unfounded_tenants:
        yield _warning(f"tenant {slug} has a name and no inventory", "run: outreach inventory load")


def _partitions(signs: SystemSigns, now: datetime) -> Finding:
    cure = "run the Dagster job upkeep, or: select app.ensure_partitions()"
    if signs.last_partition is None:
        return _fault("no partition is there for today's messages", cure)
    left = signs.last_partition - now.date()
    what = f"partitions reach to {signs.last_partition}, {left.days} days from now"
    return _warning(what, cure) if left < PARTITIONS_WARN else Finding(Level.OK, what)


def about_account(signs: AccountSigns) -> Iterator[Finding]:
    """Proof of the way back, breaker, stops."""
    yield _proof(signs)
    if signs.breaker == "open":
        cure = "nothing, if the provider is out: it is tried again by itself; else read its answers in Dagster"
        yield _warning(f"account {signs.name}: the breaker is open after errors or time-outs", cure)
    for reason in signs.stops:
        yield _fault(
            f"account {signs.name} is stopped for all tenants: {reason}", "mend the cause, then a person releases"
        )


def _proof(signs: AccountSigns) -> Finding:
    account = f"account {signs.name} ({signs.kind})"
    if signs.proof_age is None:
        cure = "the event queue or the envelope sender's inbox must bring one piece of news back: check that it is read"
        return _fault(f"{account} is not proven: nothing has ever come back from it, so it takes no new lead", cure)
    if signs.proof_age <= PROOF_LASTS:
        return Finding(Level.OK, f"{account} was proven {_age(signs.proof_age)} ago")
    stale = f"{account} was last proven {_age(signs.proof_age)} ago"
    if signs.kind == "ses":
        return Finding(Level.OK, f"{stale}; a probe asks again when a batch starts")
    return _warning(f"{stale}: it takes no new lead", "see that the inbox of its envelope senders is read")


def about_tenant(signs: TenantSigns, now: datetime) -> Iterator[Finding]:
    """All that one tenant's sending rests on, in the order in which it is needed."""
    if signs.paused_because is not None:
        yield _fault(f"paused: {signs.paused_because}", "end the pause once its reason is gone")
    yield from _domains(signs)
    yield from _mailboxes(signs)
    yield from _feeds(signs)
    yield from _people(signs)
    yield from _plans(signs, now)
    yield from map(_hold, signs.holds)
    yield from _messages(signs)


def _domains(signs: TenantSigns) -> Iterator[Finding]:
    if not signs.active_domains:
        yield _fault("no active sending domain", "add one to the inventory and run: outreach inventory load")
        return
    by_domain = {name: list(paths) for name, paths in groupby(signs.paths, key=lambda path: path.domain)}
    stuck = {name: paths for name, paths in by_domain.items() if not any(path.state == "ready" for path in paths)}
    ready = len(by_domain) - len(stuck)
    if ready:
        yield Finding(Level.OK, f"{ready} of {signs.active_domains} sending domains are ready")
    else:
        yield _fault("no sending domain is ready for any account", "mend the DNS as below, then audit again")
    for paths in list(stuck.values())[:MOST_NAMED]:
        yield _stuck_domain(paths)
    if len(stuck) > MOST_NAMED:
        yield _warning(f"{len(stuck) - MOST_NAMED} further domains are not ready", "see the asset dns_audit")


def _stuck_domain(paths: list[PathSigns]) -> Finding:
    why = "; ".join(f"{path.account}: {path.reason}" for path in paths)
    records = list(dict.fromkeys(line for path in paths for line in path.publish))
    audit = "materialize dns_audit in Dagster"
    cure = f"publish {' | '.join(records)}; then {audit}" if records else audit
    return _warning(f"domain {paths[0].domain} is not ready ({why})", cure)


def _mailboxes(signs: TenantSigns) -> Iterator[Finding]:
    blind = len(signs.without_inbox)
    if not signs.mailboxes:
        yield _fault("no mailbox is active or ramping", "add mailboxes, or end their rest, in the inventory")
    elif not blind:
        yield Finding(Level.OK, f"{signs.mailboxes} mailboxes may send, each with an inbox")
    else:
        what = (
            f"{blind} of {signs.mailboxes} mailboxes have no inbox and take no new lead: {_some(signs.without_inbox)}"
        )
        level = Level.FAULT if blind == signs.mailboxes else Level.WARNING
        yield Finding(level, what, "name an inbox that receives their mail in the inventory")


def _feeds(signs: TenantSigns) -> Iterator[Finding]:
    for inbox in signs.inboxes:
        yield _inbox(inbox)
    if signs.waiting_events:
        what = f"{signs.waiting_events} provider events wait for more than 10 minutes"
        yield _warning(what, "see that Dagster's sensors run; events about unknown messages are tried again")


def _inbox(inbox: InboxSigns) -> Finding:
    if inbox.error is not None:
        return _fault(f"inbox {inbox.name} cannot be read: {inbox.error}", "check host, login and secret of the inbox")
    if inbox.read_age is None:
        return _fault(f"inbox {inbox.name} was never read to its end", "turn on Dagster's sensor replies_in_inboxes")
    what = f"inbox {inbox.name} was read to its end {_age(inbox.read_age)} ago"
    if inbox.read_age > READ_LASTS:
        return _warning(f"{what}: follow-ups wait", "see that Dagster's sensor replies_in_inboxes runs")
    return Finding(Level.OK, what)


def _people(signs: TenantSigns) -> Iterator[Finding]:
    if not signs.active_campaigns:
        yield _fault("no campaign is active", "write or activate one in the inventory and run: outreach inventory load")
    if not signs.leads:
        yield _fault("there are no leads", "put a file below uploads/TENANT/ and run: outreach leads import")
    elif not signs.active_enrollments:
        what = f"none of {signs.leads} leads is in a sequence that goes on"
        yield _warning(what, "import new leads, or check the lead files and filters of the campaigns")


def _plans(signs: TenantSigns, now: datetime) -> Iterator[Finding]:
    local = now.astimezone(ZoneInfo(signs.zone))
    in_force = {plan.day: plan for plan in signs.plans if plan.status == "released"}
    for plan in signs.plans:
        yield _plan(plan) if plan.day in in_force else _unreleased(plan)
    today, tomorrow = local.date(), local.date() + timedelta(days=1)
    planned = {plan.day for plan in signs.plans}
    if not planned:
        yield _fault(f"no plan for today ({today}) or tomorrow", "materialize send_plan in Dagster")
    elif tomorrow not in planned and local.hour >= LATE_EVENING:
        yield _warning(f"no plan for tomorrow ({tomorrow})", "see that the schedule plan_tomorrow runs")


def _plan(plan: PlanSigns) -> Finding:
    reasons = ", ".join(f"{count}: {_words(name)}" for name, count in list(plan.not_placed.items())[:3])
    what = f"plan of {plan.day} (version {plan.version}) places {plan.placed}"
    if plan.placed or not plan.not_placed:
        return Finding(Level.OK, f"{what}; not placed: {reasons}" if reasons else what)
    return _fault(
        f"{what}, every candidate is blocked: {reasons}", "see: outreach plan show, and outreach explain ADDRESS"
    )


def _unreleased(plan: PlanSigns) -> Finding:
    what = f"plan of {plan.day} (version {plan.version}) is {plan.status}: nothing is sent from it"
    return _fault(what, "its asset names what blocks it; mend that and materialize send_plan again")


def _hold(hold: HoldSigns) -> Finding:
    cure = "nothing: it recovers by itself, or a person releases it"
    if hold.factor == 0:
        level = Level.FAULT if hold.scope_key == "tenant" else Level.WARNING
        return Finding(level, f"hold on {hold.scope_key}, nothing may leave: {hold.reason}", "mend the cause it names")
    return _warning(f"hold on {hold.scope_key}, slowed to {hold.factor:.0%}: {hold.reason}", cure)


def _messages(signs: TenantSigns) -> Iterator[Finding]:
    if signs.oldest_doubt is not None:
        what = f"{signs.in_doubt} messages are in doubt, the oldest for {_age(signs.oldest_doubt)}"
        level = Level.FAULT if signs.oldest_doubt > DOUBT_LASTS else Level.WARNING
        yield Finding(level, what, "evidence settles them: see that the event queue and the inboxes are read")
    if signs.unknown:
        what = f"{signs.unknown} messages of the last days are unknown: nobody can tell whether they were sent"
        yield _warning(what, "they are not sent again; outreach explain shows each")
    if signs.past_window:
        what = f"{signs.past_window} messages stand open though their window is over"
        yield _warning(what, "the sweeper does not run: start the sensor `sweeper` in Dagster (Automation)")


def _named(slug: TenantSlug, findings: Iterable[Finding]) -> Iterator[Finding]:
    return (Finding(each.level, f"{slug}: {each.what}", each.cure) for each in findings)


def _fault(what: str, cure: str) -> Finding:
    return Finding(Level.FAULT, what, cure)


def _warning(what: str, cure: str) -> Finding:
    return Finding(Level.WARNING, what, cure)


def _words(constraint: str) -> str:
    return IN_WORDS[Constraint(constraint)]


def _some(names: Iterable[str]) -> str:
    all_of_them = list(names)
    more = len(all_of_them) - MOST_NAMED
    return ", ".join(all_of_them[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _age(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
