"""A provider that is not heard never makes an account not ready, and never makes it ready again."""

from datetime import UTC, datetime, timedelta

from dns_audit_cases import DOMAIN, SES, FakeDns, audited, expectations, good_zone
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.dns_audit.answers import Cause, Query
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import Check
from outreach_pipelines.domain.dns_audit.provider_check import still_refused
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import ProviderWord, Word, with_words
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready
from outreach_pipelines.domain.dns_audit.settling import Standing, settle

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
EXPECTED = expectations()
REFUSALS = {ProviderState.FAILED, ProviderState.SUSPENDED, ProviderState.ABSENT}
QUIET = [state for state in ProviderState if state not in REFUSALS]

silence = st.sampled_from(Cause).map(NotHeard)
lines = st.sets(st.sampled_from(good_zone()), max_size=5).map(
    lambda gone: tuple(line for line in good_zone() if line not in gone)
)


def words(states: st.SearchStrategy[ProviderState]) -> st.SearchStrategy[Word]:
    said = st.builds(DomainState, identity=states, dkim=states, return_path=states, spf=states)
    return said.map(lambda state: ProviderWord(state=state))


anything = st.one_of(silence, words(st.sampled_from(ProviderState)))


def told(word: Word) -> Expectations:
    return with_words(EXPECTED, {SES: word})


@settings(deadline=None)
@given(lines, silence)
def test_silence_leaves_findings_readiness_and_score_as_the_inventory_has_them(
    zone: tuple[str, ...], word: NotHeard
) -> None:
    heard, alone = audited(FakeDns(zone), told(word)), audited(FakeDns(zone), EXPECTED)

    assert heard.findings == alone.findings
    assert heard.readiness == alone.readiness
    assert heard.score == alone.score


@settings(deadline=None)
@given(words(st.sampled_from(QUIET)), lines)
def test_what_is_no_refusal_stops_no_account_that_dns_does_not_stop(word: Word, zone: tuple[str, ...]) -> None:
    heard, alone = audited(FakeDns(zone), told(word)), audited(FakeDns(zone), EXPECTED)

    stopped = {account for account, state in heard.readiness.items() if isinstance(state, NotReady)}
    assert stopped == {account for account, state in alone.readiness.items() if isinstance(state, NotReady)}


@settings(deadline=None)
@given(st.data(), anything, lines)
def test_failing_queries_add_no_fault_whatever_the_provider_says(
    data: st.DataObject, word: Word, zone: tuple[str, ...]
) -> None:
    whole = FakeDns(zone)
    truth = {finding.key for finding in audited(whole, told(word)).findings}
    failing: set[Query] = data.draw(st.sets(st.sampled_from(sorted(set(whole.asked)))))

    seen = audited(FakeDns(zone, frozenset(failing)), told(word))

    assert {finding.key for finding in seen.findings} <= truth


@settings(deadline=None)
@given(st.lists(st.tuples(anything, st.integers(min_value=1, max_value=90)), max_size=12))
def test_with_sound_records_an_account_is_stopped_and_freed_by_definite_words_alone(
    nights: list[tuple[Word, int]],
) -> None:
    standing: Standing | None = None
    now = NIGHT
    for word, hours in nights:
        now += timedelta(hours=hours)
        expected = told(word)
        found = audited(FakeDns(good_zone()), expected).readiness[SES]
        after = settle(standing, still_refused(standing, found, expected.accounts[0]), now=now)
        if isinstance(word, NotHeard):
            was_stopped = standing is not None and isinstance(standing.state, NotReady)
            assert not (isinstance(after.state, NotReady) and not was_stopped)
            assert not (isinstance(after.state, Ready) and was_stopped)
        standing = after


def test_the_strategies_do_meet_a_refusal() -> None:
    refused = audited(FakeDns(good_zone()), told(ProviderWord(state=DomainState(identity=ProviderState.FAILED))))

    assert {(finding.check, finding.name) for finding in refused.findings} == {(Check.PROVIDER_STATE, DOMAIN)}
