"""Whether a snapshot makes sense: every fault found, none repaired.

Here belongs what no plan could be made from: numbers below zero, zones nobody knows, references to nothing. Not here:
what a plan explains (a cap of 0, a pool without mailboxes, windows that never meet).
"""

import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

from outreach_pipelines.domain.calendar import UnknownZoneError, Weekday, load_zone
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.send_plan.snapshot import (
    AccountId,
    Campaign,
    CampaignId,
    Candidate,
    DomainId,
    Hold,
    Mailbox,
    PlanPolicy,
    SendingDomain,
    Snapshot,
)

_HMAC = re.compile(r"(?:[0-9a-f]{2}){16,64}")
_HMAC_LENGTHS = frozenset(range(32, 129, 2))
_HEX = re.compile(r"[0-9a-f]*")
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)
_LONGEST_SPACING = 86_400


class BadSnapshotError(ValueError):
    """A snapshot from which no plan can be made; `faults` names each one with its place."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(f"bad snapshot, {len(self.faults)} fault(s): " + "; ".join(self.faults))


def require_sound(snapshot: Snapshot) -> None:
    """Raises `BadSnapshotError` that names every fault at once."""
    faults = tuple(_faults_of(snapshot))
    if faults:
        raise BadSnapshotError(faults)


def _faults_of(snapshot: Snapshot) -> Iterator[str]:
    yield from _day(snapshot)
    yield from _policy(snapshot.policy)
    yield from _used_today(snapshot)
    yield from _repeated("country", (country.code for country in snapshot.countries))
    for country in snapshot.countries:
        yield from _zone(f"country {country.code}", country.zone)
    account_ids = frozenset(account.id for account in snapshot.accounts)
    yield from _repeated("account", (account.id for account in snapshot.accounts))
    for account in snapshot.accounts:
        yield from _not_negative(f"account {account.id}: share_left", account.share_left)
    yield from _repeated("domain", (domain.id for domain in snapshot.domains))
    for domain in snapshot.domains:
        yield from _domain(domain, account_ids)
    yield from _repeated("mailbox", (mailbox.id for mailbox in snapshot.mailboxes))
    domain_ids = frozenset(domain.id for domain in snapshot.domains)
    for mailbox in snapshot.mailboxes:
        yield from _mailbox(mailbox, domain_ids, account_ids)
    yield from _repeated("campaign", (campaign.id for campaign in snapshot.campaigns))
    for campaign in snapshot.campaigns:
        yield from _campaign(campaign)
    yield from _candidates(snapshot)
    yield from _holds(snapshot)


def _day(snapshot: Snapshot) -> Iterator[str]:
    if not _FIRST_DAY <= snapshot.day < _LAST_DAY:
        yield f"day: {snapshot.day} lies outside {_FIRST_DAY} to {_LAST_DAY}"
    yield from _moment("as_of", snapshot.as_of)


def _moment(where: str, moment: datetime) -> Iterator[str]:
    if moment.utcoffset() != timedelta(0):
        yield f"{where}: {moment} is not in UTC"
    elif moment.microsecond:
        yield f"{where}: {moment} is not in whole seconds"
    elif not _FIRST_DAY <= moment.date() < _LAST_DAY:
        yield f"{where}: {moment} lies outside {_FIRST_DAY} to {_LAST_DAY}"


def _is_sound_moment(moment: datetime) -> bool:
    """The same question as `_moment`, in a tenth of its time; no for some sound ones, of which that finds nothing."""
    return moment.tzinfo is UTC and not moment.microsecond and _FIRST_DAY.year <= moment.year < _LAST_DAY.year


def _policy(policy: PlanPolicy) -> Iterator[str]:
    yield from _zone("policy", policy.zone)
    if len(policy.weekend) >= len(Weekday):
        yield "policy: weekend takes all seven days"
    for name, number in (
        ("daily_cap", policy.daily_cap),
        ("minute_cap", policy.minute_cap),
        ("company_daily_cap", policy.company_daily_cap),
        ("recipient_domain_daily_cap", policy.recipient_domain_daily_cap),
        ("longest_follow_up_wait", policy.longest_follow_up_wait),
    ):
        yield from _not_negative(f"policy: {name}", number)
    if policy.contact_pressure is not None:
        yield from _not_negative("policy: contact_pressure.messages", policy.contact_pressure.messages)
        yield from _within("policy: contact_pressure.days", policy.contact_pressure.days, 1, 3660)
    yield from _repeated(
        "policy: recipient_provider_caps for", (cap.provider for cap in policy.recipient_provider_caps)
    )
    for cap in policy.recipient_provider_caps:
        yield from _not_negative(f"policy: cap of {cap.provider}", cap.daily_cap)


def _used_today(snapshot: Snapshot) -> Iterator[str]:
    used = snapshot.used_today
    domains = [(use.recipient_domain, use.count) for use in used.recipient_domains]
    companies = [(use.company, use.count) for use in used.companies]
    providers = [(use.provider, use.count) for use in used.providers]
    for name, uses in (("recipient domain", domains), ("company", companies), ("provider", providers)):
        yield from _repeated(f"used_today: {name}", (key for key, _ in uses))
        for key, count in uses:
            yield from _not_negative(f"used_today: {name} {key}", count)
    for name, uses in (("recipient domain", domains), ("company", companies)):
        if any(_HMAC.fullmatch(key) is None for key, _ in uses):
            yield f"used_today: a {name} is not an HMAC in lower-case hex"


def _domain(domain: SendingDomain, accounts: frozenset[AccountId]) -> Iterator[str]:
    where = f"domain {domain.id}"
    yield from _not_negative(f"{where}: daily_cap", domain.daily_cap)
    yield from _not_negative(f"{where}: sent_today", domain.sent_today)
    yield from _repeated(f"{where}: readiness for account", (row.account_id for row in domain.readiness))
    yield from _known(f"{where}: readiness for account", (row.account_id for row in domain.readiness), accounts)
    yield from _repeated(f"{where}: health for", (weight.provider for weight in domain.health))
    for weight in domain.health:
        yield from _within(f"{where}: health for {weight.provider}", weight.weight, 0, 100)


def _mailbox(mailbox: Mailbox, domains: frozenset[DomainId], accounts: frozenset[AccountId]) -> Iterator[str]:
    where = f"mailbox {mailbox.id}"
    yield from _known(f"{where}: domain", (mailbox.domain_id,), domains)
    yield from _zone(where, mailbox.zone)
    yield from _not_negative(f"{where}: daily_cap", mailbox.daily_cap)
    yield from _not_negative(f"{where}: new_leads_today", mailbox.new_leads_today)
    yield from _within(f"{where}: min_spacing", mailbox.min_spacing, 1, mailbox.max_spacing)
    yield from _within(f"{where}: max_spacing", mailbox.max_spacing, mailbox.min_spacing, _LONGEST_SPACING)
    yield from _within(f"{where}: health", mailbox.health, 0, 100)
    for sends in mailbox.sends_by_day:
        yield from _not_negative(f"{where}: sends on {sends.day}", sends.count)
    for index, count in enumerate(mailbox.follow_ups_ahead):
        yield from _not_negative(f"{where}: follow_ups_ahead[{index}]", count)
    for moment in mailbox.other_sends:
        if not _is_sound_moment(moment):
            yield from _moment(f"{where}: other_sends", moment)
    yield from _repeated(f"{where}: sends on", (sends.day for sends in mailbox.sends_by_day))
    yield from _repeated(f"{where}: account", mailbox.account_ids)
    yield from _known(f"{where}: account", mailbox.account_ids, accounts)


def _holds(snapshot: Snapshot) -> Iterator[str]:
    for where, hold in _all_holds(snapshot):
        if hold is not None and not 0 <= hold.factor <= 1:
            yield f"{where}: hold factor {hold.factor} lies outside 0 to 1"
    yield from _repeated("lead_file_holds: lead file", (row.lead_file for row in snapshot.lead_file_holds))
    for mailbox in snapshot.mailboxes:
        yield from _repeated(f"mailbox {mailbox.id}: hold to", (row.provider for row in mailbox.provider_holds))
        yield from _repeated(f"mailbox {mailbox.id}: hold of account", (row.account_id for row in mailbox.path_holds))


def _all_holds(snapshot: Snapshot) -> Iterator[tuple[str, Hold | None]]:
    for mailbox in snapshot.mailboxes:
        where = f"mailbox {mailbox.id}"
        yield where, mailbox.hold
        yield from ((f"{where}: hold to {row.provider}", row.hold) for row in mailbox.provider_holds)
        yield from ((f"{where}: hold of account {row.account_id}", row.hold) for row in mailbox.path_holds)
    yield from ((f"account {account.id}", account.hold) for account in snapshot.accounts)
    yield from ((f"campaign {campaign.id}", campaign.hold) for campaign in snapshot.campaigns)
    yield from ((f"lead file {row.lead_file}", row.hold) for row in snapshot.lead_file_holds)


def _campaign(campaign: Campaign) -> Iterator[str]:
    where = f"campaign {campaign.id}"
    yield from _zone(where, campaign.zone)
    yield from _within(f"{where}: share", campaign.share, 1, 1_000_000)
    if [step.number for step in campaign.steps] != list(range(1, len(campaign.steps) + 1)):
        yield f"{where}: steps are not numbered 1, 2, 3 ... in order"
    for step in campaign.steps:
        yield from _not_negative(f"{where}: delay of step {step.number}", step.delay_business_days)
        yield from _repeated(f"{where}: step {step.number}: variant", (variant.name for variant in step.variants))
        for variant in step.variants:
            yield from _within(f"{where}: step {step.number}: weight of {variant.name}", variant.weight, 1, 1_000_000)
        if not step.variants:
            yield f"{where}: step {step.number} has no variant"


def _candidates(snapshot: Snapshot) -> Iterator[str]:
    campaigns = frozenset(campaign.id for campaign in snapshot.campaigns)
    yield from _repeated("candidate: enrollment", (candidate.enrollment_id for candidate in snapshot.candidates))
    if not _all_sound(snapshot.candidates, campaigns):
        for candidate in snapshot.candidates:
            yield from _candidate(candidate, campaigns)


def _all_sound(candidates: Sequence[Candidate], campaigns: frozenset[CampaignId]) -> bool:
    """The same questions as `_candidate`, column by column: a twentieth of the time when there is no fault."""
    due_days = {candidate.due_day for candidate in candidates}
    domains = {key for c in candidates for key in (c.recipient_domain, c.company) if key is not None}
    return (
        campaigns.issuperset(map(attrgetter("campaign_id"), candidates))
        and min(map(attrgetter("step"), candidates), default=1) >= 1
        and min(map(attrgetter("round"), candidates), default=0) >= 0
        and min(map(attrgetter("recent_contacts"), candidates), default=0) >= 0
        and all(_FIRST_DAY <= day < _LAST_DAY for day in due_days)
        and _are_hmacs({candidate.recipient for candidate in candidates})
        and _are_hmacs(domains)
    )


def _are_hmacs(keys: Collection[str]) -> bool:
    return set(map(len, keys)) <= _HMAC_LENGTHS and _HEX.fullmatch("".join(keys)) is not None


def _candidate(candidate: Candidate, campaigns: frozenset[CampaignId]) -> Iterator[str]:
    where = f"enrollment {candidate.enrollment_id}"
    yield from _known(f"{where}: campaign", (candidate.campaign_id,), campaigns)
    yield from _within(f"{where}: step", candidate.step, 1, None)
    yield from _not_negative(f"{where}: round", candidate.round)
    yield from _not_negative(f"{where}: recent_contacts", candidate.recent_contacts)
    if not _FIRST_DAY <= candidate.due_day < _LAST_DAY:
        yield f"{where}: due_day {candidate.due_day} lies outside {_FIRST_DAY} to {_LAST_DAY}"
    for name, key in (
        ("recipient", candidate.recipient),
        ("recipient_domain", candidate.recipient_domain),
        ("company", candidate.company),
    ):
        # The value itself is not repeated: it may be an address that somebody forgot to hash.
        if key is not None and _HMAC.fullmatch(key) is None:
            yield f"{where}: {name} is not an HMAC in lower-case hex"


def _zone(where: str, name: ZoneName | None) -> Iterator[str]:
    if name is None:
        return
    try:
        load_zone(name)
    except UnknownZoneError as error:
        yield f"{where}: {error}"


def _not_negative(where: str, number: int | None) -> Iterator[str]:
    if number is not None and number < 0:
        yield f"{where} is {number}, below 0"


def _within(where: str, number: int, low: int, high: int | None) -> Iterator[str]:
    if number < low or (high is not None and number > high):
        yield f"{where} is {number}, not within {low} to {'any' if high is None else high}"


def _repeated(where: str, keys: Iterable[Hashable]) -> Iterator[str]:
    listed = list(keys)
    if len(set(listed)) < len(listed):
        for key, count in Counter(listed).items():
            if count > 1:
                yield f"{where} {key} stands {count} times"


def _known(
    where: str, keys: Iterable[Hashable], known: frozenset[AccountId] | frozenset[DomainId] | frozenset[CampaignId]
) -> Iterator[str]:
    for key in keys:
        if key not in known:
            yield f"{where} {key} is not in the snapshot"
