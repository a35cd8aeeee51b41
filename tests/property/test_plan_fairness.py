"""Where nothing binds, new leads rotate by the weights of domains and mailboxes, whatever these are."""

from collections import Counter

import plan_factories as make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.proof.plan_check.check import violations

unhurried = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
PROVIDERS = tuple(s.RecipientProvider)


@st.composite
def calm_days(draw: st.DrawFn) -> s.Snapshot:
    """Some domains of some mailboxes, each with its weights, and leads of all providers: a fraction of what could leave."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    weights = st.integers(20, 100)
    domains = tuple(
        make.domain(n, health=tuple(s.ProviderWeight(provider, draw(weights)) for provider in PROVIDERS))
        for n in range(1, len(sizes) + 1)
    )
    homes = [s.DomainId(n) for n, size in enumerate(sizes, 1) for _ in range(size)]
    mailboxes = tuple(
        make.mailbox(n, domain_id=home, daily_cap=2_000, min_spacing=20, max_spacing=40, health=draw(weights))
        for n, home in enumerate(homes, 1)
    )
    leads = draw(st.integers(0, 240))
    candidates = tuple(make.candidate(n, provider=PROVIDERS[n % 4]) for n in range(1, leads + 1))
    return make.snapshot(domains=domains, mailboxes=mailboxes, candidates=candidates, seed=draw(st.integers(0, 9)))


@unhurried
@given(calm_days())
def test_the_rotation_is_even_by_weight_where_nothing_binds(snapshot: s.Snapshot) -> None:
    found = plan(snapshot)

    assert found.breakdown.placed == len(snapshot.candidates)
    assert violations(encode_snapshot(snapshot), encode_plan(found)) == ()


@unhurried
@given(st.lists(st.integers(1, 5), min_size=2, max_size=4), st.integers(5, 40))
def test_campaigns_with_more_leads_than_slots_share_them_by_their_shares(shares: list[int], cap: int) -> None:
    campaigns = tuple(make.campaign(n, share=share) for n, share in enumerate(shares, 1))
    leads = 60 * len(shares)
    snapshot = make.snapshot(
        campaigns=campaigns,
        mailboxes=(make.mailbox(daily_cap=cap),),
        candidates=tuple(make.candidate(n, campaign_id=s.CampaignId(1 + n % len(shares))) for n in range(1, leads + 1)),
    )

    counts = Counter(row.campaign_id for row in plan(snapshot).placements)

    for campaign in campaigns:
        assert abs(counts[campaign.id] - cap * campaign.share / sum(shares)) <= 1 + len(shares)
