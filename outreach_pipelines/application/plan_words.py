"""A plan's numbers as sentences, the same on the terminal, in Dagster and on the plan's page.

Belongs here: wording. Does not: layout, nor the numbers themselves.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from outreach_pipelines.application.constraint_words import IN_WORDS, name_of
from outreach_pipelines.domain.plan_bound.bound import PlacedShare
from outreach_pipelines.domain.plan_forecast import PoolForecast
from outreach_pipelines.domain.send_plan.plan import Constraint, Plan


def one_number(plan: Plan) -> str:
    """How many go out, and why not more, as one sum."""
    day = plan.breakdown
    kept = "".join(f" - {row.candidates} {name_of(row.constraint)}" for row in day.not_placed)
    go, candidates = ("goes" if day.placed == 1 else "go"), ("candidate" if day.candidates == 1 else "candidates")
    return f"{day.placed} {go} out = {day.candidates} {candidates}{kept}"


def why_not_more(plan: Plan) -> Iterator[tuple[Constraint, str]]:
    """Of each constraint that keeps somebody back: how many, what it is, and the sentence that most of them have."""
    examples = _examples(plan)
    for row in plan.breakdown.not_placed:
        example = examples.get(row.constraint)
        told = "" if example is None else f"; {'most often' if row.candidates > 1 else 'that is'}: {example}"
        yield row.constraint, f"{row.candidates}: {IN_WORDS[row.constraint]}{told}"


def _examples(plan: Plan) -> Mapping[Constraint, str]:
    """Of each constraint that binds, the sentence that most decisions give; of equally many the first."""
    given = Counter((row.bound_by, row.detail) for row in plan.decisions if row.bound_by is not None)
    return {bound: detail for (bound, detail), _ in reversed(given.most_common())}


def share_sentence(share: PlacedShare | None) -> str:
    """What the plan placed of what is possible; None is a bound that could not be computed."""
    if share is None:
        return "how many are possible could not be computed"
    if share.possible == 0:
        return "nothing could be placed, and nothing was"
    # Cut, not rounded: 99.996 % is not all of it.
    percent = int(share.share * 10_000) / 100
    return f"placed {share.placed} of at most {share.possible}: {percent:g} %"


def forecast_sentences(pool: PoolForecast) -> list[str]:
    """A pool's forecast: shortage, lateness, and the cure."""
    name = f"pool {pool.pool_id}"
    if pool.short_on is None:
        return [f"{name}: capacity suffices through {pool.days[-1].day if pool.days else 'the horizon'}"]
    said = [
        f"{name}: capacity falls short on {pool.short_on}; at the worst, {pool.largest_backlog} wait in the evening"
    ]
    if pool.late_on is None:
        return [*said, "nothing waits longer than the policy allows: no mailbox is needed"]
    said.append(f"from {pool.late_on} on, something waits longer than the policy allows")
    if pool.mailboxes_to_ramp is None:
        return [*said, "no number of new mailboxes helps in time: take in fewer leads"]
    return [*said, f"{pool.mailboxes_to_ramp} mailboxes must start ramping now"]
