"""What is asked at the intent (T2), in the order of `begin_send`: each rule lets the message pass, or says why not.

Belongs here: the refusals that `functions/030_begin_send.sql` makes, on rows in memory. Does not: the claim's
compare-and-set and the writing of the intent (`memory_store`). One suite of tests holds the two against each other
(`tests/conformance/test_message_stores.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.message import MessageEvent
from outreach_pipelines.proof.rows import (
    CERTAINLY_NOT_SENT,
    AccountRow,
    EnrollmentRow,
    HoldRow,
    MailboxRow,
    MessageRow,
    PlanStatus,
    Tables,
)

HOUR = timedelta(hours=1)
INBOX_FRESH = timedelta(minutes=30)
ACCOUNT_FRESH = timedelta(minutes=60)
HEARTBEAT_BEFORE = timedelta(seconds=5)
HEARTBEAT_AFTER = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Released:
    """Back to planned, not before a moment of policy time."""

    reason: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """Ended by `event`, for good."""

    event: MessageEvent
    reason: str


@dataclass(slots=True)
class Intent:
    """One message at its intent. The rules fill in `account` and `factor` (the smallest of the holds in force)."""

    tables: Tables
    message: MessageRow
    hour: datetime
    epoch: int
    now: datetime
    account: AccountId | None = None
    factor: float = 1.0

    @property
    def mailbox(self) -> MailboxRow:
        """The one that sends."""
        return self.tables.mailboxes[self.message.mailbox]

    @property
    def enrollment(self) -> EnrollmentRow:
        """The person's."""
        return self.tables.enrollments[self.message.enrollment]

    def later(self, minutes: int) -> datetime:
        """So many minutes of policy time from now."""
        return self.now + timedelta(minutes=minutes)


Rule = Callable[[Intent], Released | Closed | None]


def plan_is_released(it: Intent) -> Closed | None:
    """The gate: a plan that another version has replaced sends nothing more."""
    if it.tables.plans[it.message.plan] is not PlanStatus.RELEASED:
        return Closed(MessageEvent.CANCEL, "plan_revoked")
    return None


def within_window_and_hour(it: Intent) -> Released | Closed | None:
    """The recipient's window, the run's hour, the slot."""
    if it.now >= it.message.window_end:
        return Closed(MessageEvent.EXPIRE, "window_passed")
    if not it.hour <= it.now < it.hour + HOUR:
        return Released("outside_run_hour", it.message.not_before)
    if it.now < it.message.due_at:
        return Released("not_due_yet", it.message.due_at)
    return None


def epoch_is_current(it: Intent) -> Released | None:
    """A process that began before a restore stops."""
    return None if it.tables.epoch == it.epoch else Released("epoch_raised", it.message.not_before)


def clock_is_trusted(it: Intent) -> Released | None:
    """The machine's clock stands near the last heartbeat."""
    beat, now = it.tables.heartbeat_at, it.tables.clocks.machine()
    if beat is not None and beat - HEARTBEAT_BEFORE <= now <= beat + HEARTBEAT_AFTER:
        return None
    return Released("clock_guard", it.message.not_before)


def not_suppressed(it: Intent) -> Closed | None:
    """A suppression committed before this stops the message."""
    kind = it.tables.suppressed.get(it.enrollment.hmac)
    return None if kind is None else Closed(MessageEvent.SUPPRESS, kind)


def sequence_goes_on(it: Intent) -> Closed | None:
    """The person's sequence stands at this step."""
    enrollment = it.enrollment
    if enrollment.state != "active":
        return Closed(MessageEvent.CANCEL, f"enrollment_{enrollment.state}")
    if enrollment.step != it.message.step:
        return Closed(MessageEvent.CANCEL, "step_passed")
    if enrollment.out_of_office_until is not None and enrollment.out_of_office_until >= it.now.date():
        return Closed(MessageEvent.CANCEL, "out_of_office")
    if enrollment.undeliverable:
        return Closed(MessageEvent.CANCEL, "undeliverable")
    return None


def mailbox_may_send(it: Intent) -> Closed | None:
    """A mailbox that rests or is gone sends nothing."""
    if it.mailbox.state in ("resting", "retired"):
        return Closed(MessageEvent.CANCEL, f"mailbox_{it.mailbox.state}")
    return None


def nothing_held(it: Intent) -> Released | None:
    """Holds of the tenant and of the mailbox; a partial one lowers caps and pace."""
    in_force = [hold for hold in it.tables.holds if hold.scope in ("tenant", f"mailbox:{it.message.mailbox}")]
    it.factor = min((_factor(hold, it.now) for hold in in_force), default=1.0)
    stops = [hold for hold in in_force if _factor(hold, it.now) == 0]
    if not stops:
        return None
    until = max((hold.until for hold in stops if hold.until is not None), default=it.later(15))
    return Released(f"held: {min(hold.reason for hold in stops)}", until)


def _factor(hold: HoldRow, now: datetime) -> float:
    return hold.factor if hold.until is None or hold.until > now else 1.0


def nothing_paused(it: Intent) -> Released | None:
    """The operator's switches."""
    if it.tables.tenant_paused:
        return Released("tenant_paused", it.later(5))
    if not it.tables.campaign_active:
        return Released("campaign_not_active", it.later(5))
    return None


def inbox_is_read(it: Intent) -> Released | Closed | None:
    """A follow-up needs to know that nobody has answered; a new lead needs a mailbox that can hear."""
    read_at = it.mailbox.inbox_read_at
    if it.message.step == 1:
        return Closed(MessageEvent.CANCEL, "mailbox_has_no_inbox") if read_at is None else None
    if read_at is None or read_at <= it.tables.clocks.machine() - INBOX_FRESH:
        return Released("inbox_not_read", it.later(2))
    if not it.enrollment.first_was_accepted:
        return Closed(MessageEvent.CANCEL, "thread_has_no_first_message")
    return None


def account_is_usable(it: Intent) -> Released | None:
    """The first account that the domain is ready for, the basis allows, whose breaker is closed and whose way back is proven."""
    account = next(
        (each for each in map(it.tables.accounts.__getitem__, it.message.accounts) if _usable(it, each)), None
    )
    if account is None:
        return Released("no_usable_account", it.later(2))
    it.account = account.id
    return None


def _usable(it: Intent, account: AccountRow) -> bool:
    now = it.tables.clocks.machine()
    broken = account.breaker_open_until is not None and account.breaker_open_until > now
    return account.ready and account.basis_allowed and not broken and (it.message.step > 1 or proven(account, now))


def proven(account: AccountRow, now: datetime) -> bool:
    """The account's way back was seen to work lately."""
    return account.proven_at is not None and account.proven_at > now - ACCOUNT_FRESH


def path_is_open(it: Intent) -> Released | None:
    """A provider that stopped this path is obeyed and not gone round."""
    scopes = (f"path:{it.message.mailbox}:{it.account}", f"account:{it.account}")
    factors = [_factor(hold, it.now) for hold in it.tables.holds if hold.scope in scopes]
    it.factor = min([it.factor, *factors])
    return Released("path_held", it.later(15)) if it.factor == 0 else None


def pace_is_kept(it: Intent) -> Released | None:
    """The mailbox's gap since its last intent."""
    next_at = it.mailbox.next_at
    return Released("pace", next_at) if next_at is not None and next_at > it.now else None


def caps_are_kept(it: Intent) -> Released | None:
    """The mailbox's day, its last 24 hours, the tenant's minute and day."""
    box, limits = it.mailbox, it.tables.limits
    tomorrow = _midnight(it.now) + timedelta(days=1)
    if box.sent[it.now.date()] >= ceil(box.daily_cap * it.factor):
        return Released("mailbox_daily_cap", tomorrow)
    if _rolling(it) >= ceil(box.daily_cap * limits.rolling_factor * it.factor):
        return Released("mailbox_rolling_day", it.later(15))
    if limits.daily_cap is not None and it.tables.day_taken[it.now.date()] >= limits.daily_cap:
        return Released("tenant_daily_cap", tomorrow)
    minute = it.now.replace(second=0, microsecond=0)
    if limits.minute_cap is not None and it.tables.minute_taken[minute] >= limits.minute_cap:
        return Released("tenant_minute_cap", minute + timedelta(minutes=1))
    return None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _rolling(it: Intent) -> int:
    since = it.now - timedelta(hours=24)
    return sum(
        each.mailbox == it.message.mailbox and each.begun_policy_at > since and each.outcome not in CERTAINLY_NOT_SENT
        for each in it.tables.attempts.values()
    )


RULES: Sequence[Rule] = (
    plan_is_released, within_window_and_hour, epoch_is_current, clock_is_trusted, not_suppressed, sequence_goes_on,
    mailbox_may_send, nothing_held, nothing_paused, inbox_is_read, account_is_usable, path_is_open, pace_is_kept, caps_are_kept,
)  # fmt: skip


def first_refusal(it: Intent, rules: Sequence[Rule] = RULES) -> Released | Closed | None:
    """Why this message may not begin; None when it may, and then `it.account` is the account to use."""
    for rule in rules:
        refusal = rule(it)
        if refusal is not None:
            return refusal
    return None
