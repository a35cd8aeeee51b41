"""The sensor and the asset of replies over a real database: decided, told, shown; and again nothing."""

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from fakes import Tenants
from mail_back import mail, send, sync_and_record
from reply_desk_world import last_mail, say, slug_of, store_of
from small_world import SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from assets.analytics import reply_page
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.notify_replies import Notice, NoticePolicy, Told
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.application.tend_replies import ReplyDesk
from outreach_pipelines.domain.reference import SecretRef
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug
from outreach_pipelines.errors import Unreadable
from outreach_pipelines.settings import load_settings
from resources import replies as reply_work
from resources.database import tenants
from sensors.reply_watch import reply_watch

pytest_plugins = ("command_settings",)
pytestmark = pytest.mark.usefixtures("command_settings")


class People:
    """A notifier that keeps what it is given."""

    def __init__(self) -> None:
        self.told: list[Notice] = []

    def tell(self, target: SecretRef, notice: Notice) -> Told:
        self.told.append(notice)
        return Told()


@pytest.fixture
def store(engine: Engine, tmp_path: Path, environment: pytest.MonkeyPatch) -> PostgresReplyStore:
    environment.setenv("OUTREACH_NOTIFY", "*=env:PEOPLE")
    return store_of(engine, tmp_path, environment)


def desk_of(people: People) -> ReplyDesk:
    made = reply_work.reply_desk()
    return ReplyDesk(made.intents, made.notices, people, made.policies, made.threads)


def tick(
    desk: object, *worlds: SmallWorld, cursor: str | None = None
) -> tuple[dg.SensorResult | dg.SkipReason, str | None]:
    refs = [TenantRef(world.tenant, TenantSlug(slug_of(world))) for world in worlds]
    known = Tenants(tuple(TenantRow(ref, "Etc/UTC", paused=False) for ref in refs))
    resources = {"tenants": known, "reply_desk": desk}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, cursor=cursor, resources=resources) as context,
    ):
        result = reply_watch(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result, context.cursor


def test_a_reply_is_decided_told_and_shown_and_a_second_look_does_nothing(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), "Sounds great <b>!"))
    people = People()
    first, cursor = tick(desk_of(people), world)

    second, _ = tick(desk_of(people), world, cursor=cursor)

    assert isinstance(first, dg.SensorResult)
    (event,) = first.asset_events
    assert isinstance(event, dg.AssetMaterialization)
    assert (event.partition, event.metadata["open"].value, event.metadata["intent positive"].value) == (
        slug_of(world),
        1,
        1,
    )
    page = store.objects.get(event.metadata["page"].value).decode()  # type: ignore[arg-type]  # a path is a text
    assert "Sounds great &lt;b&gt;!" in page
    assert len(people.told) == 1
    assert isinstance(second, dg.SkipReason)


def test_an_act_by_hand_writes_the_page_anew(engine: Engine, world: SmallWorld, store: PostgresReplyStore) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), "Sounds great!"))
    _, cursor = tick(desk_of(People()), world)
    say(world, "assign", last_mail(world), "--to", "Ada Example", "--actor", "roberta")

    result, _ = tick(desk_of(People()), world, cursor=cursor)

    assert isinstance(result, dg.SensorResult)
    assert "Ada Example, open" in store.objects.get(f"reports/{slug_of(world)}/replies.html").decode()  # type: ignore[arg-type]  # a key


def test_a_tenant_without_replies_has_no_page(world: SmallWorld, store: PostgresReplyStore) -> None:
    result, _ = tick(desk_of(People()), world)

    assert isinstance(result, dg.SkipReason)
    assert list(store.objects.list("")) == []


def test_a_fault_of_one_tenant_is_told_and_hinders_no_other(
    engine: Engine, new_world: NewWorld, store: PostgresReplyStore, capfd: pytest.CaptureFixture[str]
) -> None:
    broken, sound = new_world(), new_world()
    sync_and_record(engine, store, sound, mail(send(engine, sound), "Sounds great!"))
    made = desk_of(People())

    def policies(tenant: TenantSlug) -> NoticePolicy:
        if tenant == slug_of(broken):
            message = "the store is silent"
            raise Unreadable(message)
        return made.policies(tenant)

    result, _ = tick(replace(made, policies=policies), broken, sound)

    assert isinstance(result, dg.SensorResult)
    assert [event.partition for event in result.asset_events if isinstance(event, dg.AssetMaterialization)] == [
        slug_of(sound)
    ]
    assert f"{slug_of(broken)}: the store is silent" in capfd.readouterr().err


def test_the_asset_writes_the_same_page(engine: Engine, world: SmallWorld, store: PostgresReplyStore) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), "Sounds great!"))
    slug = slug_of(world)

    with dg.build_asset_context(partition_key=slug) as context:
        done = reply_page(context, tenants=tenants(), reply_desk=desk_of(People()))

    assert isinstance(done, dg.MaterializeResult)
    assert done.metadata is not None
    assert str(done.metadata["page"].value) == f"reports/{slug}/replies.html"  # type: ignore[union-attr]  # a path
    assert store.objects.head(f"reports/{slug}/replies.html") is not None  # type: ignore[arg-type]  # a key


def test_each_tenant_has_its_own_targets(store: PostgresReplyStore, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_NOTIFY", "acme=env:ACME, *=file:/run/all, zulu=env:ZULU, acme=file:/run/all")
    environment.setenv("OUTREACH_NOTIFY_OF", "meeting,none")
    load_settings.cache_clear()

    policies = reply_work.notice_policies(load_settings())

    told = {slug: [str(target) for target in policies(TenantSlug(slug)).targets] for slug in ("acme", "zulu", "other")}
    assert told == {
        "acme": ["env:ACME", "file:/run/all"],
        "zulu": ["file:/run/all", "env:ZULU"],
        "other": ["file:/run/all"],
    }
    assert policies(TenantSlug("acme")).intents == ("meeting", "none")


def test_a_page_of_which_all_mail_is_gone_says_so(engine: Engine, world: SmallWorld, store: PostgresReplyStore) -> None:
    """Who is erased leaves the page, though nothing came and nothing was done."""
    sync_and_record(engine, store, world, mail(send(engine, world), "A private word."))
    _, cursor = tick(desk_of(People()), world)
    world.sql("delete from app.inbound_message where tenant_id = %(t)s", t=world.tenant)

    _, cursor = tick(desk_of(People()), world, cursor=cursor)
    again, _ = tick(desk_of(People()), world, cursor=cursor)

    page = store.objects.get(f"reports/{slug_of(world)}/replies.html").decode()  # type: ignore[arg-type]  # a key
    assert "private" not in page
    assert isinstance(again, dg.SkipReason)


def test_who_had_the_last_turn_stands_in_the_cursor_and_one_of_before_is_understood(
    world: SmallWorld, store: PostgresReplyStore
) -> None:
    _, cursor = tick(desk_of(People()), world, cursor='{"acme": "2026-11-18T12:00:00+00:00"}')

    assert json.loads(cursor or "") == {"pages": {}, "after": slug_of(world)}
