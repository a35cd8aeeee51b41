"""Replies of many mailboxes: from Dovecot to PostgreSQL and the object store, and once more with nothing new.

Each mailbox has a login of its own and three new letters: somebody answers, somebody is away, an address is unknown. The
sync is production's (`application/sync_replies.py` and `record_events.py`) over a server, a database and a folder in memory.
Prints one JSON object a figure: seconds elapsed, CPU seconds of ours, of PostgreSQL and of Dovecot, and their sum over two
cores, which is the least that a machine with two cores can take. Without Debian's `dovecot-imapd` it says so and ends.
"""

import argparse
import contextlib
import json
import resource
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from inboxes.dovecot import PASSWORD, Dovecot, running_dovecot
from inboxes.tenants import LETTERS_EACH, TAG_KEY, Answered, answered_tenant
from sending.ground import Ground, ground
from sending.processes import tree_cpu_seconds

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import Role
from outreach_pipelines.adapters.postgres.event_store import PostgresEventStore
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.reading_children import ReadingChildren
from outreach_pipelines.application.read_mail import OpenReading, reading_here
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.sync_replies import INBOXES_AT_ONCE, SyncedReplies, sync_replies
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.message_tag import MessageTag, read_tag
from outreach_pipelines.domain.reference import Fixed, SecretRef, Setting
from outreach_pipelines.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class Logins:
    """References of the bench."""

    def resolve(self, _reference: SecretRef) -> Secret:
        return Secret(PASSWORD)

    def setting(self, setting: Setting) -> str:
        assert isinstance(setting, Fixed)
        return setting.value


@dataclass(frozen=True, slots=True)
class Tags:
    """The installation's key."""

    def read(self, tag: str) -> MessageTag | None:
        return read_tag(tag, TAG_KEY)


@dataclass(frozen=True, slots=True)
class Bench:
    """What a figure is taken on."""

    on: Ground
    dovecot: Dovecot
    reader: ImapInboxReader
    store: PostgresReplyStore
    events: PostgresEventStore
    tenants: Sequence[Answered]
    at_once: int
    reading: OpenReading

    def sync(self) -> SyncedReplies:
        total = SyncedReplies()
        with self.reading() as read:
            for each in self.tenants:
                total.add(sync_replies(self.reader, self.store, tenant=each.tenant, read=read, at_once=self.at_once))
        return total

    def apply(self) -> None:
        for each in self.tenants:
            record_events(self.events, tenant=each.tenant, batches=10_000)

    def classify(self) -> None:
        """What the first sync spends on reading what mails say, alone."""
        now = datetime.now(UTC)
        for each in self.tenants:
            for letters in each.letters.values():
                for raw in letters:
                    classify(raw, now)

    def figure(self, name: str, work: Callable[[], SyncedReplies | None], **more: object) -> SyncedReplies | None:
        cpu, began = self._cpu(), time.monotonic()
        done = work()
        elapsed = time.monotonic() - began
        ours, postgres, dovecot = (after - before for after, before in zip(self._cpu(), cpu, strict=True))
        figure = {"figure": name, "elapsed_s": elapsed, "cpu_ours_s": ours, "cpu_postgres_s": postgres, "cpu_dovecot_s": dovecot,
                  "cpu_over_two_cores_s": (ours + postgres + dovecot) / 2}  # fmt: skip
        rounded = {key: round(value, 2) if isinstance(value, float) else value for key, value in figure.items()}
        print(json.dumps(rounded | more | _counted(done)), flush=True)
        return done

    def _cpu(self) -> tuple[float, float, float]:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # those who read mails; the servers end later
        ours = time.process_time() + ended.ru_utime + ended.ru_stime
        return ours, tree_cpu_seconds(self.on.servers.postmaster), tree_cpu_seconds(self.dovecot.pid)


def _counted(done: SyncedReplies | None) -> dict[str, object]:
    if done is None:
        return {}
    return {"messages": done.messages, "parked": done.parked, "unreadable": done.unreadable_inboxes, **done.by_class}


@contextlib.contextmanager
def bench(
    mailboxes: int,
    tenants: int,
    *,
    tls: bool,
    at_once: int = INBOXES_AT_ONCE,
    reading: OpenReading = reading_here,
) -> Iterator[Bench]:
    with ground() as on:
        certificate = _certificate(on.folder) if tls else None
        trust = ssl.create_default_context(cafile=str(certificate)) if certificate else None
        with running_dovecot(on.folder / "dovecot", certificate=certificate) as dovecot:
            each = mailboxes // tenants
            made = [answered_tenant(on.admin, mailboxes=each, port=dovecot.port, tls=tls) for _ in range(tenants)]
            for one in made:
                dovecot.put(one.letters, series=1)
            on.admin.execute("vacuum analyze")
            engine = connect(on.urls[Role.APP])
            store = PostgresReplyStore(engine, LocalObjectStore(on.folder / "files"), Tags())
            reader = ImapInboxReader(Logins(), trust=trust)
            yield Bench(on, dovecot, reader, store, PostgresEventStore(engine), made, at_once, reading)
            engine.dispose()


def _certificate(folder: Path) -> Path:
    """Of 127.0.0.1, by itself; with its key."""
    pem, key = folder / "imap.pem", folder / "imap.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", pem], check=True,
                   capture_output=True)  # fmt: skip
    pem.write_bytes(pem.read_bytes() + key.read_bytes())
    return pem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mailboxes", type=int, default=1_200)
    parser.add_argument("--tenants", type=int, default=1, help="mailboxes are shared out among them")
    parser.add_argument("--tls", action="store_true", help="each login over TLS")
    parser.add_argument("--at-once", type=int, default=INBOXES_AT_ONCE, help="inboxes that are read in parallel")
    parser.add_argument("--here", action="store_true", help="mails are read in this process, and not beside it")
    options = parser.parse_args()
    reading = reading_here if options.here else ReadingChildren()
    with bench(options.mailboxes, options.tenants, tls=options.tls, at_once=options.at_once, reading=reading) as on:
        about = {
            "mailboxes": options.mailboxes,
            "tenants": options.tenants,
            "tls": options.tls,
            "at_once": options.at_once,
            "here": options.here,
        }
        first = on.figure("three new letters each", on.sync, **about)
        assert first is not None
        assert (first.messages, first.parked) == (options.mailboxes * LETTERS_EACH, 0), first
        on.figure("of that, classifying", on.classify, **about)
        on.figure("their events applied", on.apply, **about)
        second = on.figure("nothing new", on.sync, **about)
        assert second is not None
        assert (second.messages, second.unreadable_inboxes) == (0, 0), second


if __name__ == "__main__":
    main()
