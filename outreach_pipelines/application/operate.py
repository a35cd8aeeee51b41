"""A person pauses, slows down or sets free: what that will do in words, and that it is done and written down.

Belongs here: pauses and holds by hand, and the release of automatic holds. Does not: naming (`places`), suppressions
(`suppress_by_hand`), what a hold does (`functions/030_begin_send.sql`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction

from outreach_pipelines.application.acts_by_hand import Act, ByHand, HandCase, HandStore, Load, Note
from outreach_pipelines.application.places import Place, PlaceKind
from outreach_pipelines.domain.back_off import (
    AccountScope,
    HoldDecision,
    HoldReason,
    Policy,
    Scope,
    TenantScope,
    manual_hold,
    release,
)
from outreach_pipelines.errors import NotFound, Refused

_MAY_PAUSE = (PlaceKind.TENANT, PlaceKind.MAILBOX, PlaceKind.DOMAIN, PlaceKind.CAMPAIGN)
_SURVIVES = "Loading the inventory does not end it"


def effect_of_hold(store: HandStore, place: Place, factor: Fraction, until: datetime | None) -> str:
    """What a hold or pause will do, for a person to agree to. Raises `Refused` for a share that is none."""
    _check_factor(factor)
    load = store.load(place)
    end = f"until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if until else "until a person ends it"
    if factor == 0:
        first = f"{place}: nothing more leaves from the next intent on, {end}."
        then = "They wait and are asked again every few minutes; those whose window passes meanwhile expire, and a later plan decides anew."
    else:
        first = f"{place}: caps are cut to {float(factor):.0%} and pauses between messages lengthened alike, {end}."
        then = "Those for which no room is left expire, and a later plan decides anew."
    return f"{first} {_told(load)} {then} {_SURVIVES}."


def hold_by_hand(
    store: HandStore, place: Place, factor: Fraction, *, until: datetime | None, by: ByHand, act: Act = Act.HOLD_SET
) -> str:
    """Set or replace a person's hold; what came of it, once no intent is left that has not seen it. Twice is once.

    Raises `Refused` for an end that has passed, and for an account of all tenants, which is held tenant by tenant.
    """
    _check_factor(factor)
    if isinstance(place.scope, AccountScope):
        message = f"{place.words} serves all tenants; hold it for one: account:{place.name} --tenant TENANT"
        raise Refused(message)
    with store.at_hand(place.tenant.id) as case:
        now = case.now()
        if until is not None and until <= now:
            message = f"--until {until:%Y-%m-%d %H:%M} UTC has passed: it is {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            raise Refused(message)
        wanted = manual_hold(place.scope, factor, by.reason, now=now, until=until)
        stood = _in_force(case, place.scope, now)
        if any((each.factor, each.until) == (factor, until) for each in stood):
            return f"nothing was changed: {place} is held like that already ({stood[0].sentence})"
        case.end_manual(place.scope, f"replaced by {by.actor}: {by.reason}", now)
        case.set_manual(wanted)
        detail = {"reason": by.reason, "factor": str(factor), "until": until.isoformat() if until else None}
        case.note(Note(by, act, place.scope, detail))
    store.wait_for_intents(place.tenant.id)
    return f"done: {place} is held, and no intent is under way that has not seen it"


def pause(store: HandStore, place: Place, by: ByHand) -> str:
    """Stop a tenant, mailbox, domain or campaign; see `hold_by_hand`. Raises `Refused` for any other place."""
    if place.kind not in _MAY_PAUSE:
        message = f"{place.words} is slowed or stopped by: outreach hold set"
        raise Refused(message)
    if place.kind is not PlaceKind.TENANT:
        return hold_by_hand(store, place, Fraction(0), until=None, by=by, act=Act.PAUSED)
    with store.at_hand(place.tenant.id) as case:
        if (why := case.tenant_pause()) is not None:
            return f"nothing was changed: {place} is paused already ({why})"
        case.pause_tenant(by.reason)
        case.note(Note(by, Act.PAUSED, place.scope, {"reason": by.reason}))
    store.wait_for_intents(place.tenant.id)
    return f"done: {place} is paused, and no intent is under way that has not seen it"


def effect_of_resume(store: HandStore, place: Place) -> str:
    """What ending a pause will do, for a person to agree to."""
    load = store.load(place)
    pace = "They go at the pace of their mailboxes, no faster; what missed its window is for the next plan."
    return f"{place}: what persons have paused or held there goes on. {_told(load)} {pace}{_file_says(place)}"


def resume(store: HandStore, place: Place, by: ByHand) -> str:
    """End what persons have set on a place. Raises `Refused` where nothing stands by hand, and says what else stands."""
    with store.at_hand(place.tenant.id) as case:
        now = case.now()
        manual = _in_force(case, place.scope, now)
        paused = case.tenant_pause() if isinstance(place.scope, TenantScope) else None
        rest = [each for each in _automatic(case, place.scope) if each.factor_at(now) < 1]
        if not manual and paused is None:
            _refuse_resume(place, rest)
        case.end_manual(place.scope, f"{by.actor}: {by.reason}", now)
        if paused is not None:
            case.pause_tenant(None)
        case.note(Note(by, Act.RESUMED, place.scope, {"reason": by.reason}))
    woken = store.wake(place.tenant.id)
    still = "".join(f" Still held: {each.sentence}." for each in rest)
    return f"done: {place} goes on, {woken} messages are asked again now.{still}{_file_says(place)}"


def effect_of_release(store: HandStore, place: Place) -> str:
    """What releasing the holds of a place will do, for a person to agree to. Raises `NotFound` where none stands."""
    with store.at_hand(place.tenant.id) as case:
        now, policy = case.now(), case.policy()
        sentences = [_effect_on(each, policy, now) for each in _standing_now(case, place.scope, now)]
        if case.refusal_stands(place.scope):
            sentences.append("What a provider's refusal has stopped for two hours is tried again at once.")
        if not sentences:
            message = f"no hold stands on {place}; outreach hold list shows those that do"
            raise NotFound(message)
    return f"{place}: {' '.join(sentences)} {_told(store.load(place))}"


def release_by_hand(store: HandStore, place: Place, by: ByHand) -> str:
    """End a person's holds on a place and let automatic ones come back step by step. Twice is refused: `NotFound`."""
    with store.at_hand(place.tenant.id) as case:
        now, policy = case.now(), case.policy()
        standing, refused = _standing_now(case, place.scope, now), case.refusal_stands(place.scope)
        if not standing and not refused:
            message = f"no hold stands on {place}; outreach hold list shows those that do"
            raise NotFound(message)
        why = f"{by.actor}: {by.reason}"
        for hold in standing:
            if hold.reason is HoldReason.MANUAL:
                case.end_manual(place.scope, why, now)
            else:
                case.ease(release(hold, f"released by {why}; before: {hold.sentence}", policy=policy, now=now), now)
        case.end_refusal(place.scope, why, now)
        kinds = sorted({hold.reason.value for hold in standing} | ({"provider_refused"} if refused else set()))
        case.note(Note(by, Act.HOLD_RELEASED, place.scope, {"reason": by.reason, "holds": ", ".join(kinds)}))
    woken = store.wake(place.tenant.id)
    return f"done: {place} is released, {woken} messages are asked again now"


def _check_factor(factor: Fraction) -> None:
    if not 0 <= factor < 1:
        message = f"a hold leaves a share of the cap from 0 (nothing) to below 1, not {float(factor):g}"
        raise Refused(message)


def _in_force(case: HandCase, scope: Scope, now: datetime) -> list[HoldDecision]:
    return [each for each in case.standing(scope) if each.reason is HoldReason.MANUAL and each.factor_at(now) < 1]


def _automatic(case: HandCase, scope: Scope) -> list[HoldDecision]:
    return [each for each in case.standing(scope) if each.reason is not HoldReason.MANUAL]


def _standing_now(case: HandCase, scope: Scope, now: datetime) -> list[HoldDecision]:
    """Those that a release changes: one that is on its way back already would only begin its way again."""
    return [
        each for each in case.standing(scope) if each.factor_at(now) < 1 and (each.until is None or each.until > now)
    ]


def _effect_on(hold: HoldDecision, policy: Policy, now: datetime) -> str:
    if hold.reason is HoldReason.MANUAL:
        return f"The hold by hand ({hold.sentence}) ends, at full pace."
    left = float(release(hold, "", policy=policy, now=now).factor_at(now))
    return (
        f"The automatic hold ({hold.sentence}) ends now. It comes back from {left:.0%} of the cap in steps with each "
        "clean day, and its evidence so far is not judged again."
    )


def _refuse_resume(place: Place, rest: Sequence[HoldDecision]) -> None:
    message = f"{place} is not paused by hand"
    if rest:
        message += f"; it is held by itself: {rest[0].sentence}. To release that: outreach hold release {place.words}"
    raise Refused(message + _file_says(place))


def _told(load: Load) -> str:
    when = f", the next due at {load.next_due.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if load.next_due else ""
    under_way = f"; {load.under_way} under way finish" if load.under_way else ""
    return f"Messages waiting there: {load.waiting}{when}{under_way}."


def _file_says(place: Place) -> str:
    if place.file_state in ("", "active", "ramping"):
        return ""
    return f" The inventory says `state: {place.file_state}`, which only its file changes."
