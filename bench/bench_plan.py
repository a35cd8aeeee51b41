"""How long planning a day takes, and how much memory: 60,000 candidates for 1,200 mailboxes, with explanations.

Prints one JSON object. `--candidates` and `--mailboxes` change the size, `--pools` how the mailboxes are divided.
"""

import argparse
import gc
import json
import random
import resource
import time
from datetime import UTC, date, timedelta
from datetime import datetime as moment
from datetime import time as wall_time
from hashlib import blake2b

from outreach_pipelines.domain.calendar import DailyHours, Weekday, WeeklyWindow
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import decode_snapshot, encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.domain.tenant import TenantId, TenantSlug

DAY = date(2026, 3, 10)
ZONES = (
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "America/Los_Angeles",
    "Europe/London",
)
WORKDAYS = frozenset(Weekday) - {Weekday.SATURDAY, Weekday.SUNDAY}
DOMAIN_MAILBOXES = 4


def key(kind: str, number: int) -> str:
    return blake2b(f"{kind}{number}".encode(), digest_size=32).hexdigest()


def accounts() -> tuple[s.Account, ...]:
    every = frozenset({LawfulBasis.CONSENT, LawfulBasis.CONTRACT})
    return (
        s.Account(s.AccountId(1), ProviderKind.SES, every, 40_000),
        s.Account(s.AccountId(2), ProviderKind.SMTP, every | {LawfulBasis.LEGITIMATE_INTEREST}, None),
    )


def domains(count: int, pools: int) -> tuple[s.SendingDomain, ...]:
    ready = tuple(s.AccountReadiness(s.AccountId(n), s.ReadinessState.READY, "") for n in (1, 2))
    weights = (s.ProviderWeight(s.RecipientProvider.GOOGLE, 80),)
    return tuple(
        s.SendingDomain(s.DomainId(n), f"d{n}.example", s.PoolId(n % pools + 1), ready, 200, 0, weights)
        for n in range(1, count + 1)
    )


def mailbox(number: int, rng: random.Random) -> s.Mailbox:
    ramping = rng.random() < 0.1
    yesterday = moment(2026, 3, 9, 13, tzinfo=UTC)
    sent = 10 if ramping else 40
    return s.Mailbox(
        id=s.MailboxId(number),
        domain_id=s.DomainId((number - 1) // DOMAIN_MAILBOXES + 1),
        zone=ZoneName(ZONES[number % 2]),
        hours=None,
        state=s.MailboxState.RAMPING if ramping else s.MailboxState.ACTIVE,
        daily_cap=12 if ramping else 40,
        min_spacing=120,
        max_spacing=300,
        hold=None,
        health=rng.randint(40, 100),
        sends_by_day=(s.DaySends(DAY - timedelta(days=1), sent),),
        new_leads_today=0,
        other_sends=tuple(yesterday + timedelta(seconds=300 * n) for n in range(sent)),
        follow_ups_ahead=tuple(rng.randint(0, 15) for _ in range(10)),
        account_ids=(s.AccountId(1), s.AccountId(2)),
        inbox_readable=True,
    )


def campaigns(pools: int) -> tuple[s.Campaign, ...]:
    window = WeeklyWindow(WORKDAYS, DailyHours(wall_time(9), wall_time(17)))
    variants = tuple(s.Variant(s.VariantName(name), s.ContentHash(key(name, 0))) for name in "ab")
    steps = tuple(s.Step(number, 3, variants) for number in (1, 2, 3))
    return tuple(
        s.Campaign(
            s.CampaignId(n),
            s.PoolId((n - 1) % pools + 1),
            CampaignState.ACTIVE,
            1,
            n % 3 + 1,
            None,
            window,
            steps,
            frozenset(),
            has_postal_address=True,
            has_unsubscribe=True,
        )
        for n in range(1, 2 * pools + 1)
    )


def candidate(number: int, rng: random.Random, boxes: list[s.Mailbox], rows: tuple[s.Campaign, ...]) -> s.Candidate:
    follow_up = rng.random() < 0.4
    blocked = rng.random() < 0.03
    return s.Candidate(
        enrollment_id=s.EnrollmentId(number),
        lead_id=s.LeadId(number),
        campaign_id=rng.choice(rows).id,
        step=rng.choice((2, 3)) if follow_up else 1,
        round=1,
        recipient=s.RecipientKey(key("person", number)),
        recipient_domain=s.RecipientDomainKey(key("domain", number % 9_000)),
        company=s.CompanyKey(key("company", number % 9_000)),
        provider=rng.choice(tuple(s.RecipientProvider)),
        zone=ZoneName(rng.choice(ZONES)),
        country=CountryCode("DE"),
        basis=rng.choice((LawfulBasis.CONSENT, LawfulBasis.CONTRACT, LawfulBasis.LEGITIMATE_INTEREST)),
        sticky_mailbox=rng.choice(boxes).id if follow_up else None,
        due_day=DAY - timedelta(days=rng.randint(0, 2)),
        verified=rng.random() < 0.7,
        engaged=rng.random() < 0.2,
        missing_fields=frozenset(),
        recent_contacts=0,
        block=s.Unsubscribed(DAY - timedelta(days=9)) if blocked else None,
    )


def policy() -> s.PlanPolicy:
    return s.PlanPolicy(
        zone=ZoneName("America/New_York"),
        holiday_countries=(CountryCode("DE"),),
        daily_cap=None,
        minute_cap=400,
        quiet_hours=DailyHours(wall_time(20), wall_time(8)),
        weekend=frozenset({Weekday.SATURDAY, Weekday.SUNDAY}),
        contact_pressure=ContactPressure(),
        company_daily_cap=5,
        recipient_domain_daily_cap=50,
        recipient_provider_caps=(),
        longest_follow_up_wait=5,
        verified_only=False,
    )


def snapshot(*, candidates: int, mailboxes: int, pools: int) -> s.Snapshot:
    rng = random.Random(7)  # noqa: S311 - test data
    boxes = [mailbox(number, rng) for number in range(1, mailboxes + 1)]
    rows = campaigns(pools)
    version = s.SourceVersion("1")
    return s.Snapshot(
        tenant_id=TenantId(1),
        tenant_slug=TenantSlug("acme"),
        day=DAY,
        as_of=moment(2026, 3, 10, 4, tzinfo=UTC),
        seed=7,
        versions=s.Versions(version, version, version, version),
        policy=policy(),
        countries=(s.Country(CountryCode("DE"), ZoneName("Europe/Berlin"), frozenset({date(2026, 4, 3)})),),
        domains=domains(-(-mailboxes // DOMAIN_MAILBOXES), pools),
        mailboxes=tuple(boxes),
        accounts=accounts(),
        campaigns=rows,
        candidates=tuple(candidate(n, rng, boxes, rows) for n in range(1, candidates + 1)),
        used_today=s.UsedToday(),
    )


def yardstick() -> float:
    """CPU seconds of ten million additions: how fast this machine is at this moment."""
    start = time.process_time()
    total = 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=60_000)
    parser.add_argument("--mailboxes", type=int, default=1_200)
    parser.add_argument("--pools", type=int, default=30)
    options = parser.parse_args()
    made = snapshot(candidates=options.candidates, mailboxes=options.mailboxes, pools=options.pools)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.collect()
    gc.freeze()  # as a process that has just read a snapshot does well to do
    start = time.process_time()
    result = plan(made)
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    encoded = encode_snapshot(made)
    decode_snapshot(encoded)
    codec = time.process_time() - start
    print(
        json.dumps(
            {
                "candidates": options.candidates,
                "mailboxes": options.mailboxes,
                "pools": options.pools,
                "placed": result.breakdown.placed,
                "plan_cpu_seconds": round(cpu, 2),
                "ten_million_additions_cpu_seconds": round(yardstick(), 2),
                "not_placed": {str(row.constraint): row.candidates for row in result.breakdown.not_placed},
                "snapshot_codec_cpu_seconds": round(codec, 2),
                "rss_before_mb": before // 1024,
                "rss_peak_while_planning_mb": peak // 1024,
                "plan_json_mb": round(len(encode_plan(result)) / 2**20, 1),
                "snapshot_json_mb": round(len(encoded) / 2**20, 1),
                "plan_hash": result.plan_hash,
            }
        )
    )


if __name__ == "__main__":
    main()
