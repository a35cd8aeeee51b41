"""`outreach plan ...` over files: what it writes, says and ends with."""

import json
from datetime import timedelta
from pathlib import Path

import plan_factories as make
import pytest
from typer.testing import CliRunner, Result

from outreach_pipelines.cli.main import app, main
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Unsubscribed

SNAPSHOT = make.snapshot(
    candidates=(*(make.candidate(n) for n in range(1, 6)), make.candidate(6, block=Unsubscribed(make.DAY))),
    mailboxes=(make.mailbox(daily_cap=3),),
)


def outreach(*words: object) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, words)], env={"COLUMNS": "300"})


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    snapshot, made = tmp_path / "S.json", tmp_path / "P.json"
    snapshot.write_bytes(encode_snapshot(SNAPSHOT))
    outreach("compute", "--snapshot", snapshot, "--out", made)
    return snapshot, made


def test_compute_writes_the_plan_of_the_snapshot_without_a_database(files: tuple[Path, Path]) -> None:
    assert files[1].read_bytes() == encode_plan(plan(SNAPSHOT))


def test_compute_tells_at_once_why_nothing_goes_out(tmp_path: Path) -> None:
    snapshot = tmp_path / "S.json"
    snapshot.write_bytes(encode_snapshot(make.snapshot(mailboxes=())))

    said = outreach("compute", "--snapshot", snapshot, "--out", tmp_path / "P.json")

    assert (said.exit_code, said.output.splitlines()[:2]) == (
        0,
        [
            "2026-03-10: 0 go out = 1 candidate - 1 no mailbox",
            "  - 1: the campaign's pool has no mailbox; that is: pool 1 has no mailbox",
        ],
    )


def test_check_says_how_many_rules_a_plan_breaks_and_ends_by_that(files: tuple[Path, Path], tmp_path: Path) -> None:
    snapshot, made = files
    strict = tmp_path / "strict.json"
    strict.write_bytes(
        encode_snapshot(make.snapshot(candidates=SNAPSHOT.candidates, mailboxes=(make.mailbox(daily_cap=2),)))
    )

    good = outreach("check", "--snapshot", snapshot, "--plan", made)
    bad = outreach("check", "--snapshot", strict, "--plan", made)

    assert (good.exit_code, good.output) == (0, "0 violations\n")
    assert bad.exit_code == 1
    assert "the cap is 2 [mailbox_cap]" in bad.output


def test_check_prints_as_many_violations_as_asked_for_and_counts_them_all(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    other.write_bytes(encode_snapshot(make.snapshot(mailboxes=(make.mailbox(7),))))

    few = outreach("check", "--snapshot", other, "--plan", files[1], "--most", 1)

    first, more, total = few.output.splitlines()
    count = int(total.split()[0])
    assert count > 2
    assert first.endswith("]")
    assert more == f"... and {count - 1} more"


def test_faults_of_a_snapshot_file_are_one_message_with_the_name_of_the_file(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.loads(files[0].read_bytes())
    body["policy"]["daily_cap"], body["campaigns"][0]["share"] = -1, 0
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(body))
    monkeypatch.setattr(
        "sys.argv", ["outreach", "plan", "compute", "--snapshot", str(bad), "--out", str(tmp_path / "x")]
    )

    with pytest.raises(SystemExit) as ended:
        main()

    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.splitlines() == [
        f"{bad}: bad snapshot, 2 faults:",
        "  policy: daily_cap is -1, below 0",
        "  campaign 1: share is 0, not within 1 to 1000000",
    ]


def test_show_tells_the_day_as_one_number_with_its_breakdown(files: tuple[Path, Path]) -> None:
    said = outreach("show", "--plan", files[1])

    assert "3 go out = 6 candidates - 1 unsubscribed - 2 mailbox cap" in said.output
    assert (
        "3 placed; 0 follow-ups and 5 new leads had nothing against them but caps and time. 1 of 1 mailboxes are usable"
        in said.output
    )


def test_show_gives_the_commonest_sentence_of_each_reason(tmp_path: Path) -> None:
    away = [Unsubscribed(make.DAY - timedelta(days=ago)) for ago in (1, 2, 2)]
    made = tmp_path / "P.json"
    made.write_bytes(
        encode_plan(plan(make.snapshot(candidates=tuple(make.candidate(n, block=b) for n, b in enumerate(away, 1)))))
    )

    said = outreach("show", "--plan", made)

    assert "3: the person has unsubscribed; most often: unsubscribed on 2026-03-08" in said.output


def test_why_names_the_binding_constraint_and_all_that_were_looked_at(files: tuple[Path, Path]) -> None:
    blocked = outreach("why", 6, "--plan", files[1])
    by_hmac = outreach("why", make.hmac("person", 1), "--plan", files[1], "--snapshot", files[0])

    assert "not placed: the person has unsubscribed (unsubscribed on 2026-03-10)" in blocked.output
    assert "bounced, replied, company replied, unsubscribed (found), out of office" in blocked.output
    assert "the sequence ends here: unsubscribed" in blocked.output
    assert "placed: 2026-03-10" in by_hmac.output


def test_why_of_somebody_unknown_is_said_so(files: tuple[Path, Path]) -> None:
    said = outreach("why", 99, "--plan", files[1])

    assert said.exit_code == 1
    assert "99 was no candidate of that plan" in str(said.exception)


def test_an_address_finds_nobody_in_files_and_the_answer_says_what_does(files: tuple[Path, Path]) -> None:
    said = outreach("why", "person@example.com", "--plan", files[1], "--snapshot", files[0])

    assert said.exit_code == 1
    assert "by the number of the enrollment, or by an HMAC and --snapshot" in str(said.exception)


def test_diff_tells_who_is_newly_placed_and_why_the_others_were_not(files: tuple[Path, Path], tmp_path: Path) -> None:
    roomy = make.snapshot(candidates=SNAPSHOT.candidates, mailboxes=(make.mailbox(daily_cap=4),))
    other = tmp_path / "P2.json"
    other.write_bytes(encode_plan(plan(roomy)))

    said = outreach("diff", files[1], other)
    same = outreach("diff", files[1], files[1])

    assert "placed: 3 before, 4 after" in said.output
    assert "newly placed: 1" in said.output
    assert "mailbox cap keeps 1 fewer back" in said.output
    assert "no difference" in same.output


def test_diff_prints_as_many_rows_as_asked_for_and_says_how_many_are_left(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    nobody = tmp_path / "P2.json"
    nobody.write_bytes(encode_plan(plan(make.snapshot(candidates=()))))

    said = outreach("diff", files[1], nobody, "--most", 2)

    assert said.output.splitlines()[-1] == "... and 4 more (--most)"


def test_why_lists_what_was_found_besides_the_binding_constraint_and_nothing_twice(tmp_path: Path) -> None:
    made = tmp_path / "P.json"
    later = make.candidate(1, block=Unsubscribed(make.DAY), due_day=make.DAY + timedelta(days=1))
    made.write_bytes(encode_plan(plan(make.snapshot(candidates=(later,)))))

    said = outreach("why", 1, "--plan", made)

    assert "also: the step is not due yet\n" in said.output
