"""What is new since a domain's last audit: who became ready or not, which grave faults came and went, which records changed.

Belongs here: the comparison, and what it must remember. Does not: one day's findings (`findings`), when readiness is
believed (`settling`), whom to tell and how (`application.notify_dns`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Answers, Query, Unknown
from outreach_pipelines.domain.dns_audit.audit import Findings
from outreach_pipelines.domain.dns_audit.drift import Drift, drift_between, is_noteworthy
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, FaultKey, Finding, Severity
from outreach_pipelines.domain.dns_audit.provider_word import KeptWords
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.dns_audit.settling import DEFAULT_SETTLING, Standing
from outreach_pipelines.domain.provider_account import AccountName


class NewsKind(StrEnum):
    """What happened. `OUT_OF_SIGHT`: the last definite state is too old to be believed any longer."""

    NOT_READY = "not_ready"
    READY_AGAIN = "ready_again"
    OUT_OF_SIGHT = "out_of_sight"
    CRITICAL = "critical"
    MENDED = "mended"
    RECORDS = "records"


TOLD: frozenset[NewsKind] = frozenset(NewsKind) - {NewsKind.RECORDS}
"""What people are told of; changed records are kept for those who look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One change of one domain. `subject`: the account, the check with its name, or the record's type and name."""

    kind: NewsKind
    domain: DomainName
    subject: str
    sentence: str
    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """A grave fault first seen at `since`; `told` when a later audit has shown it again."""

    key: FaultKey
    since: datetime
    told: bool = False


@dataclass(frozen=True, slots=True)
class AuditMemory:
    """What the next audit of a domain compares with. `answers` holds definite ones only.

    `words`: what providers last said. `audits`: how many were kept before; 0 before the first.
    """

    answers: Answers = field(default_factory=dict)
    alarms: tuple[Alarm, ...] = ()
    words: KeptWords = field(default_factory=dict)
    audits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One audit of a domain, with what was believed of its accounts before and is after it."""

    domain: DomainName
    findings: Findings
    answers: Answers
    before: Mapping[AccountName, Standing]
    after: Mapping[AccountName, Standing]


def whats_new(memory: AuditMemory | None, seen: Seen, *, now: datetime) -> tuple[tuple[News, ...], AuditMemory]:
    """Compare an audit with what was remembered; the same audit once more brings no news. A first one has no drift."""
    former = memory or AuditMemory()
    readiness = tuple(_readiness_news(seen))
    just_stopped = _newly_believed(seen)
    alarms, grave = _watched(former.alarms, seen, just_stopped, now)
    drift = drift_between(former.answers, seen.answers) if memory else ()
    records = (_record_news(seen.domain, change) for change in drift if is_noteworthy(change, seen.domain))
    return (*readiness, *grave, *records), replace(
        former, answers=_remembered(former.answers, seen.answers), alarms=alarms
    )


def _remembered(former: Answers, told: Answers) -> Answers:
    """Definite answers stay until others take their place; where nothing stayed open, no former one is needed."""
    definite: dict[Query, Answer] = {query: answer for query, answer in told.items() if not isinstance(answer, Unknown)}
    return definite if len(definite) == len(told) else {**former, **definite}


def _readiness_news(seen: Seen) -> Iterator[News]:
    for account, after in seen.after.items():
        before = seen.before.get(account)
        found = _change_of(before, after)
        if found is not None:
            kind, sentence = found
            yield News(kind=kind, domain=seen.domain, subject=account, sentence=sentence)


def _change_of(before: Standing | None, after: Standing) -> tuple[NewsKind, str] | None:
    former = before.state if before else None
    match after.state:
        case NotReady() as faulty if not isinstance(former, NotReady):
            return NewsKind.NOT_READY, "; ".join(map(_fault_text, faulty.faults))
        case Ready() if isinstance(former, NotReady):
            return NewsKind.READY_AGAIN, "all that the account needs is published"
        case Ready() if before is not None and isinstance(former, Undecided) and before.confirmed_at is not None:
            return NewsKind.READY_AGAIN, "it is known again, and all that the account needs is published"
        case Undecided(causes) if isinstance(former, Ready | NotReady):
            since = f"{after.confirmed_at:%Y-%m-%d %H:%M} UTC" if after.confirmed_at else "never"
            return NewsKind.OUT_OF_SIGHT, f"last known for certain {since}; since then: {', '.join(causes)}"
        case _:
            return None


def _newly_believed(seen: Seen) -> frozenset[FaultKey]:
    """Faults that readiness news of this audit name already."""
    return frozenset(
        key
        for account, after in seen.after.items()
        if isinstance(after.state, NotReady)
        and ((before := seen.before.get(account)) is None or not isinstance(before.state, NotReady))
        for key in after.state.keys
    )


def _watched(
    former: Iterable[Alarm], seen: Seen, just_stopped: frozenset[FaultKey], now: datetime
) -> tuple[tuple[Alarm, ...], tuple[News, ...]]:
    """The alarms after this audit, and what is to be told of them: a fault seen twice, a told one that is gone."""
    known = {alarm.key: alarm for alarm in former}
    grave = {finding.key: finding for finding in seen.findings.findings if _is_grave(finding)}
    open_checks = {gap.check for gap in seen.findings.unanswered}
    alarms, news = [], []
    for key, finding in grave.items():
        alarm = known.get(key) or Alarm(key, now)
        if not alarm.told and now - alarm.since >= DEFAULT_SETTLING.confirm_after:
            alarm = replace(alarm, told=True)
            if key not in just_stopped:
                news.append(_grave_news(seen.domain, finding))
        alarms.append(alarm)
    for key, alarm in known.items():
        if key in grave:
            continue
        # What nobody could say today may still be as it was.
        if key.check in open_checks:
            alarms.append(alarm)
        elif alarm.told:
            news.append(_mended_news(seen.domain, key))
    return tuple(alarms), tuple(news)


def _is_grave(finding: Finding) -> bool:
    """A listing stops no account and is marked high, and mail is refused for it all the same."""
    return finding.fault is not Fault.WEAK and (
        finding.severity is Severity.CRITICAL or finding.check is Check.BLOCKLIST
    )


def _grave_news(domain: DomainName, finding: Finding) -> News:
    subject = f"{finding.check} of {finding.name}"
    return News(kind=NewsKind.CRITICAL, domain=domain, subject=subject, sentence=finding.evidence)


def _mended_news(domain: DomainName, key: FaultKey) -> News:
    subject = f"{key.check} of {key.name}"
    return News(kind=NewsKind.MENDED, domain=domain, subject=subject, sentence="the fault is no longer there")


def _record_news(domain: DomainName, change: Drift) -> News:
    sentence = f"{len(change.gone)} went, {len(change.come)} came"
    subject = f"{change.type} of {change.name}"
    return News(
        kind=NewsKind.RECORDS, domain=domain, subject=subject, sentence=sentence, gone=change.gone, come=change.come
    )


def _fault_text(finding: Finding) -> str:
    return f"{finding.check} of {finding.name}: {finding.evidence}"
