"""A small world under judgement: judging it, its holds, and one intent against them."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.back_off_store import PostgresBackOffStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.apply_back_off import BackOffSummary, apply_back_off
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.letter import ClaimToken
from outreach_pipelines.domain.message_tag import WireTag

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def judge_now(engine: Engine, world: SmallWorld, now: datetime = NOON) -> BackOffSummary:
    return apply_back_off(PostgresBackOffStore(engine), tenant=world.tenant, now=now)


def holds(world: SmallWorld, *, at: datetime = NOON) -> dict[tuple[str, str], Decimal]:
    rows = world.sql(
        "select scope_key, signal, app.hold_factor(h, %(at)s) as factor from app.hold h where tenant_id = %(t)s and released_at is null",
        at=at,
        t=world.tenant,
    )
    return {(str(row["scope_key"]), str(row["signal"])): Decimal(str(row["factor"])) for row in rows}


def evidence_of(row: dict[str, object]) -> dict[str, object]:
    evidence = row["evidence"]
    assert isinstance(evidence, dict)
    return evidence


def begin_one(engine: Engine, world: SmallWorld, number: int, at: datetime = NOON) -> Begun | NotBegun:
    store = PostgresMessageStore(engine)
    world.at(at)
    world.message(number, due_at=at)
    (letter,) = store.claim(world.tenant, hour=at, token=ClaimToken(uuid4()), most=1, ahead_seconds=0)
    return store.begin(letter.claim, hour=at, epoch=store.epoch(), tag=WireTag(f"tag{letter.claim.message_id}"))
