from datetime import UTC, date, datetime

import pytest

from outreach_pipelines.domain.back_off.verdict import CountsAgainst, counts_against
from outreach_pipelines.domain.delivery_event import (
    BounceFacts,
    DeliveryEvent,
    EventKind,
    MessageOutcome,
    cause_name,
    cause_named,
    effect_of,
)
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, Cause, HardCause, SoftCause
from outreach_pipelines.domain.suppression import SuppressionKind

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
CAUSES: dict[BounceClass, list[Cause | None]] = {
    BounceClass.HARD: list(HardCause),
    BounceClass.BLOCK: list(BlockCause),
    BounceClass.SOFT: list(SoftCause),
}
VERDICTS = [(kind, cause) for kind in BounceClass for cause in CAUSES.get(kind, [None])]


def event(
    kind: EventKind, bounce_class: BounceClass | None = None, cause: Cause | None = None, **more: date
) -> DeliveryEvent:
    bounce = None if bounce_class is None else BounceFacts(bounce_class, cause, "", "", "")
    return DeliveryEvent("key", kind, AT, bounce, **more)  # type: ignore[arg-type]  # away_until alone


@pytest.mark.parametrize("kind", EventKind)
def test_everything_but_a_refusal_proves_that_the_provider_took_the_message(kind: EventKind) -> None:
    assert effect_of(event(kind)).acceptance is (kind is not EventKind.REFUSED)


@pytest.mark.parametrize("kind", [EventKind.BOUNCED, EventKind.REFUSED])
@pytest.mark.parametrize(("bounce_class", "cause"), VERDICTS)
def test_only_a_hard_bounce_suppresses_and_nothing_that_speaks_of_the_path_does(
    kind: EventKind, bounce_class: BounceClass, cause: Cause | None
) -> None:
    effect = effect_of(event(kind, bounce_class, cause))

    assert (effect.suppress is SuppressionKind.HARD_BOUNCE) is (bounce_class is BounceClass.HARD)
    assert effect.suppress is None or counts_against(bounce_class, cause) is CountsAgainst.RECIPIENT


@pytest.mark.parametrize(("bounce_class", "cause"), VERDICTS)
def test_what_bounced_is_not_sent_again_but_the_next_step_waits(bounce_class: BounceClass, cause: Cause | None) -> None:
    effect = effect_of(event(EventKind.BOUNCED, bounce_class, cause))

    assert effect.delays_next_step is (bounce_class not in (BounceClass.HARD, BounceClass.NOT_A_FAILURE))


@pytest.mark.parametrize(("bounce_class", "cause"), VERDICTS)
def test_a_refusal_of_our_own_call_never_delays_the_step_it_refused(
    bounce_class: BounceClass, cause: Cause | None
) -> None:
    assert not effect_of(event(EventKind.REFUSED, bounce_class, cause)).delays_next_step


@pytest.mark.parametrize(
    "kind", [EventKind.SENT, EventKind.DELAYED, EventKind.AUTO_REPLIED, EventKind.OPENED, EventKind.CLICKED]
)
def test_what_only_shows_that_it_left_changes_nothing_else(kind: EventKind) -> None:
    effect = effect_of(event(kind))

    assert (effect.outcome, effect.suppress, effect.stops_sequence, effect.delays_next_step) == (
        None,
        None,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("kind", "suppress"),
    [(EventKind.COMPLAINED, SuppressionKind.COMPLAINT), (EventKind.UNSUBSCRIBE_REQUESTED, SuppressionKind.UNSUBSCRIBE)],
)
def test_who_complains_or_unsubscribes_is_not_written_to_again(kind: EventKind, suppress: SuppressionKind) -> None:
    assert effect_of(event(kind)).suppress is suppress


@pytest.mark.parametrize(
    ("kind", "state"),
    [(EventKind.REPLIED, "replied"), (EventKind.LEFT_COMPANY, "finished"), (EventKind.REJECTED, "finished")],
)
def test_what_stops_the_sequence(kind: EventKind, state: str) -> None:
    assert effect_of(event(kind)).stops_sequence == state


def test_an_absence_with_a_date_waits_for_it_and_one_without_waits_by_rule() -> None:
    until = date(2026, 12, 1)

    dated = effect_of(event(EventKind.OUT_OF_OFFICE, away_until=until))
    undated = effect_of(event(EventKind.OUT_OF_OFFICE))

    assert (dated.away_until, undated.away_until, undated.delays_next_step) == (until, None, True)


def test_ranks_of_outcomes_are_distinct_and_a_complaint_is_the_strongest() -> None:
    ranks = {outcome: outcome.rank for outcome in MessageOutcome}

    assert len(set(ranks.values())) == len(ranks)
    assert min(ranks.values()) > 0
    assert max(ranks, key=lambda outcome: ranks[outcome]) is MessageOutcome.COMPLAINED
    assert ranks[MessageOutcome.SOFT_BOUNCED] < ranks[MessageOutcome.DELIVERED] < ranks[MessageOutcome.HARD_BOUNCED]


@pytest.mark.parametrize(("bounce_class", "cause"), VERDICTS)
def test_a_cause_is_read_back_from_its_stored_name(bounce_class: BounceClass, cause: Cause | None) -> None:
    assert cause_named(bounce_class, cause_name(cause)) is cause
