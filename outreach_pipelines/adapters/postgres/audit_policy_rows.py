"""What a tenant asks of its DNS audit, as a row read back. Writing it is `inventory_rows`'s."""

from sqlalchemy import RowMapping

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.audit_policy import AuditPolicy, Blocklist, Extra, ReportsAddress
from outreach_pipelines.domain.reference import parse_secret_ref

_OF_DOMAINS = "domain:"


def audit_policy(row: RowMapping | None) -> AuditPolicy:
    """A stored policy; without a row no wishes, as for tenants loaded before there were any."""
    if row is None:
        return AuditPolicy()
    reports_to, token = row["reports_to"], row["cloudflare_token"]
    return AuditPolicy(
        reports_to=_reports_address(reports_to) if reports_to else None,
        blocklists=tuple(map(_blocklist, row["blocklists"])),
        also=tuple(map(Extra, row["also"])),
        cloudflare_token=parse_secret_ref(token) if token else None,
        probe_recipients=row["probe_recipients"],
    )


def _reports_address(text: str) -> ReportsAddress:
    local, _, domain = text.rpartition("@")
    return ReportsAddress(local, domain)


def _blocklist(text: str) -> Blocklist:
    return Blocklist(DomainName(text.removeprefix(_OF_DOMAINS)), lists_domains=text.startswith(_OF_DOMAINS))
