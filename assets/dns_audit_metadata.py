"""One tenant's audit as the UI shows it: score, findings with what mends them, what is new. Layout only."""

from collections.abc import Iterator, Sequence

import dagster as dg

from outreach_pipelines.application.audit_domains import AuditSummary, SettledAudit
from outreach_pipelines.domain.dns_audit.findings import Finding
from outreach_pipelines.domain.dns_audit.news import News
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready

MOST_ROWS = 200
LONGEST_CELL = 500
Cell = str | int | float | bool | None
Metadata = dict[str, dg.MetadataValue | int | float]


def audit_metadata(summary: AuditSummary) -> Metadata:
    """Counts, the lowest and the mean score where any was marked, and tables. A seed may stop a path that the audit finds ready."""
    news = [each for one in summary.audits for each in one.news]
    return {
        "domains": summary.domains,
        "paths ready by the audit": summary.ready,
        "paths not ready by the audit": summary.not_ready,
        "paths undecided by the audit": summary.undecided,
        "queries": summary.queries,
        "queries per domain": round(summary.queries / summary.domains, 1) if summary.domains else 0.0,
        "unanswered queries": summary.unanswered,
        "domains overtaken by another audit": len(summary.overtaken),
        **_scores(summary.audits),
        "findings by severity": _table(
            [
                {"severity": severity.name.lower(), "findings": count}
                for severity, count in sorted(summary.findings.items(), reverse=True)
            ],
            {"severity": "-", "findings": 0},
        ),
        "domains by score": _table(
            [_domain_row(one) for one in sorted(summary.audits, key=_rank)],
            {"domain": "-", "score": None, "accounts": "-", "findings": 0},
        ),
        "findings": _table(
            list(_finding_rows(summary.audits)),
            {"severity": "-", "domain": "-", "check": "-", "evidence": "-", "stops": "-", "publish": "-"},
        ),
        "what changed": _table(
            list(map(_news_row, news)), {"domain": "-", "what": "-", "subject": "-", "sentence": "no change"}
        ),
        "could not be known": dg.MetadataValue.md("\n".join(_gaps(summary.audits)) or "nothing"),
    }


def _scores(audits: Sequence[SettledAudit]) -> Metadata:
    marked = [total for one in audits if (total := one.audit.findings.score.total) is not None]
    return {"lowest score": min(marked), "mean score": round(sum(marked) / len(marked), 1)} if marked else {}


def _rank(one: SettledAudit) -> tuple[bool, int, str]:
    """The lowest score first; those without one last."""
    total = one.audit.findings.score.total
    return total is None, total or 0, one.audit.domain


def _domain_row(one: SettledAudit) -> dict[str, Cell]:
    found = one.audit.findings
    states = (f"{account}: {_word(standing.state)}" for account, standing in sorted(one.standings.items()))
    return {
        "domain": one.audit.domain,
        "score": found.score.total,
        "accounts": ", ".join(states),
        "findings": len(found.findings),
    }


def _word(state: object) -> str:
    if isinstance(state, Ready):
        return "ready"
    return "not ready" if isinstance(state, NotReady) else "unknown"


def _finding_rows(audits: Sequence[SettledAudit]) -> Iterator[dict[str, Cell]]:
    """The gravest first."""
    pairs = [(one, finding) for one in audits for finding in one.audit.findings.findings]
    for one, finding in sorted(pairs, key=lambda pair: (-pair[1].severity, pair[0].audit.domain)):
        yield {
            "severity": finding.severity.name.lower(),
            "domain": one.audit.domain,
            "check": f"{finding.check} ({finding.fault})",
            "evidence": finding.evidence[:LONGEST_CELL],
            "stops": ", ".join(sorted(finding.stops)),
            "publish": _publish(finding),
        }


def _publish(finding: Finding) -> str:
    return "\n".join(record.zone_line for record in finding.fix.publish)[:LONGEST_CELL] if finding.fix else ""


def _news_row(news: News) -> dict[str, Cell]:
    changed = "; ".join((*(f"- {each}" for each in news.gone), *(f"+ {each}" for each in news.come)))
    return {
        "domain": news.domain,
        "what": news.kind.value.replace("_", " "),
        "subject": news.subject,
        "sentence": (changed or news.sentence)[:LONGEST_CELL],
    }


def _gaps(audits: Sequence[SettledAudit]) -> Iterator[str]:
    gaps = [f"- {gap.check} of {gap.name}: {gap.cause}" for one in audits for gap in one.audit.findings.unanswered]
    yield from gaps[:MOST_ROWS]
    if len(gaps) > MOST_ROWS:
        yield f"- and {len(gaps) - MOST_ROWS} more"


def _table(rows: Sequence[dict[str, Cell]], empty: dict[str, Cell]) -> dg.MetadataValue:
    """At most so many rows as the UI bears; what more there is stands in the database and in `outreach dns audit`."""
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows[:MOST_ROWS] or [empty]])
