"""Cost by tenant, campaign and reply."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.cost import (
    PUBLISHED_RATES,
    SMALLEST,
    CostItem,
    CostRate,
    NoRateError,
    Usage,
    forecast,
    price,
    report,
    split,
)
from outreach_pipelines.domain.ids import CampaignId
from outreach_pipelines.domain.tenant import TenantId

TODAY = date(2026, 11, 21)


def usage(tenant: int, campaign: int, units: int, item: CostItem = CostItem.SES_MESSAGE) -> Usage:
    return Usage(day=TODAY, tenant=TenantId(tenant), campaign=CampaignId(campaign), item=item, units=units)


def smtp_rate(amount: str, valid_from: date) -> CostRate:
    return CostRate(
        item=CostItem.SMTP_MESSAGE, amount=Decimal(amount), per=1_000, valid_from=valid_from, source="contract"
    )


def test_a_thousand_messages_by_ses_cost_ten_cents() -> None:
    assert price(CostItem.SES_MESSAGE, 1_000, TODAY, PUBLISHED_RATES) == Decimal("0.10")


def test_a_new_rate_prices_the_days_from_its_date_and_no_day_before() -> None:
    rates = [
        smtp_rate("0.20", TODAY - timedelta(days=30)),
        smtp_rate("0.50", TODAY),
        smtp_rate("0.10", TODAY - timedelta(days=60)),
    ]

    before = price(CostItem.SMTP_MESSAGE, 1_000, TODAY - timedelta(days=1), rates)
    after = price(CostItem.SMTP_MESSAGE, 1_000, TODAY, rates)

    assert (before, after) == (Decimal("0.20"), Decimal("0.50"))


def test_what_has_no_rate_is_not_free() -> None:
    with pytest.raises(NoRateError, match="no rate for smtp_message on 2026-11-21"):
        price(CostItem.SMTP_MESSAGE, 1, TODAY, [smtp_rate("0.50", TODAY + timedelta(days=1))])


def test_direct_costs_stay_with_their_campaign_and_shared_costs_follow_use() -> None:
    used = [usage(1, 10, 3_000), usage(1, 11, 1_000), usage(2, 20, 4_000)]

    cost = report(used, shared=Decimal("8.00"), replies=4, rates=PUBLISHED_RATES)

    assert cost.by_campaign == {
        (TenantId(1), CampaignId(10)): Decimal("3.30"),
        (TenantId(1), CampaignId(11)): Decimal("1.10"),
        (TenantId(2), CampaignId(20)): Decimal("4.40"),
    }
    assert cost.by_tenant == {TenantId(1): Decimal("4.40"), TenantId(2): Decimal("4.40")}
    assert (cost.total, cost.per_reply) == (Decimal("8.80"), Decimal("2.20"))


def test_a_period_without_replies_has_no_cost_per_reply() -> None:
    assert report([usage(1, 10, 1)], shared=Decimal(0), replies=0, rates=PUBLISHED_RATES).per_reply is None


def test_shared_costs_of_a_silent_month_are_shown_as_nobodys() -> None:
    cost = report([], shared=Decimal("150.00"), replies=0, rates=PUBLISHED_RATES)

    assert (cost.total, cost.unassigned, cost.by_tenant) == (Decimal("150.00"), Decimal("150.00"), {})


def test_the_forecast_adds_plan_and_fixed_costs_and_tells_the_distance_to_the_budget() -> None:
    tomorrow = TODAY + timedelta(days=1)

    month = forecast(
        spent=Decimal("100.00"),
        planned={(CostItem.SES_MESSAGE, TODAY): 40_000, (CostItem.SES_MESSAGE, tomorrow): 10_000},
        fixed_to_come=Decimal("60.00"),
        budget=Decimal("180.00"),
        rates=PUBLISHED_RATES,
    )

    assert (month.expected, month.over_budget) == (Decimal("165.00"), Decimal("-15.00"))


def test_one_millionth_cannot_be_split_further_and_goes_to_one() -> None:
    shares = split(SMALLEST, {"a": 1, "b": 1})

    assert sorted(shares.values()) == [0, SMALLEST]


@pytest.mark.parametrize(("amount", "weights"), [("1", {}), ("0.0000001", {"a": 1})])
def test_an_amount_without_a_bearer_or_finer_than_a_millionth_is_refused(amount: str, weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cannot split"):
        split(Decimal(amount), weights)


@given(
    st.integers(min_value=0, max_value=10**12),
    st.dictionaries(st.integers(), st.integers(min_value=0, max_value=10**6), min_size=1, max_size=20),
)
def test_shares_add_up_exactly_and_none_is_off_by_a_millionth(pieces: int, weights: dict[int, int]) -> None:
    amount = pieces * SMALLEST
    whole = sum(weights.values())

    shares = split(amount, weights)

    assert sum(shares.values()) == amount
    if whole:
        off_by = [abs(shares[owner] * whole - amount * weight) for owner, weight in weights.items()]
        assert max(off_by) < SMALLEST * whole
