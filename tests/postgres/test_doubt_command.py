"""`outreach doubt` and the sensor of doubt on a real database, as a person and the daemon call them."""

from collections.abc import Iterator

import dagster as dg
import pytest
from fakes import Tenants
from news_of_sends import begun, row
from small_world import SmallWorld
from typer.testing import CliRunner, Result

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.cli.doubt import app
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug
from outreach_pipelines.errors import NotFound, Refused
from resources import database, doubt
from sensors.doubt import doubt_resolver

pytest_plugins = ("settings_fixtures",)


@pytest.fixture(autouse=True)
def settings(environment: pytest.MonkeyPatch, outreach_database: DatabaseUrls) -> Iterator[None]:
    for name, role in (("DATABASE", Role.APP), ("OPS", Role.OPS), ("INGEST", Role.INGEST)):
        environment.setenv(f"OUTREACH_{name}_URL", outreach_database[role])
    environment.setenv("COLUMNS", "250")
    yield
    for engine in (database.app_engine(), database.ops_engine(), database.ingest_engine()):
        engine.dispose()


@pytest.fixture
def letter(messages: PostgresMessageStore, world: SmallWorld) -> Letter:
    world.message(1)
    letter = begun(messages, world)
    messages.record_doubt(letter.claim, "timeout")
    return letter


def slug_of(world: SmallWorld) -> TenantSlug:
    return TenantSlug(str(world.one("select slug from app.tenant_directory where id = %(t)s", t=world.tenant)["slug"]))


def say(*words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=answer)


def test_what_is_in_doubt_is_listed_with_what_it_waits_for(letter: Letter, world: SmallWorld) -> None:
    said = say("list", "--tenant", slug_of(world))

    assert said.exit_code == 0, said.output
    for word in (f"{letter.claim.plan_day}/{letter.claim.message_id}", "0 min", "a bounce or a reply may still come"):
        assert word in said.output


def test_a_tenant_without_doubt_is_told_so(world: SmallWorld) -> None:
    assert "nothing is in doubt" in say("list", "--tenant", slug_of(world)).output


def test_a_ruling_is_shown_and_done_only_when_it_is_agreed_to(letter: Letter, world: SmallWorld) -> None:
    number = str(letter.claim.message_id)

    no = say("resolve", number, "--not-sent", "--reason", "not in the log", answer="n\n")
    state_after_no = row(world, letter)["state"]
    yes = say("resolve", number, "--not-sent", "--reason", "not in the log", answer="y\n")

    assert "the recipient gets it twice" in no.output
    assert (no.exit_code, state_after_no) == (1, "in_doubt")
    assert (yes.exit_code, row(world, letter)["state"]) == (0, "planned")
    assert world.one("select reason from app.doubt_ruling where tenant_id = %(t)s", t=world.tenant)["reason"] == "not in the log"  # fmt: skip


@pytest.mark.parametrize("flags", [(), ("--accepted", "--not-sent")])
def test_a_ruling_says_one_of_the_two(letter: Letter, flags: tuple[str, ...]) -> None:
    said = say("resolve", str(letter.claim.message_id), "--reason", "x", *flags)

    assert isinstance(said.exception, Refused)


@pytest.mark.parametrize("message", ["nonsense", "2026-99-99/1", "999999999"])
def test_what_is_no_message_is_refused(world: SmallWorld, message: str) -> None:
    said = say("resolve", message, "--accepted", "--reason", "x", "--tenant", slug_of(world))

    assert isinstance(said.exception, NotFound)


def test_the_sensor_settles_what_nothing_will_tell_and_says_so(letter: Letter, world: SmallWorld) -> None:
    world.sql("update app.send_attempt set begun_at = begun_at - interval '61 minutes' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    tenants = Tenants((TenantRow(TenantRef(world.tenant, slug_of(world)), "Etc/UTC", paused=False),))

    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, resources={"doubt_desk": doubt.doubt_desk(), "tenants": tenants}) as context,
    ):
        result = doubt_resolver(context)

    assert isinstance(result, dg.SkipReason)
    assert result.skip_message == "unknown 1"
    assert (row(world, letter)["state"], row(world, letter)["reason"]) == ("unknown", "nothing_will_tell")
