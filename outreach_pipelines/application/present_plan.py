"""A stored plan made ready to be looked at: its share of the bound, its forecast, and its page in the object store.

Belongs here: read -> compute -> write. Does not: any of the numbers (`domain`), nor the page (`plan_page`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from outreach_pipelines.application.plan_page.page import PageFacts, plan_page
from outreach_pipelines.application.plan_sends import PlanFiles
from outreach_pipelines.application.stored_objects import ObjectKey, ObjectStore, object_key
from outreach_pipelines.domain.plan_bound.bound import PlacedShare, placed_share
from outreach_pipelines.domain.plan_bound.programme import UnsolvedError
from outreach_pipelines.domain.plan_forecast import ForecastPolicy, PoolForecast, forecast
from outreach_pipelines.domain.send_plan.codec import decode_plan, decode_snapshot
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.domain.send_plan.windows import tenant_calendar


@dataclass(frozen=True, slots=True)
class PresentedPlan:
    """Where the page lies, and its two headlines; `share` is None where the bound could not be computed."""

    page: ObjectKey
    share: PlacedShare | None
    forecasts: Sequence[PoolForecast]


def page_facts(snapshot: Snapshot, plan: Plan) -> PageFacts:
    """A plan with its bound and its forecast."""
    forecasts = forecast(snapshot, plan, tenant_calendar(snapshot), ForecastPolicy())
    return PageFacts(snapshot, plan, share_of(snapshot, plan), forecasts)


def present_plan(objects: ObjectStore, files: PlanFiles) -> PresentedPlan:
    """Writes the page beside the plan, under the plan's own name. Idempotent: the same plan gives the same page.

    Raises `ObjectMissing`, `ObjectStoreUnreachable`.
    """
    facts = page_facts(decode_snapshot(objects.get(files.snapshot)), decode_plan(objects.get(files.plan)))
    key = object_key(f"{files.plan.removesuffix('.json')}.html")
    objects.put(key, plan_page(facts).encode())
    return PresentedPlan(key, facts.share, facts.forecasts)


def share_of(snapshot: Snapshot, plan: Plan) -> PlacedShare | None:
    """The plan beside its bound; None where that could not be computed."""
    # A released plan stands whether or not a solver can say how good it is.
    try:
        return placed_share(snapshot, plan)
    except UnsolvedError:
        return None
