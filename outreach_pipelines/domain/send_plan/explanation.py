"""Why an eligible message got no slot, and what the decision row of every candidate says (rule 4 and 5 in words).

Here belongs the look back after all sweeps. Every limit only shrinks while planning: what binds at the end has bound.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from outreach_pipelines.domain.calendar import SECONDS_PER_DAY, Span, overlap, utc_time
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.cap_words import CapWords
from outreach_pipelines.domain.send_plan.capacity import MailboxRoom
from outreach_pipelines.domain.send_plan.eligibility import Eligible, Refused
from outreach_pipelines.domain.send_plan.mailbox_words import none_left, slowed
from outreach_pipelines.domain.send_plan.plan import ORDER_OF_POWER, Constraint, power
from outreach_pipelines.domain.send_plan.routes import LaneKey, binding
from outreach_pipelines.domain.send_plan.snapshot import MailboxId, RecipientProvider
from outreach_pipelines.domain.send_plan.windows import RecipientDay
from outreach_pipelines.domain.sequence import EndReason

_Rule = tuple[Constraint, Callable[[MailboxRoom, Sequence[Span], LaneKey], bool]]
_Alike = tuple[tuple[Span, ...], LawfulBasis | None, bool, RecipientProvider | None, Fraction | None]
"""All that makes a difference to a mailbox's slots."""


class Reason(NamedTuple):
    """What a decision says besides whom it is about, in its order; `found` is empty where nothing was in the way."""

    bound_by: Constraint | None
    found: tuple[Constraint, ...]
    looked_through: Constraint
    detail: str
    ends: EndReason | None


class UnexplainedError(RuntimeError):
    """A message without a slot although nothing keeps it from one: the planner is wrong, and says so."""


class Explainer:
    """Reasons after the sweeps."""

    def __init__(self, supply: Supply, caps: CapWords) -> None:
        self._supply = supply
        self._caps = caps
        self._known: dict[tuple[LaneKey, RecipientDay, tuple[Constraint, ...], RecipientProvider | None], Reason] = {}
        self._shared: dict[tuple[tuple[MailboxId, ...], _Alike], tuple[Constraint | None, str]] = {}
        self._firsts: dict[_Alike, dict[MailboxId, Constraint | None]] = {}
        self._rules: tuple[_Rule, ...] = (
            (Constraint.MAILBOX_HOURS, lambda room, spans, _: not overlap(room.open_spans, spans)),
            (Constraint.MAILBOX_CAP, _cap_is_used),
            (Constraint.NEW_LEAD_BUDGET, lambda room, _, key: key.is_new and room.new_left <= 0),
            (Constraint.SLOWED, self._holds_leave_nothing),
            (Constraint.ROLLING_CAP, self._rolling_is_used),
            (Constraint.DOMAIN_CAP, lambda room, _, __: supply.ledger.domains[room.domain_id] <= 0),
            (Constraint.TENANT_DAILY_CAP, lambda *_: supply.ledger.tenant_left <= 0),
            (Constraint.TENANT_MINUTE_CAP, self._minutes_are_full),
            (Constraint.ACCOUNT_SHARE, self._shares_are_used),
            (Constraint.SPACING, lambda room, spans, _: not _slots_on_open_dates(room, spans)),
        )

    def not_placed(self, eligible: Eligible) -> Reason:
        """Raises `UnexplainedError` if a slot stands open for it."""
        refusals = tuple(self._supply.ledger.recipients.refusals(eligible.candidate))
        # Follow-ups of a lane go to any provider, and the caps of providers differ.
        provider = eligible.candidate.provider if Constraint.RECIPIENT_PROVIDER_CAP in refusals else None
        key = eligible.lane, eligible.recipient_day, refusals, provider
        reason = self._known.get(key)
        if reason is None:
            reason = self._known[key] = self._reason(eligible, refusals)
        return reason

    def _reason(self, eligible: Eligible, refusals: Sequence[Constraint]) -> Reason:
        """The same for all messages of a lane with the same hours whom the same limits refuse, so found once."""
        by_mailboxes, detail = self._mailboxes_bind(eligible)
        found = refusals if by_mailboxes is None else sorted([*refusals, by_mailboxes], key=power)
        if not found:
            message = f"enrollment {eligible.candidate.enrollment_id} has a free slot and was not placed"
            raise UnexplainedError(message)
        if found[0] is not by_mailboxes:
            detail = self._caps.used_up(found[0], eligible.candidate.provider)
        return Reason(found[0], tuple(found), ORDER_OF_POWER[-1], detail, None)

    def _mailboxes_bind(self, eligible: Eligible) -> tuple[Constraint | None, str]:
        """Which provider the recipient has makes no difference to a mailbox's slots: lanes share the answers, but where a
        hold speaks of providers."""
        lane, spans = eligible.lane, eligible.recipient_day.usable
        key = eligible.mailbox_ids, self._alike(lane, spans)
        shared = self._shared.get(key)
        if shared is None:
            rooms = [self._supply.rooms[mailbox_id] for mailbox_id in eligible.mailbox_ids]
            shared = self._shared[key] = self._summed_up(rooms, self._firsts_of(lane, spans, rooms))
        return shared

    def _summed_up(
        self, rooms: Sequence[MailboxRoom], firsts: Sequence[Constraint | None]
    ) -> tuple[Constraint | None, str]:
        """The constraint that takes the last mailbox away, None when one is left."""
        bound = [first for first in firsts if first is not None]
        if len(bound) < len(rooms):
            return None, ""
        mailboxes = [room.mailbox for room in rooms]
        return binding(bound), none_left(mailboxes, bound, zeros=self._caps.zeros) + slowed(mailboxes)

    def _alike(self, lane: LaneKey, spans: tuple[Span, ...]) -> "_Alike":
        holds = self._supply.routes.holds
        provider = lane.provider if holds.by_provider else None
        # The basis chooses accounts: without one that is used up or held, all of them are open alike.
        basis = lane.basis if holds.any or self._supply.ledger.spent_accounts else None
        return spans, basis, lane.is_new, provider, lane.slow

    def _firsts_of(
        self, lane: LaneKey, spans: tuple[Span, ...], rooms: Iterable[MailboxRoom]
    ) -> list[Constraint | None]:
        answers = self._firsts.setdefault(self._alike(lane, spans), {})
        for room in rooms:
            if room.mailbox.id not in answers:
                answers[room.mailbox.id] = self._first(room, spans, lane)
        return [answers[room.mailbox.id] for room in rooms]

    def _first(self, room: MailboxRoom, spans: Sequence[Span], key: LaneKey) -> Constraint | None:
        """The strongest rule by which a mailbox has no slot."""
        for constraint, binds in self._rules:
            if binds(room, spans, key):
                return constraint
        return None

    def _holds_leave_nothing(self, room: MailboxRoom, spans: Sequence[Span], key: LaneKey) -> bool:
        if not self._supply.routes.holds.any:
            return False
        return bool(_slots_on_open_dates(room, spans)) and not self._slots_by_holds(room, spans, key)

    def _slots_by_holds(self, room: MailboxRoom, spans: Sequence[Span], key: LaneKey) -> list[int]:
        """Free slots on open dates at which neither a hold on the message nor one on a later message speaks against it."""
        slots, kept = _slots_on_open_dates(room, spans), room.kept_places
        if kept.any:
            slots = [at for at in slots if kept.free_from(at) == at]
        slowed = self._supply.routes.slowed(room.mailbox.id, key)
        return slots if slowed is None else [at for at in slots if kept.admits(at, slowed)]

    def _rolling_is_used(self, room: MailboxRoom, spans: Sequence[Span], key: LaneKey) -> bool:
        slots = self._slots_by_holds(room, spans, key)
        return bool(slots) and next(room.rolling_open(slots), None) is None

    def _minutes_are_full(self, room: MailboxRoom, spans: Sequence[Span], key: LaneKey) -> bool:
        slots = room.rolling_open(self._slots_by_holds(room, spans, key))
        first = next(slots, None)
        return first is not None and all(map(self._supply.ledger.minute_is_full, (first, *slots)))

    def _shares_are_used(self, room: MailboxRoom, _: Sequence[Span], key: LaneKey) -> bool:
        accounts = self._supply.routes.accounts(room.mailbox.id, key.basis)
        return not self._supply.ledger.open_accounts(accounts)


def refused(row: Refused) -> Reason:
    """Of a candidate that rules 1 to 3 exclude. All of these rules were looked at."""
    found = tuple(dict.fromkeys(objection.constraint for objection in row.objections))
    return Reason(found[0], found, Constraint.HOLIDAY, row.objections[0].detail, row.ends)


def placed(row: Placed) -> Reason:
    """Of a message that has its slot."""
    when = f"{_to_the_minute(row.due_at // 60)}:{row.due_at % 60:02}+00:00"
    return Reason(None, (), ORDER_OF_POWER[-1], f"mailbox {row.mailbox_id} at {when}", None)


@lru_cache(maxsize=2 * SECONDS_PER_DAY // 60)
def _to_the_minute(minute: int) -> str:
    """Minutes since 1970 in UTC. Thousands leave in the same few hundred minutes, and a date takes long to write."""
    return f"{utc_time(minute * 60):%Y-%m-%d %H:%M}"


def _cap_is_used(room: MailboxRoom, spans: Sequence[Span], _: LaneKey) -> bool:
    return all(date.left <= 0 or not overlap((date.span,), spans) for date in room.dates)


def _slots_on_open_dates(room: MailboxRoom, spans: Sequence[Span]) -> list[int]:
    slots = room.slots_within(spans)
    if all(date.left > 0 for date in room.dates):
        return slots
    return [at for at in slots if room.date_room(at).left > 0]
