"""Who must not be written to, and for whom that holds."""

from datetime import UTC, date, datetime

import pytest

from outreach_pipelines.domain.address import Address, BadAddress, address_hmac, domain_hmac, parse_address
from outreach_pipelines.domain.suppression import (
    ListedSuppression,
    SuppressionKind,
    hashed,
    parse_subject,
)

KEY = bytes(range(32))


def address(text: str) -> Address:
    parsed = parse_address(text)
    assert isinstance(parsed, Address)
    return parsed


ANNA = address("anna@firma.example")


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
    assert stored.kind is SuppressionKind.OBJECTION
    assert stored.since == datetime(2026, 8, 12, tzinfo=UTC)
    assert "anna" not in repr(stored)


def test_a_listed_domain_is_stored_by_the_hash_of_its_name() -> None:
    stored = hashed(ListedSuppression(ANNA.domain, SuppressionKind.OBJECTION, "letter", date(2026, 8, 12)), KEY)

    assert stored.subject == domain_hmac(ANNA.domain, KEY)
