"""At least once, by a tenant's own choice, over a real wire: the server gets the second copy under the first one's Message-ID."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls
from outreach_pipelines.proof.crash.crash_world import KILLED, CrashWorld, crash_world
from outreach_pipelines.proof.crash.kill_points import at_stage
from outreach_pipelines.proof.crash.mail_ledger import Stage
from outreach_pipelines.proof.crash.nursery import Nursery, nursery

HORIZON_OVER = (
    "update app.message set state_at = state_at - interval '2 hours' where tenant_id = %(t)s and state = 'in_doubt'"
)


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("senders")) as started:
        yield started


@pytest.fixture
def crash(
    outreach_admin_url: str, outreach_database: DatabaseUrls, senders: Nursery, tmp_path: Path
) -> Iterator[CrashWorld]:
    made = crash_world(outreach_admin_url, outreach_database, senders, tmp_path, messages=1)
    with closing(made.world.admin):
        yield made


def killed_at(crash: CrashWorld, stage: Stage) -> None:
    at_stage(crash, stage, 1, crash.kill)
    assert crash.run() == KILLED
    crash.sweep()
    crash.world.sql(HORIZON_OVER, t=crash.world.tenant)


@pytest.mark.parametrize(("stage", "copies"), [(Stage.BODY_READ, 1), (Stage.TAKEN, 2)])
def test_what_a_server_may_have_taken_comes_once_more_under_the_same_message_id(
    crash: CrashWorld, stage: Stage, copies: int
) -> None:
    crash.world.sql(
        "update app.sending_policy set smtp_at_least_once = true where tenant_id = %(t)s", t=crash.world.tenant
    )
    killed_at(crash, stage)

    crash.finish()

    taken = crash.ledger.messages()
    assert len(taken) == copies
    assert len(set(taken)) == 1
    assert set(crash.states().values()) == {"accepted"}


def test_without_that_choice_it_never_comes_again(crash: CrashWorld) -> None:
    killed_at(crash, Stage.TAKEN)

    crash.finish()

    assert len(crash.ledger.messages()) == 1
    assert set(crash.states().values()) == {"unknown"}
