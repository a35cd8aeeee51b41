"""What is unknown of seeds changes no readiness: not in one message, and not among any others."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dkim_verification import DkimResult, DkimVerdict
from outreach_pipelines.domain.seed_belief import STOPPING, ShownSeed, refuted
from outreach_pipelines.domain.seed_proof import (
    ArrivedSeed,
    Passed,
    SeedCheck,
    SeedFinding,
    SeedFolder,
    SeedJudgement,
    judge_seed,
)

START = datetime(2026, 11, 23, tzinfo=UTC)
DOMAINS = ["desk.example", "provider.example"]
moments = st.integers(min_value=0, max_value=300).map(lambda hours: START + timedelta(hours=hours))


def findings(**passed: st.SearchStrategy[Passed]) -> st.SearchStrategy[SeedJudgement]:
    results = st.fixed_dictionaries({}, optional={SeedCheck(name): each for name, each in passed.items()})
    return results.map(
        lambda found: SeedJudgement(tuple(SeedFinding(check, passed, "") for check, passed in found.items()))
    )


anything = st.sampled_from(Passed)
judgements = findings(**dict.fromkeys(SeedCheck, anything))
unknowns = findings(
    **{check: st.just(Passed.UNKNOWN) if check in STOPPING else anything for check in SeedCheck},
)


@given(
    st.lists(st.builds(ShownSeed, moments, judgements), max_size=8, unique_by=lambda seed: seed.sent_at),
    st.lists(st.builds(ShownSeed, moments, unknowns), max_size=8),
)
def test_any_mix_of_unknown_seeds_among_others_never_changes_what_is_refuted(
    seeds: list[ShownSeed], unknown: list[ShownSeed]
) -> None:
    assert refuted([*seeds, *unknown]) == refuted(seeds)
    assert refuted([*unknown, *seeds]) == refuted(seeds)


@given(st.lists(st.builds(ShownSeed, moments, unknowns)))
def test_seeds_that_tell_nothing_for_certain_refute_nothing(unknown: list[ShownSeed]) -> None:
    assert refuted(unknown) is None


words = st.sampled_from(["temperror", "timeout", "unknown", "none (no key)", "pass"])
said = st.lists(
    st.tuples(words, st.sampled_from(["", *(f" header.d={domain}" for domain in DOMAINS)])), min_size=1, max_size=3
)
unread = st.builds(
    DkimVerdict,
    domain=st.sampled_from(DOMAINS).map(DomainName),
    selector=st.just("s1"),
    result=st.just(DkimResult.TEMPERROR),
    reason=st.just("timeout"),
    signed=st.just(frozenset({"from"})),
)


@given(
    said=st.none() | said,
    verdicts=st.lists(unread, min_size=1, max_size=3).map(tuple),
    passing=st.booleans(),
    folder=st.sampled_from(SeedFolder),
)
def test_a_message_whose_keys_nobody_could_read_fails_no_check_that_stops(
    said: list[tuple[str, str]] | None, verdicts: tuple[DkimVerdict, ...], passing: bool, folder: SeedFolder
) -> None:
    results = "" if said is None else "".join(f"; dkim={word}{domain}" for word, domain in said)
    other = DkimVerdict(
        domain=DomainName("provider.example"), selector="p", result=DkimResult.PASS, reason="", signed=frozenset()
    )
    raw = (
        f"Authentication-Results: mx.inbox.example{results}\r\n"
        "DKIM-Signature: v=1; d=desk.example; s=s1; h=from:list-unsubscribe:list-unsubscribe-post; bh=x; b=y\r\n"
        "From: Ann <ann@desk.example>\r\nList-Unsubscribe: <https://u.desk.example/>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nhello\r\n"
    )

    judged = judge_seed(ArrivedSeed(raw=raw.encode(), folder=folder, verdicts=verdicts + (other,) * passing))

    assert [each.check for each in judged.faults if each.check in STOPPING] == []
    assert refuted([ShownSeed(START, judged)]) is None
