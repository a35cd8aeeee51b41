"""Audits as text and as JSON (docs/dns.md describes the JSON).

Belongs here: layout. Does not: judgement.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from rich.console import Console
from rich.table import Table
from rich.text import Text

from outreach_pipelines.application.audit_domains import DomainAudit
from outreach_pipelines.domain.dns_audit.answers import Unknown
from outreach_pipelines.domain.dns_audit.drift import Drift
from outreach_pipelines.domain.dns_audit.findings import Fault, Finding, Fix, ResourceRecord, Severity, Unanswered
from outreach_pipelines.domain.dns_audit.fix_list import FixList, fix_list
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Readiness, Ready, Undecided
from outreach_pipelines.domain.dns_audit.spf_evaluation import SpfOutcome
from outreach_pipelines.domain.dns_audit.spf_limits import MOST_LOOKUPS, MOST_VOIDS, SpfLookup

_STYLE = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow", Severity.LOW: "dim"}


def audit_json(one: DomainAudit) -> Mapping[str, object]:
    """One domain's audit as a JSON object."""
    findings = one.findings
    return {
        "domain": one.domain,
        "verdict": verdict(one),
        "score": findings.score.total,
        "findings": [finding_json(finding) for finding in findings.findings],
        "unanswered": [_gap_json(gap) for gap in findings.unanswered],
        "facts": [{"check": fact.check.value, "name": fact.name, "text": fact.text} for fact in findings.facts],
        "readiness": {account: _readiness_json(state) for account, state in sorted(findings.readiness.items())},
        "queries": len(one.answers),
        "queries_unknown": sum(isinstance(answer, Unknown) for answer in one.answers.values()),
    }


def verdict(one: DomainAudit) -> str:
    """`faulty` with a definite fault, else `unknown` with an open question, else `weak` or `good`."""
    found = one.findings
    if any(finding.fault is not Fault.WEAK for finding in found.findings):
        return "faulty"
    if found.unanswered:
        return "unknown"
    return "weak" if found.findings else "good"


def finding_json(finding: Finding) -> Mapping[str, object]:
    """A finding with the change that mends it."""
    return {
        "check": finding.check.value,
        "fault": finding.fault.value,
        "severity": finding.severity.name.lower(),
        "name": finding.name,
        "evidence": finding.evidence,
        "stops": sorted(finding.stops),
        "fix": None if finding.fix is None else _fix_json(finding.fix),
    }


def fixes_json(one: DomainAudit) -> Mapping[str, object]:
    """All fixes of a domain as one list."""
    fixes = fix_list(one.findings.findings)
    return {
        "domain": one.domain,
        **_fix_json(Fix(fixes.publish, fixes.withdraw, fixes.serve)),
        "mends": [_told(finding) for finding in fixes.mended],
        "later": [_told(finding) for finding in fixes.later],
        "by_hand": [_told(finding) for finding in fixes.by_hand],
    }


def _fix_json(fix: Fix) -> Mapping[str, object]:
    return {
        "withdraw": [_record_json(record) for record in fix.withdraw],
        "publish": [_record_json(record) for record in fix.publish],
        "serve": [{"url": served.url, "text": served.text} for served in fix.serve],
    }


def _record_json(record: ResourceRecord) -> Mapping[str, object]:
    return {
        "name": record.name,
        "type": record.type.value,
        "ttl": record.ttl,
        "value": record.value,
        "zone_line": record.zone_line,
    }


def _gap_json(gap: Unanswered) -> Mapping[str, object]:
    return {"check": gap.check.value, "name": gap.name, "cause": gap.cause.value, "stops": sorted(gap.stops)}


def _readiness_json(state: Readiness) -> Mapping[str, object]:
    match state:
        case Ready():
            return {"state": "ready"}
        case NotReady():
            return {"state": "not_ready", "faults": [_told(finding) for finding in state.faults]}
        case Undecided(causes):
            return {"state": "unknown", "causes": [cause.value for cause in causes]}
        case _:
            assert_never(state)


def print_audit(console: Console, one: DomainAudit) -> None:
    """One domain: what is wrong, with evidence and fix; then what nobody could say; then what else was seen."""
    found, score = one.findings, one.findings.score.total
    console.print(
        Text(f"{one.domain}: {verdict(one)}, score {'unknown' if score is None else score}", style="bold"),
        Text(f"({len(one.answers)} queries)", style="dim"),
    )
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in (*_finding_rows(one), *_gap_rows(found.unanswered)):
        table.add_row(*row)
    for fact in found.facts:
        table.add_row(Text("fact", style="dim"), Text(f"{fact.check}: {fact.text}", style="dim"))
    for account, state in sorted(found.readiness.items()):
        table.add_row(Text("account"), Text(f"{account}: {_readiness_words(state)}"))
    console.print(table)


def _finding_rows(one: DomainAudit) -> Iterator[tuple[Text, Text]]:
    for finding in sorted(one.findings.findings, key=lambda each: -each.severity):
        label = Text(finding.severity.name.lower(), style=_STYLE[finding.severity])
        of = "" if finding.name == one.domain or finding.name in finding.evidence else f" of {finding.name}"
        yield label, Text(f"{finding.check}{of} ({finding.fault}): {finding.evidence}")
        for served in finding.fix.serve if finding.fix else ():
            yield Text(""), Text(f"  first serve {served.url} (its text: outreach dns fixes)", style="dim")
        for sign, record in _change(finding.fix):
            yield Text(""), Text(f"{sign} {record.zone_line}", style="green" if sign == "+" else "red")
        if finding.fix is None and finding.fault is not Fault.WEAK:
            yield Text(""), Text("  by hand: what mends it takes a decision, or a value not known here", style="dim")


def _gap_rows(gaps: Sequence[Unanswered]) -> Iterator[tuple[Text, Text]]:
    for gap in gaps:
        yield Text("unknown", style="cyan"), Text(f"{gap.check} of {gap.name}: {gap.cause}")


def _change(fix: Fix | None) -> Iterator[tuple[str, ResourceRecord]]:
    if fix is not None:
        yield from (("-", record) for record in fix.withdraw)
        yield from (("+", record) for record in fix.publish)


def _readiness_words(state: Readiness) -> str:
    match state:
        case Ready():
            return "ready"
        case NotReady():
            return f"not ready: {', '.join(dict.fromkeys(finding.check.value for finding in state.faults))}"
        case Undecided(causes):
            return f"unknown: {', '.join(causes)}"
        case _:
            assert_never(state)


def _told(finding: Finding) -> str:
    return f"{finding.check} of {finding.name}: {finding.evidence}"


def fixes_text(one: DomainAudit) -> str:
    """All fixes of a domain as a piece of zone file: comments tell what is withdrawn and what is left to a person."""
    return "\n".join(_fix_lines(one, fix_list(one.findings.findings))) + "\n"


def _fix_lines(one: DomainAudit, fixes: FixList) -> Iterator[str]:
    changes = len(fixes.publish) + len(fixes.withdraw)
    yield f"; {one.domain}: {f'{changes} changes mend {len(fixes.mended)} findings' if changes else 'nothing to change'}"
    for finding in fixes.mended:
        yield f"; mends {_commented(_told(finding))}"
    for served in fixes.serve:
        yield f"; serve {served.url}"
        yield from (f";   {line}" for line in served.text.splitlines())
    if fixes.withdraw:
        yield "; withdraw"
        yield from (f"; {record.zone_line}" for record in fixes.withdraw)
    if fixes.publish:
        yield "; publish"
        yield from (record.zone_line for record in fixes.publish)
    yield from (f"; after this change: {_commented(_told(finding))}" for finding in fixes.later)
    yield from (f"; by hand: {_commented(_told(finding))}" for finding in fixes.by_hand)
    yield from (f"; unknown: {gap.check} of {gap.name}: {gap.cause}" for gap in one.findings.unanswered)


def _commented(text: str) -> str:
    return " ".join(text.split())


def drift_json(change: Drift) -> Mapping[str, object]:
    """A change as a JSON object."""
    return {"name": change.name, "type": change.type.value, "gone": list(change.gone), "come": list(change.come)}


def drift_lines(change: Drift) -> Iterator[str]:
    """A change as lines with - and +."""
    yield f"{change.name} {change.type}"
    yield from (f"  - {record}" for record in change.gone)
    yield from (f"  + {record}" for record in change.come)


def spf_json(outcome: SpfOutcome) -> Mapping[str, object]:
    """An SPF result as a JSON object."""
    return {
        "result": outcome.result.value,
        "reason": outcome.reason,
        "explanation": outcome.explanation,
        "lookups": [_cost_json(cost) for cost in outcome.lookups],
        "voids": [_cost_json(cost) for cost in outcome.voids],
    }


def _cost_json(cost: SpfLookup) -> Mapping[str, str]:
    return {"term": cost.term, "domain": cost.domain}


def spf_lines(outcome: SpfOutcome) -> Iterator[str]:
    """The result, why, and what it cost, line by line."""
    yield f"{outcome.result}: {outcome.reason}"
    if outcome.explanation is not None:
        yield f"explanation: {outcome.explanation}"
    yield f"{len(outcome.lookups)} of {MOST_LOOKUPS} look-ups, {len(outcome.voids)} of {MOST_VOIDS} void"
    yield from (f"  {cost}{' void' if cost in outcome.voids else ''}" for cost in outcome.lookups)
