"""A tenant with messages that are due, sent by processes of their own through a ledger; and the check of what came of it.

The check reads the ledger and the database, and nothing that the senders say of themselves.
"""

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mail_ledger import MailLedger
from postgres_tap import PostgresTap
from small_world import HOUR, NOON, SmallWorld, build_world
from sqlalchemy import make_url

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.templates import template_key

PROGRAM = Path(__file__).with_name("batch_child.py")
TEXT = b"Hello {{ first_name }}\n\nStop: {{ unsubscribe_url }}\n"
KILLED = -signal.SIGKILL
LONGEST_SECONDS = 90.0
#: States in which a message that a server took may be.
KNOWN_TO_BE_OUT = {"accepted", "in_doubt"}


@dataclass
class Nursery:
    """The program that forks senders."""

    program: "subprocess.Popen[str]"

    def sender(self, environment: Mapping[str, str], pid: "Future[int]") -> int:
        """Run one sender to its end; its number is told as soon as it lives. Its exit status, negative for a signal."""
        assert self.program.stdin is not None
        self.program.stdin.write(json.dumps(dict(environment)) + "\n")
        self.program.stdin.flush()
        pid.set_result(self._number())
        return self._number()

    def _number(self) -> int:
        assert self.program.stdout is not None
        return int(self.program.stdout.readline())


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """Started in a folder without settings of its own."""
    root = str(Path(__file__).parents[1])
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith("OUTREACH_")}, "PYTHONPATH": root}
    command = [sys.executable, str(PROGRAM)]
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:  # fmt: skip
        yield Nursery(program)
        assert program.stdin is not None
        program.stdin.close()


@dataclass
class CrashWorld:
    """`victim` is the sender that lives now; `tap` and `ledger` may end it."""

    world: SmallWorld
    urls: DatabaseUrls
    folder: Path
    nursery: Nursery
    ledger: MailLedger
    tap: PostgresTap
    victim: "Future[int]"

    def kill(self) -> None:
        """End the sender as the kernel would, and cut the line on which this was called."""
        os.kill(self.victim.result(), signal.SIGKILL)
        raise ConnectionAbortedError

    def run(self, what: str = "batch") -> int:
        """One sender of the hour from noon, to its end."""
        victim: Future[int] = Future()
        self.victim = victim
        # One that never ends is a failure too, and not the end of the tests.
        patience = threading.Timer(LONGEST_SECONDS, lambda: os.kill(victim.result(), signal.SIGKILL))
        patience.start()
        try:
            with self.ledger.serving() as smtp, self.tap.open() as database:
                return self.nursery.sender(self._environment(what, smtp, database), victim)
        finally:
            patience.cancel()

    def sweep(self) -> None:
        """What the sweeper does once the leases of the dead are over."""
        self.world.sql(
            "update app.message set lease_until = clock_timestamp() - interval '1 second' where tenant_id = %(t)s and lease_until is not null",
            t=self.world.tenant,
        )  # fmt: skip
        engine = connect(self.urls[Role.APP])
        PostgresMessageStore(engine).sweep(self.world.tenant, horizon_seconds=3600)
        engine.dispose()

    def finish(self) -> None:
        """Sweep, and let an undisturbed sender do what is left."""
        self.sweep()
        self.ledger.at = lambda _stage, _recipient: None
        self.tap.at = lambda _moment, _statement: None
        assert self.run() == 0

    def states(self) -> dict[str, str]:
        """Each recipient's message, as the database has it."""
        rows = self.world.sql(
            "select l.address, m.state from app.message m join app.lead l using (tenant_id, lead_id) where m.tenant_id = %(t)s",
            t=self.world.tenant,
        )
        return {str(row["address"]): str(row["state"]) for row in rows}

    def faults(self) -> list[str]:
        """What broke a promise: sent twice, sent and not known, lost, or said to be sent and not."""
        taken, states = Counter(self.ledger.recipients()), self.states()
        twice = [f"{each}: taken {count} times" for each, count in taken.items() if count > 1]
        unknown = [
            f"{each}: taken, and {states.get(each)}" for each in taken if states.get(each) not in KNOWN_TO_BE_OUT
        ]
        lost = [f"{each}: {state}" for each, state in states.items() if state not in KNOWN_TO_BE_OUT]
        said = [
            f"{each}: accepted, and never taken"
            for each, state in states.items()
            if state == "accepted" and not taken[each]
        ]
        return twice + unknown + lost + said

    def _environment(self, what: str, smtp: int, database: int) -> dict[str, str]:
        def url(role: Role) -> str:
            plain = {"sslmode": "disable", "gssencmode": "disable"}  # the tap reads along
            changed = make_url(self.urls[role]).set(host="127.0.0.1", port=database).update_query_dict(plain)
            return changed.render_as_string(hide_password=False)

        slug = self.world.one("select slug from app.tenant_directory where id = %(t)s", t=self.world.tenant)["slug"]
        key = base64.b64encode(bytes(range(64))).decode()
        return {
            "WHAT": what, "TENANT": str(self.world.tenant), "SLUG": str(slug), "HOUR": NOON.isoformat(),
            "LEDGER_PORT": str(smtp), "LEDGER_PASSWORD": "of the tests",
            "OUTREACH_DATABASE_URL": url(Role.APP), "OUTREACH_OPS_URL": url(Role.OPS), "OUTREACH_INGEST_URL": url(Role.INGEST),
            "OUTREACH_FILES": str(self.folder / "files"), "OUTREACH_TAG_KEY": key, "OUTREACH_ADDRESS_KEY": key,
            "OUTREACH_TOKEN_KEYS": f"1:{key}", "OUTREACH_PARTITIONS_START": str((NOON - 24 * HOUR).date()),
        }  # fmt: skip


def crash_world(admin_url: str, urls: DatabaseUrls, nursery: Nursery, folder: Path, *, messages: int) -> CrashWorld:
    """So many messages due at noon, each from a mailbox of its own, and no limit that would keep one back."""
    world = build_world(admin_url, mailboxes=messages)
    _no_limits(world)
    (folder / "files").mkdir()
    _template(world, LocalObjectStore(folder / "files"))
    for number, mailbox in enumerate(world.mailboxes):
        world.message(number, mailbox=mailbox)
    at = make_url(urls[Role.APP])
    assert at.host is not None
    assert at.port is not None
    return CrashWorld(
        world, urls, folder, nursery, MailLedger(folder / "ledger"), PostgresTap(at.host, at.port), Future()
    )


def _no_limits(world: SmallWorld) -> None:
    connection = {"host": "127.0.0.1", "port": "env:LEDGER_PORT", "tls": "none", "username": "box", "password": "env:LEDGER_PASSWORD"}  # fmt: skip
    world.sql("update app.provider_account set settings = %(s)s where account_id = %(a)s", s=json.dumps(connection), a=world.account)  # fmt: skip
    # Time stands still: a mailbox that kept its pace would wait for ever, and hide a second send.
    world.sql("update app.mailbox set min_gap_seconds = 0 where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        "update app.sending_policy set daily_cap = null, minute_cap = null, company_daily_cap = null, recipient_domain_daily_cap = null where tenant_id = %(t)s",
        t=world.tenant,
    )  # fmt: skip


def _template(world: SmallWorld, objects: LocalObjectStore) -> None:
    sha256 = hashlib.sha256(TEXT).hexdigest()
    objects.put(template_key(sha256), TEXT)
    world.sql(
        "insert into app.template (tenant_id, sha256, name, object_key) values (%(t)s, %(h)s, 'first', %(k)s)",
        t=world.tenant, h=sha256, k=template_key(sha256),
    )  # fmt: skip
    world.sql("update app.campaign_variant set text_sha256 = %(h)s where tenant_id = %(t)s", t=world.tenant, h=sha256)
