"""A domain's score: 0 to 100, with the parts it is made of.

Here: the weights. A score ranks what to mend first; it decides nothing about sending (readiness.py does).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from outreach_pipelines.domain.dns_audit.expectations import Expectations, Extra
from outreach_pipelines.domain.dns_audit.findings import Check, CheckReport, Severity
from outreach_pipelines.domain.dns_audit.provider_state import DomainState


class Area(StrEnum):
    """What a part of the score is about."""

    DELEGATION = "delegation"
    MAIL_EXCHANGER = "mail_exchanger"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    RETURN_PATH = "return_path"
    TRACKING = "tracking"
    TRANSPORT = "transport"
    REPUTATION = "reputation"
    PROVIDER = "provider"


WEIGHTS: Mapping[Area, int] = {
    Area.DELEGATION: 5,
    Area.MAIL_EXCHANGER: 10,
    Area.SPF: 20,
    Area.DKIM: 25,
    Area.DMARC: 25,
    Area.RETURN_PATH: 10,
    Area.TRACKING: 5,
    Area.TRANSPORT: 5,
    Area.REPUTATION: 15,
    Area.PROVIDER: 15,
}

LOSS: Mapping[Severity, float] = {
    Severity.LOW: 0.1,
    Severity.MEDIUM: 0.3,
    Severity.HIGH: 0.6,
    Severity.CRITICAL: 1.0,
}

AREA_OF: Mapping[Check, Area] = {
    Check.DELEGATION: Area.DELEGATION,
    Check.NAME_SERVERS: Area.DELEGATION,
    Check.MAIL_EXCHANGER: Area.MAIL_EXCHANGER,
    Check.SPF_RECORD: Area.SPF,
    Check.SPF_SYNTAX: Area.SPF,
    Check.SPF_LIMITS: Area.SPF,
    Check.SPF_REFERENCES: Area.SPF,
    Check.SPF_AUTHORISES: Area.SPF,
    Check.SPF_ALL: Area.SPF,
    Check.SPF_PTR: Area.SPF,
    Check.DKIM_RECORD: Area.DKIM,
    Check.DKIM_KEY: Area.DKIM,
    Check.DMARC_RECORD: Area.DMARC,
    Check.DMARC_POLICY: Area.DMARC,
    Check.DMARC_REPORTS: Area.DMARC,
    Check.ENVELOPE_ALIGNMENT: Area.DMARC,
    Check.RETURN_PATH: Area.RETURN_PATH,
    Check.TRACKING_HOST: Area.TRACKING,
    Check.SPF_REDUNDANT: Area.SPF,
    Check.ADDRESSES: Area.DELEGATION,
    Check.SECONDARIES: Area.DELEGATION,
    Check.DNSSEC: Area.DELEGATION,
    Check.DANGLING_ALIAS: Area.DELEGATION,
    Check.AUTHORITIES: Area.DELEGATION,
    Check.MAIL_GREETING: Area.MAIL_EXCHANGER,
    Check.MTA_STS: Area.TRANSPORT,
    Check.TLS_REPORTS: Area.TRANSPORT,
    Check.BRAND: Area.DMARC,
    Check.REVERSE_NAME: Area.REPUTATION,
    Check.BLOCKLIST: Area.REPUTATION,
    Check.PROVIDER_STATE: Area.PROVIDER,
    Check.PROVIDER_DRIFT: Area.PROVIDER,
}


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One area: `points` of `weight`, None where an open question forbids a mark."""

    area: Area
    points: float | None
    weight: int


@dataclass(frozen=True, slots=True)
class Score:
    """The parts that apply to the domain."""

    parts: tuple[ScorePart, ...]

    @property
    def total(self) -> int | None:
        """The share of the points that could be marked, 0 to 100; None where none could."""
        marked = [(part.points, part.weight) for part in self.parts if part.points is not None]
        weight = sum(weight for _, weight in marked)
        return round(100 * sum(points for points, _ in marked) / weight) if weight else None


def score(report: CheckReport, expectations: Expectations) -> Score:
    """Mark each area that applies: full weight, less the losses of its findings."""
    return Score(tuple(_part(area, report) for area in WEIGHTS if _applies(area, expectations)))


def _applies(area: Area, expectations: Expectations) -> bool:
    if area is Area.TRACKING:
        return expectations.tracking is not None
    if area is Area.RETURN_PATH:
        return any(account.return_path is not None for account in expectations.accounts)
    if area is Area.TRANSPORT:
        return bool(expectations.extras & {Extra.MTA_STS, Extra.TLS_REPORTS})
    if area is Area.REPUTATION:
        return bool(expectations.dedicated or expectations.blocklists)
    if area is Area.PROVIDER:
        return any(isinstance(account.said, DomainState) for account in expectations.accounts)
    return area is not Area.DKIM or bool(expectations.accounts)


def _part(area: Area, report: CheckReport) -> ScorePart:
    if any(AREA_OF[gap.check] is area for gap in report.unanswered):
        return ScorePart(area, None, WEIGHTS[area])
    loss = sum(LOSS[finding.severity] for finding in report.findings if AREA_OF[finding.check] is area)
    return ScorePart(area, WEIGHTS[area] * (1.0 - min(loss, 1.0)), WEIGHTS[area])
