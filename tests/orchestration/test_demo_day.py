import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ledger_checker import MailboxRules, Rights, broken_rules, read_ledger
from psycopg.rows import dict_row

from outreach_pipelines.local_stack.postgres import EmbeddedPostgres

CHECKOUT = Path(__file__).resolve().parents[2]
OUTREACH = Path(sys.executable).parent / "outreach"
LONGEST_SECONDS = 900


def run_demo(base: Path) -> subprocess.Popen[bytes]:
    # As from a shell: in a session of its own, with nothing of this process's settings.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OUTREACH_", "DAGSTER_"))}
    # A day of its own, so that the same people are written to and do the same in every run.
    command = [OUTREACH, "demo", "--base", base, "--day", "2026-11-20"]
    with (base.parent / "demo.log").open("ab") as log:
        return subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log, start_new_session=True)


@pytest.fixture(scope="module")
def demo(new_server_folder: Callable[[str], Path]) -> Path:
    """A day lived whole, after one that was killed with -9 in the middle."""
    base = new_server_folder("outreach-demo-") / "with a space"
    killed = run_demo(base)
    ledger = base / "lab" / "ledger.jsonl"
    while killed.poll() is None and not (ledger.exists() and ledger.stat().st_size > 3000):
        try:
            killed.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    whole = run_demo(base)
    assert whole.wait(LONGEST_SECONDS) == 0, (base.parent / "demo.log").read_text(encoding="utf-8")[-4000:]
    return base


@pytest.fixture(scope="module")
def summary(demo: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((demo / "summary.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def database(demo: Path) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with EmbeddedPostgres(demo) as server, psycopg.connect(server.url("outreach"), row_factory=dict_row) as connection:
        yield connection


def test_every_row_of_the_lead_files_has_one_fate(summary: dict[str, Any]) -> None:
    leads = summary["leads"]

    uploads = (CHECKOUT / "examples" / "uploads").glob("*/*.csv")
    assert leads["read"] == leads["accepted"] + leads["already_known"] + leads["rejected"] == 1200
    assert leads["rejected"] > 30
    assert len(list(uploads)) == 4


def test_every_placed_message_is_accounted_for_and_none_is_open(summary: dict[str, Any]) -> None:
    states = ("accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown", "open")

    assert summary["placed"] == sum(summary[state] for state in states) > 250
    assert summary["open"] == 0


def test_the_labs_ledger_and_the_database_agree(summary: dict[str, Any]) -> None:
    assert (summary["duplicates"], summary["lost"]) == (0, 0)
    assert summary["ledger_lines"] == summary["accepted"]


def test_people_of_every_kind_were_heard(summary: dict[str, Any]) -> None:
    assert summary["bounces"]["hard"] > 0
    assert summary["replies"] > 0
    assert summary["out_of_office"] > 0
    assert summary["unsubscribes"] > 0
    assert summary["complaints"] > 0
    assert sum(summary["holds"].values()) > 0


def test_nothing_in_the_ledger_breaks_a_rule(demo: Path, database: psycopg.Connection[dict[str, Any]]) -> None:
    rows = database.execute(
        """select a.tag, a.outcome, m.campaign_id, m.step, m.window_start, m.window_end,
                  (select min(s.created_at) from app.suppression s where s.tenant_id = m.tenant_id and s.subject_hmac in (m.recipient_hmac, m.domain_hmac)) as suppressed_at
             from app.send_attempt a join app.message m using (tenant_id, plan_day, message_id)"""
    ).fetchall()
    rights = {
        row["tag"]: Rights(
            (row["campaign_id"], row["step"]),
            (row["window_start"], row["window_end"]),
            row["suppressed_at"],
            row["outcome"],
        )
        for row in rows
    }
    boxes = database.execute("select address, min_gap_seconds, daily_cap, zone from app.mailbox").fetchall()
    mailboxes = {box["address"]: MailboxRules(box["min_gap_seconds"], box["daily_cap"], box["zone"]) for box in boxes}

    ledger = read_ledger(demo / "lab" / "ledger.jsonl")

    assert broken_rules(ledger, rights, mailboxes) == []
    assert len(ledger) > 200


def test_tomorrows_plan_says_why_the_suppressed_are_left_out(
    database: psycopg.Connection[dict[str, Any]], summary: dict[str, Any]
) -> None:
    rows = database.execute(
        """select count(*) as n from app.decision d join app.plan p using (tenant_id, plan_id)
            where p.day > %s and d.binding_constraint in ('suppressed', 'bounced', 'unsubscribed', 'replied')""",
        [summary["day"]],
    ).fetchone()

    assert rows is not None
    assert rows["n"] > 0


def test_the_day_stands_in_dagsters_records(database: psycopg.Connection[dict[str, Any]]) -> None:
    runs = database.execute("select pipeline_name, status, count(*) as n from dagster.runs group by 1, 2").fetchall()

    assert {run["status"] for run in runs} == {"SUCCESS"}
    assert {
        "load_inventory",
        "import_new_leads",
        "audit_dns",
        "score_health",
        "plan_day",
        "send_hour",
        "reconcile_hour",
        "report_day",
    } == {run["pipeline_name"] for run in runs}
