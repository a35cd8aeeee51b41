"""What is believed of a way to send, as JSON and back, whole: settling rules may ask for any part of it.

Belongs here: the form. Does not: the rules (`domain.dns_audit.settling`), the sentence for people (`dns_audit_store`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Finding, Fix, ResourceRecord, Severity
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided, not_ready
from outreach_pipelines.domain.dns_audit.settling import (
    AwaitingConfirmation,
    SettledReadiness,
    Standing,
    Suspicion,
)
from outreach_pipelines.domain.provider_account import AccountName

Json = Mapping[str, Any]  # a JSON object: each value is read by the function that knows its type


def standing_json(standing: Standing) -> Json:
    """`standing_of` gives the standing again."""
    suspicion = standing.suspicion
    return {
        "state": _state_json(standing.state),
        "confirmed_at": standing.confirmed_at.isoformat() if standing.confirmed_at else None,
        "suspicion": None if suspicion is None else _suspicion_json(suspicion),
    }


def standing_of(stored: Json) -> Standing:
    """A stored standing."""
    confirmed, suspicion = stored["confirmed_at"], stored["suspicion"]
    return Standing(
        state=_state_of(stored["state"]),
        confirmed_at=datetime.fromisoformat(confirmed) if confirmed else None,
        suspicion=None if suspicion is None else _suspicion_of(suspicion),
    )


def _state_json(state: SettledReadiness) -> Json:
    match state:
        case Ready():
            return {"is": "ready"}
        case NotReady():
            return {"is": "not_ready", "faults": [_finding_json(finding) for finding in state.faults]}
        case Undecided(causes):
            return {"is": "undecided", "causes": [cause.name for cause in causes]}
        case AwaitingConfirmation():
            return {"is": "awaiting_confirmation"}
    assert_never(state)


def _state_of(stored: Json) -> SettledReadiness:
    match stored["is"]:
        case "ready":
            return Ready()
        case "not_ready":
            return not_ready(_findings_of(stored["faults"]))
        case "undecided":
            return Undecided(tuple(Cause[name] for name in stored["causes"]))
        case "awaiting_confirmation":
            return AwaitingConfirmation()
    message = f"no standing is called {stored['is']!r}"
    raise ValueError(message)


def _suspicion_json(suspicion: Suspicion) -> Json:
    return {"faults": [_finding_json(each) for each in suspicion.seen.faults], "at": suspicion.at.isoformat()}


def _suspicion_of(stored: Json) -> Suspicion:
    return Suspicion(not_ready(_findings_of(stored["faults"])), datetime.fromisoformat(stored["at"]))


def _finding_json(finding: Finding) -> Json:
    fix = finding.fix
    return {
        "check": finding.check.value,
        "fault": finding.fault.value,
        "severity": finding.severity.name,
        "name": finding.name,
        "evidence": finding.evidence,
        "stops": sorted(finding.stops),
        "fix": None
        if fix is None
        else {"publish": _records_json(fix.publish), "withdraw": _records_json(fix.withdraw)},
    }


def _findings_of(stored: Sequence[Json]) -> tuple[Finding, ...]:
    return tuple(_finding_of(each) for each in stored)


def _finding_of(stored: Json) -> Finding:
    fix = stored["fix"]
    return Finding(
        check=Check(stored["check"]),
        fault=Fault(stored["fault"]),
        severity=Severity[stored["severity"]],
        name=DomainName(stored["name"]),
        evidence=stored["evidence"],
        fix=None if fix is None else Fix(_records_of(fix["publish"]), _records_of(fix["withdraw"])),
        stops=frozenset(map(AccountName, stored["stops"])),
    )


def _records_json(records: Sequence[ResourceRecord]) -> Sequence[Sequence[str | int]]:
    return [[record.name, record.type.value, record.value, record.ttl] for record in records]


def _records_of(stored: Sequence[Sequence[Any]]) -> tuple[ResourceRecord, ...]:
    return tuple(ResourceRecord(DomainName(name), RecordType(kind), value, ttl) for name, kind, value, ttl in stored)
