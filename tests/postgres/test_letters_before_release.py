"""Letters judged before their plan is released, on real PostgreSQL and with real templates."""

import hashlib
from pathlib import Path

import pytest
from day_plans import messages_of, planned, statuses
from small_world import SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.templates import TemplateStore, template_key
from outreach_pipelines.application.stored_objects import ObjectStore, ObjectStoreUnreachable
from resources import database

pytest_plugins = ("settings_fixtures", "live_settings")

FOOT = "\n\n{{ unsubscribe_url }}\n{{ postal_address }}"
SOUND = "Hello {{ first_name }}, your trial ends on Friday." + FOOT


@pytest.fixture
def store(engine: Engine, objects: ObjectStore) -> PostgresPlanStore:
    return PostgresPlanStore(engine, TemplateStore(objects))


def say(world: SmallWorld, objects: ObjectStore, text: str, *, kept: bool = True) -> None:
    """Both steps of the campaign say this; with `kept` the object store has it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    if kept:
        objects.put(template_key(digest), text.encode())
    world.sql(
        "insert into app.template (tenant_id, sha256, name, object_key) values (%(t)s, %(h)s, 't', 'k')",
        t=world.tenant, h=digest,
    )  # fmt: skip
    world.sql("update app.campaign_variant set text_sha256 = %(h)s where tenant_id = %(t)s", t=world.tenant, h=digest)


def give(world: SmallWorld, enrollment: int, fields: str) -> None:
    world.sql(
        "update app.lead set fields = %(f)s where lead_id = (select lead_id from app.enrollment where enrollment_id = %(e)s)",
        f=fields, e=enrollment,
    )  # fmt: skip


def test_a_plan_of_sound_letters_is_released(store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld) -> None:
    world.enroll(1)
    say(world, objects, SOUND)

    done = planned(store, objects, world)

    assert done.blockers == ()
    assert done.release is not None
    assert done.release.made == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SOUND.replace("{{ unsubscribe_url }}", ""), "text: The unsubscribe link is not there."),
        (SOUND.replace("{{ postal_address }}", ""), "text: The postal address is not there, or not whole."),
        (SOUND + " https://bit.ly/x", "text: bit.ly hides where the link leads."),
        (SOUND + "{{ plan }}", "letter: It cannot be filled in: field_missing: 'plan' is undefined."),
    ],
)
def test_a_letter_that_must_not_leave_keeps_its_plan_a_draft_and_says_why(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, text: str, sentence: str
) -> None:
    world.enroll(1)
    world.enroll(2)
    say(world, objects, text)

    done = planned(store, objects, world)

    assert done.release is None
    assert done.blockers == (f"campaign c, step 1, variant A, {sentence} It would go to 2.",)
    assert (statuses(store, world), messages_of(world)) == ([(1, "draft")], [])


def test_advice_forbids_nothing(store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld) -> None:
    world.enroll(1)
    say(world, objects, SOUND + " http://www.example.com/plans")

    assert planned(store, objects, world).blockers == ()


def test_one_person_without_a_field_that_the_letter_needs_is_found_among_others_who_have_it(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    give(world, world.enroll(1), '{"plan": "gold"}')
    give(world, world.enroll(2), '{"plan": ""}')
    world.enroll(3)
    say(world, objects, "Your plan: {{ plan }}." + SOUND)

    (blocker,) = planned(store, objects, world).blockers

    assert blocker.endswith("field_missing: 'plan' is undefined. It would go to 1.")


def test_wordings_that_the_plan_does_not_place_are_not_judged(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    say(world, objects, SOUND)
    world.sql(
        "update app.campaign_variant set subject = 'Re: ours' where tenant_id = %(t)s and step = 2", t=world.tenant
    )

    assert planned(store, objects, world).blockers == ()


def test_a_text_that_is_not_kept_is_a_fault_of_its_letter(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    say(world, objects, SOUND, kept=False)

    (blocker,) = planned(store, objects, world).blockers

    assert "template_missing" in blocker


def test_a_store_of_templates_that_does_not_answer_is_no_sound_letter(
    engine: Engine, objects: ObjectStore, world: SmallWorld, tmp_path: Path
) -> None:
    world.enroll(1)
    say(world, objects, SOUND)
    away = PostgresPlanStore(engine, TemplateStore(LocalObjectStore(tmp_path / "away")))

    with pytest.raises(ObjectStoreUnreachable):
        planned(away, objects, world)

    assert statuses(away, world) == [(1, "draft")]


def test_a_cured_letter_is_released_when_the_day_is_planned_again(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    say(world, objects, SOUND.replace("{{ unsubscribe_url }}", ""))
    planned(store, objects, world)
    say(world, objects, SOUND)

    done = planned(store, objects, world)

    assert (done.blockers, messages_of(world) != []) == ((), True)


def test_an_installations_own_store_of_plans_judges_letters(settings: pytest.MonkeyPatch) -> None:
    assert isinstance(database.plans().renderer, TemplateStore)
