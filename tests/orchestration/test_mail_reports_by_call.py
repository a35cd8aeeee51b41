"""The asset of mail reports and its check, called over plain stores; and when its schedule asks for a run."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from fakes import Standing, Tenants
from mail_report_cases import dmarc, record

from assets.mail_reports import mail_reports, our_streams_are_aligned
from assets.partitions import day_key
from outreach_pipelines.application.ingest_mail_reports import Kept, ReadFile, ReportFile
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.mail_reports.alignment import Alignment, OwnStream
from outreach_pipelines.domain.mail_reports.streams import OwnDomain
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from schedules.mail_proofs import read_mail_reports_every_morning

ACME = TenantSlug("acme")
DESK = DomainName("desk.example")


@dataclass
class PlainFiles:
    found: dict[str, str]

    def files(self, tenant: TenantRef) -> Sequence[ReportFile]:
        return [ReportFile(name, "1") for name in self.found]

    def content(self, tenant: TenantRef, file: ReportFile) -> bytes:
        return self.found[file.name].encode()


@dataclass
class PlainStore:
    streams: tuple[OwnStream, ...] = ()
    kept: list[ReadFile] = field(default_factory=list)

    def domains(self, tenant: TenantId) -> Sequence[OwnDomain]:
        return [OwnDomain(DESK, Expectations())]

    def known_files(self, tenant: TenantId) -> AbstractSet[ReportFile]:
        return {read.file for read in self.kept}

    def keep(self, tenant: TenantId, read: ReadFile) -> Kept:
        self.kept.append(read)
        return Kept(len(read.reports), 7)

    def alignment(self, tenant: TenantId, *, since: date, until: date) -> Alignment:
        return Alignment(self.streams)


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def stream(unaligned: int) -> OwnStream:
    return OwnStream(
        domain=DESK,
        account=None,
        messages=100,
        dkim_aligned=100 - unaligned,
        spf_aligned=0,
        unaligned=unaligned,
        broken=0,
    )


def test_a_run_keeps_each_file_with_what_could_not_be_counted() -> None:
    store = PlainStore()
    files = PlainFiles(
        {"a.xml": dmarc([record("192.0.2.1", 7)]), "b.xml": "<html/>", "c.xml": dmarc(domain="other.example")}
    )

    key = day_key(datetime.now(UTC).date(), ACME)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [ACME])
        resources = {"tenants": Tenants.named(ACME), "mail_report_files": files, "mail_report_store": store}
        done = dg.materialize(
            [mail_reports], partition_key=key, instance=instance, resources=resources, selection=[mail_reports]
        )
        (made,) = done.asset_materializations_for_node("mail_reports")

    assert {name: made.metadata[name].value for name in ("files", "reports", "messages")} == {
        "files": 3,
        "reports": 1,
        "messages": 21,
    }
    assert [(read.file.name, len(read.reports), len(read.faults)) for read in store.kept] == [
        ("a.xml", 1, 0),
        ("b.xml", 0, 1),
        ("c.xml", 0, 1),
    ]


@pytest.mark.parametrize(("unaligned", "passed"), [(0, True), (50, False)])
def test_the_check_is_red_when_a_stream_of_ours_fails(unaligned: int, passed: bool) -> None:
    store = PlainStore((stream(unaligned),))

    result = our_streams_are_aligned(tenants=Tenants.named(ACME), mail_report_store=store, clock=Standing(NOON))

    assert isinstance(result, dg.AssetCheckResult)
    assert (result.passed, result.severity) == (passed, dg.AssetCheckSeverity.WARN)


def test_the_schedule_asks_once_a_day_and_tenant() -> None:
    asked = []
    for hour in range(24):
        at = datetime(2026, 11, 24, hour, 20, tzinfo=UTC)
        with dg.build_schedule_context(
            scheduled_execution_time=at, resources={"tenants": Tenants.named(ACME)}
        ) as context:
            runs = read_mail_reports_every_morning(context)
        asked += [] if isinstance(runs, dg.SkipReason) else list(runs)

    assert len(asked) == 1
