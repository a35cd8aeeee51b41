"""What is left of shares goes to who wants more: nothing is made, nobody is robbed, order is no matter."""

from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.account_shares import DayShare, ShareGrant, give_out
from outreach_pipelines.domain.tenant import TenantId

amounts = st.integers(0, 500)
days = st.lists(
    st.tuples(st.integers(1, 50), amounts, amounts, amounts), max_size=12, unique_by=lambda row: row[0]
).map(lambda rows: [DayShare(TenantId(tenant), share, taken, wanted) for tenant, share, taken, wanted in rows])


def extra_of(grants: tuple[ShareGrant, ...], tenant: TenantId) -> int:
    return sum(grant.extra for grant in grants if grant.tenant == tenant)


@given(days)
def test_grants_sum_to_nothing(shares: list[DayShare]) -> None:
    assert sum(grant.extra for grant in give_out(shares)) == 0


@given(days)
def test_who_gives_keeps_what_it_has_sent_and_wants(shares: list[DayShare]) -> None:
    grants = give_out(shares)

    for share in shares:
        extra = extra_of(grants, share.tenant)
        assert extra >= 0 or share.share + extra >= share.taken + share.wanted


@given(days)
def test_nobody_gets_more_than_it_misses(shares: list[DayShare]) -> None:
    grants = give_out(shares)

    assert all(extra_of(grants, share.tenant) <= share.missing for share in shares)


@given(days)
def test_afterwards_nothing_is_unused_or_nothing_is_missing(shares: list[DayShare]) -> None:
    grants = give_out(shares)

    after = [
        DayShare(share.tenant, share.share + extra_of(grants, share.tenant), share.taken, share.wanted)
        for share in shares
    ]
    assert sum(each.unused for each in after) == 0 or all(
        extra_of(grants, each.tenant) == each.missing for each in shares if each.missing
    )


@given(days, st.randoms(use_true_random=False))
def test_the_order_of_tenants_does_not_matter(shares: list[DayShare], random: object) -> None:
    shuffled = list(shares)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random

    assert give_out(shuffled) == give_out(shares)


def test_thirty_unused_are_split_two_to_one_between_who_miss_forty_and_twenty() -> None:
    shares = [
        DayShare(TenantId(1), 100, 50, 20),
        DayShare(TenantId(2), 100, 90, 50),
        DayShare(TenantId(3), 100, 100, 20),
    ]

    assert give_out(shares) == (
        ShareGrant(TenantId(1), -30, "30 of 100 were not wanted today, and 30 went to others"),
        ShareGrant(TenantId(2), 20, "40 more than its 100 were wanted today, and 20 were left by others"),
        ShareGrant(TenantId(3), 10, "20 more than its 100 were wanted today, and 10 were left by others"),
    )
