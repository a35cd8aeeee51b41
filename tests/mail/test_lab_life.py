"""The life of a lab: configuration, clock, journals, unsubscribes over the web, end and restart."""

import asyncio
import json
import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from lab_process import MORNING, Aws, RunningLab, end, start_lab, stop_lab

from outreach_pipelines.lab.clock import Agenda, ClockRefusedError, SimulatedClock
from outreach_pipelines.lab.config import ConfigError, parse_config
from outreach_pipelines.lab.ledger import JournalFile

pytest_plugins = ("lab_fixtures",)

LINK = "List-Unsubscribe: <mailto:x@sender.test>, <https://go.sender.test/u/token?x=1>\r\n"
ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def send(lab: RunningLab, recipient: str, headers: str = "") -> None:
    own = f"From: anna@sender.test\r\nTo: {recipient}\r\nSubject: x\r\nMessage-ID: <t@sender.test>\r\n"
    raw = f"{own}{headers}\r\nhi\r\n"
    with smtplib.SMTP("127.0.0.1", lab.ports["smtp"], timeout=10) as client:
        client.login("smtp-a", "right")
        client.sendmail("bounces@sender.test", [recipient], raw)


def test_all_faults_of_a_configuration_are_told_at_once_and_no_secret():
    document = {
        "data_dir": "/tmp/x",
        "zones_dir": "/tmp/x",
        "aws": {"endpoint_url": "http://127.0.0.1:1", "region": "eu-west-1", "access_key_id": "k"},
        "ses": {"name": "s", "region": "eu-west-1", "access_keys": [], "configuration_sets": {}, "identities": []},
        "inboxes": [{"username": "i", "password": "hidden", "receives": ["sender.test"]}],
        "recipients": {"weights": {"hard": 2}},
        "port": 1,
    }

    with pytest.raises(ConfigError) as caught:
        parse_config(json.dumps(document).encode())

    told = str(caught.value)
    assert all(word in told for word in ("aws.secret_access_key", "inboxes.0.receives.0", "recipients", "port"))
    assert "hidden" not in told


def test_two_accounts_of_one_name_are_refused():
    ses = {"name": "s", "region": "r", "access_keys": [], "configuration_sets": {}, "identities": []}
    aws = {"endpoint_url": "u", "region": "r", "access_key_id": "k", "secret_access_key": "s"}
    accounts = [{"name": "s", "username": "u", "password": "p"}]
    document = {"data_dir": "d", "zones_dir": "z", "aws": aws, "ses": ses, "smtp_accounts": accounts}

    with pytest.raises(ConfigError, match="given twice: s"):
        parse_config(json.dumps(document).encode())


def test_the_clock_is_real_until_it_is_set_and_never_goes_back():
    clock = SimulatedClock()
    before = datetime.now(UTC)

    ran_free = before <= clock.now() <= datetime.now(UTC)
    clock.step_to(MORNING)

    assert ran_free
    assert clock.now() == MORNING
    with pytest.raises(ClockRefusedError):
        clock.step_to(MORNING - timedelta(seconds=1))
    with pytest.raises(ClockRefusedError):
        clock.step_to(datetime(2027, 1, 1))  # noqa: DTZ001 - a time without a zone is what is refused


async def test_actions_run_in_order_of_time_also_those_that_actions_add():
    clock, ran = SimulatedClock(), []
    clock.step_to(MORNING)
    agenda = Agenda(clock)

    async def first() -> None:
        ran.append("first")
        agenda.add(after=timedelta(0), action=third)

    async def second() -> None:
        ran.append("second")

    async def third() -> None:
        ran.append("third")

    agenda.add(after=timedelta(minutes=2), action=second)
    agenda.add(after=timedelta(minutes=1), action=first)
    clock.step_to(MORNING + timedelta(minutes=1))
    count = await agenda.run_due()
    clock.step_to(MORNING + timedelta(minutes=2))
    await agenda.run_due()

    assert count == 2
    assert ran == ["first", "third", "second"]


async def test_a_reaction_that_fails_does_not_stop_the_next_one():
    clock, ran = SimulatedClock(), []
    agenda = Agenda(clock)

    async def broken() -> None:
        raise LookupError

    async def works() -> None:
        ran.append("works")

    agenda.add(after=timedelta(0), action=broken)
    agenda.add(after=timedelta(0), action=works)
    await agenda.run_due()

    assert ran == ["works"]


async def test_a_line_is_on_the_disk_before_append_returns_and_waiting_lines_share_a_sync(tmp_path: Path):
    path, synced = tmp_path / "j.jsonl", []
    journal = JournalFile(path, sync=lambda _: synced.append(path.read_bytes()))
    journal.start()

    await journal.append(b"1\n")
    await asyncio.gather(*(journal.append(b"%d\n" % i) for i in range(2, 10)))
    await journal.stop()

    assert synced[0] == b"1\n"
    assert synced[-1] == b"1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    assert len(synced) < 9


async def test_half_a_line_of_a_killed_process_is_cut_off(tmp_path: Path):
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"a":1}\n{"b"')
    journal = JournalFile(path)
    journal.start()

    await journal.append(b'{"c":1}\n')
    await journal.stop()

    assert path.read_bytes() == b'{"a":1}\n{"c":1}\n'


def test_the_clock_is_stepped_over_http_and_not_back(lab: RunningLab):
    state = lab.step(minutes=1)

    back = httpx.post(f"{lab.control}/clock", json={"now": "2020-01-01T00:00:00Z"})
    zoneless = httpx.post(f"{lab.control}/clock", json={"now": "2030-01-01T00:00:00"})

    assert state["clock"] == "stepped"
    assert (back.status_code, zoneless.status_code) == (422, 422)
    assert lab.status()["now"] == state["now"]


@pytest.mark.parametrize(
    "order",
    [
        {"fault": "nonsense", "account": "ses-main"},
        {"fault": "hang"},
        {"fault": "hang", "account": "a", "recipient": "b"},
        {"fault": "hang", "account": "a", "count": 0},
        {"fault": "shuffle_events", "account": "a"},
    ],
)
def test_a_fault_that_is_not_well_ordered_is_refused(lab: RunningLab, order: dict[str, object]):
    assert httpx.post(f"{lab.control}/faults", json=order).status_code == 422


def test_the_state_tells_when_the_next_reaction_is_due(lab: RunningLab):
    lab.step()
    send(lab, "hard2.deliver@people.example")

    due = datetime.fromisoformat(lab.status()["next_reaction_at"])
    pending = lab.status()["pending_reactions"]
    after = httpx.post(f"{lab.control}/clock", json={"now": due.isoformat()}).json()

    assert pending - after["pending_reactions"] == after["reactions_run"] == 1


@contextmanager
def web_host() -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A web server for unsubscribe links: its address, and the Host, path and body of each POST."""
    posts: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append((self.headers["Host"], self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", posts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_person_unsubscribes_with_one_click_and_only_where_that_is_offered(lab_aws: Aws, tmp_path: Path):
    with web_host() as (address, posts):
        lab = start_lab(lab_aws, tmp_path, web_hosts={"go.sender.test": address})
        try:
            lab.step()
            send(lab, "unsubscribe.kim@people.example", LINK + ONE_CLICK)
            send(lab, "unsubscribe.lea@people.example", LINK)
            send(lab, "unsubscribe.max@people.example", (LINK + ONE_CLICK).replace("go.sender.test", "no.sender.test"))
            lab.step(hours=3)
        finally:
            end(lab.process)

    deeds = (json.loads(line) for line in (lab.data_dir / "reactions.jsonl").read_text().splitlines())
    told = {deed["recipient"][:15]: deed["detail"] for deed in deeds if deed["kind"] == "unsubscribed"}
    assert posts == [("go.sender.test", "/u/token?x=1", b"List-Unsubscribe=One-Click")]
    assert told == {
        "unsubscribe.kim": "HTTP 200",
        "unsubscribe.lea": "the message offers no one-click unsubscribe",
        "unsubscribe.max": "no web host no.sender.test",
    }


def test_a_lab_ends_on_a_signal_and_the_next_one_knows_its_mail_and_its_counts(lab_aws: Aws, tmp_path: Path):
    first = start_lab(lab_aws, tmp_path)
    first.step()
    send(first, "optout.nora@people.example")
    first.step(hours=4)
    exit_code = stop_lab(first)

    second = start_lab(lab_aws, tmp_path)
    try:
        inboxes = second.status()["inboxes"]
        accounts = {a["name"]: a["accepted"] for a in httpx.get(f"{second.control}/accounts").json()["accounts"]}
    finally:
        end(second.process)

    assert exit_code == 0
    assert inboxes == {"all": 0, "anna": 1}
    assert {name: accepted for name, accepted in accounts.items() if accepted} == {"smtp-a": 1}


def test_a_hanging_client_does_not_keep_a_lab_from_ending(lab_aws: Aws, tmp_path: Path):
    lab = start_lab(lab_aws, tmp_path)
    lab.fault(account="smtp-a", fault="hang")
    client = smtplib.SMTP("127.0.0.1", lab.ports["smtp"], timeout=10)
    client.login("smtp-a", "right")
    client.mail("bounces@sender.test")
    client.rcpt("deliver.olga@people.example")
    client.putcmd("data")
    client.getreply()
    client.send(b"From: anna@sender.test\r\n\r\nhi\r\n.\r\n")

    exit_code = stop_lab(lab)
    client.close()

    assert exit_code == 0
    assert lab.accepted("deliver.olga@people.example") == []
