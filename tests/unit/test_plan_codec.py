"""The written form of snapshots and plans: one for each, refused when it is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import (
    BadPlanError,
    decode_plan,
    decode_snapshot,
    encode_plan,
    encode_snapshot,
)
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError
from outreach_pipelines.domain.send_plan.planner import plan

BUSY = make.snapshot(
    mailboxes=(make.mailbox(1, hold=s.Hold(Fraction(1, 2), "slow")), make.mailbox(2)),
    candidates=tuple(make.candidate(number) for number in range(1, 31)),
    policy=make.policy(quiet_hours=make.hours("20:00", "08:00")),
)
NO_DOMAIN = s.Undeliverable(NoMail.NO_SUCH_DOMAIN, make.DAY)
CHECKOUT = Path(__file__).parents[2]


def test_every_fault_of_a_snapshot_is_named_in_one_message() -> None:
    snapshot = make.snapshot(
        policy=make.policy(zone=ZoneName("Mars/Olympus"), daily_cap=-1, weekend=frozenset(range(7))),
        mailboxes=(make.mailbox(1, domain_id=9, daily_cap=-3, min_spacing=400), make.mailbox(1)),
        campaigns=(make.campaign(share=0, steps=(make.step(2, -1, ""),)),),
        candidates=(make.candidate(campaign_id=8, recipient="anna@example.com"), make.candidate()),
        as_of=datetime(2026, 3, 10),  # noqa: DTZ001 - a time without a zone is one of the faults
    )

    with pytest.raises(BadSnapshotError) as caught:
        plan(snapshot)

    assert set(caught.value.faults) == {
        "as_of: 2026-03-10 00:00:00 is not in UTC",
        "policy: unknown time zone 'Mars/Olympus'",
        "policy: weekend takes all seven days",
        "policy: daily_cap is -1, below 0",
        "mailbox 1 stands 2 times",
        "mailbox 1: domain 9 is not in the snapshot",
        "mailbox 1: daily_cap is -3, below 0",
        "mailbox 1: min_spacing is 400, not within 1 to 300",
        "mailbox 1: max_spacing is 300, not within 400 to 86400",
        "campaign 1: share is 0, not within 1 to 1000000",
        "campaign 1: steps are not numbered 1, 2, 3 ... in order",
        "campaign 1: delay of step 2 is -1, below 0",
        "campaign 1: step 2 has no variant",
        "candidate: enrollment 1 stands 2 times",
        "enrollment 1: campaign 8 is not in the snapshot",
        "enrollment 1: recipient is not an HMAC in lower-case hex",
    }


def test_an_address_in_place_of_its_hmac_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadSnapshotError) as caught:
        plan(make.snapshot(candidates=(make.candidate(recipient="anna@example.com"),)))

    assert "anna" not in str(caught.value)


def _set(*path: str | int) -> Callable[[Any, object], None]:
    def change(document: Any, value: object) -> None:
        for part in path[:-1]:
            document = document[part]
        document[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "value", "fault"),
    [
        (_set("day"), "2026-13-01", "day: '2026-13-01' is not a date"),
        (_set("seed"), 1.5, "seed: 1.5 is not a whole number"),
        (_set("seed"), True, "seed: True is not a whole number"),
        (_set("mailboxes", 0, "state"), "asleep", "mailboxes[0].state: 'asleep' is not one of ramping"),
        (_set("mailboxes", 0, "hold", "factor"), "1/0", "mailboxes[0].hold.factor: '1/0' is not a fraction"),
        (_set("mailboxes"), {}, "mailboxes: {} is not a list"),
        (
            _set("candidates", 3, "block"),
            {"type": "Vanished"},
            "candidates[3].block: {'type': 'Vanished'} is not an object",
        ),
        (_set("policy", "quiet_hours"), {"start": "20:00:00"}, "policy.quiet_hours: end is missing"),
        (_set("policy", "surprise"), 1, "policy: surprise is not known"),
        (_set("mailboxes", 0, "daily_cap"), -1, "mailbox 1: daily_cap is -1, below 0"),
    ],
)
def test_bad_json_is_refused_with_its_place(change: Callable[[Any, object], None], value: object, fault: str) -> None:
    document = json.loads(encode_snapshot(BUSY))
    change(document, value)

    with pytest.raises(BadSnapshotError) as caught:
        decode_snapshot(json.dumps(document).encode())

    assert fault in str(caught.value)


def test_each_fault_of_many_rows_is_told_with_its_own_place() -> None:
    document = json.loads(encode_snapshot(replace(BUSY, mailboxes=(make.mailbox(1), make.mailbox(2)))))
    boxes, people = document["mailboxes"], document["candidates"]
    boxes[0]["other_sends"] = ["2026-03-09T10:00:00Z"]
    boxes[1]["other_sends"] = ["2026-03-09T11:00:00Z", "noon"]
    boxes[1]["path_holds"] = [{"account_id": 1, "hold": {"factor": "half", "reason": ""}}]
    people[2]["step"], people[3]["zone"] = "two", 7
    people[4] = None
    people[5]["block"] = {"type": "Away", "until": "soon"}
    people[6]["block"] = {"type": "Bounced"}
    people[7]["missing_fields"] = ["title", []]
    del people[8]["round"]
    people[8]["step"], people[8]["rounds"] = "one", 2
    document["surprise"] = 1

    with pytest.raises(BadSnapshotError) as caught:
        decode_snapshot(json.dumps(document).encode())

    assert sorted(caught.value.faults) == [
        "candidates[2].step: 'two' is not a whole number",
        "candidates[3].zone: 7 is not a text",
        "candidates[4]: null is not an object",
        "candidates[5].block.until: 'soon' is not a date like 2026-11-21",
        "candidates[6].block: on is missing",
        "candidates[7].missing_fields[1]: [] is not a text",
        "candidates[8].step: 'one' is not a whole number",
        "candidates[8]: round is missing",
        "candidates[8]: rounds is not known",
        "mailboxes[1].other_sends[1]: 'noon' is not a time like 2026-11-21T09:00:00Z",
        "mailboxes[1].path_holds[0].hold.factor: 'half' is not a fraction like 1/2",
        "the document: surprise is not known",
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "the document is empty"),
        (b" \n", "the document is empty"),
        (b"{", "the document is not JSON: Expecting property name"),
        (b"[]", "the document: [] is not an object"),
        (b"null", "the document: null is not an object"),
        (b"\xff", "the document is not JSON: "),
        (b"[" * 100_000, "the document is nested too deeply"),
        (b"9" * 5_000, "the document is not JSON: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits"),
    ],
)  # fmt: skip
def test_what_is_no_snapshot_and_no_plan_is_refused_in_one_sentence(data: bytes, fault: str) -> None:
    with pytest.raises(BadSnapshotError) as no_snapshot:
        decode_snapshot(data)
    with pytest.raises(BadPlanError) as no_plan:
        decode_plan(data)

    assert no_snapshot.value.faults == no_plan.value.faults
    assert [said.startswith(fault) and "sys." not in said for said in no_plan.value.faults] == [True]


def test_every_fault_of_a_plan_is_named() -> None:
    document = json.loads(encode_plan(plan(BUSY)))
    document["day"], document["placements"][0]["due_at"] = "soon", "noon"

    with pytest.raises(BadPlanError) as caught:
        decode_plan(json.dumps(document).encode())

    assert caught.value.faults == (
        "day: 'soon' is not a date like 2026-11-21",
        "placements[0].due_at: 'noon' is not a time like 2026-11-21T09:00:00Z",
    )


def test_a_plan_that_was_changed_does_not_fit_its_hash() -> None:
    document = json.loads(encode_plan(plan(BUSY)))
    document["placements"][0]["mailbox_id"] = 2 if document["placements"][0]["mailbox_id"] == 1 else 1

    with pytest.raises(BadPlanError, match="does not fit the hash"):
        decode_plan(json.dumps(document).encode())


def test_a_changed_fact_changes_the_hashes() -> None:
    other = replace(BUSY, seed=BUSY.seed + 1)

    first, second = plan(BUSY), plan(other)

    assert first.snapshot_hash != second.snapshot_hash
    assert first.plan_hash != second.plan_hash


def test_every_object_has_its_keys_in_order() -> None:
    blocked = replace(BUSY, candidates=(make.candidate(block=s.Away(make.DAY)),))

    for encoded in (encode_snapshot(blocked), encode_plan(plan(blocked))):
        assert json.dumps(json.loads(encoded), sort_keys=True, separators=(",", ":")).encode() == encoded


def test_canonical_json_holds_no_float_and_no_address() -> None:
    encoded = encode_snapshot(BUSY) + encode_plan(plan(BUSY))

    assert b"@" not in encoded
    json.loads(encode_snapshot(BUSY), parse_float=pytest.fail)
    json.loads(encode_plan(plan(BUSY)), parse_float=pytest.fail)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4294967295"])
def test_the_seed_of_python_hashes_changes_no_byte(hash_seed: str, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(encode_snapshot(BUSY))
    program = (
        "import sys; from pathlib import Path; from outreach_pipelines.domain.send_plan import codec, planner;"
        "print(planner.plan(codec.decode_snapshot(Path(sys.argv[1]).read_bytes())).plan_hash)"
    )

    other = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == plan(BUSY).plan_hash


def test_a_block_comes_back_from_json_with_its_reason() -> None:
    blocked = make.snapshot(candidates=(make.candidate(block=NO_DOMAIN),))

    assert decode_snapshot(encode_snapshot(blocked)).candidates[0].block == NO_DOMAIN
