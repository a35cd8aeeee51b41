"""The independent judge sees every rule broken: plans of laxer facts are judged by the stricter ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.calendar import Weekday, WeeklyWindow
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.lead import FieldName, LawfulBasis
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.proof.plan_check.check import violations
from outreach_pipelines.proof.plan_check.reading import UnreadableDocument

THREE_STEPS = (make.step(1, 0), make.step(2, 3), make.step(3, 3))
LAX = make.snapshot(
    mailboxes=(make.mailbox(1), make.mailbox(2)),
    campaigns=(make.campaign(steps=THREE_STEPS),),
    candidates=(
        *(
            make.candidate(n, recipient_domain=make.hmac("domain", 1), company=make.hmac("company", 1))
            for n in range(1, 9)
        ),
        *(make.follow_up(n, sticky=1) for n in range(9, 13)),
    ),
    domains=(make.domain(readiness=make.ready(1, 2)),),
    accounts=(make.account(1), make.account(2)),
)
YESTERDAY = make.DAY - timedelta(days=1)


def rules_broken(snapshot: s.Snapshot, plan_json: bytes) -> set[str]:
    return {violation.rule for violation in violations(encode_snapshot(snapshot), plan_json)}


def policy(**changes: Any) -> s.Snapshot:
    return replace(LAX, policy=replace(LAX.policy, **changes))


def mailboxes(**changes: Any) -> s.Snapshot:
    return replace(LAX, mailboxes=tuple(replace(row, **changes) for row in LAX.mailboxes))


def campaign(**changes: Any) -> s.Snapshot:
    return replace(LAX, campaigns=(replace(LAX.campaigns[0], **changes),))


def candidates(**changes: Any) -> s.Snapshot:
    return replace(LAX, candidates=tuple(replace(row, **changes) for row in LAX.candidates))


def domains(**changes: Any) -> s.Snapshot:
    return replace(LAX, domains=(replace(LAX.domains[0], **changes),))


def accounts(**changes: Any) -> s.Snapshot:
    return replace(LAX, accounts=tuple(replace(row, **changes) for row in LAX.accounts))


STOP = s.Hold(Fraction(0), "stop")
EVERYWHERE_CLOSED = make.country("DE", "Europe/Berlin", make.DAY)
STRICTER = [
    ("blocked", candidates(block=s.Unsubscribed(YESTERDAY))),
    ("blocked", candidates(block=s.Away(make.DAY))),
    ("blocked", candidates(block=s.Undeliverable(NoMail.NO_SUCH_DOMAIN, YESTERDAY))),
    ("reason", candidates(block=s.Undeliverable(NoMail.NULL_MX, YESTERDAY))),
    ("unverified", replace(policy(verified_only=True), candidates=candidates(verified=False).candidates)),
    ("not_due", candidates(due_day=make.DAY + timedelta(days=1))),
    ("waited_too_long", candidates(due_day=make.DAY - timedelta(days=30))),
    ("no_postal_address", campaign(has_postal_address=False)),
    ("no_unsubscribe", campaign(has_unsubscribe=False)),
    ("campaign_not_active", campaign(state=CampaignState.PAUSED)),
    (
        "field_missing",
        replace(
            candidates(missing_fields=frozenset({"company"})),
            campaigns=campaign(required_fields=frozenset({FieldName("company")})).campaigns,
        ),
    ),
    ("no_such_step", campaign(steps=(make.step(1, 0),))),
    ("same_message_twice", candidates(lead_id=s.LeadId(1))),
    ("variant", campaign(steps=(make.step(1, 0, "bcd"), make.step(2, 3, "bcd"), make.step(3, 3)))),
    ("mailbox_retired", mailboxes(state=s.MailboxState.RETIRED)),
    ("mailbox_resting", mailboxes(state=s.MailboxState.RESTING)),
    ("mailbox_held", mailboxes(hold=s.Hold(Fraction(0), "stop"))),
    ("thread", candidates(sticky_mailbox=s.MailboxId(2))),
    ("thread_unknown", candidates(sticky_mailbox=None)),
    ("pool", domains(pool_id=s.PoolId(2))),
    ("inbox_unreadable", mailboxes(inbox_readable=False)),
    ("health", mailboxes(health=0)),
    ("health", domains(health=(s.ProviderWeight(s.RecipientProvider.OTHER, 0),))),
    ("account", accounts(allowed_basis=frozenset({LawfulBasis.CONTRACT}))),
    ("account", domains(readiness=())),
    ("account", mailboxes(account_ids=(s.AccountId(2),))),
    ("day", replace(LAX, day=make.DAY + timedelta(days=1))),
    ("past_day", replace(LAX, as_of=datetime(2026, 3, 20, tzinfo=UTC))),
    ("as_of", replace(LAX, as_of=datetime(2026, 3, 10, 15, tzinfo=UTC))),
    ("mailbox_hours", mailboxes(hours=make.hours("22:00", "23:00"))),
    ("zone_unknown", candidates(zone=ZoneName("Mars/Olympus"))),
    ("window", campaign(window=WeeklyWindow(make.WEEKDAYS, make.hours("20:00", "21:00")))),
    ("window", campaign(window=WeeklyWindow(frozenset({Weekday.FRIDAY}), make.hours("09:00", "17:00")))),
    ("window", candidates(zone=ZoneName("Asia/Tokyo"))),
    ("quiet_hours", policy(quiet_hours=make.hours("08:00", "16:00"))),
    ("weekend", policy(weekend=frozenset({Weekday.TUESDAY}))),
    ("holiday", replace(LAX, countries=(EVERYWHERE_CLOSED,))),
    ("mailbox_cap", mailboxes(daily_cap=2)),
    ("mailbox_cap", mailboxes(sends_by_day=(s.DaySends(make.DAY, 39),))),
    ("mailbox_cap", mailboxes(daily_cap=9, hold=s.Hold(Fraction(1, 2), "slow"))),
    ("rolling_cap", mailboxes(daily_cap=5)),
    ("new_lead_budget", mailboxes(follow_ups_ahead=(39,))),
    ("new_lead_budget", mailboxes(new_leads_today=39)),
    ("spacing", mailboxes(min_spacing=20_000, max_spacing=20_000)),
    ("domain_cap", domains(daily_cap=11)),
    ("domain_cap", domains(daily_cap=20, sent_today=9)),
    ("tenant_daily_cap", policy(daily_cap=11)),
    ("tenant_minute_cap", policy(minute_cap=0)),
    ("account_share", accounts(share_left=11)),
    ("recipient_domain_cap", policy(recipient_domain_daily_cap=7)),
    ("company_cap", policy(company_daily_cap=7)),
    ("recipient_provider_cap", policy(recipient_provider_caps=(s.ProviderCap(s.RecipientProvider.OTHER, 11),))),
    ("campaign_held", campaign(hold=STOP)),
    ("lead_file_held", replace(LAX, lead_file_holds=(s.LeadFileHold(s.LeadFileId(1), STOP, (s.EnrollmentId(3),)),))),
    ("provider_held", mailboxes(provider_holds=(s.ProviderHold(s.RecipientProvider.OTHER, STOP),))),
    ("path_held", mailboxes(path_holds=(s.PathHold(s.AccountId(1), STOP),))),
    ("account", accounts(hold=STOP)),
    ("slowed", campaign(hold=s.Hold(Fraction(1, 20), "slow"))),
    ("slowed", accounts(hold=s.Hold(Fraction(1, 20), "slow"))),
    ("slowed", replace(campaign(hold=s.Hold(Fraction(1, 4), "slow")), mailboxes=mailboxes(sends_by_day=(s.DaySends(make.DAY, 8),)).mailboxes)),
    ("contact_pressure", policy(contact_pressure=ContactPressure(0, 14))),
    ("contact_pressure", replace(policy(contact_pressure=ContactPressure(1, 14)), candidates=candidates(recipient=make.hmac("person", 1)).candidates)),
]  # fmt: skip


def test_a_good_plan_breaks_no_rule() -> None:
    result = plan(LAX)

    assert result.breakdown.placed == 12
    assert violations(encode_snapshot(LAX), encode_plan(result)) == ()


@pytest.mark.parametrize(("rule", "stricter"), STRICTER, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(STRICTER)])
def test_a_plan_of_laxer_facts_breaks_the_stricter_rule(rule: str, stricter: s.Snapshot) -> None:
    assert rule in rules_broken(stricter, encode_plan(plan(LAX)))


def changed(change: Callable[[Any], None]) -> bytes:
    """The good plan with a change, and a hash that fits."""
    body = json.loads(encode_plan(plan(LAX)))
    change(body)
    body["plan_hash"] = ""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    body["plan_hash"] = blake2b(text.encode(), digest_size=32).hexdigest()
    return json.dumps(body).encode()


def swap_accounts(body: Any) -> None:
    body["placements"][0]["account_ids"] = [2, 1]


def send_through_nothing(body: Any) -> None:
    body["placements"][0]["account_ids"] = []


def send_all_at_once(body: Any) -> None:
    for row in body["placements"]:
        row |= {"mailbox_id": 1, "due_at": "2026-03-10T09:00:00Z"}


def forget_a_candidate(body: Any) -> None:
    del body["decisions"][0]


def place_twice(body: Any) -> None:
    body["placements"].append(body["placements"][0])


def place_somebody_else(body: Any) -> None:
    body["placements"][0]["lead_id"] = 77


def place_from_nowhere(body: Any) -> None:
    body["placements"][0]["mailbox_id"] = 77


def miscount(body: Any) -> None:
    body["breakdown"]["placed"] -= 1


def miscount_a_reason(body: Any) -> None:
    body["breakdown"]["not_placed"].append({"constraint": "weekend", "candidates": 1})


def give_a_wrong_reason(body: Any) -> None:
    body["placements"] = [row for row in body["placements"] if row["enrollment_id"] != 1]
    row = next(row for row in body["decisions"] if row["enrollment_id"] == 1)
    row.update(bound_by="unsubscribed", found=["unsubscribed"], detail="unsubscribed", looked_through="holiday")


def name_a_limit_that_nobody_set(body: Any) -> None:
    give_a_wrong_reason(body)
    row = next(row for row in body["decisions"] if row["enrollment_id"] == 1)
    row.update(bound_by="domain_cap", found=["domain_cap"], looked_through="spacing")


def find_in_disorder(body: Any) -> None:
    name_a_limit_that_nobody_set(body)
    row = next(row for row in body["decisions"] if row["enrollment_id"] == 1)
    row.update(bound_by="spacing", found=["spacing", "mailbox_cap"])


def keep_a_follow_up_back(body: Any) -> None:
    """A new lead keeps its slot while a follow-up of the same mailbox is said to have found none."""
    body["placements"] = [row for row in body["placements"] if row["enrollment_id"] != 9]
    row = next(row for row in body["decisions"] if row["enrollment_id"] == 9)
    row.update(bound_by="mailbox_cap", found=["mailbox_cap"], looked_through="spacing", detail="mailboxes: 1")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("account", send_through_nothing),
        ("spacing", send_all_at_once),
        ("books", forget_a_candidate),
        ("books", place_twice),
        ("books", place_somebody_else),
        ("books", place_from_nowhere),
        ("breakdown", miscount),
        ("breakdown", miscount_a_reason),
        ("reason", give_a_wrong_reason),
        ("reason", name_a_limit_that_nobody_set),
        ("reason", find_in_disorder),
        ("follow_ups_first", keep_a_follow_up_back),
    ],
)
def test_a_plan_that_was_written_wrong_is_seen(rule: str, change: Callable[[Any], None]) -> None:
    assert rule in rules_broken(LAX, changed(change))


def test_a_wording_that_its_weight_does_not_give_is_seen() -> None:
    def weighted(first: int, second: int) -> s.Snapshot:
        rows = (
            s.Variant(s.VariantName("a"), s.ContentHash("1"), first),
            s.Variant(s.VariantName("b"), s.ContentHash("2"), second),
        )
        return campaign(steps=(s.Step(1, 0, rows), *THREE_STEPS[1:]))

    made = plan(weighted(1, 9))

    assert violations(encode_snapshot(weighted(1, 9)), encode_plan(made)) == ()
    assert "variant" in rules_broken(weighted(9, 1), encode_plan(made))


def test_accounts_in_another_order_than_the_mailboxs_are_seen() -> None:
    two = replace(LAX, mailboxes=tuple(replace(m, account_ids=(s.AccountId(1), s.AccountId(2))) for m in LAX.mailboxes))
    body = json.loads(encode_plan(plan(two)))
    swap_accounts(body)

    assert "account" in rules_broken(two, json.dumps(body).encode())


def test_a_plan_whose_content_was_changed_after_it_was_made_is_seen() -> None:
    body = json.loads(encode_plan(plan(LAX)))
    body["planner_version"] = "another"

    assert rules_broken(LAX, json.dumps(body).encode()) == {"plan_hash"}


def test_the_order_of_rows_and_the_layout_of_a_snapshot_file_make_no_other_snapshot() -> None:
    body = json.loads(encode_snapshot(LAX))
    body["candidates"].reverse()
    body["mailboxes"].reverse()
    body["accounts"].reverse()
    body["domains"][0]["readiness"].reverse()
    body["policy"]["weekend"].reverse()

    assert violations(json.dumps(body, indent=1).encode(), encode_plan(plan(LAX))) == ()


def test_another_snapshot_of_the_same_rules_is_not_the_plans_own() -> None:
    assert rules_broken(replace(LAX, seed=8), encode_plan(plan(LAX))) == {"snapshot_hash"}


def test_every_fault_of_a_snapshot_is_named_in_one_message_and_no_value_repeated() -> None:
    body = json.loads(encode_snapshot(LAX))
    body["candidates"][0]["recipient"] = "anna@example.com"
    body["mailboxes"][0]["min_spacing"] = 0
    body["surplus"] = 1

    with pytest.raises(UnreadableDocument) as caught:
        violations(json.dumps(body).encode(), encode_plan(plan(LAX)))

    assert len(caught.value.faults) == 3
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_change_over_nights_are_judged_by_the_wall_clock(day: date) -> None:
    night = replace(
        LAX,
        day=day,
        as_of=datetime.combine(day - timedelta(days=1), datetime.min.time(), UTC),
        campaigns=(replace(LAX.campaigns[0], window=WeeklyWindow(frozenset(Weekday), make.hours("00:30", "04:00"))),),
        policy=replace(LAX.policy, weekend=frozenset()),
        candidates=tuple(replace(row, due_day=day) for row in LAX.candidates),
    )
    result = plan(night)

    assert result.breakdown.placed == 12
    assert violations(encode_snapshot(night), encode_plan(result)) == ()
