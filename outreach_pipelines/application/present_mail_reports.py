"""Reports of receivers as plain values to print: what each said, and how a tenant's streams fared.

Belongs here: names and sums of what is shown. Does not: how it looks (the command), what it is (`domain.mail_reports`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from outreach_pipelines.application.ingest_mail_reports import owned_dmarc
from outreach_pipelines.domain.mail_reports.alignment import Alignment
from outreach_pipelines.domain.mail_reports.report import (
    DmarcReport,
    FaultyReport,
    MailReport,
    SourceCount,
    TlsPolicyResult,
    TlsReport,
)
from outreach_pipelines.domain.mail_reports.streams import OwnDomain, Recognised, owner_of

JsonValue = str | int | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
JsonObject = Mapping[str, JsonValue]


def found_reports(found: Iterable[MailReport | FaultyReport], owns: Sequence[OwnDomain]) -> JsonObject:
    """All that was found, a report once whatever files it is in; with `owns`, whose mail each row is about."""
    reports: dict[tuple[str, ...], JsonObject] = {}
    faults: list[str] = []
    for each in found:
        match each:
            case FaultyReport():
                faults.append(str(each))
            case DmarcReport():
                key = ("dmarc", each.policy.domain, each.reporter, each.ref, each.period.begins_at.isoformat())
                reports.setdefault(key, _dmarc(each, owns))
            case TlsReport():
                key = ("tls", each.policies[0].domain, each.reporter, each.ref, each.period.begins_at.isoformat())
                reports.setdefault(key, _tls(each))
            case _:
                assert_never(each)
    return {"reports": tuple(reports.values()), "faults": tuple(faults)}


def _head(report: MailReport) -> JsonObject:
    return {
        "reporter": report.reporter,
        "id": report.ref,
        "begins_at": report.period.begins_at.isoformat(),
        "ends_at": report.period.ends_at.isoformat(),
        "remarks": report.remarks,
    }


def _dmarc(report: DmarcReport, owns: Sequence[OwnDomain]) -> JsonObject:
    owner = owner_of(report.policy.domain, owns)
    recognised = owned_dmarc(report, owner, owns).recognised if owner else (None,) * len(report.rows)
    by_most = sorted(zip(report.rows, recognised, strict=True), key=lambda pair: -pair[0].messages)
    return {
        "kind": "dmarc",
        "domain": report.policy.domain,
        **_head(report),
        "published": dict(report.policy.tags),
        "messages": report.messages,
        "dkim_aligned": sum(row.messages for row in report.rows if row.outcome.dkim_aligned),
        "spf_aligned": sum(row.messages for row in report.rows if row.outcome.spf_aligned),
        "unaligned": sum(row.messages for row in report.rows if not row.outcome.aligned),
        "rows": tuple(_row(row, seen) for row, seen in by_most),
    }


def _row(row: SourceCount, seen: Recognised | None) -> JsonObject:
    outcome = row.outcome
    return {
        "source": row.source,
        "messages": row.messages,
        "disposition": outcome.disposition.value,
        "dkim_aligned": outcome.dkim_aligned,
        "spf_aligned": outcome.spf_aligned,
        "header_from": outcome.header_from,
        "envelope_from": outcome.envelope_from,
        "dkim": tuple({"domain": s.domain, "selector": s.selector, "result": s.result} for s in outcome.signatures),
        "spf": tuple({"domain": s.domain, "scope": s.scope, "result": s.result} for s in outcome.spf),
        "overrides": tuple(each.value for each in outcome.overrides),
        **({"stream": seen.stream.value, "account": seen.account, "own_domain": seen.domain} if seen else {}),
    }


def _tls(report: TlsReport) -> JsonObject:
    return {
        "kind": "tls",
        "domain": report.policies[0].domain,
        **_head(report),
        "sessions": sum(each.sessions for each in report.policies),
        "failed_sessions": sum(each.failed_sessions for each in report.policies),
        "policies": tuple(_policy(each) for each in report.policies),
    }


def _policy(policy: TlsPolicyResult) -> JsonObject:
    return {
        "domain": policy.domain,
        "type": policy.policy_type,
        "sessions": policy.sessions,
        "failed_sessions": policy.failed_sessions,
        "failures": tuple(
            {"result": f.result, "sessions": f.sessions, "host": f.receiving_host} for f in policy.failures
        ),
    }


def alignment_report(alignment: Alignment) -> JsonObject:
    """How streams fared, and who else sends in our names."""
    return {
        "faults": alignment.faults,
        "streams": tuple(
            {
                "domain": each.domain,
                "account": each.account,
                "messages": each.messages,
                "dkim_aligned": each.dkim_aligned,
                "spf_aligned": each.spf_aligned,
                "unaligned": each.unaligned,
                "broken": each.broken,
            }
            for each in alignment.streams
        ),
        "strangers": tuple(
            {
                "domain": each.domain,
                "source": each.source,
                "authenticated_as": each.authenticated_as,
                "messages": each.messages,
                "refused": each.refused,
                "reporters": each.reporters,
                "last_day": each.last_day.isoformat(),
            }
            for each in alignment.strangers
        ),
        "sent": tuple(
            {"domain": each.domain, "reported_own": each.reported_own, "sent": each.sent} for each in alignment.balances
        ),
        "tls": tuple(
            {
                "domain": each.domain,
                "policy": each.policy_type,
                "sessions": each.sessions,
                "failed_sessions": each.failed_sessions,
                "results": each.results,
            }
            for each in alignment.tls
        ),
    }
