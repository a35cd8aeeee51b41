"""The accounting identity of an hour."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from outreach_pipelines.domain.reconciliation import (
    AcceptedWitnesses,
    Balanced,
    Disagreement,
    HourCounts,
    Unbalanced,
    disagreements,
    identity,
)
from outreach_pipelines.domain.tenant import TenantId

HOUR = datetime(2026, 11, 21, 14, tzinfo=UTC)
STATES = ("accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown", "open")


def counts(placed: int, **states: int) -> HourCounts:
    return HourCounts(tenant=TenantId(1), hour=HOUR, placed=placed, **states)


def test_an_hour_balances_when_every_placed_message_has_one_state() -> None:
    hour = counts(36, **{state: number for number, state in enumerate(STATES, start=1)})

    assert identity(hour) == Balanced(hour)


@pytest.mark.parametrize("state", STATES)
def test_a_message_missing_from_any_state_is_noticed(state: str) -> None:
    verdict = identity(counts(8, **{name: 1 for name in STATES if name != state}))

    assert isinstance(verdict, Unbalanced)
    assert verdict.difference == 1
    assert verdict.sentence == "1 of 8 messages due in 2026-11-21 14:00 UTC are placed without a state"


def test_a_message_that_nobody_placed_is_noticed() -> None:
    verdict = identity(counts(2, accepted=3))

    assert isinstance(verdict, Unbalanced)
    assert verdict.difference == -1
    assert "never placed" in verdict.sentence


def test_a_lost_and_an_unplaced_message_of_two_hours_do_not_hide_each_other() -> None:
    verdicts = [identity(counts(2, accepted=1)), identity(counts(1, accepted=2))]

    assert all(isinstance(verdict, Unbalanced) for verdict in verdicts)


def test_counts_below_zero_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="below zero: failed, open"):
        counts(1, accepted=3, failed=-1, open=-1)


@pytest.mark.parametrize("hour", [HOUR + timedelta(minutes=30), HOUR.astimezone(timezone(timedelta(hours=1)))])
def test_counts_belong_to_a_whole_utc_hour(hour: datetime) -> None:
    with pytest.raises(ValueError, match="whole UTC hour"):
        HourCounts(tenant=TenantId(1), hour=hour, placed=0)


def witnesses(provider_sends: int | None = 12, attempts_accepted: int = 11) -> AcceptedWitnesses:
    return AcceptedWitnesses(
        messages_accepted=10,
        messages_failed_after_acceptance=1,
        attempts_accepted=attempts_accepted,
        attempts_accepted_twice=1,
        provider_sends=provider_sends,
    )


def test_witnesses_agree_when_rejected_and_repeated_sends_are_counted_where_they_belong() -> None:
    assert disagreements(witnesses()) == ()


def test_a_provider_that_saw_one_send_more_is_named() -> None:
    assert disagreements(witnesses(13)) == (Disagreement("attempts and the provider's sends", 12, 13),)


def test_an_attempt_without_its_message_is_named() -> None:
    assert disagreements(witnesses(13, 12)) == (Disagreement("messages and attempts", 11, 12),)


def test_a_provider_that_reports_no_sends_is_not_a_witness() -> None:
    assert disagreements(witnesses(None)) == ()
