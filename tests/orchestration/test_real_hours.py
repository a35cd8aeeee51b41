"""Plans and hours of a tenant on real PostgreSQL, run as jobs of Dagster in this process; only the provider is made up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from small_world import HOUR, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from assets.partitions import day_key, hour_key
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.clock import DatabaseClock
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.step_calendar import StepCalendar
from outreach_pipelines.adapters.postgres.tenant_directory import PostgresTenantDirectory
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.application.send_batch import BatchLimits, SendDesk
from outreach_pipelines.application.tagging import KeyedTagger
from outreach_pipelines.definitions import build_defs
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.send_answer import Accepted, SendAnswer
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from outreach_pipelines.domain.tracking_token import TokenKeyId, TokenKeys
from outreach_pipelines.domain.wire_message import Rendered, WireMessage
from schedules.in_process import JobRunner

# Dagster warns of the tags that it gives to runs of its own multi-dimensional partitions.
pytestmark = pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")

TODAY = datetime.now(UTC).date()
# A Wednesday at least a week ago: partitions begin some weeks before today and end with it.
NOON = datetime.combine(TODAY - timedelta(days=7 + (TODAY.weekday() - 2) % 7), time(12), UTC)
THURSDAY = NOON.date() + timedelta(days=1)
TAGGER = KeyedTagger(b"k" * 32, TokenKeys(TokenKeyId(1), {TokenKeyId(1): b"t" * 64}))


@dataclass
class Provider:
    """`Transports` and `MailTransport` in one: takes everything and notes for whom."""

    taken: list[str] = field(default_factory=list)

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:
        return self

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        return "smtp"

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        self.taken.append(message.recipient)
        return Accepted(f"id-{len(self.taken)}", message.message_id)

    async def close(self) -> None:
        """Nothing is open."""


class Greeting:
    """`LetterRenderer` without templates."""

    def render_letter(self, letter: Letter, unsubscribe_url: str) -> Rendered:
        return Rendered(f"Hello {letter.recipient.fields['first_name']}", f"Stop: {unsubscribe_url}\n", None)


@dataclass(frozen=True)
class Stage:
    """A tenant, the jobs, and what the provider took."""

    world: SmallWorld
    slug: TenantSlug
    jobs: JobRunner
    provider: Provider

    def send(self, *hours: datetime) -> dict[str, dict[str, object]]:
        """One run of these hours; what it reports of each."""
        return self._reported("send_batch", self.jobs.run("send_hour", [hour_key(hour, self.slug) for hour in hours]))

    def plan(self, day: date) -> dict[str, object]:
        key = day_key(day, self.slug)
        return self._reported("send_plan", self.jobs.run("plan_day", [key]))[key]

    def _reported(self, asset: str, result: dg.ExecuteInProcessResult) -> dict[str, dict[str, object]]:
        return {
            str(each.partition): {name: value.value for name, value in each.metadata.items()}
            for event in result.get_asset_materialization_events()
            if (each := event.materialization).asset_key == dg.AssetKey(asset)
        }


@pytest.fixture
def stage(new_world: NewWorld, engine: Engine, ops: Engine, tmp_path: Path) -> Iterator[Stage]:
    world = new_world(day=NOON.date())
    world.at(NOON)
    world.sql("select app.ensure_partitions(%(day)s, 10)", day=NOON.date() - timedelta(days=2))
    slug = TenantSlug(str(world.one("select slug from app.tenant_directory where id = %(t)s", t=world.tenant)["slug"]))
    provider, store = Provider(), PostgresMessageStore(engine)
    desk = SendDesk(
        messages=store, proofs=store, transports=provider, renderer=Greeting(), tagger=TAGGER, next_step_day=StepCalendar(engine),
        clock=DatabaseClock.of(engine), epoch=store.epoch(), limits=BatchLimits(look_again_seconds=0.05),
    )  # fmt: skip
    definitions = build_defs(
        desk=desk,
        clock=desk.clock,
        tenants=PostgresTenantDirectory(ops),
        plans=PostgresPlanStore(engine),
        objects=LocalObjectStore(tmp_path),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [slug])
        yield Stage(world, slug, JobRunner(definitions, instance), provider)


def test_the_same_hour_run_twice_sends_nothing_twice(stage: Stage) -> None:
    stage.world.message(1, due_at=NOON)

    first, second = stage.send(NOON), stage.send(NOON)

    key = hour_key(NOON, stage.slug)
    assert stage.provider.taken == ["person1@example.test"]
    assert (first[key]["accepted"], second[key]["accepted"]) == (1, 0)
    assert second[key]["in its hour"] == "yes"


@pytest.mark.parametrize("hours", [-1, -24, 1])
def test_another_hour_sends_nothing_and_reports_so(stage: Stage, hours: int) -> None:
    stage.world.message(1, due_at=NOON)

    reported = stage.send(NOON + hours * HOUR)

    (report,) = reported.values()
    assert stage.provider.taken == []
    assert str(report["in its hour"]).startswith("no")


def test_a_backfill_over_a_week_of_hours_sends_nothing(stage: Stage) -> None:
    message = stage.world.message(1, due_at=NOON)
    stage.world.at(NOON + HOUR)
    week = [NOON - number * HOUR for number in range(168)]

    reported = stage.send(*week)

    assert len(reported) == 168
    assert stage.provider.taken == []
    assert stage.world.state(message)["state"] == "planned"


def test_a_plan_with_a_blocker_stays_a_draft_and_its_hours_send_nothing(stage: Stage) -> None:
    for number in range(3):
        stage.world.enroll(number)
    stage.world.sql(
        "update app.domain_account set state = 'not_ready', definite_state = 'not_ready' where tenant_id = %(t)s",
        t=stage.world.tenant,
    )

    planned = stage.plan(THURSDAY)
    stage.world.at(_at(THURSDAY, 12))
    stage.send(_at(THURSDAY, 12))

    assert str(planned["status"]).startswith("draft: no sending domain is ready")
    assert stage.provider.taken == []
    assert _messages(stage.world) == []


def test_a_plan_without_a_blocker_is_released_and_its_hour_sends_it(stage: Stage) -> None:
    for number in range(3):
        stage.world.enroll(number)

    planned = stage.plan(THURSDAY)
    due = max(_messages(stage.world))
    # Time stands still: a mailbox that kept its pace would wait for ever.
    stage.world.sql("update app.mailbox set min_gap_seconds = 0 where tenant_id = %(t)s", t=stage.world.tenant)
    stage.world.at(due)
    stage.send(due.replace(minute=0, second=0, microsecond=0))

    assert (planned["status"], planned["placed"], planned["messages made"]) == ("released", 3, 3)
    assert sorted(stage.provider.taken) == [f"person{number}@example.test" for number in range(3)]


def test_planning_a_day_again_makes_no_message_again(stage: Stage) -> None:
    stage.world.enroll(1)

    first, second = stage.plan(THURSDAY), stage.plan(THURSDAY)

    assert (first["plan hash"], first["plan version"]) == (second["plan hash"], second["plan version"])
    assert len(_messages(stage.world)) == 1


@pytest.mark.parametrize("zone", ["Etc/UTC", "Pacific/Auckland", "Etc/GMT-13", "Pacific/Pago_Pago"])
def test_no_zone_cuts_the_windows_of_a_tenants_day(stage: Stage, zone: str) -> None:
    for table in ("tenant", "mailbox", "campaign"):
        stage.world.sql(f"update app.{table} set zone = %(z)s where tenant_id = %(t)s", z=zone, t=stage.world.tenant)
    stage.world.at(NOON - 12 * HOUR)
    for number in range(30):
        stage.world.enroll(number)

    planned = stage.plan(THURSDAY)

    placed = stage.world.sql(
        "select due_at, window_start, window_end from app.decision where tenant_id = %(t)s and placed",
        t=stage.world.tenant,
    )
    windows = {(_local(row["window_start"], zone), _local(row["window_end"], zone)) for row in placed}
    # What the campaign's hours, the mailboxes' hours and the quiet hours leave of any day, by the wall clock.
    assert windows == {(datetime.combine(THURSDAY, time(9)), datetime.combine(THURSDAY, time(17)))}
    assert (planned["status"], len(placed)) == ("released", 30)
    ((start, end),) = windows
    assert all(start <= _local(row["due_at"], zone) < end for row in placed)
    assert all(abs((due.date() - THURSDAY).days) <= 1 for due in _messages(stage.world))


def _messages(world: SmallWorld) -> list[datetime]:
    """When this tenant's messages are due, in UTC."""
    rows = world.sql("select due_at from app.message where tenant_id = %(t)s", t=world.tenant)
    return [_utc(row["due_at"]) for row in rows]


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def _utc(moment: object) -> datetime:
    assert isinstance(moment, datetime)
    return moment.astimezone(UTC)


def _local(moment: object, zone: str) -> datetime:
    return _utc(moment).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
