"""Reports of receivers on PostgreSQL: each once, counted by day, domain and stream.

Belongs here: rows and their values. Does not: whose mail a row is about (`domain.mail_reports.streams`).
"""

import json
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from sqlalchemy import Connection, Engine

from outreach_pipelines.adapters.postgres.copying import copy_rows
from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.ingest_mail_reports import (
    INBOX_MAIL,
    Kept,
    OwnedDmarc,
    OwnedReport,
    OwnedTls,
    ReadFile,
    ReportFile,
)
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.mail_reports.alignment import Alignment, DomainBalance, OwnStream, Stranger, TlsSessions
from outreach_pipelines.domain.mail_reports.report import Reporter, SourceCount, TlsPolicyResult
from outreach_pipelines.domain.mail_reports.streams import OwnDomain, Recognised
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.tenant import TenantId

MOST_STRANGERS = 200
_SQL = statements("mail_reports")
_COLUMNS = (
    "position", "source_ip", "messages", "disposition", "dkim_aligned", "spf_aligned", "header_from", "envelope_from", "dkim", "spf",
    "overrides", "stream", "account", "domain",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PostgresMailReportStore:
    """`MailReportStore` as role outreach_app."""

    engine: Engine

    def domains(self, tenant: TenantId) -> Sequence[OwnDomain]:
        """See `MailReportStore.domains`."""
        targets = PostgresDnsAuditStore(self.engine).targets(tenant)
        return [OwnDomain(target.domain, target.expectations) for target in targets]

    def known_files(self, tenant: TenantId) -> AbstractSet[ReportFile]:
        """See `MailReportStore.known_files`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["forget_inbox_mail"], {"prefix": INBOX_MAIL})
            rows = connection.execute(_SQL["known_files"], {"prefix": INBOX_MAIL}).all()
        return {ReportFile(row.name, row.etag) for row in rows}

    def keep(self, tenant: TenantId, read: ReadFile) -> Kept:
        """See `MailReportStore.keep`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["stage"])
            new = [report for report in read.reports if _keep(connection, report)]
            values = {"name": read.file.name, "etag": read.file.etag, "reports": len(new), "faults": list(read.faults)}
            connection.execute(_SQL["add_file"], values)
        return Kept(len(new), sum(each.report.messages for each in new if isinstance(each, OwnedDmarc)))

    def alignment(self, tenant: TenantId, *, since: date, until: date) -> Alignment:
        """See `MailReportStore.alignment`."""
        days = {"since": since, "until": until}
        with tenant_session(self.engine, tenant) as connection:
            return Alignment(
                tuple(_streams(connection, days)),
                tuple(_strangers(connection, days)),
                tuple(_balances(connection, days)),
                tuple(_tls_sessions(connection, days)),
            )


def _keep(connection: Connection, owned: OwnedReport) -> bool:
    """False for a report that is known."""
    row = connection.execute(_SQL["add_report"], _values(owned)).one_or_none()
    if row is None:
        return False
    match owned:
        case OwnedDmarc():
            _keep_rows(connection, owned, row.mail_report_id, row.domain_id)
        case OwnedTls(policies=policies):
            rows = [{"report": row.mail_report_id, **_tls_values(at, each)} for at, each in enumerate(policies)]
            connection.execute(_SQL["add_tls_row"], rows)
    return True


def _keep_rows(connection: Connection, owned: OwnedDmarc, report: int, domain: int) -> None:
    if not owned.report.rows:
        return
    copy_rows(connection, "mail_report_stage", _COLUMNS, _row_values(owned))
    connection.execute(_SQL["add_rows"], {"report": report, "domain_id": domain, "day": owned.report.period.day})
    connection.execute(_SQL["clear_stage"])


def _values(owned: OwnedReport) -> dict[str, object]:
    report = owned.report
    shared: dict[str, object] = {
        "domain": owned.owner.name,
        "day": report.period.day,
        "reporter": report.reporter,
        "contact": report.contact,
        "report_ref": report.ref,
        "begins_at": report.period.begins_at,
        "ends_at": report.period.ends_at,
        "remarks": list(report.remarks),
    }
    match owned:
        case OwnedDmarc():
            policy = owned.report.policy
            return {
                **shared,
                "kind": "dmarc",
                "policy_domain": policy.domain,
                "published": json.dumps(dict(policy.tags)),
            }
        case OwnedTls(policies=policies):
            return {**shared, "kind": "tls", "policy_domain": policies[0].domain, "published": "{}"}
    assert_never(owned)


def _row_values(owned: OwnedDmarc) -> Iterator[tuple[object, ...]]:
    for position, (row, seen) in enumerate(owned.rows):
        yield (position, *_counted(row), *_recognised(seen))


def _counted(row: SourceCount) -> tuple[object, ...]:
    outcome = row.outcome
    return (
        row.source,
        row.messages,
        outcome.disposition.value,
        outcome.dkim_aligned,
        outcome.spf_aligned,
        outcome.header_from,
        outcome.envelope_from,
        json.dumps([(each.domain, each.selector, each.result) for each in outcome.signatures]),
        json.dumps([(each.domain, each.scope, each.result) for each in outcome.spf]),
        [each.value for each in outcome.overrides],
    )


def _recognised(seen: Recognised) -> tuple[str | None, ...]:
    return seen.stream.value, seen.account, seen.domain


def _tls_values(position: int, policy: TlsPolicyResult) -> dict[str, object]:
    failures = [
        {"result": each.result, "sessions": each.sessions, "from": each.sending_ip, "host": each.receiving_host, "detail": each.detail}
        for each in policy.failures
    ]  # fmt: skip
    counts = {"sessions": policy.sessions, "failed_sessions": policy.failed_sessions}
    return {"position": position, "policy_type": policy.policy_type, **counts, "failures": json.dumps(failures)}


def _streams(connection: Connection, days: dict[str, date]) -> Iterator[OwnStream]:
    for row in connection.execute(_SQL["own_streams"], days).mappings():
        account = None if row["account"] is None else AccountName(row["account"])
        counts = {name: row[name] for name in ("messages", "dkim_aligned", "spf_aligned", "unaligned", "broken")}
        yield OwnStream(domain=DomainName(row["domain"]), account=account, **counts)


def _strangers(connection: Connection, days: dict[str, date]) -> Iterator[Stranger]:
    for row in connection.execute(_SQL["strangers"], {**days, "most": MOST_STRANGERS}):
        yield Stranger(
            domain=DomainName(row.domain),
            source=row.source,
            authenticated_as=tuple(map(DomainName, row.authenticated_as)),
            messages=row.messages,
            refused=row.refused,
            reporters=tuple(map(Reporter, row.reporters)),
            last_day=row.last_day,
        )


def _balances(connection: Connection, days: dict[str, date]) -> Iterator[DomainBalance]:
    for row in connection.execute(_SQL["balances"], days):
        yield DomainBalance(DomainName(row.domain), row.reported_own, row.sent)


def _tls_sessions(connection: Connection, days: dict[str, date]) -> Iterator[TlsSessions]:
    for row in connection.execute(_SQL["tls_sessions"], days):
        results = tuple(row.results)
        yield TlsSessions(DomainName(row.domain), row.policy_type, row.sessions, row.failed_sessions, results)
