"""How every sensor of ours is made: on by default, and with a description. What a sensor does is its own module's."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from schedules.tenant_runs import first_sentence

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

Tick = Callable[..., dg.SensorResult | dg.SkipReason]


def watching(*, seconds: int, job: "AssetJob | None" = None) -> Callable[[Tick], dg.SensorDefinition]:
    """Make a sensor of a function that looks again after so many seconds; without a `job` it acts by itself.

    On by default, so that nobody has to switch it on. The UI shows the first sentence of the function's docstring.
    """

    def sensor(tick: Tick) -> dg.SensorDefinition:
        make = dg.sensor(
            job=job,
            minimum_interval_seconds=seconds,
            default_status=dg.DefaultSensorStatus.RUNNING,
            description=first_sentence(tick),
        )
        return make(tick)

    return sensor
