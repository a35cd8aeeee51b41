"""Files that go with a step: from the inventory's store through a whole hour into the bytes that a server takes."""

import asyncio
import hashlib
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from batch_runs import OneTransport, desk, run
from small_world import NOON, SmallWorld
from smtp_stage import Handler, serving
from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.templates import TemplateStore, attachment_key, template_key

PDF = b"%PDF-1.7 " + bytes(range(256)) * 40
TEXT = b"Hello {{ first_name }}.\n"


@pytest.fixture
def message(world: SmallWorld, objects: LocalObjectStore) -> int:
    """A message whose templates are stored."""
    sha256 = hashlib.sha256(TEXT).hexdigest()
    objects.put(template_key(sha256), TEXT)
    world.sql("insert into app.template values (%(t)s, %(h)s, 't', 'k')", t=world.tenant, h=sha256)
    world.sql("update app.campaign_variant set text_sha256 = %(h)s where tenant_id = %(t)s", h=sha256, t=world.tenant)
    return world.message(1)


def attach(world: SmallWorld, name: str, body: bytes, *, position: int = 1, step: int = 1) -> str:
    sha256 = hashlib.sha256(body).hexdigest()
    world.sql(
        "insert into app.campaign_step_attachment values (%(t)s, %(c)s, %(s)s, %(p)s, %(n)s, %(h)s, %(o)s)",
        t=world.tenant, c=world.campaign, s=step, p=position, n=name, h=sha256, o=len(body),
    )  # fmt: skip
    return sha256


async def arrived(engine: Engine, world: SmallWorld, objects: LocalObjectStore) -> list[EmailMessage]:
    handler = Handler()
    async with serving(handler) as transport, asyncio.timeout(30):
        made = desk(engine, None)
        await run(replace(made, transports=OneTransport(transport), renderer=TemplateStore(objects)), world)
    return [message_from_bytes(body, policy=default) for body in handler.seen.bodies]


async def test_the_files_of_a_step_arrive_in_their_order_and_octet_for_octet(
    engine: Engine, world: SmallWorld, objects: LocalObjectStore, message: int
) -> None:
    for position, (name, body) in enumerate([("Brochüre.pdf", PDF), ("notes.txt", b"a\r\nb\nc")], start=1):
        objects.put(attachment_key(attach(world, name, body, position=position)), body)
    attach(world, "other.txt", b"of the second step", step=2)

    (letter,) = await arrived(engine, world, objects)

    files = [(part.get_filename(), part.get_payload(decode=True)) for part in letter.iter_attachments()]
    assert letter.get_content_type() == "multipart/mixed"
    assert files == [("Brochüre.pdf", PDF), ("notes.txt", b"a\r\nb\nc")]
    assert letter.get_body(("plain",)).get_content().startswith("Hello Ada.")


async def test_a_letter_whose_file_is_gone_fails_and_is_not_sent_without_it(
    engine: Engine, world: SmallWorld, objects: LocalObjectStore, message: int
) -> None:
    attach(world, "brochure.pdf", PDF)

    assert await arrived(engine, world, objects) == []
    assert world.state(message)["state"] == "failed"
    assert str(world.state(message)["reason"]).startswith("template: template_missing")


async def test_a_file_that_was_changed_under_its_name_is_not_sent(
    engine: Engine, world: SmallWorld, objects: LocalObjectStore, message: int
) -> None:
    objects.put(attachment_key(attach(world, "brochure.pdf", PDF)), b"%PDF-1.7 another")

    assert await arrived(engine, world, objects) == []
    assert str(world.state(message)["reason"]).startswith("template: template_changed")


async def test_a_file_that_no_rule_lets_pass_fails_its_message(
    engine: Engine, world: SmallWorld, objects: LocalObjectStore, message: int
) -> None:
    objects.put(attachment_key(attach(world, "brochure.pdf", b"MZ program")), b"MZ program")

    assert await arrived(engine, world, objects) == []
    assert str(world.state(message)["reason"]).startswith("attachment_type: brochure.pdf")


def contents(engine: Engine, world: SmallWorld) -> dict[int, str]:
    """Of each step, as a plan's snapshot has it."""
    (campaign,) = PostgresPlanStore(engine).snapshot(world.tenant, NOON.date()).campaigns
    return {step.number: step.variants[0].content for step in campaign.steps}


def test_another_file_makes_the_content_of_its_step_another_one_and_of_no_other_step(
    engine: Engine, world: SmallWorld
) -> None:
    bare = contents(engine, world)

    attach(world, "brochure.pdf", PDF)
    attached = contents(engine, world)
    attach(world, "prices.pdf", PDF + b".", position=2)
    two = contents(engine, world)

    assert len({bare[1], attached[1], two[1]}) == 3
    assert {step: found for step, found in two.items() if step != 1} == {s: c for s, c in bare.items() if s != 1}
