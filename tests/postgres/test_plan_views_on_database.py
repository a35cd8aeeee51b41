"""`outreach plan show|why|diff|page` over versions in the database and their files in the object store."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from day_plans import DAY, planned
from small_world import SmallWorld
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.stored_objects import ObjectKey, ObjectStore
from outreach_pipelines.application.suppress_by_hand import named, subject_called
from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from outreach_pipelines.errors import NotFound
from resources import files, keys

pytest_plugins = ("command_settings",)
pytestmark = pytest.mark.usefixtures("command_settings")


def slug_of(world: SmallWorld) -> str:
    return str(world.one("select slug from app.tenant_directory where id = %(t)s", t=world.tenant)["slug"])


@pytest.fixture
def kept(command_settings: None, tmp_path: Path) -> Iterator[ObjectStore]:
    """The object store that commands read: it lies in their working directory."""
    (tmp_path / "var" / "files").mkdir(parents=True)
    files.object_store.cache_clear()
    yield files.object_store()
    files.object_store.cache_clear()


def say(world: SmallWorld, *words: object) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, words), "--tenant", slug_of(world)])


def test_show_and_page_tell_the_released_plan_of_the_day(
    engine: Engine, kept: ObjectStore, world: SmallWorld, tmp_path: Path
) -> None:
    world.enroll(1)
    done = planned(PostgresPlanStore(engine), kept, world)

    shown = say(world, "show", DAY)
    written = say(world, "page", DAY, "--out", tmp_path / "day.html")

    assert "version 1: released" in shown.output
    assert "1 goes out = 1 candidate" in shown.output
    assert done.plan.plan_hash in (tmp_path / "day.html").read_text()
    assert written.exit_code == 0


def test_the_judge_reads_what_is_stored_and_tells_a_plan_that_was_changed_since(
    engine: Engine, kept: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    plans = PostgresPlanStore(engine)
    planned(plans, kept, world)
    (row,) = plans.plans(TenantId(world.tenant), DAY)
    made = ObjectKey(row.plan_key)

    good = say(world, "check", DAY)
    no_plan = say(world, "check", DAY + timedelta(days=1))
    kept.put(made, kept.get(made).replace(b'"placed":1', b'"placed":2'))
    bad = say(world, "check", DAY)

    assert (good.exit_code, good.output) == (0, f"{slug_of(world)}, {DAY} version 1: 0 violations\n")
    assert bad.exit_code == 1
    assert "0 violations" not in bad.output
    assert isinstance(no_plan.exception, NotFound)


def test_why_finds_a_person_by_the_address_and_by_the_enrollment(
    engine: Engine, kept: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    name = named(subject_called("person1@example.test"), TenantSlug(slug_of(world)), keys.address_key())
    world.sql("update app.lead set address_hmac = %(a)s where tenant_id = %(t)s", a=bytes.fromhex(name.own), t=world.tenant)  # fmt: skip
    planned(PostgresPlanStore(engine), kept, world)

    by_address = say(world, "why", "person1@example.test", DAY)
    by_number = say(world, "why", enrollment, DAY)

    assert f"enrollment {enrollment}" in by_address.output
    assert "placed: " in by_address.output
    assert by_number.output == by_address.output


def test_diff_compares_two_versions_of_a_day(engine: Engine, kept: ObjectStore, world: SmallWorld) -> None:
    store = PostgresPlanStore(engine)
    world.enroll(1)
    planned(store, kept, world)
    world.enroll(2)
    planned(store, kept, world)

    said = say(world, "diff", f"{DAY}@1", f"{DAY}@2")

    assert "placed: 1 before, 2 after" in said.output
    assert "appeared: 1" in said.output


def test_the_version_asked_for_is_the_one_that_is_told(engine: Engine, kept: ObjectStore, world: SmallWorld) -> None:
    store = PostgresPlanStore(engine)
    world.enroll(1)
    planned(store, kept, world)
    second = world.enroll(2)
    planned(store, kept, world)

    old, released, none = (say(world, "bound", DAY, *words) for words in (("--version", 1), (), ("--version", 9)))
    then, now = (say(world, "why", second, DAY, *words) for words in (("--version", 1), ()))

    assert "placed 1 of at most 1" in old.output
    assert "placed 2 of at most 2" in released.output
    assert "0 plans fit; name one by DAY, --tenant and --version" in str(none.exception)
    assert f"{second} was no candidate of that plan" in str(then.exception)
    assert "version 2" in now.output


def test_a_day_without_a_plan_is_said_so(world: SmallWorld, kept: ObjectStore) -> None:
    shown = say(world, "show", "2031-01-01")
    compared = say(world, "diff", "2031-01-01", "2031-01-02")

    assert "no plan for 2031-01-01" in shown.output
    assert "0 plans" in str(compared.exception)
