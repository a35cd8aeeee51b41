"""Real processes that run the batch loop, killed at every step of the send protocol; then a sweep, and a sender that finishes.

After each, the check of `crash_world` reads the ledger of the mail server and the database.
"""

import itertools
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from postgres_fixtures import PASSWORDS
from psycopg.rows import dict_row

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres
from outreach_pipelines.local_stack.postmaster import StopMode
from outreach_pipelines.proof.crash.crash_world import KILLED, CrashWorld, crash_world
from outreach_pipelines.proof.crash.kill_points import ACCEPTANCE, CALL, CLAIM, INTENT, at_moment, at_stage
from outreach_pipelines.proof.crash.kills import CrashDatabase, run_kills
from outreach_pipelines.proof.crash.mail_ledger import Stage
from outreach_pipelines.proof.crash.nursery import Nursery, nursery
from outreach_pipelines.proof.crash.postgres_tap import Moment
from outreach_pipelines.proof.small_world import NOON

MESSAGES = 6
GAP = timedelta(seconds=60)
RANDOM_KILLS = int(os.environ.get("OUTREACH_CRASH_KILLS", "8"))


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("senders")) as started:
        yield started


@pytest.fixture
def crash(
    outreach_admin_url: str, outreach_database: DatabaseUrls, senders: Nursery, tmp_path: Path
) -> Iterator[CrashWorld]:
    made = crash_world(outreach_admin_url, outreach_database, senders, tmp_path, messages=MESSAGES)
    yield made
    made.world.admin.close()


def all_claim_at_once(senders: int) -> Callable[[Moment, str], None]:
    """The first claim of each sender waits for those of all the others."""
    together, claims = threading.Barrier(senders), itertools.count()

    def meet(moment: Moment, statement: str) -> None:
        if moment is Moment.BEFORE and CLAIM in statement and next(claims) < senders:
            together.wait(60)

    return meet


def policy_time_stepped_by(crash: CrashWorld, step: timedelta) -> Callable[[], None]:
    lock, steps = threading.Lock(), itertools.count(1)

    def forward() -> None:
        with lock:
            crash.world.at(NOON + next(steps) * step)

    return forward


def set_pace(crash: CrashWorld, gap: timedelta) -> None:
    crash.world.sql(
        "update app.mailbox set min_gap_seconds = %(g)s where tenant_id = %(t)s", g=gap.seconds, t=crash.world.tenant
    )


def gaps_kept(crash: CrashWorld) -> list[bool]:
    """Of each mailbox, whether its sends kept the gap between them."""
    rows = crash.world.sql(
        """select bool_and(next is null or next - begun_policy_at >= make_interval(secs => %(g)s)) as kept
             from (select mailbox_id, begun_policy_at,
                          lead(begun_policy_at) over (partition by mailbox_id order by begun_policy_at) as next
                     from app.send_attempt where tenant_id = %(t)s) sends group by mailbox_id""",
        g=GAP.seconds, t=crash.world.tenant,
    )  # fmt: skip
    return [bool(row["kept"]) for row in rows]


def test_a_sender_that_nobody_disturbs_sends_each_message_once(crash: CrashWorld) -> None:
    status = crash.run()

    assert status == 0
    assert crash.faults() == []
    assert set(crash.states().values()) == {"accepted"}


# How many connections a sender opens is its own affair: only the first is sure to come.
@pytest.mark.parametrize(
    ("stage", "number"),
    [(stage, number) for stage in Stage for number in (1, 3) if (stage, number) != (Stage.CONNECTED, 3)],
)
def test_a_kill_in_the_dialogue_with_the_server_sends_nothing_twice_and_loses_nothing(
    crash: CrashWorld, stage: Stage, number: int
) -> None:
    at_stage(crash, stage, number, crash.kill)

    status = crash.run()
    crash.finish()

    assert status == KILLED
    assert crash.faults() == []


@pytest.mark.parametrize("stage", [Stage.BODY_READ, Stage.TAKEN])
def test_a_line_that_is_cut_after_the_message_is_doubt_and_no_reason_to_send_again(
    crash: CrashWorld, stage: Stage
) -> None:
    def cut() -> None:
        raise ConnectionAbortedError

    at_stage(crash, stage, 1, cut)

    status = crash.run()
    first = Counter(crash.states().values())
    crash.finish()

    assert status == 0
    assert first == {"accepted": MESSAGES - 1, "in_doubt": 1}
    assert crash.faults() == []


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(
    ("part", "number"), [(CLAIM, 1), (INTENT, 1), (INTENT, 4), (ACCEPTANCE, 1), (ACCEPTANCE, 4), (CALL, 1)]
)
def test_a_kill_around_a_transaction_sends_nothing_twice_and_loses_nothing(
    crash: CrashWorld, moment: Moment, part: str, number: int
) -> None:
    at_moment(crash, moment, part, number, crash.kill)

    status = crash.run()
    crash.finish()

    assert status == KILLED
    assert crash.faults() == []


def test_before_the_first_intent_a_kill_leaves_no_doubt(crash: CrashWorld) -> None:
    # Whichever reaches the line: a second intent may be under way beside the first, and would pass behind it.
    crash.tap.at = lambda reached, statement: crash.kill() if reached is Moment.BEFORE and INTENT in statement else None

    crash.run()
    crash.sweep()

    assert set(crash.states().values()) == {"planned"}
    assert crash.ledger.recipients() == []


def test_what_a_server_took_and_nobody_heard_is_in_doubt(crash: CrashWorld) -> None:
    at_stage(crash, Stage.TAKEN, 1, crash.kill)

    crash.run()
    crash.sweep()

    states = crash.states()
    assert {states[each] for each in crash.ledger.recipients()} <= {"in_doubt", "accepted"}
    assert "in_doubt" in states.values()


@pytest.mark.skipif(RANDOM_KILLS == 0, reason="OUTREACH_CRASH_KILLS is 0")
def test_kill_upon_kill_at_random_points_sends_nothing_twice_and_loses_nothing(
    outreach_admin_url: str, outreach_database: DatabaseUrls
) -> None:
    seed = int(os.environ.get("OUTREACH_CRASH_SEED", str(random.SystemRandom().randrange(2**32))))

    summary = run_kills(
        CrashDatabase(outreach_admin_url, outreach_database), RANDOM_KILLS, seed=seed, progress=lambda _done: None
    )

    assert summary.faults == [], f"OUTREACH_CRASH_SEED={seed}"
    assert summary.kills == RANDOM_KILLS == summary.by_point.total()


def test_two_senders_of_one_hour_at_once_send_each_message_once(crash: CrashWorld) -> None:
    crash.tap.at = all_claim_at_once(2)

    statuses = crash.run_at_once(2)

    assert statuses == [0, 0]
    assert crash.faults() == []
    assert set(crash.states().values()) == {"accepted"}


def test_eight_senders_of_one_hour_at_once_send_each_message_once_and_keep_each_mailboxs_pace(
    outreach_admin_url: str, outreach_database: DatabaseUrls, senders: Nursery, tmp_path: Path
) -> None:
    crash = crash_world(outreach_admin_url, outreach_database, senders, tmp_path, messages=8, mailboxes=2)
    with closing(crash.world.admin):
        set_pace(crash, GAP)
        meet, step = all_claim_at_once(8), policy_time_stepped_by(crash, GAP)

        def at(moment: Moment, statement: str) -> None:
            meet(moment, statement)
            if moment is Moment.COMMITTED and ACCEPTANCE in statement:
                step()

        crash.tap.at = at
        statuses = crash.run_at_once(8)

        assert statuses == [0] * 8
        assert crash.faults() == []
        assert set(crash.states().values()) == {"accepted"}
        assert gaps_kept(crash) == [True, True]


def test_an_immediate_stop_of_postgresql_in_the_middle_sends_nothing_twice_and_loses_nothing(
    new_server_folder: Callable[[str], Path], senders: Nursery, tmp_path: Path
) -> None:
    server = EmbeddedPostgres(new_server_folder("outreach-crash-"))
    try:
        address = server.start()
        urls = bootstrap(address.url(), database="outreach", passwords=PASSWORDS)
        migrate(urls[Role.MIGRATE])
        crash = crash_world(address.url("outreach"), urls, senders, tmp_path, messages=MESSAGES)
        taken, stopped = threading.Event(), threading.Event()

        def hold() -> None:
            taken.set()
            stopped.wait(30)

        at_stage(crash, Stage.TAKEN, 2, hold)
        run = threading.Thread(target=crash.run)
        run.start()
        assert taken.wait(30)
        server.restart(
            StopMode.IMMEDIATE
        )  # in the main thread: its death signal is bound to the thread that started it
        stopped.set()
        run.join()
        crash.world.admin.close()
        crash.world = replace(
            crash.world, admin=psycopg.connect(address.url("outreach"), autocommit=True, row_factory=dict_row)
        )
        crash.finish()

        assert crash.faults() == []
        assert crash.ledger.recipients()
        crash.world.admin.close()
    finally:
        server.stop()


def test_a_run_told_to_stop_hands_back_what_it_has_only_claimed(crash: CrashWorld) -> None:
    at_moment(crash, Moment.COMMITTED, CLAIM, 1, lambda: crash.signal(signal.SIGTERM))

    status = crash.run("job")

    assert status != 0
    assert set(crash.states().values()) == {"planned"}
    assert crash.ledger.recipients() == []


def test_a_run_told_to_stop_finishes_the_calls_under_way(crash: CrashWorld) -> None:
    at_stage(crash, Stage.TAKEN, 1, lambda: crash.signal(signal.SIGTERM))

    status = crash.run("job")

    states, taken = crash.states(), crash.ledger.recipients()
    assert status != 0
    assert taken
    assert {states[each] for each in taken} == {"accepted"}
    assert set(states.values()) <= {"accepted", "planned"}
