from dataclasses import replace
from datetime import timedelta

from lease_world import ANOTHER, ENVIRONMENT, NOON

from outreach_pipelines.application.diagnose_fences import FenceSigns, about_fences
from outreach_pipelines.application.findings import Level
from outreach_pipelines.domain.live_lease import DatabaseFences, HolderId, Lease
from outreach_pipelines.domain.sending_mode import SendingMode

LEASE = Lease(ENVIRONMENT, HolderId("keeper of host one"), 7, NOON)
LIVE = FenceSigns(
    sending=SendingMode.LIVE,
    database_mode=SendingMode.LIVE,
    environment_id=ENVIRONMENT,
    lease_store="s3://bucket/prefix",
    database=DatabaseFences(ENVIRONMENT, live=True, serial=7, gave_out=True),
    lease=LEASE,
    lease_error=None,
    now=NOON + timedelta(seconds=20),
)
LAB = replace(LIVE, sending=SendingMode.LAB, database_mode=SendingMode.LAB, lease=None)


def faults(signs: FenceSigns) -> list[tuple[Level, str, str]]:
    return [(each.level, each.what, each.cure) for each in about_fences(signs) if each.level is not Level.OK]


def test_nothing_is_missing_where_the_lease_is_kept_and_in_a_lab_without_one() -> None:
    assert (faults(LIVE), faults(LAB)) == ([], [])


def test_sending_that_is_off_is_a_fault() -> None:
    ((level, what, _),) = faults(replace(LAB, sending=SendingMode.OFF))

    assert (level, "is off" in what) == (Level.FAULT, True)


def test_all_that_live_sending_lacks_is_told_at_once_each_with_its_cure() -> None:
    bare = replace(
        LIVE,
        database_mode=SendingMode.LAB,
        database=DatabaseFences(ENVIRONMENT, live=False, serial=0, gave_out=False),
        lease_store="var/lease",
        lease=None,
    )

    told = faults(bare)

    assert [level for level, _, _ in told] == [Level.FAULT, Level.WARNING, Level.FAULT]
    assert all(cure for _, _, cure in told)
    assert "outreach fences mode live" in told[0][2]
    assert "s3://" in told[1][2]


def test_a_lab_at_a_live_database_is_a_fault() -> None:
    ((_, what, cure),) = faults(replace(LAB, database_mode=SendingMode.LIVE))

    assert "the database is for mode live" in what
    assert cure


def test_a_copy_is_told_that_it_is_one() -> None:
    copied = replace(LIVE.database, gave_out=False)

    ((_, what, cure),) = faults(replace(LIVE, database=copied))

    assert "copy" in what
    assert "fences restored" in cure


def test_a_lease_that_nobody_renews_names_the_process_that_should() -> None:
    ((_, what, cure),) = faults(replace(LIVE, now=NOON + timedelta(minutes=3)))

    assert "keeper of host one" in what
    assert "outreach keep-lease" in cure


def test_another_environment_and_a_lease_that_cannot_be_read_are_faults() -> None:
    other = faults(replace(LIVE, environment_id=ANOTHER))
    unread = faults(replace(LIVE, lease=None, lease_error="no route to host"))

    assert "OUTREACH_ENVIRONMENT_ID" in other[0][2]
    assert "no route to host" in unread[0][1]
