"""Logins tried once a day: each at its own time, written down, and seen in the health of the mailboxes behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from small_world import NOON, SmallWorld

from outreach_pipelines.adapters.postgres.health_store import PostgresHealthStore
from outreach_pipelines.adapters.postgres.login_book import PostgresLoginBook
from outreach_pipelines.application.check_logins import (
    AccountLogin,
    Login,
    LoginFound,
    LoginOutcome,
    LoginsChecked,
    check_logins,
)
from outreach_pipelines.application.inbox_mail import InboxToRead
from outreach_pipelines.application.score_mailboxes import score_mailboxes
from outreach_pipelines.domain.tenant import TenantId

EVENING = NOON.replace(hour=23, minute=59)


@dataclass
class Doors:
    """Every login ends as it is told."""

    outcome: LoginOutcome = LoginOutcome.ACCEPTED
    tried: list[Login] = field(default_factory=list)

    def inbox(self, inbox: InboxToRead) -> LoginFound:
        return self._found(inbox)

    def account(self, _tenant: TenantId, login: AccountLogin) -> LoginFound:
        return self._found(login)

    def _found(self, login: Login) -> LoginFound:
        self.tried.append(login)
        return LoginFound(login, self.outcome, "" if self.outcome is LoginOutcome.ACCEPTED else "535 no")


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.at(EVENING)
    return world


@pytest.fixture
def book(engine, replies) -> PostgresLoginBook:
    return PostgresLoginBook(engine, replies)


def check(book: PostgresLoginBook, world: SmallWorld, doors: Doors) -> LoginsChecked:
    return check_logins(book, doors, tenant=world.tenant)


def checks(world: SmallWorld) -> Sequence[dict[str, object]]:
    return world.sql(
        "select outcome, detail, inbox_id is not null as of_inbox from app.login_check where tenant_id = %(t)s order by 3",
        t=world.tenant,
    )


def test_inbox_and_account_are_tried_once_a_day(book, world):
    doors = Doors()
    first = check(book, world, doors)
    again = check(book, world, doors)
    world.at(EVENING + timedelta(days=1))
    tomorrow = check(book, world, doors)

    assert [each.outcomes.total() for each in (first, again, tomorrow)] == [2, 0, 2]
    assert {type(login) for login in doors.tried} == {InboxToRead, AccountLogin}


def test_each_login_has_its_own_quarter_of_an_hour(book, world):
    for number in range(40):
        world.sql(
            """insert into app.inbox (tenant_id, name, host, port, username, secret_ref, receives)
               values (%(t)s, %(n)s, 'h', '1', 'u', 'env:X', '{}')""",
            t=world.tenant,
            n=f"in-{number}",
        )
    tried = []
    for quarter in range(96):
        world.at(NOON.replace(hour=0) + quarter * timedelta(minutes=15))
        tried.append(check(book, world, Doors()).outcomes.total())

    assert sum(tried) == 42
    assert max(tried) <= 6


def test_what_is_retired_or_withdrawn_is_not_tried(book, world):
    world.sql("update app.inbox set retired_at = now() where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        "update app.provider_account_share set withdrawn_at = now(), daily_share = 0 where tenant_id = %(t)s",
        t=world.tenant,
    )

    assert check(book, world, Doors()).outcomes.total() == 0


def test_a_refused_login_is_written_down_and_told(book, world):
    checked = check(book, world, Doors(LoginOutcome.REFUSED))

    assert checks(world) == [
        {"outcome": "refused", "detail": "535 no", "of_inbox": False},
        {"outcome": "refused", "detail": "535 no", "of_inbox": True},
    ]
    assert len(checked.faults) == 2
    assert "inbox in: login refused: 535 no" in checked.faults


@pytest.mark.parametrize(
    ("outcome", "failures"),
    [(LoginOutcome.REFUSED, "2.0"), (LoginOutcome.UNREACHABLE, "0.0"), (LoginOutcome.ACCEPTED, "0.0")],
)
def test_a_refused_login_costs_each_mailbox_behind_it_health(engine, book, world, outcome, failures):
    check(book, world, Doors(outcome))

    scored = score_mailboxes(PostgresHealthStore(engine), tenant=world.tenant, day=EVENING.date())

    told = [part.reason for each in scored.mailboxes for part in each.health.parts if part.part.value == "logins"]
    assert told == [f"{failures} login failures lately"] * len(world.mailboxes)
