"""Sends of the past and what came back, written past row-level security into a small world."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count

from small_world import NOON, SmallWorld

_NUMBERS = count(10_000)


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt of one message."""

    plan_day: date
    message: int
    lead: int


@dataclass(frozen=True, slots=True)
class SentMail:
    """Writes sends and news; `number` keeps dedupe keys apart."""

    world: SmallWorld
    number: "count[int]" = field(default_factory=count)

    def send(
        self,
        at: datetime = NOON - timedelta(hours=1),
        *,
        mailbox: int | None = None,
        provider: str = "other",
        outcome: str = "accepted",
        answer: str | None = None,
    ) -> Sent:
        """A send begun at `at`, on the mailbox's day (the world's zone is UTC)."""
        world, mailbox = self.world, mailbox or self.world.mailboxes[0]
        world.sql("select app.ensure_partitions(%(day)s, 1)", day=at.date())
        message = world.message(next(_NUMBERS), due_at=at, mailbox=mailbox)
        world.sql(
            "update app.message set state = 'accepted', accepted_at = %(at)s, attempt = 1, recipient_provider = %(p)s where message_id = %(m)s",
            at=at, p=provider, m=message,
        )  # fmt: skip
        world.sql(
            """insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day,
                                             outcome, ended_at, answer)
               values (%(t)s, %(day)s, %(m)s, 1, %(a)s, %(b)s, %(d)s, 'tag', %(at)s, %(day)s, %(o)s, clock_timestamp(), %(answer)s)""",
            t=world.tenant, day=at.date(), m=message, a=world.account, b=mailbox, d=world.domain, at=at, o=outcome, answer=answer,
        )  # fmt: skip
        if outcome == "accepted":
            world.sql(
                """insert into app.mailbox_day (tenant_id, mailbox_id, day, sent) values (%(t)s, %(b)s, %(day)s, 1)
                   on conflict (tenant_id, mailbox_id, day) do update set sent = mailbox_day.sent + 1""",
                t=world.tenant, b=mailbox, day=at.date(),
            )  # fmt: skip
        lead = world.one("select lead_id from app.message where message_id = %(m)s", m=message)["lead_id"]
        return Sent(at.date(), message, int(str(lead)))

    def heard(
        self,
        about: Sent,
        kind: str = "bounced",
        bounce: str | None = None,
        cause: str | None = None,
        *,
        at: datetime = NOON - timedelta(minutes=30),
        diagnostic: str = "",
    ) -> None:
        """News about a send, heard at policy time `at`."""
        self.world.sql(
            """insert into app.message_event (tenant_id, dedupe_key, plan_day, message_id, attempt, kind, source, class, cause, diagnostic, occurred_at, policy_at)
               values (%(t)s, %(k)s, %(day)s, %(m)s, 1, %(kind)s, 'test', %(class)s, %(cause)s, %(diagnostic)s, %(at)s, %(at)s)""",
            t=self.world.tenant, k=f"{about.message}-{next(self.number)}", day=about.plan_day, m=about.message, kind=kind, **{"class": bounce},
            cause=cause, diagnostic=diagnostic, at=at,
        )  # fmt: skip

    def hard_bounces(
        self, number: int, *, mailbox: int | None = None, at: datetime = NOON - timedelta(hours=2)
    ) -> None:
        """So many sends in a row, each a hard bounce."""
        for minute in range(number):
            sent = self.send(at + timedelta(minutes=minute), mailbox=mailbox)
            self.heard(sent, "bounced", "hard", "unknown_user", at=at + timedelta(minutes=minute, seconds=30))

    def sends(self, number: int, *, at: datetime, mailbox: int | None = None, provider: str = "other") -> list[Sent]:
        """So many sends, a minute apart."""
        return [
            self.send(at + timedelta(minutes=minute), mailbox=mailbox, provider=provider) for minute in range(number)
        ]
