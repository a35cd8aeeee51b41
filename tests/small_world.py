"""The small tenant of the proofs, as tests name it."""

from outreach_pipelines.proof.small_world import HOUR, NOON, SmallWorld, build_world

__all__ = ["HOUR", "NOON", "SmallWorld", "build_world"]
