"""When a change of readiness is believed."""

from datetime import UTC, datetime, timedelta

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Finding, Severity
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.dns_audit.settling import AwaitingConfirmation, Standing, settle

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SILENCE = Undecided((Cause.TIMEOUT,))


def fault(check: Check) -> Finding:
    return Finding(
        check=check,
        fault=Fault.MISSING,
        severity=Severity.CRITICAL,
        name=DomainName("acme.example"),
        evidence="gone",
    )


NO_SPF = NotReady(missing=(fault(Check.SPF_RECORD),))
NO_DMARC = NotReady(missing=(fault(Check.DMARC_RECORD),))
READY = Standing(state=Ready(), confirmed_at=NIGHT)


def test_ready_is_believed_at_once() -> None:
    assert settle(Standing(state=NO_SPF, confirmed_at=NIGHT), Ready(), now=NIGHT + HOUR).state == Ready()


def test_a_first_missing_answer_does_not_take_readiness_away() -> None:
    assert settle(READY, NO_SPF, now=NIGHT + HOUR).state == Ready()


def test_the_second_missing_answer_does() -> None:
    once = settle(READY, NO_SPF, now=NIGHT + HOUR)

    assert settle(once, NO_SPF, now=NIGHT + 2 * HOUR) == Standing(state=NO_SPF, confirmed_at=NIGHT + 2 * HOUR)


def test_a_repeated_run_within_minutes_is_no_second_answer() -> None:
    once = settle(READY, NO_SPF, now=NIGHT + HOUR)

    assert settle(once, NO_SPF, now=NIGHT + HOUR + timedelta(minutes=5)) == once


def test_silence_between_two_missing_answers_does_not_clear_the_suspicion() -> None:
    once = settle(READY, NO_SPF, now=NIGHT + HOUR)
    silent = settle(once, SILENCE, now=NIGHT + 2 * HOUR)

    assert settle(silent, NO_SPF, now=NIGHT + 3 * HOUR).state == NO_SPF


def test_a_good_answer_between_two_missing_ones_clears_the_suspicion() -> None:
    once = settle(READY, NO_SPF, now=NIGHT + HOUR)
    cleared = settle(once, Ready(), now=NIGHT + 2 * HOUR)

    assert settle(cleared, NO_SPF, now=NIGHT + 3 * HOUR).state == Ready()


def test_another_fault_is_a_new_suspicion_and_no_confirmation() -> None:
    once = settle(READY, NO_SPF, now=NIGHT + HOUR)

    assert settle(once, NO_DMARC, now=NIGHT + 2 * HOUR).state == Ready()


def test_only_the_fault_seen_twice_is_believed() -> None:
    both = NotReady(missing=(*NO_SPF.missing, *NO_DMARC.missing))
    once = settle(READY, NO_SPF, now=NIGHT + HOUR)

    assert settle(once, both, now=NIGHT + 2 * HOUR).state == NO_SPF


def test_changing_faults_do_not_keep_readiness_alive_for_ever() -> None:
    standing, now = READY, NIGHT
    for seen in (NO_SPF, NO_DMARC, NO_SPF, NO_DMARC):
        now += 24 * HOUR
        standing = settle(standing, seen, now=now)

    assert standing.state == AwaitingConfirmation()


def test_silence_keeps_the_last_definite_state_for_72_hours_and_no_longer() -> None:
    kept = settle(READY, SILENCE, now=NIGHT + 72 * HOUR)
    ended = settle(kept, SILENCE, now=NIGHT + 73 * HOUR)

    assert kept == READY
    assert ended.state == SILENCE


def test_silence_heals_nothing() -> None:
    broken = Standing(state=NO_SPF, confirmed_at=NIGHT)

    assert settle(broken, SILENCE, now=NIGHT + HOUR) == broken


def test_a_domain_never_seen_before_is_neither_ready_nor_missing_after_one_answer() -> None:
    assert settle(None, NO_SPF, now=NIGHT).state == AwaitingConfirmation()


def test_a_domain_never_seen_before_is_missing_after_two() -> None:
    once = settle(None, NO_SPF, now=NIGHT)

    assert settle(once, NO_SPF, now=NIGHT + HOUR).state == NO_SPF
