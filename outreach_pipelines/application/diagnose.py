"""What keeps mail from leaving, each with its cure: the answer of `outreach doctor`.

Belongs here: which sign is a fault and what cures it; of plans, `judge_plans`. Does not: reading signs
(`vital_signs.SignsReader`), printing.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

from outreach_pipelines.application.constraint_words import hold_in_words
from outreach_pipelines.application.findings import Finding, Level, counted, fault, fine, warning
from outreach_pipelines.application.judge_plans import about_plans
from outreach_pipelines.application.vital_signs import (
    AccountSigns,
    HoldSigns,
    InboxSigns,
    PathSigns,
    SignsReader,
    SystemSigns,
    TenantSigns,
)
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound

__all__ = ["Finding", "Level", "about_account", "about_system", "about_tenant", "diagnose"]

QUIET_HEARTBEAT = timedelta(minutes=5)
PROOF_LASTS = timedelta(minutes=60)
READ_LASTS = timedelta(minutes=30)
DOUBT_LASTS = timedelta(hours=2)
PARTITIONS_WARN = timedelta(days=7)
MOST_NAMED = 5


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
        findings.append(fault("there is no tenant", "write inventory/TENANT/ files and run: outreach inventory load"))
    for ref in refs:
        findings += _named(ref.slug, about_tenant(reader.tenant(ref), now))
    return tuple(findings)


def about_system(signs: SystemSigns, now: datetime) -> Iterator[Finding]:
    """Clock guard, epoch, partitions."""
    if not signs.guard_passes:
        cure = "check the machine's time, then confirm it: outreach clock confirm"
        yield fault("the clock guard is closed: the machine's time is too far from the last heartbeat", cure)
    elif signs.heartbeat_age > QUIET_HEARTBEAT:
        cure = "start the sensor `sweeper` in Dagster (Automation); without it nothing is swept"
        yield warning(f"the last heartbeat is {_age(signs.heartbeat_age)} old", cure)
    else:
        yield fine("the clock guard passes")
    yield fine(f"epoch {signs.epoch} ({signs.epoch_reason}); the database is for mode {signs.mode}")
    yield _partitions(signs, now)
    for slug in signs.unfounded_tenants:
        yield warning(f"tenant {slug} has a name and no inventory", "run: outreach inventory load")


def _partitions(signs: SystemSigns, now: datetime) -> Finding:
    cure = "run the Dagster job upkeep, or: select app.ensure_partitions()"
    if signs.last_partition is None:
        return fault("no partition is there for today's messages", cure)
    left = signs.last_partition - now.date()
    what = f"partitions reach to {signs.last_partition}, {counted(left.days, 'day')} from now"
    return warning(what, cure) if left < PARTITIONS_WARN else fine(what)


def about_account(signs: AccountSigns) -> Iterator[Finding]:
    """Proof of the way back, breaker, stops."""
    yield _proof(signs)
    if signs.breaker == "open":
        cure = "nothing, if the provider is out: it is tried again by itself; else read its answers in Dagster"
        yield warning(f"account {signs.name}: the breaker is open after errors or time-outs", cure)
    for reason in signs.stops:
        yield fault(
            f"account {signs.name} is stopped for all tenants: {reason}",
            f"mend the cause, then: outreach hold release shared-account:{signs.name}",
        )


def _proof(signs: AccountSigns) -> Finding:
    account = f"account {signs.name} ({signs.kind})"
    looked_up = signs.kind in (ProviderKind.MAILGUN, ProviderKind.POSTMARK)
    if signs.proof_age is None and looked_up:
        what = f"{account} is not proven: a batch has never been able to read the provider's records"
        return fault(f"{what}, so it takes no new lead", _CURE_OF_LOOK_UPS)
    if signs.proof_age is None:
        cure = "the event queue or the envelope sender's inbox must bring one piece of news back: check that it is read"
        return fault(f"{account} is not proven: nothing has ever come back from it, so it takes no new lead", cure)
    if signs.proof_age <= PROOF_LASTS:
        return fine(f"{account} was proven {_age(signs.proof_age)} ago")
    stale = f"{account} was last proven {_age(signs.proof_age)} ago"
    if signs.kind == ProviderKind.SES:
        return fine(f"{stale}; a probe asks again when a batch starts")
    if looked_up:
        return fine(f"{stale}; its records are read again when a batch starts")
    return warning(f"{stale}: it takes no new lead", "see that the inbox of its envelope senders is read")


# The key of a Mailgun domain may send and not read events (Mailgun, "API keys"): the look-up needs one of the account.
_CURE_OF_LOOK_UPS = (
    "records are read when a batch starts; if one has run, check the account's key (it must be allowed to read "
    "events or messages), its region, and that this machine reaches the provider's API by https"
)


def about_tenant(signs: TenantSigns, now: datetime) -> Iterator[Finding]:
    """All that one tenant's sending rests on, in the order in which it is needed."""
    if signs.paused_because is not None:
        cure = f"once its reason is gone: outreach resume tenant:{signs.tenant.slug}"
        yield fault(f"paused: {signs.paused_because}", cure)
    yield from _domains(signs)
    yield from _mailboxes(signs)
    yield from _feeds(signs)
    yield from _people(signs)
    yield from about_plans(signs, now)
    yield from map(_hold, signs.holds)
    yield from _messages(signs)


def _domains(signs: TenantSigns) -> Iterator[Finding]:
    if not signs.active_domains:
        yield fault("no active sending domain", "add one to the inventory and run: outreach inventory load")
        return
    by_domain = {name: list(paths) for name, paths in groupby(signs.paths, key=lambda path: path.domain)}
    stuck = {name: paths for name, paths in by_domain.items() if not any(path.state == "ready" for path in paths)}
    ready = len(by_domain) - len(stuck)
    if ready:
        yield fine(f"ready: {ready} of {counted(signs.active_domains, 'sending domain')}")
    else:
        yield fault("no sending domain is ready for any account", "mend the DNS as below, then audit again")
    for paths in list(stuck.values())[:MOST_NAMED]:
        yield _stuck_domain(paths)
    if len(stuck) > MOST_NAMED:
        yield warning(
            f"not ready either: {counted(len(stuck) - MOST_NAMED, 'further domain')}", "see the asset dns_audit"
        )


def _stuck_domain(paths: list[PathSigns]) -> Finding:
    why = "; ".join(f"{path.account}: {path.reason}" for path in paths)
    records = list(dict.fromkeys(line for path in paths for line in path.publish))
    by_seed = any(path.by_seed for path in paths)
    again = "materialize dns_audit, then seed_proof, in Dagster" if by_seed else "materialize dns_audit in Dagster"
    mend = [f"publish {' | '.join(records)}"] if records else []
    mend += ["mend what the provider signs its mail with"] if by_seed else []
    cure = "; ".join([*mend, f"then {again}" if mend else again])
    return warning(f"domain {paths[0].domain} is not ready ({why})", cure)


def _mailboxes(signs: TenantSigns) -> Iterator[Finding]:
    blind = len(signs.without_inbox)
    if not signs.mailboxes:
        yield fault("no mailbox is active or ramping", "add mailboxes, or end their rest, in the inventory")
    elif not blind:
        yield fine(f"{counted(signs.mailboxes, 'mailbox', 'mailboxes')} with an inbox may send")
    else:
        boxes = counted(signs.mailboxes, "mailbox", "mailboxes")
        what = f"{blind} of {boxes} have no inbox and take no new lead: {_some(signs.without_inbox)}"
        level = Level.FAULT if blind == signs.mailboxes else Level.WARNING
        yield Finding(level, what, "name an inbox that receives their mail in the inventory")


def _feeds(signs: TenantSigns) -> Iterator[Finding]:
    for inbox in signs.inboxes:
        yield _inbox(inbox)
    if signs.waiting_events:
        what = f"{counted(signs.waiting_events, 'provider event')} waiting for more than 10 minutes"
        yield warning(what, "see that Dagster's sensors run; events about unknown messages are tried again")


def _inbox(inbox: InboxSigns) -> Finding:
    if inbox.error is not None:
        return fault(f"inbox {inbox.name} cannot be read: {inbox.error}", "check host, login and secret of the inbox")
    if inbox.read_age is None:
        return fault(f"inbox {inbox.name} was never read to its end", "turn on Dagster's sensor replies_in_inboxes")
    what = f"inbox {inbox.name} was read to its end {_age(inbox.read_age)} ago"
    if inbox.read_age > READ_LASTS:
        return warning(f"{what}: follow-ups wait", "see that Dagster's sensor replies_in_inboxes runs")
    return fine(what)


def _people(signs: TenantSigns) -> Iterator[Finding]:
    if not signs.active_campaigns:
        yield fault("no campaign is active", "write or activate one in the inventory and run: outreach inventory load")
    if not signs.leads:
        yield fault("there are no leads", "put a file below uploads/TENANT/ and run: outreach leads import")
    elif not signs.active_enrollments:
        what = f"none of {counted(signs.leads, 'lead')} is in a sequence that goes on"
        yield warning(what, "import new leads, or check the lead files and filters of the campaigns")


def _hold(hold: HoldSigns) -> Finding:
    cure = "nothing: it recovers by itself, or a person releases it (outreach hold list)"
    if hold.factor == 0:
        level = Level.FAULT if hold.scope_key == "tenant" else Level.WARNING
        return Finding(
            level,
            f"hold on {hold.scope}, nothing may leave: {hold_in_words(hold.reason)}",
            "mend the cause it names; outreach hold list tells how to release it",
        )
    return warning(f"hold on {hold.scope}, slowed to {hold.factor:.0%}: {hold_in_words(hold.reason)}", cure)


def _messages(signs: TenantSigns) -> Iterator[Finding]:
    if signs.oldest_doubt is not None:
        what = f"{counted(signs.in_doubt, 'message')} in doubt, the oldest for {_age(signs.oldest_doubt)}"
        level = Level.FAULT if signs.oldest_doubt > DOUBT_LASTS else Level.WARNING
        yield Finding(level, what, "evidence settles them: see that the event queue and the inboxes are read")
    if signs.unknown:
        what = f"{counted(signs.unknown, 'message')} of the last days unknown: nobody can tell whether they were sent"
        yield warning(what, "they are not sent again; outreach explain shows each")
    if signs.past_window:
        what = f"{counted(signs.past_window, 'message')} still open after the end of the window"
        yield warning(what, "the sweeper does not run: start the sensor `sweeper` in Dagster (Automation)")


def _named(slug: TenantSlug, findings: Iterable[Finding]) -> Iterator[Finding]:
    return (Finding(each.level, f"{slug}: {each.what}", each.cure) for each in findings)


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
    return f"{minutes // 60} h" if minutes < 2880 else counted(minutes // 1440, "day")
