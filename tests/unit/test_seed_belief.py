"""Which seeds stop a way to send, until which other ones show it mended."""

from datetime import UTC, datetime, timedelta

import pytest

from outreach_pipelines.domain.seed_belief import BELIEVED_FOR, Refuted, ShownSeed, refuted
from outreach_pipelines.domain.seed_proof import Passed, SeedCheck, SeedFinding, SeedJudgement

YES, NO, UNKNOWN = Passed.YES, Passed.NO, Passed.UNKNOWN
MONDAY = datetime(2026, 11, 23, 7, 35, tzinfo=UTC)
GOOD = dict.fromkeys(SeedCheck, YES)
UNSIGNED = GOOD | {SeedCheck.DKIM: NO, SeedCheck.DKIM_ALIGNED: NO, SeedCheck.UNSUBSCRIBE_SIGNED: NO}


def shown(*seeds: dict[SeedCheck, Passed]) -> Refuted | None:
    """What they refute, a day apart in this order."""
    return refuted(seed(results, MONDAY + timedelta(days=day)) for day, results in enumerate(seeds))


def seed(results: dict[SeedCheck, Passed], sent_at: datetime) -> ShownSeed:
    findings = (SeedFinding(check, passed, f"{check} is {passed}") for check, passed in results.items())
    return ShownSeed(sent_at, SeedJudgement(tuple(findings)))


def checks(found: Refuted | None) -> list[SeedCheck]:
    return [each.finding.check for each in found.checks] if found else []


@pytest.mark.parametrize("check", [SeedCheck.DKIM, SeedCheck.DKIM_ALIGNED, SeedCheck.UNSUBSCRIBE_SIGNED])
def test_one_seed_that_fails_a_stopping_check_for_certain_stops(check: SeedCheck) -> None:
    assert checks(shown(GOOD | {check: NO})) == [check]


@pytest.mark.parametrize("check", [SeedCheck.SPF_ALIGNED, SeedCheck.TLS, SeedCheck.FOLDER])
def test_spf_tls_and_folder_stop_nothing(check: SeedCheck) -> None:
    assert shown(GOOD | {check: NO}) is None


def test_where_no_signature_passes_only_that_is_said() -> None:
    assert checks(shown(UNSIGNED)) == [SeedCheck.DKIM]


def test_a_later_good_seed_lifts_it_at_once() -> None:
    assert shown(UNSIGNED, GOOD) is None


def test_a_later_seed_that_passes_dkim_lifts_it_also_where_the_rest_is_unknown() -> None:
    assert shown(UNSIGNED, {SeedCheck.DKIM: YES, SeedCheck.DKIM_ALIGNED: UNKNOWN}) is None


def test_what_was_refuted_by_itself_stands_until_its_own_check_passes() -> None:
    uncovered = GOOD | {SeedCheck.UNSUBSCRIBE_SIGNED: NO}
    signed = {SeedCheck.DKIM: YES, SeedCheck.UNSUBSCRIBE_SIGNED: UNKNOWN}

    assert checks(shown(uncovered, UNSIGNED, signed)) == [SeedCheck.UNSUBSCRIBE_SIGNED]


@pytest.mark.parametrize("nothing", [{}, dict.fromkeys(SeedCheck, UNKNOWN)], ids=["not arrived", "unknown"])
def test_a_seed_that_tells_nothing_neither_stops_nor_lifts(nothing: dict[SeedCheck, Passed]) -> None:
    assert shown(nothing) is None
    assert shown(nothing, UNSIGNED, nothing) == refuted([seed(UNSIGNED, MONDAY + timedelta(days=1))])


def test_an_older_seed_that_is_judged_later_does_not_speak_over_a_newer_one() -> None:
    broken, mended = seed(UNSIGNED, MONDAY), seed(GOOD, MONDAY + timedelta(days=1))

    assert refuted([mended, broken]) is None


def test_the_sentence_says_what_is_wrong_since_when_and_for_how_long_it_is_believed() -> None:
    found = shown(UNSIGNED)

    assert found is not None
    assert found.sentence == (
        "Its mail arrives without a DKIM signature that passes (seed of 2026-11-23 07:35 UTC: dkim is no). "
        "A seed goes again each day until it passes."
    )
    assert found.until == MONDAY + BELIEVED_FOR
