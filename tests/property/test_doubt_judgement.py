"""When absence is believed: never by a clock alone, and never less cautiously for knowing less."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outreach_pipelines.domain.doubt import (
    Absent,
    Doubt,
    DoubtPolicy,
    EvidenceRule,
    GiveUp,
    GiveUpReason,
    Held,
    LookNow,
    NotDrained,
    QueueLook,
    SendProbe,
    Wait,
    judge_doubt,
)

INTENT = datetime(2026, 11, 18, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
POLICY = DoubtPolicy()
RIPE = INTENT + POLICY.horizon
CLEAN = Held(0, 0, 0, 0)

moments = st.integers(-120, 600).map(lambda minutes: INTENT + minutes * MINUTE)
counts = st.sampled_from([0, 0, 0, 1, 7])
queues: st.SearchStrategy[QueueLook] = st.builds(Held, counts, counts, counts, counts) | st.just(
    NotDrained("no answer")
)
doubts = st.builds(
    Doubt,
    rule=st.sampled_from(EvidenceRule),
    intended_at=st.just(INTENT),
    releases=st.integers(0, 3),
    evidence_waits=st.booleans(),
    watermark=st.none() | moments,
    last_probe=st.none() | moments,
    unread_at=st.none() | moments,
    stream_changed=st.sampled_from([False, False, True]),
    unseen_at=st.lists(moments, max_size=4).map(tuple),
    last_look=st.none() | moments,
)
near = st.integers(55, 66).map(lambda minutes: INTENT + minutes * MINUTE)
#: Nearly all that absence needs, so that what is lacking is mostly one thing.
events = st.builds(
    Doubt,
    rule=st.just(EvidenceRule.EVENTS),
    intended_at=st.just(INTENT),
    releases=st.sampled_from([0, 0, 0, 1, 2, 3]),
    evidence_waits=st.sampled_from([False, False, False, True]),
    watermark=st.none() | near,
    unread_at=st.sampled_from([None, None, INTENT - MINUTE, INTENT, INTENT + HOUR]),
    stream_changed=st.sampled_from([False, False, False, True]),
)
looks = st.builds(
    Doubt,
    rule=st.sampled_from([EvidenceRule.LOOK_UP, EvidenceRule.SENT_FOLDER]),
    intended_at=st.just(INTENT),
    evidence_waits=st.sampled_from([False, False, True]),
    unseen_at=st.lists(st.integers(50, 75).map(lambda minutes: INTENT + minutes * MINUTE), max_size=4).map(tuple),
)
late = st.integers(55, 300).map(lambda minutes: INTENT + minutes * MINUTE)
#: What is believed absent, so that rules about it are not tried on nothing.
believed = st.builds(
    Doubt,
    rule=st.just(EvidenceRule.EVENTS),
    intended_at=st.just(INTENT),
    watermark=st.integers(61, 600).map(lambda minutes: INTENT + minutes * MINUTE),
)


@given(events, late, queues | st.just(CLEAN))
def test_absence_by_events_needs_a_watermark_past_intent_and_horizon_and_a_clean_queue(
    doubt: Doubt, now: datetime, queue: QueueLook
) -> None:
    verdict = judge_doubt(doubt, now=now, queue=queue, policy=POLICY)

    if isinstance(verdict, Absent):
        assert doubt.watermark is not None
        assert doubt.watermark > INTENT + POLICY.horizon
        assert queue == CLEAN
        assert not doubt.evidence_waits
        assert not doubt.stream_changed
        assert doubt.unread_at is None or doubt.unread_at < INTENT


@given(believed, st.integers(601, 2000))
def test_what_was_believed_absent_stays_so_as_time_passes_and_the_watermark_rises(doubt: Doubt, minutes: int) -> None:
    now = INTENT + minutes * MINUTE
    later = replace(doubt, watermark=now)

    verdicts = [judge_doubt(each, now=at, queue=CLEAN, policy=POLICY) for each in (doubt, later) for at in (now, now + HOUR)]  # fmt: skip

    assert all(isinstance(verdict, Absent) for verdict in verdicts)


@given(doubts, moments, queues, st.integers(1, 300))
def test_a_longer_horizon_believes_no_absence_that_a_shorter_one_does_not(
    doubt: Doubt, now: datetime, queue: QueueLook, more: int
) -> None:
    longer = replace(POLICY, horizon=POLICY.horizon + more * MINUTE)

    if isinstance(judge_doubt(doubt, now=now, queue=queue, policy=longer), Absent):
        assert isinstance(judge_doubt(doubt, now=now, queue=queue, policy=POLICY), Absent)


@given(doubts, moments, queues)
def test_a_queue_that_may_hold_something_is_never_trusted_more_than_a_clean_one(
    doubt: Doubt, now: datetime, queue: QueueLook
) -> None:
    if isinstance(judge_doubt(doubt, now=now, queue=queue, policy=POLICY), Absent):
        assert isinstance(judge_doubt(doubt, now=now, queue=CLEAN, policy=POLICY), Absent)


@given(looks, late)
@example(Doubt(rule=EvidenceRule.LOOK_UP, intended_at=INTENT, unseen_at=(RIPE, RIPE + 10 * MINUTE)), RIPE + HOUR)
def test_absence_by_looks_needs_two_of_them_past_the_horizon_and_ten_minutes_apart(doubt: Doubt, now: datetime) -> None:
    verdict = judge_doubt(doubt, now=now, queue=NotDrained("none"), policy=POLICY)

    if isinstance(verdict, Absent):
        telling = sorted(at for at in doubt.unseen_at if at > RIPE)
        assert telling[-1] - telling[0] >= 10 * MINUTE
        assert not doubt.evidence_waits


@given(doubts, moments, queues)
def test_a_server_that_tells_nothing_is_never_believed_to_have_taken_nothing(
    doubt: Doubt, now: datetime, queue: QueueLook
) -> None:
    verdict = judge_doubt(replace(doubt, rule=EvidenceRule.NONE), now=now, queue=queue, policy=POLICY)

    assert isinstance(verdict, Wait | GiveUp)


@given(doubts, moments, queues)
def test_every_verdict_says_why_in_a_sentence(doubt: Doubt, now: datetime, queue: QueueLook) -> None:
    verdict = judge_doubt(doubt, now=now, queue=queue, policy=POLICY)

    assert len(verdict.sentence) > 20


READY = Doubt(rule=EvidenceRule.EVENTS, intended_at=INTENT, watermark=RIPE + MINUTE)


@pytest.mark.parametrize(
    ("lacking", "verdict"),
    [
        (READY, Absent),
        (replace(READY, releases=1, unread_at=INTENT - MINUTE), Absent),
        (replace(READY, watermark=RIPE), SendProbe),
        (replace(READY, watermark=None), SendProbe),
        (replace(READY, evidence_waits=True), Wait),
        (replace(READY, unread_at=INTENT), Wait),
        (replace(READY, stream_changed=True), Wait),
        (replace(READY, releases=2), GiveUp),
    ],
)
def test_each_thing_that_is_lacking_alone_keeps_absence_from_being_believed(lacking: Doubt, verdict: type) -> None:
    assert type(judge_doubt(lacking, now=RIPE + HOUR, queue=CLEAN, policy=POLICY)) is verdict


@pytest.mark.parametrize("stuck", [Held(1, 0, 0, 0), Held(0, 1, 0, 0), Held(0, 0, 1, 0), Held(0, 0, 0, 1), NotDrained("no answer")])  # fmt: skip
def test_one_message_stuck_anywhere_in_the_queue_keeps_doubt_open(stuck: QueueLook) -> None:
    doubt = Doubt(rule=EvidenceRule.EVENTS, intended_at=INTENT, watermark=RIPE + MINUTE)

    clean, dirty = (judge_doubt(doubt, now=RIPE + HOUR, queue=queue, policy=POLICY) for queue in (CLEAN, stuck))

    assert (type(clean), type(dirty)) == (Absent, Wait)


@pytest.mark.parametrize(
    ("last_probe", "now", "asks"),
    [
        (None, RIPE, False),
        (None, RIPE + MINUTE, True),
        (RIPE, RIPE + MINUTE, True),
        (RIPE + MINUTE, RIPE + 2 * MINUTE, False),
        (RIPE + MINUTE, RIPE + 31 * MINUTE, True),
    ],
)
def test_doubt_asks_for_a_probe_once_the_horizon_has_passed_and_again_when_it_was_lost(
    last_probe: datetime | None, now: datetime, *, asks: bool
) -> None:
    doubt = Doubt(rule=EvidenceRule.EVENTS, intended_at=INTENT, last_probe=last_probe)

    verdict = judge_doubt(doubt, now=now, queue=CLEAN, policy=POLICY)

    assert isinstance(verdict, SendProbe) is asks


@pytest.mark.parametrize(
    ("last_look", "now", "looks_now"),
    [
        (None, INTENT + timedelta(seconds=59), False),
        (None, INTENT + MINUTE, True),
        (INTENT + MINUTE, INTENT + 10 * MINUTE, False),
        (INTENT + MINUTE, INTENT + 11 * MINUTE, True),
    ],
)
def test_records_are_looked_at_early_and_then_every_ten_minutes(
    last_look: datetime | None, now: datetime, *, looks_now: bool
) -> None:
    doubt = Doubt(rule=EvidenceRule.LOOK_UP, intended_at=INTENT, last_look=last_look)

    verdict = judge_doubt(doubt, now=now, queue=CLEAN, policy=POLICY)

    assert isinstance(verdict, LookNow) is looks_now


@pytest.mark.parametrize("rule", [EvidenceRule.EVENTS, EvidenceRule.LOOK_UP, EvidenceRule.SENT_FOLDER])
def test_hope_ends_where_the_feeds_themselves_forget(rule: EvidenceRule) -> None:
    doubt = Doubt(rule=rule, intended_at=INTENT)

    verdicts = [judge_doubt(doubt, now=INTENT + timedelta(days=days), queue=CLEAN, policy=POLICY) for days in (14, 15)]

    assert not isinstance(verdicts[0], GiveUp)
    assert isinstance(verdicts[1], GiveUp)
    assert verdicts[1].reason is GiveUpReason.EVIDENCE_GONE
