"""How the mail of each domain and account arrives, shown weekly by a message to an inbox of the tenant's own."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg

from assets.dns_audit import dns_audit
from assets.partitions import TENANT_DAYS, tenant_days
from assets.tenants import tenant_of
from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.prove_domains import (
    SeedDesk,
    SeedSummary,
    judge_seeds,
    monday_of,
    send_seeds,
)
from outreach_pipelines.application.seeds import (
    AuthenticationCount,
    AuthenticationResult,
    SeedStandings,
)
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.seed_proof import SeedCheck
from outreach_pipelines.domain.tenant import TenantId
from resources.feeds import OpenResolver

BELIEVED_WEEKS = 2
COUNTED_FOR = timedelta(days=14)


@dg.asset(
    partitions_def=TENANT_DAYS,
    group_name="deliverability",
    kinds={"postgres"},
    owners=["team:deliverability"],
    deps=[dns_audit],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def seed_proof(
    context: dg.AssetExecutionContext,
    tenants: dg.ResourceParam[TenantDirectory],
    seed_desk: dg.ResourceParam[SeedDesk],
    seed_standings: dg.ResourceParam[SeedStandings],
    open_resolver: dg.ResourceParam[OpenResolver],
    clock: dg.ResourceParam[Clock],
) -> None:
    """Judges the seeds that arrived, and sends those that are due: one a week, domain and account, and again where one failed.

    What a seed refutes for certain makes its account not ready for its domain at once; a later one that shows it mended lifts that.
    """
    for key, slug, _ in tenant_days(context.partition_keys):
        tenant, now = tenant_of(tenants, slug), clock.now()
        done = asyncio.run(_prove(seed_desk, open_resolver, tenant, now))
        counts = seed_standings.counts(tenant, since=now.date() - COUNTED_FOR, until=now.date())
        context.add_asset_metadata({**_metadata(*done), **_outcomes(counts)}, partition_key=key)


@dg.asset_check(
    asset=seed_proof,
    description="The newest seed of each domain and account arrived signed, aligned, and in the inbox.",
)
def our_mail_arrives_as_ours(
    tenants: dg.ResourceParam[TenantDirectory],
    seed_standings: dg.ResourceParam[SeedStandings],
    clock: dg.ResourceParam[Clock],
) -> dg.AssetCheckResult:
    """A warning for each way to send whose newest seed of the last two weeks failed a check, or did not arrive."""
    since = monday_of(clock.now().date()) - timedelta(weeks=BELIEVED_WEEKS)
    faults = [
        f"{row.ref.slug}: {each.sentence}"
        for row in tenants.all()
        for each in seed_standings.standings(row.ref.id, since=since)
        if not each.passed
    ]
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(faults[:3]) or "every seed that was judged arrived as it should",
        metadata={"seeds that fail": dg.MetadataValue.md("\n".join(f"- {each}" for each in faults) or "none")},
    )


async def _prove(
    desk: SeedDesk, open_resolver: OpenResolver, tenant: TenantId, now: datetime
) -> tuple[SeedSummary, SeedSummary]:
    async with open_resolver() as resolver:
        judged = await judge_seeds(resolver, desk.store, tenant=tenant)
    return judged, await send_seeds(desk, tenant=tenant, now=now)


def _metadata(judged: SeedSummary, sent: SeedSummary) -> dict[str, dg.MetadataValue | int]:
    return {
        "seeds sent": sum(sent.sent.values()),
        "seeds accepted": sent.sent.get("accepted", 0),
        "seeds not begun": sent.not_begun,
        "seeds judged": sum(judged.judged.values()),
        "seeds passed": judged.judged.get("passed", 0),
        "accounts not ready by seeds": judged.settled.refuted,
        "accounts ready again": judged.settled.lifted,
        "faults": dg.MetadataValue.md("\n".join(f"- {each}" for each in judged.faults) or "none"),
    }


def _outcomes(counts: Sequence[AuthenticationCount]) -> dict[str, dg.MetadataValue | int]:
    failed = Counter[SeedCheck]()
    for each in counts:
        failed[each.mechanism] += each.messages if each.result is AuthenticationResult.FAIL else 0
    rows = [
        dg.TableRecord(
            {
                "domain": each.domain,
                "account": each.account or "-",
                "seen by": each.source.value,
                "check": each.mechanism.value,
                "result": each.result.value,
                "messages": each.messages,
            }
        )
        for each in counts
    ]
    return {
        "messages that failed DKIM": failed[SeedCheck.DKIM_ALIGNED],
        "messages that failed SPF": failed[SeedCheck.SPF_ALIGNED],
        "DKIM and SPF by account": dg.MetadataValue.table(rows or [dg.TableRecord({"domain": "-"})]),
    }
