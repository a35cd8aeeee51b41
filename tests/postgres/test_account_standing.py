"""What SES says of account and client, from the lab's API into the limits and holds of a real database."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from lab_process import KEY, REGION, SECRET, RunningLab
from send_steps import begin, claim
from small_world import SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.standing_store import PostgresStandingStore
from outreach_pipelines.adapters.ses_account import SesAccountControl
from outreach_pipelines.adapters.ses_client import SesAccess, ses_clients
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.read_standings import AccountControl, Standings, read_standings
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_standing import AccountStanding, Enforcement, SendQuota, TenantStatus
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Unreadable

pytest_plugins = ("lab_fixtures",)


@dataclass
class OneControl:
    """`AccountControls` with one for every account."""

    control: AccountControl

    def of(self, tenant: TenantId, account: AccountId) -> AccountControl:
        return self.control


@dataclass
class Said:
    """`AccountControl` that says what it is told, and counts how often it was asked."""

    account: AccountStanding | Unreadable
    tenant: TenantStatus = TenantStatus.ENABLED
    asked: list[str] = field(default_factory=list)

    def standing(self) -> AccountStanding:
        self.asked.append("account")
        if isinstance(self.account, Unreadable):
            raise self.account
        return self.account

    def tenant_status(self, name: str) -> TenantStatus:
        self.asked.append(name)
        return self.tenant


def healthy(quota: int | None = 1000, *, sent: int = 0, enabled: bool = True) -> AccountStanding:
    return AccountStanding(SendQuota(quota, 14.0, sent), enabled, Enforcement.HEALTHY)


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    return new_world(kind="ses")


@pytest.fixture
def lab_control(lab: RunningLab) -> Iterator[SesAccountControl]:
    access = SesAccess(REGION, f"http://127.0.0.1:{lab.ports['ses']}", Secret(KEY), Secret(SECRET))
    control = SesAccountControl(ses_clients(access), timeout=2.0, seconds_between=0.0)
    yield control
    control.close()
    lab.clear_faults()


def named(world: SmallWorld, name: str | None = "client-a") -> None:
    world.sql(
        "update app.provider_account_share set ses_tenant = %(n)s where tenant_id = %(t)s", n=name, t=world.tenant
    )


def read(engine: Engine, world: SmallWorld, control: AccountControl, *, fresh: float = 0.0) -> Standings:
    store = PostgresStandingStore(engine)
    return read_standings(store, OneControl(control), tenant=world.tenant, fresh_seconds=fresh)


def account_of(world: SmallWorld) -> dict[str, object]:
    return world.one("select * from app.provider_account where account_id = %(a)s", a=world.account)


def verdict(engine: Engine, world: SmallWorld) -> str:
    """What T2 says of the one message that is due: `begin`, or why not."""
    world.sql("update app.message set not_before = due_at where tenant_id = %(t)s", t=world.tenant)
    world.sql("update app.mailbox set next_at = '-infinity' where tenant_id = %(t)s", t=world.tenant)
    store = PostgresMessageStore(engine)
    (letter,) = claim(store, world)
    begun = begin(store, letter)
    return "begin" if isinstance(begun, Begun) else begun.reason


def test_quota_and_rate_are_what_the_provider_says(
    engine: Engine, world: SmallWorld, lab_control: SesAccountControl
) -> None:
    found = read(engine, world, lab_control)

    account = account_of(world)
    assert (found.read, found.faults) == (1, ())
    assert (account["provider_quota"], account["rate_per_second"], account["enforcement"]) == (50_000, 200, "healthy")


def test_what_others_have_sent_through_the_account_is_not_ours_to_send(engine: Engine, world: SmallWorld) -> None:
    world.sql("insert into app.account_bucket values (%(a)s, app.now(), 30)", a=world.account)

    read(engine, world, Said(healthy(1000, sent=130)))

    share = world.one("select daily_share from app.provider_account_share where tenant_id = %(t)s", t=world.tenant)
    assert (account_of(world)["daily_quota"], share["daily_share"]) == (900, 900)


def test_an_account_without_limit_has_no_quota(engine: Engine, world: SmallWorld) -> None:
    read(engine, world, Said(healthy(None, sent=130)))

    assert account_of(world)["daily_quota"] is None


def test_a_standing_that_was_read_lately_is_not_asked_for_again(engine: Engine, world: SmallWorld) -> None:
    named(world)
    control = Said(healthy())

    read(engine, world, control, fresh=300)
    read(engine, world, control, fresh=300)

    assert control.asked == ["account", "client-a"]


def test_a_provider_that_does_not_answer_leaves_the_last_word_in_force(engine: Engine, world: SmallWorld) -> None:
    read(engine, world, Said(healthy(500)))

    found = read(engine, world, Said(Unreadable("SES did not answer")))

    assert account_of(world)["daily_quota"] == 500
    assert found.faults == (f"account {world.account}: SES did not answer",)


def test_a_disabled_tenant_is_stopped_until_ses_lets_it_send_again(
    engine: Engine, world: SmallWorld, lab: RunningLab, lab_control: SesAccountControl
) -> None:
    named(world)
    world.message(1)
    lab.fault(account="client-a", fault="pause_sending")

    stopped = read(engine, world, lab_control)
    while_stopped = verdict(engine, world)
    lab.clear_faults()
    free = read(engine, world, lab_control)
    after = verdict(engine, world)

    assert "client-a may not send" in stopped.stopped[0]
    assert free.stopped == ()
    assert (while_stopped, after) == ("path_held", "begin")


def test_a_disabled_neighbour_stops_nobody_else(engine: Engine, world: SmallWorld, new_world: NewWorld) -> None:
    neighbour = new_world(kind="ses")
    neighbour.sql("insert into app.provider_account_share (tenant_id, account_id, ses_tenant) values (%(t)s, %(a)s, 'client-b')", t=neighbour.tenant, a=world.account)  # fmt: skip
    named(world)
    world.message(1)

    read(engine, neighbour, Said(healthy(), TenantStatus.DISABLED))
    read(engine, world, Said(healthy()))

    assert verdict(engine, world) == "begin"


def test_an_account_that_may_not_send_stops_every_tenant_of_it(
    engine: Engine, world: SmallWorld, new_world: NewWorld
) -> None:
    neighbour = new_world(kind="ses")
    neighbour.sql("insert into app.provider_account_share (tenant_id, account_id) values (%(t)s, %(a)s)", t=neighbour.tenant, a=world.account)  # fmt: skip
    world.message(1)

    read(engine, neighbour, Said(healthy(enabled=False)))
    while_stopped = verdict(engine, world)
    read(engine, neighbour, Said(healthy()))
    after = verdict(engine, world)

    assert (while_stopped, after) == ("path_held", "begin")


def test_the_hold_of_a_refused_send_is_not_ended_by_a_tenant_that_is_enabled(engine: Engine, world: SmallWorld) -> None:
    named(world)
    scope = f"account:{world.account}"
    world.sql("insert into app.hold (tenant_id, scope_key, signal, level, factor, reason, since) values (%(t)s, %(s)s, 'answer', 'stop', 0, 'provider_refused', app.now())", t=world.tenant, s=scope)  # fmt: skip

    read(engine, world, Said(healthy()))

    held = world.sql(
        "select 1 from app.hold where tenant_id = %(t)s and scope_key = %(s)s and released_at is null",
        t=world.tenant,
        s=scope,
    )
    assert len(held) == 1


@pytest.mark.parametrize("fault", ["revoke_credentials"])
def test_a_refused_question_is_no_answer(lab: RunningLab, lab_control: SesAccountControl, fault: str) -> None:
    lab.fault(account="ses-main", fault=fault, count=1)

    with pytest.raises(Unreadable, match="UnrecognizedClientException"):
        lab_control.standing()


def test_questions_wait_for_their_turn_of_one_a_second(lab: RunningLab) -> None:
    access = SesAccess(REGION, f"http://127.0.0.1:{lab.ports['ses']}", Secret(KEY), Secret(SECRET))
    control, started = SesAccountControl(ses_clients(access), seconds_between=0.2), []
    control._client.meta.events.register("before-send.sesv2", lambda **_: started.append(time.monotonic()))

    before = time.monotonic()
    for _ in range(3):
        control.standing()
    control.close()

    # From the beginning, not from one to the next: a machine that is late with one is nearer to the next.
    assert [each - before >= 0.2 * turn for turn, each in enumerate(started)] == [True] * 3
