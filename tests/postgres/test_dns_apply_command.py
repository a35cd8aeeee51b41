"""`outreach dns apply` and `reports` on a database, with a zone at Cloudflare that the DNS answers from."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from cloudflare_server import TOKEN, Cloudflare, cloudflare
from mail_report_cases import dmarc, record, signature, spf
from tenant_installation import Installation, example, fresh
from typer.testing import CliRunner, Result

from outreach_pipelines.adapters.mail_report_files import StoredReportFiles
from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.adapters.postgres.mail_report_store import PostgresMailReportStore
from outreach_pipelines.application.audit_domains import DomainAudit, SettledAudit
from outreach_pipelines.application.ingest_mail_reports import ingest_mail_reports
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.audit_policy import AuditPolicy
from outreach_pipelines.domain.dns_audit.audit import Findings
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation
from outreach_pipelines.domain.dns_audit.news import AuditMemory
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import HeardWord, ProviderWord
from outreach_pipelines.domain.dns_audit.score import Score
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures", "command_settings")
pytestmark = pytest.mark.usefixtures("command_settings")

DESK = "acme-desk.example"
LOG = "select action, subject, actor, detail from app.audit_log where tenant_id = %(t)s and action like 'dns %%' order by audit_id"


@dataclass
class NameServer:
    """Answers over UDP what stands in the zones at Cloudflare, at once."""

    host: Cloudflare
    door: socket.socket

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.door.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                octets, asker = self.door.recvfrom(4096)
            except OSError:
                return
            if not octets:
                return
            self.door.sendto(self.answer(dns.message.from_wire(octets)).to_wire(), asker)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        asked, said = query.question[0], dns.message.make_response(query)
        said.flags |= dns.flags.AA | dns.flags.RA
        name = asked.name.to_text().rstrip(".").lower()
        here = [each for zone in self.host.zones.values() for each in zone if each["name"] == name]
        for each in here:
            if each["type"] == dns.rdatatype.to_text(asked.rdtype):
                data = f"{each['priority']} {each['content']}." if each["type"] == "MX" else each["content"]
                said.answer.append(dns.rrset.from_text(asked.name, 300, "IN", each["type"], data))
        known = [each["name"] for zone in self.host.zones.values() for each in zone]
        if not here and not any(each.endswith(f".{name}") for each in known):
            said.set_rcode(dns.rcode.NXDOMAIN)
        return said


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloudflare]:
    with cloudflare(DESK) as server:
        server.add(DESK, "NS", DESK, "a.ns.example.")
        server.add(DESK, "A", DESK, "192.0.2.80")
        server.add(DESK, "TXT", f"bounce.{DESK}", '"v=spf1 include:old.example ~all"')
        server.add(DESK, "TXT", DESK, '"site-verification=abc"')
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        monkeypatch.setenv("OUTREACH_CLOUDFLARE_URL", server.url)
        yield server


@pytest.fixture
def resolver(host: Cloudflare) -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        server = NameServer(host, door)
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield server.address
        door.sendto(b"", door.getsockname())
        thread.join()


def apply(tenant: TenantRef, resolver: str, *more: str) -> Result:
    words = ["dns", "apply", "--domain", DESK, "--tenant", tenant.slug, "--resolver", resolver, "--actor", "ann"]
    return CliRunner().invoke(app, [*words, *more])


def test_without_yes_changes_are_shown_and_none_is_made(
    installation: Installation, tenant: TenantRef, host: Cloudflare, resolver: str
) -> None:
    shown = apply(tenant, resolver)

    assert f'- bounce.{DESK}. auto IN TXT "v=spf1 include:old.example ~all"' in shown.output
    assert f'+ bounce.{DESK}. 3600 IN TXT "v=spf1 include:old.example include:amazonses.com ~all"' in shown.output
    assert "Nothing was changed" in shown.output
    assert host.changes() == []
    assert installation.sql(LOG, t=tenant.id) == []


def test_with_yes_the_zone_is_mended_written_down_and_audited_again(
    installation: Installation, tenant: TenantRef, host: Cloudflare, resolver: str
) -> None:
    done = apply(tenant, resolver, "--yes")
    again = apply(tenant, resolver, "--yes")

    rows = installation.sql(LOG, t=tenant.id)
    assert '"v=spf1 include:old.example include:amazonses.com ~all"' in host.contents(DESK, "TXT")
    assert '"site-verification=abc"' in host.contents(DESK, "TXT")
    assert host.contents(DESK, "MX") == ["feedback-smtp.eu-central-1.amazonses.com"]
    assert len(rows) == len(host.changes())
    assert {row["actor"] for row in rows} == {"ann"}
    assert f"TXT bounce.{DESK}" in [row["subject"] for row in rows]
    assert "faults are mended" in done.output
    assert "still seen" not in done.output
    assert "nothing to change at Cloudflare" in again.output


def test_a_provider_that_is_silent_just_now_is_followed_by_its_last_word_and_not_by_an_older_guess(
    installation: Installation,
    tenant: TenantRef,
    host: Cloudflare,
    resolver: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = DkimExpectation(Selector("told"), DomainName("told.keys.example"))
    word = ProviderWord(state=DomainState(identity=ProviderState.VERIFIED), dkim=(key,))
    now = datetime.now(UTC)
    memory = AuditMemory(words={AccountName("ses-main"): HeardWord(word, now)})
    nothing = DomainAudit(DomainName(DESK), Findings((), (), {}, Score(())), {})
    audits = PostgresDnsAuditStore(installation.app)
    audits.save(tenant.id, now.date(), [SettledAudit(nothing, {}, memory=memory)], now=now)
    # Neither a lab, which asks nobody, nor a key to ask with.
    monkeypatch.setenv("OUTREACH_SENDING", "off")

    shown = apply(tenant, resolver)

    assert f"+ told._domainkey.{DESK}. 3600 IN CNAME told.keys.example." in shown.output
    assert "s2026._domainkey" not in shown.output


def test_the_tenants_own_token_is_used_where_none_is_named(
    installation: Installation, host: Cloudflare, resolver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    monkeypatch.setenv("TOKEN_OF_ACME", TOKEN)
    policy = AuditPolicy(cloudflare_token=SecretRef(SecretScheme.ENVIRONMENT, "TOKEN_OF_ACME"))
    tenant, _ = installation.apply(replace(fresh(example("acme")), audit=policy))

    shown = apply(tenant, resolver)

    assert "Nothing was changed" in shown.output


def test_a_domain_of_nobody_is_said(tenant: TenantRef, host: Cloudflare) -> None:
    result = CliRunner().invoke(app, ["dns", "apply", "--domain", "nobody.example"])

    assert "no tenant sends from nobody.example" in str(result.exception)


def test_the_token_itself_is_no_reference(tenant: TenantRef, host: Cloudflare, resolver: str) -> None:
    result = apply(tenant, resolver, "--token", TOKEN)

    assert "a reference to the token" in str(result.exception)
    assert TOKEN not in str(result.exception)


def test_reports_that_were_taken_in_are_shown_by_stream(installation: Installation, tenant: TenantRef) -> None:
    yesterday = int(time.time()) - 86_400
    by_ses = signature("amazonses.com", "ses") + spf("eu-central-1.amazonses.com")
    rows = [record("192.0.2.1", 20, dkim="fail", spf_word="fail", header_from=DESK, results=by_ses)]
    installation.objects.put(
        object_key(f"mail-reports/{tenant.slug}/a.xml"),
        dmarc(rows, domain=DESK, begin=yesterday, end=yesterday + 86_399).encode(),
    )
    ingest_mail_reports(StoredReportFiles(installation.objects), PostgresMailReportStore(installation.app), tenant)

    shown = CliRunner().invoke(app, ["dns", "reports", "--tenant", tenant.slug, "--json"])

    told = json.loads(shown.output)
    assert told["streams"][0] | {"domain": DESK, "account": "ses-main", "unaligned": 20} == told["streams"][0]
    assert len(told["faults"]) == 1


def test_files_are_judged_by_a_tenants_inventory(tenant: TenantRef, tmp_path: Path) -> None:
    rows = [
        record("192.0.2.1", 2, header_from=DESK, results=signature(DESK, "s2026")),
        record("192.0.2.9", dkim="fail", spf_word="fail", results=""),
    ]
    (tmp_path / "a.xml").write_text(dmarc(rows, domain=DESK))

    shown = CliRunner().invoke(app, ["dns", "reports", str(tmp_path), "--tenant", tenant.slug, "--json"])

    (report,) = json.loads(shown.output)["reports"]
    assert [(row["stream"], row["account"]) for row in report["rows"]] == [("own", "ses-main"), ("stranger", None)]
