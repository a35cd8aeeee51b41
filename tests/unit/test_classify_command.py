"""`outreach classify`: one JSON line a file, without database and settings."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.inbound.account import account_of
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.lone_text import date_of
from outreach_pipelines.domain.inbound.message import HumanReply

KEYS = [
    "file", "kind", "form", "recipients", "feedback_type", "until", "contact", "correlation", "reply_text", "language", "confidence", "evidence",
]  # fmt: skip
HEAD = "From: Ann <ann@example.net>\nDate: Mon, 3 Aug 2026 10:00:00 +0200\n"
REPORT = (
    "From: mailer-daemon@example.net\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nno\n--b\n"
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
    "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 4.2.2 mailbox full\n\n"
    "Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n\n--b--\n"
)
COMPLAINT = (
    "From: fbl@example.net\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nhello\n--b\n"
    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: ann@example.net\n\n--b--\n"
)


def told(folder: Path, *texts: str) -> list[dict[str, object]]:
    paths = [folder / f"{number}.eml" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    said = CliRunner().invoke(app, ["classify", *map(str, paths)])
    assert said.exit_code == 0
    return [json.loads(line) for line in said.stdout.splitlines()]


def test_each_file_is_one_line_with_every_key(tmp_path: Path) -> None:
    lines = told(tmp_path, REPORT, COMPLAINT, f"{HEAD}\nYes, please.", "Yes, please.", "")

    assert [list(line) for line in lines] == [KEYS] * 5
    assert [line["kind"] for line in lines] == ["hard", "complaint", "human_reply", "human_reply", "unknown"]
    assert [Path(str(line["file"])).name for line in lines] == [f"{number}.eml" for number in range(5)]


def test_a_report_tells_each_recipient_and_is_called_by_the_gravest(tmp_path: Path) -> None:
    (line,) = told(tmp_path, REPORT)

    recipients = line["recipients"]
    assert isinstance(recipients, list)
    assert [(each["address"], each["class"], each["cause"], each["enhanced_code"]) for each in recipients] == [
        ("bob@example.net", "full", None, "4.2.2"),
        ("ann@example.net", "hard", "unknown_user", "5.1.1"),
    ]
    assert recipients[1]["diagnostic"] == "550 5.1.1 user unknown"


def test_a_complaint_tells_its_type_and_who_complained(tmp_path: Path) -> None:
    (line,) = told(tmp_path, COMPLAINT)

    recipients = line["recipients"]
    assert isinstance(recipients, list)
    assert (line["feedback_type"], recipients[0]["address"], recipients[0]["class"]) == (
        "abuse",
        "ann@example.net",
        "complaint",
    )


def test_an_absence_is_counted_from_the_date_of_the_message(tmp_path: Path) -> None:
    note = f"{HEAD}Subject: Automatic reply: Hello\nAuto-Submitted: auto-replied\n\nI am away from 3 to 14 August."

    (line,) = told(tmp_path, note)

    assert (line["kind"], line["until"], line["language"], line["confidence"]) == (
        "out_of_office",
        "2026-08-15",
        "en",
        "high",
    )


def test_who_left_is_told_with_the_new_contact(tmp_path: Path) -> None:
    note = (
        f"{HEAD}Auto-Submitted: auto-replied\n\nAnn has left the company. Please contact Bob Stone <bob@example.net>."
    )

    (line,) = told(tmp_path, note)

    assert (line["kind"], line["contact"]) == ("left_company", {"address": "bob@example.net", "name": "Bob Stone"})


def test_the_evidence_names_rule_and_line(tmp_path: Path) -> None:
    (line,) = told(tmp_path, f"{HEAD}\nPlease remove me.")

    assert (line["kind"], line["evidence"]) == (
        "unsubscribe_request",
        {"rule": "phrase:en", "basis": "text", "line": "remove me"},
    )


def test_what_ties_it_to_a_send_is_told(tmp_path: Path) -> None:
    (line,) = told(
        tmp_path, f"{HEAD}To: app@example.com\nIn-Reply-To: <a@example.com>\nReferences: <b@example.com>\n\nYes."
    )

    correlation = line["correlation"]
    assert isinstance(correlation, dict)
    assert correlation["answered_ids"] == ["<a@example.com>", "<b@example.com>"]
    assert correlation["routed_to"] == ["app@example.com"]


def test_a_file_that_cannot_be_read_hinders_no_other(tmp_path: Path) -> None:
    good = tmp_path / "good.txt"
    good.write_text("Yes, please.")

    said = CliRunner().invoke(app, ["classify", str(tmp_path / "missing.eml"), str(tmp_path), "-", "a\0b", str(good)])

    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert said.exit_code == 1
    assert [sorted(line) for line in lines[:4]] == [["fault", "file"]] * 4
    assert lines[0] == {"file": str(tmp_path / "missing.eml"), "fault": "No such file or directory"}
    assert lines[4]["reply_text"] == "Yes, please."


def test_standard_input_is_a_file_too() -> None:
    said = CliRunner().invoke(app, ["classify", "-"], input="Yes, please.")

    assert (said.exit_code, json.loads(said.stdout)["reply_text"]) == (0, "Yes, please.")


def test_a_lone_surrogate_or_an_odd_name_still_makes_a_line(tmp_path: Path) -> None:
    odd = tmp_path / "\udcff.eml"
    odd.write_bytes(b"Subject: a\n\n\xed\xa0\x80 yes")

    said = CliRunner().invoke(app, ["classify", str(odd)])

    assert said.exit_code == 0
    assert json.loads(said.stdout)["form"] == "human_reply"


@pytest.mark.parametrize("raw", [REPORT, COMPLAINT, f"{HEAD}\nYes.", f"{HEAD}Precedence: bulk\n\nNews"])
def test_the_same_message_makes_the_same_account(raw: str) -> None:
    at = date_of(HEAD.encode())
    assert at is not None

    assert account_of(classify(raw.encode(), at)) == account_of(classify(raw.encode(), at))


def test_a_lone_surrogate_in_a_text_still_makes_json() -> None:
    at = date_of(HEAD.encode())
    assert at is not None
    message = replace(classify(b"From: ann@example.net\n\nYes.", at), content=HumanReply("\ud800 yes\0"))

    line = json.dumps(account_of(message), ensure_ascii=False).encode()

    assert json.loads(line)["reply_text"] == "? yes"


def test_the_command_loads_neither_database_nor_dagster() -> None:
    heavy = "{'dagster', 'sqlalchemy', 'boto3', 'pandas', 'psycopg', 'jinja2'}"
    program = f"import sys; sys.argv = ['outreach', 'classify', '/dev/null']\nfrom outreach_pipelines.cli.main import main\ntry:\n    main()\nexcept SystemExit:\n    pass\nprint(sorted({heavy} & set(sys.modules)))"

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert said.stdout.splitlines()[-1] == "[]"
