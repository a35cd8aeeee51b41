"""Knobs of a snapshot: what they name, how values are read, and what is refused."""

import plan_factories as make
import pytest

from outreach_pipelines.domain.plan_what_if import BadKnobError, parse_knob, with_knobs
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError

TWO = make.snapshot(mailboxes=(make.mailbox(1, daily_cap=40), make.mailbox(2, daily_cap=10)))


def turned(*knobs: str) -> s.Snapshot:
    return with_knobs(TWO, [parse_knob(text) for text in knobs])


def caps(snapshot: s.Snapshot) -> list[int | None]:
    return [mailbox.daily_cap for mailbox in snapshot.mailboxes]


@pytest.mark.parametrize(
    ("knob", "expected"),
    [
        ("mailbox.2.daily_cap=20", [40, 20]),
        ("mailboxes.daily_cap=20", [20, 20]),
        ("mailboxes.daily_cap=x1.5", [60, 15]),
        ("mailboxes.daily_cap=x1.19", [47, 11]),
        ("mailboxes.daily_cap=none", [None, None]),
    ],
)
def test_a_knob_turns_one_row_or_all_of_a_kind(knob: str, expected: list[int | None]) -> None:
    assert caps(turned(knob)) == expected


def test_a_row_is_named_by_its_whole_number() -> None:
    many = make.snapshot(mailboxes=tuple(make.mailbox(number) for number in (1, 10, 11)))

    other = with_knobs(many, [parse_knob("mailbox.1.daily_cap=5")])

    assert caps(other) == [5, 40, 40]


def test_a_hold_can_be_tried_where_none_is_written_down() -> None:
    held = '={"factor": "0", "reason": "what if"}'

    other = turned(f"campaign.1.hold{held}", f"account.1.hold{held}")

    assert other.campaigns[0].hold is not None
    assert other.accounts[0].hold is not None


def test_knobs_turn_policy_states_and_nested_fields() -> None:
    other = turned(
        "policy.daily_cap=7",
        "campaign.1.state=paused",
        'mailbox.1.hold={"factor": "1/2", "reason": "what if"}',
        "seed=9",
    )

    assert (other.policy.daily_cap, other.campaigns[0].state, other.seed) == (7, "paused", 9)
    assert other.mailboxes[0].hold is not None
    assert turned("campaign.1.window.hours.end=18:00:00").campaigns[0].window.hours.end.hour == 18


def test_unlimited_times_a_factor_stays_unlimited() -> None:
    assert turned("policy.daily_cap=x2").policy.daily_cap is None


@pytest.mark.parametrize(
    "knob",
    [
        "policy.no_such=1",
        "mailbox.9.daily_cap=1",
        "candidates.verified=true",
        "mailboxes=1",
        "tenant_id=2",
        "rubbish",
        "=1",
    ],
)
def test_a_knob_that_names_nothing_is_refused(knob: str) -> None:
    with pytest.raises(BadKnobError):
        turned(knob)


def test_a_value_that_makes_no_sense_is_refused_with_every_fault() -> None:
    with pytest.raises(BadSnapshotError) as caught:
        turned("policy.daily_cap=-1", "mailbox.1.state=asleep")

    assert len(caught.value.faults) >= 1
