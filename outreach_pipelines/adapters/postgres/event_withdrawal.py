"""News of a message that turns out never to have been: what followed from it is taken back as far as nothing else says the same.

Belongs here: the order of writes. Does not: which news falls (`reply_rulings`), what news does (`domain.delivery_event`).
Locks in the order of `event_store`: the message, its recipient's suppression, the enrollment. A sequence that ended stays ended.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.step_calendar import next_step_day
from outreach_pipelines.application.review_replies import TakenBack
from outreach_pipelines.domain.delivery_event import (
    BounceFacts,
    DeliveryEvent,
    EventKind,
    cause_named,
    effect_of,
)
from outreach_pipelines.domain.inbound.verdict import BounceClass
from outreach_pipelines.domain.message_fate import fate_of
from outreach_pipelines.domain.suppression import SuppressionKind

_SQL, _APPLYING = statements("event_withdrawal"), statements("events")
#: The state that `app.suppress` gives the enrollments of who is suppressed.
_STATE_BY = {SuppressionKind.HARD_BOUNCE: "bounced", SuppressionKind.COMPLAINT: "complained"}


@dataclass(frozen=True, slots=True)
class PastEvent:
    """News that was applied, and the attempt it was about."""

    event: DeliveryEvent
    source: str
    attempt: int


def applied_events(connection: Connection, about: RowMapping) -> Sequence[PastEvent] | None:
    """All news of a message, which is locked by it; None where `about` names none, or its row is no longer kept."""
    if about["message_id"] is None or _locked(connection, about) is None:
        return None
    return [_past(row) for row in connection.execute(_SQL["events_of_message"], _place(about)).mappings()]


def withdraw(
    connection: Connection, message: RowMapping, fallen: Sequence[PastEvent], *, inbound: int, why: str
) -> TakenBack:
    """Take back `fallen`, some of the `applied_events` of one message, which one mail has told. `why` stands with a suppression that is lifted."""
    facts = _locked(connection, message) if fallen else None
    if facts is None:
        return TakenBack()
    connection.execute(_SQL["delete_events"], {"keys": [each.event.dedupe_key for each in fallen]})
    left = [_past(row) for row in connection.execute(_SQL["events_of_message"], _place(message)).mappings()]
    _set_fate(connection, facts, left)
    kinds = [kind for each in fallen if (kind := effect_of(each.event).suppress) is not None]
    lifted = [each for each in fallen if _falls(connection, facts, each.event, left, why)]
    for each in fallen:
        _mend_sequence(connection, facts, each.event, lifted=each in lifted, inbound=inbound)
    _stop_again(connection, facts)
    return TakenBack(lifted=bool(lifted), kept=tuple(dict.fromkeys(kinds)) if kinds and not lifted else ())


def _locked(connection: Connection, message: RowMapping) -> RowMapping | None:
    return connection.execute(_SQL["lock_message"], _place(message)).mappings().first()


def _set_fate(connection: Connection, facts: RowMapping, left: Iterable[PastEvent]) -> None:
    # As events are merged: a refusal is the message's fate only if it was its last word.
    counted = [
        each.event
        for each in left
        if each.event.kind is not EventKind.REFUSED or (facts["state"] == "failed" and each.attempt == facts["attempt"])
    ]
    fate = fate_of(counted)
    values = {name: getattr(fate, name) for name in fate.__slots__}
    rank = fate.outcome.rank if fate.outcome else 0
    connection.execute(_SQL["set_fate"], _place(facts) | values | {"rank": rank})


def _falls(
    connection: Connection, facts: RowMapping, event: DeliveryEvent, left: Iterable[PastEvent], why: str
) -> bool:
    """Whether the person is suppressed no more. What else suppresses them holds; so does what was suppressed before grounds were kept."""
    kind = effect_of(event).suppress
    if kind is None or any(effect_of(each.event).suppress is kind for each in left):
        return False
    whom = {"hmac": facts["recipient_hmac"]}
    connection.execute(_SQL["lock_person"], whom)
    connection.execute(_SQL["lock_suppression"], whom)
    ground = {"kind": kind, "source": f"{event.kind} of message {facts['plan_day']}/{facts['message_id']}"}
    if connection.execute(_SQL["drop_ground"], whom | ground).rowcount == 0:
        return False
    other = connection.execute(_SQL["strongest_ground"], whom).mappings().first()
    if other is not None:
        connection.execute(_SQL["restate"], whom | dict(other))
        return False
    return connection.execute(_SQL["lift"], whom | {"why": why}).rowcount > 0


def _mend_sequence(
    connection: Connection, facts: RowMapping, event: DeliveryEvent, *, lifted: bool, inbound: int
) -> None:
    effect, enrollment = effect_of(event), {"enrollment_id": facts["enrollment_id"]}
    if lifted and effect.suppress is not None:
        ended = {"state": _STATE_BY.get(effect.suppress, "unsubscribed"), "reason": effect.suppress}
        connection.execute(_SQL["end_otherwise"], ended | {"lead_id": facts["lead_id"], "enrollment_id": None})
    if effect.stops_sequence is not None:
        ended = {"state": effect.stops_sequence, "reason": event.kind}
        connection.execute(_SQL["end_otherwise"], ended | {"lead_id": facts["lead_id"]} | enrollment)
    if event.kind is EventKind.REPLIED:
        connection.execute(_SQL["disengage"], {"lead_id": facts["lead_id"]})
    if event.kind is EventKind.OUT_OF_OFFICE:
        _bring_forward(connection, facts, inbound)
    elif effect.delays_next_step:
        connection.execute(_SQL["soften"], enrollment)


def _bring_forward(connection: Connection, facts: RowMapping, inbound: int) -> None:
    about = {"enrollment_id": facts["enrollment_id"], "step": facts["step"]}
    told = connection.execute(_SQL["absence"], about | {"inbound_id": inbound}).mappings().first()
    day = told and next_step_day(connection, facts["campaign_id"], facts["step"], told["accepted_at"])
    if told is not None and day is not None:
        connection.execute(_SQL["bring_forward"], about | {"day": day, "away_until": told["away_until"]})


def _stop_again(connection: Connection, facts: RowMapping) -> None:
    """What other news of the same sequence has ended it by."""
    enrollment = {"enrollment_id": facts["enrollment_id"]}
    for row in connection.execute(_SQL["events_of_thread"], enrollment).mappings():
        event = _past(row).event
        state = effect_of(event).stops_sequence
        if state is not None:
            connection.execute(_APPLYING["stop_sequence"], enrollment | {"state": state, "reason": event.kind})


def _place(row: RowMapping) -> dict[str, object]:
    return {"plan_day": row["plan_day"], "message_id": row["message_id"]}


def _past(row: RowMapping) -> PastEvent:
    bounce = None
    if row["class"] is not None:
        bounce_class = BounceClass(row["class"])
        told = (row["enhanced_code"] or "", row["diagnostic"] or "", row["evidence"] or "")
        bounce = BounceFacts(bounce_class, cause_named(bounce_class, row["cause"]), *told)
    event = DeliveryEvent(row["dedupe_key"], EventKind(row["kind"]), row["occurred_at"], bounce=bounce)
    return PastEvent(event, row["source"], row["attempt"] or 1)
