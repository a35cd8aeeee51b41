"""A real restore to a point in time: base backup, archived WAL, a recovery target; the day goes on before and after.

The ledger of the mail server outlives the database, as the mail that has left does.
"""

import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from news_of_sends import item
from postgres_fixtures import PASSWORDS
from psycopg.rows import dict_row

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role, bootstrap
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.fence_store import PostgresFenceStore
from outreach_pipelines.adapters.postgres.migrate import migrate
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.ingest_events import InboxRow
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.recover import Restore, recover
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.delivery_event import EventKind
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, write_tag
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug
from outreach_pipelines.local_stack.account import server_account
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres, ServerAddress
from outreach_pipelines.local_stack.postgres_binaries import installed_site, reachable_binaries
from outreach_pipelines.local_stack.postgres_home import PostgresHome, find_home
from outreach_pipelines.proof.crash.crash_world import CrashWorld, crash_world
from outreach_pipelines.proof.crash.nursery import nursery
from outreach_pipelines.proof.small_world import HOUR, NOON

MINUTE = timedelta(minutes=1)
KEY = bytes(range(64))  # of the senders' tags
BEFORE, LOST, AFTER = (0, 1, 2), (3, 4, 5), (6, 7)


@dataclass
class ArchivingServer:
    """A server that archives its WAL, with one base backup."""

    server: EmbeddedPostgres
    address: ServerAddress
    home: PostgresHome
    archive: Path
    backup: Path

    def superuser(self, database: str = "outreach") -> "psycopg.Connection[dict[str, object]]":
        return psycopg.connect(self.address.url(database), autocommit=True, row_factory=dict_row)

    def back_up(self) -> None:
        """As an operator does each night."""
        binaries = reachable_binaries(installed_site(), self.home.folder, self.home.account)
        tool, into = str(binaries / "bin" / "pg_basebackup"), str(self.backup)
        command = [tool, "-D", into, "-d", self.address.url(), "-c", "fast"]
        subprocess.run(command, check=True, capture_output=True)

    def now(self) -> str:
        """A recovery target: what is committed from here on is lost by a restore to it."""
        with closing(self.superuser()) as admin:
            row = admin.execute("select clock_timestamp()::text as now").fetchone()
            assert row is not None
            return str(row["now"])

    def restore(self, target: str) -> None:
        """The backup takes the place of the data, and WAL is replayed up to the target (PostgreSQL documentation, 25.3.5)."""
        with closing(self.superuser()) as admin:
            admin.execute("select pg_switch_wal()")
        self.server.stop()
        shutil.rmtree(self.home.data)
        shutil.copytree(self.backup, self.home.data)
        with (self.home.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"restore_command = 'cp {shlex.quote(str(self.archive))}/%f %p'\n")
            settings.write(f"recovery_target_time = '{target}'\nrecovery_target_action = 'promote'\n")
            settings.write("archive_mode = off\n")
        (self.home.data / "recovery.signal").touch()
        self._hand_over(self.home.data)
        self.address = self.server.start()
        with closing(self.superuser()) as admin:
            # It lets readers in before it has replayed all.
            while admin.execute("select pg_is_in_recovery() as replaying, pg_sleep(0.02)").fetchone()["replaying"]:  # type: ignore[index]  # one row
                pass

    def _hand_over(self, folder: Path) -> None:
        for each in (folder, *folder.rglob("*")):
            shutil.chown(each, self.home.account.uid, self.home.account.gid)
        folder.chmod(0o700)


@pytest.fixture
def archiving(new_server_folder: Callable[[str], Path]) -> Iterator[ArchivingServer]:
    folder = new_server_folder("outreach-restore-")
    archive = folder / "archive"
    archive.mkdir()
    archive.chmod(0o777)
    server = EmbeddedPostgres(folder)
    try:
        made = ArchivingServer(server, server.start(), find_home(folder, server_account()), archive, folder / "backup")
        with closing(made.superuser("postgres")) as admin:
            admin.execute("alter system set archive_mode = on")
            admin.execute(f"alter system set archive_command = 'cp %p {shlex.quote(str(archive))}/%f'")
        made.address = server.restart()
        yield made
    finally:
        server.stop()


@pytest.fixture
def urls(archiving: ArchivingServer) -> DatabaseUrls:
    made = bootstrap(archiving.address.url(), database="outreach", passwords=PASSWORDS)
    migrate(made[Role.MIGRATE])
    return made


@pytest.fixture
def crash(archiving: ArchivingServer, urls: DatabaseUrls, tmp_path: Path) -> Iterator[CrashWorld]:
    with nursery(tmp_path) as senders:
        made = crash_world(archiving.address.url("outreach"), urls, senders, tmp_path, messages=0, mailboxes=8)
        for hour, numbers in enumerate((BEFORE, LOST, AFTER)):
            for number in numbers:
                made.world.message(number, due_at=NOON + hour * HOUR, mailbox=made.world.mailboxes[number])
        yield made
        made.world.admin.close()


def send_hour(crash: CrashWorld, hour: int, *, at: timedelta = timedelta(0)) -> None:
    """Policy time is stepped into the hour after noon, and one sender sends what is due in it."""
    crash.world.at(NOON + hour * HOUR + at)
    crash.hour = NOON + hour * HOUR
    assert crash.run() == 0


def restore(crash: CrashWorld, archiving: ArchivingServer, target: str) -> None:
    """The server's part. What reads the database connects anew."""
    crash.world.admin.close()
    archiving.restore(target)
    crash.world = replace(crash.world, admin=archiving.superuser())


def fences_restored(crash: CrashWorld, urls: DatabaseUrls) -> None:
    """The operator's part: `outreach fences restored`, half an hour into the hour that was lost."""
    ops, app = connect(urls[Role.OPS]), connect(urls[Role.APP])
    slug = crash.world.one("select slug from app.tenant_directory where id = %(t)s", t=crash.world.tenant)["slug"]
    row = TenantRow(TenantRef(crash.world.tenant, TenantSlug(str(slug))), "Etc/UTC", paused=False)
    asked = Restore(restored_to=NOON + 30 * MINUTE, until=NOON + HOUR + 30 * MINUTE, reason="a lost disk", by="ada")
    crash.world.at(NOON + HOUR + 30 * MINUTE)
    objects = LocalObjectStore(crash.folder / "files")
    recover(PostgresFenceStore(ops, app), objects, [row], lambda tag: write_tag(tag, KEY), asked, lease=None)
    ops.dispose()
    app.dispose()


def news(crash: CrashWorld, urls: DatabaseUrls, person: str) -> None:
    """A delivery of the lost time is reported, under the tag with which it left."""
    ingest, app = connect(urls[Role.INGEST]), connect(urls[Role.APP])
    row = crash.world.one(
        "select m.plan_day, m.message_id from app.message m join app.lead l using (tenant_id, lead_id) where m.tenant_id = %(t)s and l.address = %(a)s",
        t=crash.world.tenant, a=person,
    )  # fmt: skip
    tag = MessageTag(crash.world.tenant, NOON.date(), MessageId(int(str(row["message_id"]))), 1)
    PostgresEventInbox(ingest, app).add([InboxRow(item(EventKind.DELIVERED), tag)])
    record_events(PostgresEventStore(app), tenant=crash.world.tenant)
    ingest.dispose()
    app.dispose()


def people(numbers: tuple[int, ...]) -> set[str]:
    return {f"person{number}@example.test" for number in numbers}


def test_a_restore_in_mid_day_sends_nothing_twice_and_loses_nothing(
    crash: CrashWorld, archiving: ArchivingServer, urls: DatabaseUrls
) -> None:
    archiving.back_up()
    send_hour(crash, 0)
    target = archiving.now()
    send_hour(crash, 1)
    before = crash.ledger.recipients()

    restore(crash, archiving, target)
    forgotten = crash.states()
    fences_restored(crash, urls)
    send_hour(crash, 1, at=40 * MINUTE)
    send_hour(crash, 2)
    doubted = crash.states()
    news(crash, urls, "person3@example.test")

    assert set(before) == people(BEFORE + LOST)
    assert {person for person, state in forgotten.items() if state == "planned"} == people(LOST + AFTER)
    assert sorted(crash.ledger.recipients()) == sorted(people(BEFORE + LOST + AFTER))
    assert {person for person, state in doubted.items() if state == "in_doubt"} == people(LOST)
    assert {person for person, state in doubted.items() if state == "accepted"} == people(BEFORE + AFTER)
    assert crash.faults() == []
    assert crash.states()["person3@example.test"] == "accepted"
