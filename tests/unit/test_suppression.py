"""Who must not be written to, and for whom that holds."""

from datetime import UTC, date, datetime, timedelta

import pytest

from outreach_pipelines.domain.address import Address, BadAddress, address_hmac, domain_hmac, parse_address
from outreach_pipelines.domain.suppression import (
    CampaignName,
    ListedSuppression,
    OneCampaign,
    OneMailbox,
    Suppression,
    SuppressionKind,
    SuppressionScope,
    WholeTenant,
    hashed,
    in_force,
    parse_subject,
    subjects_of,
)

KEY = bytes(range(32))
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
TIPS = CampaignName("tips")


def address(text: str) -> Address:
    parsed = parse_address(text)
    assert isinstance(parsed, Address)
    return parsed


ANNA = address("anna@firma.example")
MAILBOX = address("dana@acme-news.example")


def suppression(scope: SuppressionScope, *, since: datetime = NOW, until: datetime | None = None) -> Suppression:
    return Suppression(address_hmac(ANNA, KEY), scope, SuppressionKind.UNSUBSCRIBE, "link", since, until)


@pytest.mark.parametrize("text", ["firma.example", "@firma.example", "*@Firma.Example"])
def test_a_whole_domain_may_be_listed(text: str) -> None:
    assert parse_subject(text) == "firma.example"


def test_a_person_may_be_listed() -> None:
    assert parse_subject(" Anna@Firma.example ") == ANNA


@pytest.mark.parametrize("text", ["", "@", "*", "*@", "anna@", "firma"])
def test_what_is_neither_is_told(text: str) -> None:
    assert isinstance(parse_subject(text), BadAddress)


def test_a_listed_person_is_stored_by_hash_for_the_whole_tenant_from_that_day() -> None:
    stored = hashed(ListedSuppression(ANNA, SuppressionKind.OBJECTION, "letter", date(2026, 8, 12)), KEY)

    assert stored.subject == address_hmac(ANNA, KEY)
    assert (stored.scope, stored.kind) == (WholeTenant(), SuppressionKind.OBJECTION)
    assert (stored.since, stored.until) == (datetime(2026, 8, 12, tzinfo=UTC), None)
    assert "anna" not in repr(stored)


def test_a_person_is_found_under_their_own_hash_and_their_domains() -> None:
    listed = hashed(ListedSuppression(ANNA.domain, SuppressionKind.OBJECTION, "letter", date(2026, 8, 12)), KEY)

    assert subjects_of(ANNA, KEY) == (address_hmac(ANNA, KEY), domain_hmac(ANNA.domain, KEY))
    assert listed.subject in subjects_of(ANNA, KEY)


@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        (WholeTenant(), True),
        (OneCampaign(TIPS), True),
        (OneCampaign(CampaignName("other")), False),
        (OneMailbox(MAILBOX), True),
        (OneMailbox(address("luis@acme-news.example")), False),
    ],
)
def test_a_suppression_holds_in_its_scope(scope: SuppressionScope, *, holds: bool) -> None:
    found = in_force([suppression(scope)], at=NOW, campaign=TIPS, mailbox=MAILBOX)

    assert bool(found) is holds


@pytest.mark.parametrize(("later", "holds"), [(-1, False), (0, True), (59, True), (60, False)])
def test_a_suppression_holds_from_its_start_until_its_end(later: int, *, holds: bool) -> None:
    limited = suppression(WholeTenant(), until=NOW + timedelta(seconds=60))

    found = in_force([limited], at=NOW + timedelta(seconds=later), campaign=TIPS, mailbox=MAILBOX)

    assert bool(found) is holds


def test_without_an_end_it_holds_for_good() -> None:
    later = NOW + timedelta(days=36_500)

    assert in_force([suppression(WholeTenant())], at=later, campaign=TIPS, mailbox=MAILBOX)
