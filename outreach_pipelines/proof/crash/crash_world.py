"""A tenant with messages that are due, sent by processes of their own through a ledger; and the check of what came of it.

Belongs here: founding it, its senders, their killing, and what the sweeper does. Does not: when they are killed (`kill_points`),
nor what is right (`verdict`).
"""

import base64
import hashlib
import json
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.templates import template_key
from outreach_pipelines.proof.crash.mail_ledger import MailLedger
from outreach_pipelines.proof.crash.nursery import Nursery, Pids
from outreach_pipelines.proof.crash.postgres_tap import PostgresTap
from outreach_pipelines.proof.crash.verdict import Verdict, judge
from outreach_pipelines.proof.small_world import HOUR, NOON, SmallWorld, build_world

TEXT = b"Hello {{ first_name }}\n\nStop: {{ unsubscribe_url }}\n"
KILLED = -signal.SIGKILL
LONGEST_SECONDS = 90.0


class SenderFailedError(RuntimeError):
    """An undisturbed sender ended with this status; what it said is on standard error."""


@dataclass
class CrashWorld:
    """`victims` are the senders that live now; `tap` and `ledger` may end them. `hour` is the one that they send."""

    world: SmallWorld
    urls: DatabaseUrls
    folder: Path
    nursery: Nursery
    ledger: MailLedger
    tap: PostgresTap
    victims: Pids
    hour: datetime = NOON

    def signal(self, number: signal.Signals) -> None:
        """Send it to all who live."""
        for pid in self.victims.result():
            # One of several may have ended on its own.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End the senders as the kernel would, and cut the line on which this was called."""
        self.signal(signal.SIGKILL)
        raise ConnectionAbortedError

    def run(self, what: str = "batch") -> int:
        """One sender of the hour, to its end."""
        (status,) = self.run_at_once(1, what)
        return status

    def run_at_once(self, senders: int, what: str = "batch") -> Sequence[int]:
        """Some senders of the same hour, to their ends. Their exit statuses, negative for a signal."""
        self.victims = Pids()
        # One that never ends is a failure too, and not the end of the proof.
        patience = threading.Timer(LONGEST_SECONDS, self.signal, [signal.SIGKILL])
        patience.start()
        try:
            with self.ledger.serving() as smtp, self.tap.open() as database:
                return self.nursery.senders([self._environment(what, smtp, database)] * senders, self.victims)
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
        self.leave_alone()
        status = self.run()
        if status != 0:
            raise SenderFailedError(status)

    def leave_alone(self) -> None:
        """No more disturbances."""
        self.ledger.at = lambda _stage, _recipient: None
        self.tap.at = lambda _moment, _statement: None

    def states(self) -> dict[str, str]:
        """Each recipient's message, as the database has it."""
        rows = self.world.sql(
            "select l.address, m.state from app.message m join app.lead l using (tenant_id, lead_id) where m.tenant_id = %(t)s",
            t=self.world.tenant,
        )
        return {str(row["address"]): str(row["state"]) for row in rows}

    def verdict(self) -> Verdict:
        """What ledger and database say together."""
        return judge(self.ledger.recipients(), self.states())

    def faults(self) -> list[str]:
        """What broke a promise: sent twice, sent and not known, lost, or said to be sent and not."""
        return self.verdict().faults()

    def _environment(self, what: str, smtp: int, database: int) -> dict[str, str]:
        def url(role: Role) -> str:
            plain = {"sslmode": "disable", "gssencmode": "disable"}  # the tap reads along
            changed = make_url(self.urls[role]).set(host="127.0.0.1", port=database).update_query_dict(plain)
            return changed.render_as_string(hide_password=False)

        slug = self.world.one("select slug from app.tenant_directory where id = %(t)s", t=self.world.tenant)["slug"]
        key = base64.b64encode(bytes(range(64))).decode()
        return {
            "WHAT": what, "TENANT": str(self.world.tenant), "SLUG": str(slug), "HOUR": self.hour.isoformat(),
            "LEDGER_PORT": str(smtp), "LEDGER_PASSWORD": "of the proof",
            "OUTREACH_DATABASE_URL": url(Role.APP), "OUTREACH_OPS_URL": url(Role.OPS), "OUTREACH_INGEST_URL": url(Role.INGEST),
            "OUTREACH_FILES": str(self.folder / "files"), "OUTREACH_TAG_KEY": key, "OUTREACH_ADDRESS_KEY": key,
            "OUTREACH_TOKEN_KEYS": f"1:{key}", "OUTREACH_PARTITIONS_START": str((NOON - 24 * HOUR).date()),
        }  # fmt: skip


def crash_world(
    admin_url: str, urls: DatabaseUrls, nursery: Nursery, folder: Path, *, messages: int, mailboxes: int | None = None
) -> CrashWorld:
    """So many messages due at noon, each from a mailbox of its own unless they are fewer; no limit keeps one back."""
    world = build_world(admin_url, mailboxes=mailboxes or messages)
    _no_limits(world)
    (folder / "files").mkdir()
    _template(world, LocalObjectStore(folder / "files"))
    for number in range(messages):
        world.message(number, mailbox=world.mailboxes[number % len(world.mailboxes)])
    at = make_url(urls[Role.APP])
    tap = PostgresTap(at.host or "127.0.0.1", at.port or 5432)
    return CrashWorld(world, urls, folder, nursery, MailLedger(folder / "ledger"), tap, Pids())


def _no_limits(world: SmallWorld) -> None:
    connection = {"host": "127.0.0.1", "port": "env:LEDGER_PORT", "tls": "none", "username": "box", "password": "env:LEDGER_PASSWORD"}  # fmt: skip
    world.sql("update app.provider_account set settings = %(s)s where account_id = %(a)s", s=json.dumps(connection), a=world.account)  # fmt: skip
    # Time stands still: a mailbox that kept its pace would wait for ever, and hide a second send.
    world.sql("update app.mailbox set min_gap_seconds = 0 where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        "update app.sending_policy set daily_cap = null, minute_cap = null, company_daily_cap = null, "
        "recipient_domain_daily_cap = null where tenant_id = %(t)s",
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
