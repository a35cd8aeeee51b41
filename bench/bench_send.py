"""What a message costs from claim to outcome, beside two peers on the same PostgreSQL in the same run.

Prints one JSON object a figure: medians over interleaved repetitions. CPU is in milliseconds a message, of the senders and
of the database server apart. Peers run in `.venv-bench` (`make bench-send`); without it they are left out.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
from sending import tenants
from sending.ground import Ground, ground
from sending.race import Figure, Orders, Result, race
from sqlalchemy import make_url

from outreach_pipelines.adapters.postgres.bootstrap import Role

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = ROOT / ".venv-bench" / "bin" / "python"
LEAST_SECONDS_OF_HOUR = 120


def ours(on: Ground, *, workers: int, messages: int, tenants_each: int = 1, hot: bool = False, shared: bool = False,
         smtp: bool = False, ses: bool = False) -> Result:  # fmt: skip
    """`messages` in all. `hot`: one tenant for all workers. `shared`: one account for all tenants. Without `smtp` and `ses` nothing is called."""
    tenants.wait_for_room_in_hour(LEAST_SECONDS_OF_HOUR)
    number = 1 if hot else workers * tenants_each
    account = tenants.new_account(on.admin, "smtp", {})
    due = []
    for _ in range(number):
        due.append(tenants.due_tenant(on.admin, account, messages // number))
        account = account if shared else tenants.new_account(on.admin, "smtp", {})
    on.admin.execute("vacuum analyze")
    orders = [
        {
            "url": on.urls[Role.APP],
            "files": str(on.folder / "files"),
            "smtp_port": on.sink if smtp else None,
            "ses_port": on.lab.ports.ses if ses else None,
            "hours": [(each.tenant, each.hour.isoformat()) for each in (due if hot else due[worker::workers])],
        }
        for worker in range(workers)
    ]
    servers = on.served_by(on.sink_pid if smtp else on.lab.pid if ses else None)
    result = race(_python("ours"), orders, servers)
    assert result.messages == messages // number * number, f"{result.messages} of {messages} were sent"
    return result


def procrastinate(on: Ground, *, workers: int, messages: int) -> Result:
    """As many jobs that do nothing."""
    command = [PEERS, HERE / "peers" / "procrastinate_worker.py"]
    _tell(command, {"url": on.peers_url, "defer": messages})
    with psycopg.connect(on.peers_url, autocommit=True) as peers:
        peers.execute("vacuum analyze")
    return race(command, [{"url": on.peers_url}] * workers, on.served_by(None))


def post_office(on: Ground, *, processes: int, messages: int) -> Result:
    """As many letters of the same bodies through the same sink."""
    command = [PEERS, HERE / "peers" / "post_office_sender.py"]
    url = make_url(on.peers_url)
    orders = {
        "host": url.host, "port": url.port, "name": url.database, "user": url.username, "password": url.password, "smtp_port": on.sink,
        "lock": str(on.folder / "post_office"), "processes": processes,
    }  # fmt: skip
    _tell(command, {**orders, "migrate": True})
    _tell(command, {**orders, **_letter(), "queue": messages})
    with psycopg.connect(on.peers_url, autocommit=True) as peers:
        peers.execute("vacuum analyze")
    return race(command, [orders], on.served_by(on.sink_pid))


def ses_calls(on: Ground, *, way: str, messages: int) -> Result:
    """As many letters of the same bodies through the lab's SES, by one process that keeps no books."""
    orders = {**_letter(), "way": way, "port": on.lab.ports.ses, "messages": messages}
    return race(_python("ses_calls"), [orders], on.served_by(on.lab.pid))


def _python(module: str) -> Sequence[str]:
    return ["env", f"PYTHONPATH={HERE}", sys.executable, "-m", f"sending.{module}"]


def _letter() -> dict[str, object]:
    url, tag = "https://u.test.example/u/" + "x" * 146, "a" * 39
    fields = {
        "first_name": "Ada", "company": "Company 7", "sender_name": "Grace Example", "postal_address": "1 Test Street", "unsubscribe_url": url,
    }  # fmt: skip

    def filled(template: str) -> str:
        for name, value in fields.items():
            template = template.replace("{{ " + name + " }}", value)
        return template

    return {
        "sender": "Grace Example <box1@test.example>", "subject": filled(tenants.SUBJECT), "text": filled(tenants.TEXT), "html": filled(tenants.HTML),
        "headers": {
            "List-Unsubscribe": f"<{url}>, <mailto:unsubscribe+{tag}@test.example?subject=unsubscribe>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }  # fmt: skip


def _tell(command: Sequence[str | Path], orders: Orders) -> None:
    subprocess.run(command, input=json.dumps(orders) + "\n", text=True, check=True, stdout=subprocess.PIPE)


def figures(on: Ground, messages: int) -> list[Figure]:
    """Peers beside what they are compared with, so that they meet the same machine."""
    every = []
    for workers in (1, 4, 8):
        every.append(
            Figure(f"null transport, {workers} workers", lambda w=workers: ours(on, workers=w, messages=messages))
        )
        if PEERS.exists():
            every.append(
                Figure(
                    f"Procrastinate no-op, {workers} workers",
                    lambda w=workers: procrastinate(on, workers=w, messages=messages),
                )
            )
    every.append(Figure("one hot tenant, 8 workers", lambda: ours(on, workers=8, messages=messages, hot=True)))
    every.append(
        Figure(
            "one account of 40 tenants, 8 workers",
            lambda: ours(on, workers=8, messages=messages, tenants_each=5, shared=True),
        )
    )
    every.append(Figure("SES in the lab, 1 worker", lambda: ours(on, workers=1, messages=messages, ses=True)))
    every.append(Figure("SES in the lab, the adapter alone", lambda: ses_calls(on, way="adapter", messages=messages)))
    every.append(Figure("SES in the lab, boto3 in 8 threads", lambda: ses_calls(on, way="boto3", messages=messages)))
    every.append(Figure("SMTP sink, 4 workers", lambda: ours(on, workers=4, messages=messages, smtp=True)))
    if PEERS.exists():
        every.append(
            Figure(
                "django-post-office into the sink, 4 processes", lambda: post_office(on, processes=4, messages=messages)
            )
        )
    return every


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", default="", help="a part of the names of the figures wanted")
    options = parser.parse_args()
    with ground() as on:
        wanted = [each for each in figures(on, options.messages) if options.only in each.name]
        for _ in range(options.repetitions):
            for figure in wanted:
                figure.results.append(figure.run())
                print(figure.name, file=sys.stderr, flush=True)
        for figure in wanted:
            print(
                json.dumps(
                    {
                        "figure": figure.name,
                        "messages": options.messages,
                        "repetitions": options.repetitions,
                        **figure.medians(),
                    }
                )
            )


if __name__ == "__main__":
    main()
