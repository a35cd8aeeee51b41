"""Snapshots of a busy tenant: a thousand candidates and more, as many as a real day has, with caps that bind or do not."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random

import plan_factories as make
from hypothesis import strategies as st

from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.sending_policy import ContactPressure

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "America/Los_Angeles", "Europe/London")
BASES = (LawfulBasis.CONSENT, LawfulBasis.CONTRACT)
YESTERDAY = datetime(2026, 3, 9, 13, tzinfo=UTC)
PROVIDERS = tuple(s.RecipientProvider)


def crowd(
    *,
    seed: int,
    candidates: int = 1_000,
    mailboxes: int = 40,
    follow_ups: int = 30,
    domain_cap: int | None = None,
    tenant_cap: int | None = None,
    company_cap: int | None = 5,
    google_cap: int | None = None,
    min_spacing: int = 120,
    sent_yesterday: int = 30,
) -> s.Snapshot:
    """`follow_ups` in percent. Mailboxes of four to a domain, two pools, half of yesterday's sends still within 24 hours."""
    chance = Random(seed)  # noqa: S311 - test data
    boxes = tuple(_mailbox(chance, number, min_spacing, sent_yesterday) for number in range(1, mailboxes + 1))
    return make.snapshot(
        seed=seed,
        as_of=datetime(2026, 3, 9, 23, tzinfo=UTC),
        policy=make.policy(
            daily_cap=tenant_cap,
            company_daily_cap=company_cap,
            quiet_hours=make.hours("20:00", "08:00"),
            contact_pressure=ContactPressure(),
            recipient_provider_caps=()
            if google_cap is None
            else (s.ProviderCap(s.RecipientProvider.GOOGLE, google_cap),),
        ),
        domains=tuple(_domain(number, domain_cap) for number in range(1, mailboxes // 4 + 1)),
        mailboxes=boxes,
        accounts=(make.account(1), make.account(2, allowed_basis=frozenset(BASES))),
        campaigns=tuple(
            make.campaign(
                n, pool_id=s.PoolId((n - 1) % 2 + 1), share=n, steps=tuple(make.step(k, 3) for k in (1, 2, 3))
            )
            for n in (1, 2, 3)
        ),
        candidates=tuple(_candidate(chance, number, mailboxes, follow_ups) for number in range(1, candidates + 1)),
    )


def _domain(number: int, cap: int | None) -> s.SendingDomain:
    return make.domain(number, pool_id=s.PoolId(number % 2 + 1), readiness=make.ready(1, 2), daily_cap=cap)


def _mailbox(chance: Random, number: int, min_spacing: int, sent_yesterday: int) -> s.Mailbox:
    sent = chance.randint(0, sent_yesterday)
    return make.mailbox(
        number,
        domain_id=s.DomainId((number - 1) // 4 + 1),
        state=chance.choice((s.MailboxState.ACTIVE, s.MailboxState.ACTIVE, s.MailboxState.RAMPING)),
        daily_cap=chance.choice((12, 30, 40)),
        min_spacing=min_spacing,
        max_spacing=2 * min_spacing,
        health=chance.randint(40, 100),
        sends_by_day=(s.DaySends(make.DAY - timedelta(days=1), sent),),
        other_sends=tuple(YESTERDAY + timedelta(seconds=600 * n) for n in range(sent)),
        follow_ups_ahead=tuple(chance.randint(0, 10) for _ in range(10)),
        account_ids=(s.AccountId(1), s.AccountId(2)),
    )


def _candidate(chance: Random, number: int, mailboxes: int, follow_ups: int) -> s.Candidate:
    is_new = chance.randrange(100) >= follow_ups
    company = chance.randrange(400)
    return make.candidate(
        number,
        campaign_id=s.CampaignId(chance.randint(1, 3)),
        step=1 if is_new else chance.choice((2, 3)),
        sticky_mailbox=None if is_new else s.MailboxId(chance.randint(1, mailboxes)),
        recipient_domain=make.hmac("domain", company),
        company=make.hmac("company", company),
        provider=chance.choice(PROVIDERS),
        zone=ZoneName(chance.choice(ZONES)),
        basis=chance.choice(BASES),
        due_day=date(2026, 3, chance.choice((9, 10))),
        verified=chance.random() < 0.7,
        engaged=chance.random() < 0.2,
    )


@dataclass(frozen=True, slots=True)
class Knobs:
    """What is drawn: small enough to be shown when a test fails. Each cap is absent, roomy or tight."""

    seed: int
    candidates: int
    mailboxes: int
    follow_ups: int
    domain_cap: int | None
    tenant_cap: int | None
    company_cap: int | None
    google_cap: int | None
    min_spacing: int


KNOBS = st.builds(
    Knobs,
    seed=st.integers(0, 2**32),
    candidates=st.sampled_from([1_000, 1_300]),
    mailboxes=st.sampled_from([40, 60, 20]),
    follow_ups=st.sampled_from([30, 0, 60]),
    domain_cap=st.sampled_from([None, 60, 90]),
    tenant_cap=st.sampled_from([None, 500]),
    company_cap=st.sampled_from([None, 5]),
    google_cap=st.sampled_from([None, 100]),
    min_spacing=st.sampled_from([120, 600, 1_200]),
)


_SLOW = s.Hold(Fraction(1, 2), "hard_bounce_rate")
_ONE_FILE = s.LeadFileId(1)


def slowed_campaigns(snapshot: s.Snapshot) -> s.Snapshot:
    first, *others = snapshot.campaigns
    return replace(snapshot, campaigns=(replace(first, hold=_SLOW), *others))


def slowed_file(snapshot: s.Snapshot) -> s.Snapshot:
    people = tuple(row.enrollment_id for row in snapshot.candidates[::3])
    return replace(snapshot, lead_file_holds=(s.LeadFileHold(_ONE_FILE, _SLOW, people),))


def slowed_provider(snapshot: s.Snapshot) -> s.Snapshot:
    hold = (s.ProviderHold(s.RecipientProvider.GOOGLE, _SLOW),)
    return replace(snapshot, mailboxes=tuple(replace(row, provider_holds=hold) for row in snapshot.mailboxes))


def slowed_paths(snapshot: s.Snapshot) -> s.Snapshot:
    hold = (s.PathHold(s.AccountId(1), _SLOW),)
    return replace(snapshot, mailboxes=tuple(replace(row, path_holds=hold) for row in snapshot.mailboxes))


def slowed_account(snapshot: s.Snapshot) -> s.Snapshot:
    first, *others = snapshot.accounts
    return replace(snapshot, accounts=(replace(first, hold=_SLOW), *others))


SLOWED = (slowed_campaigns, slowed_file, slowed_provider, slowed_paths, slowed_account)
"""Each kind of hold that leaves a half."""
