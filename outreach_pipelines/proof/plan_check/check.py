"""Every rule of a plan, asked at once.

Belongs here: the list of rules. Does not: any of them.
"""

from collections.abc import Iterator

from outreach_pipelines.proof.plan_check.books import books, hashes
from outreach_pipelines.proof.plan_check.facts import Facts, Violation
from outreach_pipelines.proof.plan_check.fairness import fairness
from outreach_pipelines.proof.plan_check.holds import holds
from outreach_pipelines.proof.plan_check.hours import hours
from outreach_pipelines.proof.plan_check.mailbox_limits import mailbox_limits
from outreach_pipelines.proof.plan_check.persons import persons
from outreach_pipelines.proof.plan_check.reading import read_plan, read_snapshot
from outreach_pipelines.proof.plan_check.reasons import reasons
from outreach_pipelines.proof.plan_check.routes import routes
from outreach_pipelines.proof.plan_check.shared_limits import shared_limits
from outreach_pipelines.proof.plan_check.used_up import used_up

RULES = (books, persons, routes, hours, holds, mailbox_limits, shared_limits, fairness, reasons, used_up)


def violations(snapshot: bytes, plan: bytes) -> tuple[Violation, ...]:
    """Every rule that the plan breaks; none for a good plan. Raises `UnreadableDocument` that names every fault."""
    facts = Facts(read_snapshot(snapshot), read_plan(plan))
    return tuple(_found(facts, snapshot, plan))


def _found(facts: Facts, snapshot: bytes, plan: bytes) -> Iterator[Violation]:
    yield from hashes(snapshot, plan)
    for rule in RULES:
        yield from rule(facts)
