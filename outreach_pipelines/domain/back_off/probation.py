"""What counts as a clean sending day on the way back from a hold.

Belongs here: cleanness of a finished day by signal. Not here: how far a clean day opens a scope (`policy.Recovery`).
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import assert_never

from outreach_pipelines.domain.back_off.hold import Signal
from outreach_pipelines.domain.back_off.judged import Judged
from outreach_pipelines.domain.back_off.policy import RateRule
from outreach_pipelines.domain.back_off.scope import AccountScope
from outreach_pipelines.domain.mailbox_health import DayOutcomes


def clean_days(judged: Judged, signal: Signal, until: datetime | None) -> int:
    """Finished local days after the day of `until` on which something was sent and the signal was quiet.

    Others take no step.
    """
    if until is None:
        return 0
    yesterday, border = judged.today - timedelta(days=1), judged.local_day(until)
    rows_of: dict[date, list[DayOutcomes]] = defaultdict(list)
    for row in judged.evidence.days:
        if border < row.day <= yesterday and row.known_by(judged.today):
            rows_of[row.day].append(row)
    return sum(_is_clean(judged, signal, rows) for rows in rows_of.values())


def _is_clean(judged: Judged, signal: Signal, rows: list[DayOutcomes]) -> bool:
    accepted = sum(row.accepted for row in rows)
    return accepted > 0 and _is_quiet(judged, signal, rows, accepted)


def _is_quiet(judged: Judged, signal: Signal, rows: list[DayOutcomes], accepted: int) -> bool:
    policy, account = judged.policy, isinstance(judged.scope, AccountScope)
    match signal:
        case Signal.HARD_BOUNCES:
            rule = policy.account_hard if account else policy.hard
            return _below_warning(sum(row.hard for row in rows), accepted, rule)
        case Signal.COMPLAINTS:
            rule = policy.account_complaint if account else policy.complaint
            return _below_warning(sum(row.complaints for row in rows), sum(row.observable for row in rows), rule)
        case Signal.SOFT_BOUNCES:
            return sum(row.soft for row in rows) < policy.soft.clean_below * accepted
        case Signal.REPUTATION:
            return not any(row.blocks for row in rows)
        case Signal.ERRORS:
            return not any(row.login_failures for row in rows)
        case Signal.MANUAL:
            return True
        case _:
            assert_never(signal)


def _below_warning(events: int, trials: int, rule: RateRule) -> bool:
    """No event is quiet whatever the rule; at a large scope some events are everyday."""
    return events == 0 or events < rule.warn * trials
