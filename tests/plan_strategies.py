"""Random snapshots for Hypothesis: sizes are drawn and shrink, the rows come from a seeded die, which is fast.

`odds` is the chance in percent that a single fact is unusual: low gives busy plans, high gives mean ones.
"""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import TypeVar

import plan_factories as make
from hypothesis import strategies as st

from outreach_pipelines.domain.calendar import DailyHours, Weekday, WeeklyWindow
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import FieldName, LawfulBasis
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.domain.suppression import SuppressionKind

# Both change-over nights, :30 and :45, both ends of the date line, a change-over of half an hour.
ZONES = (
    "Europe/Berlin",
    "UTC",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Tongatapu",
    "Pacific/Pago_Pago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
)
DAYS = (date(2026, 3, 10), date(2026, 3, 29), date(2026, 3, 8), date(2026, 10, 25), date(2026, 11, 1), date(2026, 4, 5))
BASES = (LawfulBasis.CONSENT, LawfulBasis.CONTRACT)
Value = TypeVar("Value")
Other = TypeVar("Other")


class Die:
    """Chooses; unusual values with the given odds."""

    def __init__(self, seed: int, odds: int) -> None:
        self._random = Random(seed)  # noqa: S311 - test data
        self._odds = odds

    def usually(self, usual: Value, *others: Other) -> Value | Other:
        return self._random.choice(others) if self._random.randrange(100) < self._odds else usual

    def one(self, *values: Value) -> Value:
        return self._random.choice(values)

    def number(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def cap(self, most: int) -> int | None:
        return self.one(None, self.number(0, most))

    def hours(self) -> DailyHours:
        start, end = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * self.number(0, 95)) for _ in "ab")
        return DailyHours(start.time(), end.time())


def policy(die: Die) -> s.PlanPolicy:
    capped = die.one(*s.RecipientProvider)
    return make.policy(
        zone=ZoneName(die.one(*ZONES)),
        daily_cap=die.usually(None, die.number(0, 60)),
        minute_cap=die.usually(None, 0, 1, 2),
        quiet_hours=die.usually(None, make.hours("20:00", "08:00"), die.hours()),
        weekend=die.one(make.WEEKEND, frozenset[Weekday](), frozenset({Weekday.FRIDAY})),
        contact_pressure=die.one(None, ContactPressure(die.number(0, 3), 14)),
        company_daily_cap=die.cap(6),
        recipient_domain_daily_cap=die.cap(9),
        recipient_provider_caps=die.usually((), (s.ProviderCap(capped, die.number(0, 12)),)),
        verified_only=die.usually(False, True),
    )


def domain(die: Die, number: int) -> s.SendingDomain:
    states = [die.usually(s.ReadinessState.READY, *s.ReadinessState) for _ in "12"]
    return make.domain(
        number,
        pool_id=s.PoolId(die.number(1, 2)),
        readiness=tuple(s.AccountReadiness(s.AccountId(n), state, "") for n, state in enumerate(states, 1)),
        daily_cap=die.cap(25),
        sent_today=die.number(0, 3),
        health=die.usually((), (s.ProviderWeight(s.RecipientProvider.GOOGLE, die.one(0, 30)),)),
    )


def mailbox(die: Die, number: int, domains: int, day: date) -> s.Mailbox:
    shortest = die.number(60, 1_800)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return make.mailbox(
        number,
        domain_id=s.DomainId(die.number(1, domains)),
        zone=ZoneName(die.one(*ZONES)),
        hours=die.usually(None, die.hours()),
        state=die.usually(s.MailboxState.ACTIVE, *s.MailboxState),
        daily_cap=die.usually(die.number(4, 15), None, 0, 1),
        min_spacing=shortest,
        max_spacing=shortest + die.number(0, 1_800),
        hold=die.usually(None, s.Hold(Fraction(0), "stop"), s.Hold(Fraction(1, 2), "slow")),
        health=die.usually(die.number(1, 100), 0),
        sends_by_day=tuple(s.DaySends(day + timedelta(days=n), die.number(0, 4)) for n in (-1, 0, 1)),
        new_leads_today=die.number(0, 2),
        other_sends=tuple(noon + timedelta(minutes=die.number(-1_800, 1_800)) for _ in range(die.number(0, 12))),
        follow_ups_ahead=tuple(die.number(0, 8) for _ in range(die.number(0, 12))),
        account_ids=tuple(map(s.AccountId, die.one((1, 2), (2, 1), die.usually((1,), ())))),
        inbox_readable=die.usually(True, False),
        provider_holds=die.usually((), (s.ProviderHold(die.one(*s.RecipientProvider), hold(die)),)),
        path_holds=die.usually((), (s.PathHold(s.AccountId(die.number(1, 2)), hold(die)),)),
    )


def hold(die: Die) -> s.Hold:
    return s.Hold(Fraction(die.number(0, 4), 4), "held")


def campaign(die: Die, number: int) -> s.Campaign:
    fixed = die.one(make.hours("09:00", "17:00"), make.hours("20:00", "03:00"), make.hours("00:00", "00:00"))
    steps = die.usually(3, 0, 1)
    return make.campaign(
        number,
        pool_id=s.PoolId(die.number(1, 2)),
        state=die.usually(CampaignState.ACTIVE, *CampaignState),
        priority=die.number(1, 2),
        share=die.number(1, 3),
        zone=die.usually(None, *map(ZoneName, ZONES)),
        window=WeeklyWindow(die.usually(frozenset(Weekday), make.WEEKDAYS), die.usually(fixed, die.hours())),
        steps=tuple(make.step(n, die.number(0, 4), die.one("a", "ab")) for n in range(1, steps + 1)),
        required_fields=frozenset({FieldName("company")}),
        has_postal_address=die.usually(True, False),
        has_unsubscribe=die.usually(True, False),
        hold=die.usually(None, hold(die)),
    )


def block(die: Die, day: date) -> s.Block | None:
    before = day - timedelta(days=3)
    return die.usually(
        None,
        s.Suppressed(die.one(*SuppressionKind), before),
        s.Bounced(before),
        s.Replied(before),
        s.Unsubscribed(before),
        s.Away(day + timedelta(days=1)),
        s.Away(day - timedelta(days=1)),
        s.Away(day - timedelta(days=4)),
        s.CompanyReplied(before),
        s.Erased(before),
        s.Undeliverable(die.one(*NoMail), before),
    )


def candidate(die: Die, number: int, campaigns: int, mailboxes: int, day: date) -> s.Candidate:
    step = die.one(1, 1, 2, 3)
    company = die.number(1, 12)
    return make.candidate(
        number,
        lead_id=s.LeadId(die.usually(number, 1)),
        campaign_id=s.CampaignId(die.number(1, campaigns)),
        step=step,
        recipient=make.hmac("person", die.number(1, 60)),
        recipient_domain=make.hmac("domain", company),
        company=die.one(None, make.hmac("company", company)),
        provider=die.one(*s.RecipientProvider),
        zone=die.usually(None, "Mars/Olympus", *ZONES),
        country=die.usually(None, *map(CountryCode, ("DE", "NP", "XX"))),
        basis=die.one(*BASES),
        sticky_mailbox=die.usually(die.number(1, mailboxes + 1), None) if step > 1 else die.usually(None, 1),
        due_day=day + timedelta(days=die.usually(0, -2, -12, 1)),
        verified=die.one(True, False),
        engaged=die.one(True, False),
        missing_fields=die.usually(frozenset(), frozenset({"company"}), frozenset({"first_name"})),
        recent_contacts=die.usually(0, 1, 2),
        block=block(die, day),
    )


def roll(die: Die, *, mailboxes: int, candidates: int) -> s.Snapshot:
    day = die.one(*DAYS)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return make.snapshot(
        day=day,
        as_of=midnight + timedelta(hours=die.usually(-20, 5, 12, 40)),
        seed=die.number(0, 9),
        policy=policy(die),
        countries=(make.country("DE", "Europe/Berlin", date(2026, 4, 3)), make.country("NP", None, day)),
        domains=tuple(domain(die, n) for n in range(1, 5)),
        mailboxes=tuple(mailbox(die, n, 4, day) for n in range(1, mailboxes + 1)),
        accounts=(
            make.account(1, share_left=die.cap(20)),
            make.account(2, allowed_basis=frozenset(BASES), share_left=die.cap(40), hold=die.usually(None, hold(die))),
        ),
        campaigns=tuple(campaign(die, n) for n in range(1, 4)),
        candidates=tuple(candidate(die, n, 3, mailboxes, day) for n in range(1, candidates + 1)),
        used_today=s.UsedToday(companies=(s.CompanyUse(s.CompanyKey(make.hmac("company", 1)), 1),)),
        lead_file_holds=tuple(
            s.LeadFileHold(s.LeadFileId(n), hold(die), tuple(s.EnrollmentId(die.number(1, 60)) for _ in range(9)))
            for n in range(1, die.usually(1, 2, 3))
        ),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> s.Snapshot:
    """Up to 60 candidates for up to 8 mailboxes of 4 domains, 3 campaigns and 2 pools."""
    die = Die(draw(st.integers(0, 2**32)), draw(st.sampled_from([2, 5, 15])))
    return roll(die, mailboxes=draw(st.sampled_from([6, 1, 3, 8, 0])), candidates=draw(st.integers(0, 60)))
