"""The judge on real PostgreSQL, with one rule taken out of the production functions at a time: each must be missed.

Belongs here: textual mutations of the functions' own files. Mutations of the model are in `test_mutations`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from outreach_pipelines.adapters.postgres import migrate
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls
from outreach_pipelines.proof.judge import Promise
from outreach_pipelines.proof.postgres_system import found_in_postgres
from outreach_pipelines.proof.schedule import (
    RUN_NAMES,
    Answer,
    Answered,
    Call,
    EpochRaised,
    Fault,
    HoldSet,
    InboxUnread,
    Pause,
    Placement,
    Replies,
    Schedule,
    Unsubscribes,
)
from outreach_pipelines.proof.virtual_database import VirtualDatabase, virtual_database
from outreach_pipelines.proof.world import live

FUNCTIONS = Path(migrate.__file__).with_name("functions")
HOUR, MINUTE = 3600.0, 60.0
FIRST = RUN_NAMES[0]
BETWEEN_CLAIM_AND_INTENT = Pause(Call(FIRST, "begin", 1), 50.0)
CHANCES = 3


def crafted(
    *faults: Fault, people: int = 1, cap: int = 40, window: float = 6 * HOUR, follow_up: bool = False
) -> Schedule:
    """Messages of one mailbox, due at once."""
    placement = Placement(mailbox=0, due=0.0, window=window, follow_up=follow_up)
    return Schedule(7, (placement,) * people, 1, cap, 30.0, "ses", 0.0, (0.0,), faults)


@dataclass(frozen=True)
class Mutation:
    """In `file`, each of `out` gives way to its replacement; by that `promise` is broken in `story`."""

    file: str
    out: dict[str, str]
    promise: Promise
    story: Schedule

    def text(self) -> str:
        """The file, mutated. It must hold each text exactly once, or the mutation is no longer one."""
        text = (FUNCTIONS / self.file).read_text()
        for old, new in self.out.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text


INTENT, OUTCOMES = "030_begin_send.sql", "040_outcomes.sql"
MUTATIONS = {
    "the mailbox's pace": Mutation(INTENT, {"and mailbox_id = m.mailbox_id and next_at <= v_now returning": "and mailbox_id = m.mailbox_id returning"}, Promise.PACE, crafted(people=3)),
    "the daily cap": Mutation(
        INTENT,
        {"do update set sent = c.sent + 1 where c.sent < ceil(v_cap * v_factor)": "do update set sent = c.sent + 1",
         "if (v_attempts < ceil(v_cap * f.rolling_factor * v_factor)) is not true then": "if false then"},
        Promise.CAP, crafted(people=4, cap=2),
    ),
    "the epoch": Mutation(
        INTENT, {"if f.epoch <> p_epoch then": "if false then"}, Promise.EPOCH,
        crafted(BETWEEN_CLAIM_AND_INTENT, EpochRaised(20.0)),
    ),
    "the suppression, and what it does to the enrollment": Mutation(
        INTENT, {"if f.suppressed is not null then": "if false then", "if f.enrollment <> 'active' then": "if false then"},
        Promise.SILENCE, crafted(BETWEEN_CLAIM_AND_INTENT, Unsubscribes(0, 20.0)),
    ),
    "the recipient's window": Mutation(
        INTENT, {"if v_now >= m.window_end then": "if false then"}, Promise.WINDOW,
        crafted(Pause(Call(FIRST, "claim", 1), 30.0), window=20.0),
    ),
    "the word that an attempt is known as accepted": Mutation(
        OUTCOMES, {"    if a.outcome = 'accepted' then\n": "    if false then\n"}, Promise.IDENTITY,
        crafted(Pause(Call(FIRST, "call", 1), 3 * HOUR)),
    ),
    "the reply": Mutation(
        INTENT, {"if f.enrollment <> 'active' then": "if false then"}, Promise.SILENCE,
        crafted(BETWEEN_CLAIM_AND_INTENT, Replies(0, 20.0)),
    ),
    "the hold": Mutation(
        INTENT, {"v_factor := coalesce(v_factor, 1);": "v_factor := 1;"}, Promise.HOLD,
        crafted(HoldSet(HOUR, 0.0), BETWEEN_CLAIM_AND_INTENT),
    ),
    "the freshness of the inbox": Mutation(
        INTENT, {"(f.inbox_read > clock_timestamp() - interval '30 minutes') is not true": "false"}, Promise.FRESHNESS,
        replace(crafted(InboxUnread(0.0, 2 * HOUR), follow_up=True), runs=(45 * MINUTE,)),
    ),
    "the number of the attempt that an answer belongs to": Mutation(
        OUTCOMES, {"if not found or m.attempt <> p_attempt or m.state not in ('sending', 'in_doubt') then": "if false then",
                   "attempt = p_attempt and outcome in ('open', 'in_doubt')\n    returning": "attempt = p_attempt\n    returning"},
        Promise.NEVER_LOST, crafted(Answered(1, Answer.REFUSE_FOR_NOW, 0.0), Pause(Call(FIRST, "call", 1), 3 * HOUR)),
    ),
}  # fmt: skip
TAKEN_OVER = Mutation(
    INTENT, {"if not found or m.state <> 'claimed' or m.token is distinct from p_token then": "if not found then"}, Promise.NEVER_TWICE,
    replace(crafted(Pause(Call(FIRST, "claim", 1), 20 * MINUTE), Answered(1, Answer.TAKE_TOO_LATE, 30 * MINUTE)), runs=(0.0, 9 * MINUTE)),
)  # fmt: skip


@pytest.fixture(scope="module")
def database(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[VirtualDatabase]:
    database = virtual_database(outreach_admin_url, outreach_database)
    yield database
    database.app.dispose()
    database.ingest.dispose()


@contextmanager
def mutated(database: VirtualDatabase, mutation: Mutation) -> Iterator[None]:
    with psycopg.connect(database.admin, autocommit=True) as admin:
        admin.execute(mutation.text().encode())
        try:
            yield
        finally:
            admin.execute((FUNCTIONS / mutation.file).read_bytes())


def broken(database: VirtualDatabase, story: Schedule) -> set[Promise]:
    """In any of some lives of the story."""
    lives = (live(replace(story, chance=chance), partial(found_in_postgres, database)) for chance in range(CHANCES))
    return {each.promise for witnesses in lives for each in witnesses.broken()}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_function_is_caught_without(database: VirtualDatabase, name: str) -> None:
    mutation = MUTATIONS[name]

    with mutated(database, mutation):
        without = broken(database, mutation.story)
    whole = broken(database, mutation.story)

    assert mutation.promise in without
    assert whole == set()


def test_without_its_compare_and_set_an_intent_of_a_lost_claim_is_refused_by_the_tables(
    database: VirtualDatabase,
) -> None:
    with mutated(database, TAKEN_OVER), pytest.raises(IntegrityError, match="send_attempt"):
        broken(database, TAKEN_OVER.story)

    assert broken(database, TAKEN_OVER.story) == set()
