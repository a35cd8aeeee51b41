"""The witness of the demo's day is itself tried here: with one broken ledger for each rule that it must find."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_checker import MailboxRules, Rights, Taken, broken_rules, read_ledger

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BOX = "box@sender.example"
#: A day of Auckland begins at 11:00 UTC in November.
MAILBOXES = {BOX: MailboxRules(gap=120, cap=3, zone="Pacific/Auckland")}
RIGHT = Rights((1, 1), (NOON - 3 * HOUR, NOON + 3 * HOUR), None, "accepted")


def taken(number: int, *, at: datetime | None = None, recipient: str | None = None) -> Taken:
    """The mailbox's message of that number, five minutes after the one before it."""
    return Taken(at or NOON + number * 5 * MINUTE, BOX, recipient or f"person{number}@example.test", f"tag{number}")


def rights(*numbers: int, of: Rights = RIGHT) -> dict[str, Rights]:
    return {f"tag{number}": of for number in numbers}


def test_a_day_that_keeps_every_rule_is_clean() -> None:
    ledger = [taken(1), taken(2), taken(3)]

    assert broken_rules(ledger, rights(1, 2, 3), MAILBOXES) == []


def test_a_message_that_the_database_does_not_know_is_found_and_stops_no_other_rule() -> None:
    ledger = [taken(1), taken(2), taken(3, at=NOON + 10 * MINUTE)]

    found = broken_rules(ledger, rights(2, 3), MAILBOXES)

    assert found == ["tag1 is no message of ours", f"{BOX} sends after 0:00:00"]


def test_a_mailbox_that_the_database_does_not_know_is_found() -> None:
    stranger = replace(taken(1), mailbox="other@sender.example")

    assert broken_rules([stranger], rights(1), MAILBOXES) == ["other@sender.example is no mailbox of ours"]


def test_a_message_said_to_be_accepted_that_nobody_took_is_found() -> None:
    assert broken_rules([taken(1)], rights(1, 2), MAILBOXES) == ["tag2 is accepted and was never taken"]


@pytest.mark.parametrize("outcome", ["open", "refused", "not_sent", "absent"])
def test_a_message_taken_and_said_not_to_be_out_is_found(outcome: str) -> None:
    found = broken_rules([taken(1)], rights(1, of=replace(RIGHT, outcome=outcome)), MAILBOXES)

    assert found == [f"tag1 was taken and is {outcome}"]


@pytest.mark.parametrize("outcome", ["in_doubt", "unknown"])
def test_doubt_about_a_message_is_true_whether_it_was_taken_or_not(outcome: str) -> None:
    doubted = rights(1, of=replace(RIGHT, outcome=outcome))

    assert broken_rules([taken(1)], doubted, MAILBOXES) == broken_rules([], doubted, MAILBOXES) == []


def test_one_step_taken_twice_under_two_tags_is_found() -> None:
    ledger = [taken(1, recipient="ada@example.test"), taken(2, recipient="ada@example.test")]

    assert broken_rules(ledger, rights(1, 2), MAILBOXES) == ["ada@example.test twice for one step"]


def test_one_attempt_taken_twice_is_found() -> None:
    again = replace(taken(1), at=NOON + HOUR)

    assert broken_rules([taken(1), again], rights(1), MAILBOXES) == ["person1@example.test twice for one step"]


@pytest.mark.parametrize("other", [(1, 2), (2, 1)])
def test_another_step_and_another_campaign_may_write_to_the_same_person(other: tuple[int, int]) -> None:
    ledger = [taken(1, recipient="ada@example.test"), taken(2, recipient="ada@example.test")]

    assert broken_rules(ledger, rights(1) | rights(2, of=replace(RIGHT, campaign_step=other)), MAILBOXES) == []


def test_a_mailbox_that_does_not_keep_its_gap_is_found() -> None:
    ledger = [taken(1, at=NOON), taken(2, at=NOON + timedelta(seconds=119))]

    assert broken_rules(ledger, rights(1, 2), MAILBOXES) == [f"{BOX} sends after 0:01:59"]


def test_a_gap_that_is_kept_to_the_second_is_kept() -> None:
    ledger = [taken(1, at=NOON), taken(2, at=NOON + timedelta(seconds=120))]

    assert broken_rules(ledger, rights(1, 2), MAILBOXES) == []


def test_the_gap_is_a_mailboxs_own() -> None:
    ledger = [taken(1, at=NOON), replace(taken(2, at=NOON), mailbox="second@sender.example")]

    assert broken_rules(ledger, rights(1, 2), MAILBOXES | {"second@sender.example": MAILBOXES[BOX]}) == []


def test_one_more_than_the_cap_of_a_mailbox_is_found() -> None:
    ledger = [taken(number) for number in range(4)]

    assert broken_rules(ledger, rights(0, 1, 2, 3), MAILBOXES) == [f"{BOX} sends 4 on 2026-11-19"]


def test_a_cap_counts_the_mailboxs_own_day() -> None:
    before_its_midnight = [taken(number, at=NOON - HOUR - (number + 1) * 5 * MINUTE) for number in (0, 1)]
    ledger = sorted([*before_its_midnight, taken(2), taken(3)], key=lambda each: each.at)

    assert broken_rules(ledger, rights(0, 1, 2, 3), MAILBOXES) == []


@pytest.mark.parametrize("at", [NOON - 3 * HOUR - timedelta(seconds=1), NOON + 3 * HOUR])
def test_a_message_outside_its_window_is_found(at: datetime) -> None:
    found = broken_rules([taken(1, at=at)], rights(1), MAILBOXES)

    assert found == [f"person1@example.test at {at}, outside the window"]


@pytest.mark.parametrize("at", [NOON - 3 * HOUR, NOON + 3 * HOUR - timedelta(seconds=1)])
def test_the_first_and_the_last_second_of_a_window_lie_in_it(at: datetime) -> None:
    assert broken_rules([taken(1, at=at)], rights(1), MAILBOXES) == []


def test_a_message_to_somebody_suppressed_before_is_found() -> None:
    since = NOON + 4 * MINUTE

    found = broken_rules([taken(1)], rights(1, of=replace(RIGHT, suppressed_at=since)), MAILBOXES)

    assert found == [f"person1@example.test is written to at {NOON + 5 * MINUTE}, suppressed since {since}"]


def test_a_suppression_after_the_message_breaks_nothing() -> None:
    later = replace(RIGHT, suppressed_at=NOON + 6 * MINUTE)

    assert broken_rules([taken(1)], rights(1, of=later), MAILBOXES) == []


def test_lines_are_read_oldest_first_by_simulated_time_and_without_probes(tmp_path: Path) -> None:
    lines = [
        {"time": "2026-01-01T00:00:01+00:00", "simulated_time": at, "mailbox": BOX, "recipient": to, "tag": tag}
        for at, to, tag in [
            ("2026-11-18T14:00:00+02:00", "late@example.test", "b"),
            ("2026-11-18T11:00:00+00:00", "early@example.test", "a"),
            ("2026-11-18T11:30:00+00:00", "success@simulator.amazonses.com", "c"),
        ]
    ]
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert read_ledger(path) == [
        Taken(NOON - HOUR, BOX, "early@example.test", "a"),
        Taken(NOON, BOX, "late@example.test", "b"),
    ]
