"""The first two transactions of the send protocol as a run takes them, for tests that look at each by itself."""

from datetime import timedelta
from uuid import uuid4

from small_world import NOON, SmallWorld

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message_tag import WireTag

NOW = timedelta(0)


def claim(
    store: PostgresMessageStore, world: SmallWorld, *, most: int = 10, hour: timedelta = NOW, ahead_seconds: float = 0
) -> list[Letter]:
    """T1 of a run of its own, in the hour that begins `hour` after noon."""
    token = ClaimToken(uuid4())
    return list(store.claim(world.tenant, hour=NOON + hour, token=token, most=most, ahead_seconds=ahead_seconds))


def begin(
    store: PostgresMessageStore, letter: Letter, *, hour: timedelta = NOW, epoch: int | None = None
) -> Begun | NotBegun:
    """T2, by a process that is of this epoch unless it says otherwise."""
    claim = letter.claim
    tag = WireTag(f"tag{claim.message_id}x{claim.attempt}")
    return store.begin(claim, hour=NOON + hour, epoch=epoch or store.epoch(), tag=tag)
