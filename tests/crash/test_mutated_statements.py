"""The judge on real PostgreSQL, with one rule taken out of a production statement at a time: each must be missed.

Belongs here: mutations of what stands in `queries/`, made on their way to the server. Those of the functions are in
`test_mutated_functions`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import pytest
from sqlalchemy import Engine, event

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.proof.judge import Promise
from outreach_pipelines.proof.postgres_system import found_in_postgres
from outreach_pipelines.proof.schedule import (
    RUN_NAMES,
    Answer,
    Answered,
    Call,
    EventRepeated,
    Fault,
    FeedSilent,
    Kill,
    Placement,
    Schedule,
)
from outreach_pipelines.proof.virtual_database import VirtualDatabase, virtual_database
from outreach_pipelines.proof.world import live

HOUR, MINUTE = 3600.0, 60.0
CHANCES = 40
LOST = Answered(1, Answer.TAKE_AND_LOSE_ANSWER, 0.0)
NO_NEWS = FeedSilent(0.0, 3 * HOUR)
KILLED_AFTER_THE_CALL = Kill(Call(RUN_NAMES[0], "call", 1), after_effect=True)


def crafted(*faults: Fault, lag: float = 0.0) -> Schedule:
    """One message, due at once."""
    return Schedule(7, (Placement(0, 0.0, 6 * HOUR, follow_up=False),), 1, 40, 30.0, "ses", lag, (0.0, 9 * MINUTE), faults)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """In the statement, `out` gives way to `put`; by that `promise` is broken in `story`."""

    subject: str
    name: str
    out: str
    put: str
    promise: Promise
    story: Schedule


MUTATIONS = {
    "that a sending message is never planned by a clock": Mutation(
        "messages", "sweep_sending", "set state = 'in_doubt'", "set state = 'planned'",
        Promise.NEVER_TWICE, crafted(KILLED_AFTER_THE_CALL, NO_NEWS),
    ),
    "that only a claim goes back when its lease is over": Mutation(
        "messages", "sweep_claims", "attempt = attempt - 1\n where tenant_id = (select app.tenant()) and state = 'claimed'",
        "attempt = attempt\n where tenant_id = (select app.tenant()) and state in ('claimed', 'sending')",
        Promise.NEVER_TWICE, crafted(KILLED_AFTER_THE_CALL, NO_NEWS),
    ),
    "that a lost answer is a doubt": Mutation(
        "messages", "record_doubt", "set state = 'in_doubt'", "set state = 'planned'", Promise.NEVER_TWICE, crafted(LOST),
    ),
    "that an event counts once": Mutation(
        "events", "insert_events", "r.dedupe_key, r.plan_day", "r.dedupe_key || random()::text, r.plan_day",
        Promise.COUNTED_ONCE, crafted(EventRepeated(1, 2)),
    ),
    "that a probe speaks up to its sending": Mutation(
        "doubt", "open_doubts", "select max(c.intended_at) from app.account_canary c\n         where c.account_id = a.account_id and c.configuration_set = s.configuration_set and c.believed_at",
        "select max(c.home_at) from app.account_canary c\n         where c.account_id = a.account_id and c.configuration_set = s.configuration_set and c.believed_at",
        Promise.NEVER_TWICE, crafted(LOST, lag=70 * MINUTE),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def database(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[VirtualDatabase]:
    database = virtual_database(outreach_admin_url, outreach_database)
    yield database
    database.app.dispose()
    database.ingest.dispose()


def sent_as(engine: Engine, subject: str, name: str) -> str:
    """The statement's text on its way to the server."""
    return str(statements(subject)[name].compile(engine))


@contextmanager
def mutated(engine: Engine, mutation: Mutation) -> Iterator[None]:
    whole = sent_as(engine, mutation.subject, mutation.name)
    assert whole.count(mutation.out) == 1, mutation.out

    def rewrite(_connection: object, _cursor: object, sent: str, values: object, *_: object) -> tuple[str, object]:
        return (whole.replace(mutation.out, mutation.put) if sent == whole else sent), values

    event.listen(engine, "before_cursor_execute", rewrite, retval=True)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", rewrite)


def breaks(database: VirtualDatabase, mutation: Mutation, chance: int) -> bool:
    witnesses = live(replace(mutation.story, chance=chance), partial(found_in_postgres, database))
    return mutation.promise in {each.promise for each in witnesses.broken()}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_statement_is_caught_without_its_rule(database: VirtualDatabase, name: str) -> None:
    mutation = MUTATIONS[name]

    with mutated(database.app, mutation):
        told_by = next((chance for chance in range(CHANCES) if breaks(database, mutation, chance)), None)

    assert told_by is not None
    assert not breaks(database, mutation, told_by)
