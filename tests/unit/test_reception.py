"""How a provider receives a domain: by what it does with the mail, beside the tenant's other domains."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from outreach_pipelines.domain.ids import DomainId
from outreach_pipelines.domain.mailbox_health import DayOutcomes, HealthPart
from outreach_pipelines.domain.reception import Reception, ReceptionRecord, receptions
from outreach_pipelines.domain.recipient_provider import RecipientProvider

TODAY = date(2026, 11, 18)
GOOGLE, MICROSOFT = RecipientProvider.GOOGLE, RecipientProvider.MICROSOFT


def record(domain: int, provider: RecipientProvider = GOOGLE, days_ago: int = 1, **counts: int) -> ReceptionRecord:
    outcomes = (DayOutcomes(day=TODAY - timedelta(days=days_ago), **counts),) if counts else ()
    return ReceptionRecord(DomainId(domain), provider, outcomes)


def scored(*records: ReceptionRecord) -> dict[tuple[int, RecipientProvider], Reception]:
    return {(row.domain, row.provider): row for row in receptions(records, TODAY)}


@pytest.mark.parametrize("bad", ["hard", "blocks", "complaints", "soft"])
def test_a_domain_whose_mail_fares_worse_is_worth_less(bad: str) -> None:
    found = scored(record(1, accepted=400), record(2, accepted=400, **{bad: 40}))

    assert found[2, GOOGLE].total < found[1, GOOGLE].total


def test_trouble_with_one_provider_leaves_the_others_as_they_were() -> None:
    calm = scored(record(1, MICROSOFT, accepted=400), record(2, MICROSOFT, accepted=400))
    troubled = scored(
        record(1, MICROSOFT, accepted=400), record(2, MICROSOFT, accepted=400), record(2, GOOGLE, accepted=400, hard=60)
    )

    assert troubled[2, MICROSOFT] == calm[2, MICROSOFT]


def test_domains_without_evidence_are_worth_the_same() -> None:
    found = scored(record(1), record(2), record(3, accepted=400))

    assert found[1, GOOGLE].total == found[2, GOOGLE].total


def test_what_people_do_is_not_held_against_the_provider() -> None:
    found = scored(record(1, accepted=400), record(2, accepted=400, unsubscribes=40, replies=0))

    assert found[1, GOOGLE].total == found[2, GOOGLE].total
    assert {part.part for part in found[1, GOOGLE].parts}.isdisjoint({HealthPart.REPLIES, HealthPart.UNSUBSCRIBES})


def test_old_trouble_weighs_less_than_new() -> None:
    found = scored(
        record(1, days_ago=1, accepted=400, hard=12),
        record(2, days_ago=60, accepted=400, hard=12),
        record(3, accepted=400),
    )

    assert found[1, GOOGLE].total < found[2, GOOGLE].total


def test_trouble_of_an_earlier_day_counts_beside_a_good_yesterday() -> None:
    days = [DayOutcomes(day=TODAY - timedelta(days=ago), accepted=200, hard=hard) for ago, hard in ((3, 30), (1, 0))]
    troubled = ReceptionRecord(DomainId(1), GOOGLE, tuple(days))
    calm = ReceptionRecord(DomainId(2), GOOGLE, (DayOutcomes(day=days[0].day, accepted=200), days[1]))

    found = scored(troubled, calm)

    assert found[1, GOOGLE].total < found[2, GOOGLE].total


def test_a_score_is_the_share_of_what_its_own_parts_could_earn() -> None:
    (found,) = scored(record(1, accepted=400, hard=4)).values()

    earned, possible = sum((part.points for part in found.parts), Decimal(0)), sum(part.weight for part in found.parts)
    assert possible < 100
    assert abs(found.total - 100 * earned / possible) <= Decimal("0.5")


def test_a_score_lies_between_nothing_and_all() -> None:
    worst = scored(record(1, accepted=400, hard=400, blocks=400, complaints=400, soft=400))

    assert worst[1, GOOGLE].total == 0
