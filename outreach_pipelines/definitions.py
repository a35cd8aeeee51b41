"""The code location: names every part and decides nothing. The only module of this package that imports Dagster."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import dagster as dg


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Load without looking for garbage, and leave what was loaded out of every later look (`gc.freeze`).

    Modules and classes stay for as long as their process. Each run loads them anew, and looking through them time and
    again was a quarter of what loading cost.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


with _collector_at_rest():
    from assets.analytics import (
        campaign_performance,
        cost_report,
        deliverability_report,
        nothing_is_lost,
        reconciliation,
        reply_page,
    )
    from assets.checks import CHECKS
    from assets.dns_audit import dns_audit
    from assets.dns_checks import DNS_CHECKS
    from assets.feeds import delivery_events, replies
    from assets.inventory import lead_uploads, tenant_inventory
    from assets.leads import leads
    from assets.mail_reports import mail_reports, our_streams_are_aligned
    from assets.mailbox_health import mailbox_health
    from assets.seed_proof import our_mail_arrives_as_ours, seed_proof
    from assets.send_batches import send_batch
    from assets.send_plans import send_plan
    from resources import database, dns_news, domain_desks, doubt, feeds, files, keys, logins, mail, seeds, standing
    from resources import mail_reports as received_reports
    from resources import replies as reply_work
    from schedules.daily_plan import plan_tomorrow
    from schedules.hourly_batches import reconcile_last_hour, send_next_hour
    from schedules.jobs import ALL as JOBS
    from schedules.mail_proofs import (
        prove_domains,
        prove_domains_every_hour,
        read_mail_reports,
        read_mail_reports_every_morning,
    )
    from schedules.maintenance import check_every_hour, unused_shares, unused_shares_every_day, upkeep, upkeep_every_day
    from schedules.nightly import (
        audit_dns_every_six_hours,
        look_up_recipients_every_evening,
        report_yesterday,
        score_health_every_hour,
    )
    from sensors.back_off import back_off, sweeper
    from sensors.batch_watchdog import batch_watchdog
    from sensors.dns_news import dns_news as dns_news_sensor
    from sensors.doubt import doubt_resolver
    from sensors.first_audits import first_audits
    from sensors.lead_uploads import inventory_files_changed, lead_files_uploaded
    from sensors.login_checks import login_checks
    from sensors.provider_events import provider_events
    from sensors.provider_standing import provider_standing
    from sensors.replies import replies_in_inboxes
    from sensors.reply_watch import reply_watch

RESOURCES: Mapping[str, Callable[[], object]] = {
    "tenants": database.tenants,
    "due_hours": database.due_hours,
    "clock": database.clock,
    "messages": database.messages,
    "plans": database.plans,
    "event_store": database.event_store,
    "event_inbox": database.event_inbox,
    "maintenance": database.maintenance,
    "inventory_store": database.inventory_store,
    "lead_store": database.lead_store,
    "enrollments": database.enrollments,
    "recipients": database.recipients,
    "audits": database.audits,
    "domain_desks": domain_desks.domain_desks,
    "health": database.health,
    "back_off_store": database.back_off,
    "reply_store": database.reply_store,
    "reconciliations": database.reconciliations,
    "reports": database.reports,
    "share_store": database.share_store,
    "reply_desk": reply_work.reply_desk,
    "mail_report_store": received_reports.mail_report_store,
    "mail_report_files": received_reports.mail_report_files,
    "seed_desk": seeds.seed_desk,
    "seed_standings": seeds.seed_standings,
    "objects": files.object_store,
    "inventory_files": files.inventory_files,
    "lead_files": files.lead_files,
    "address_key": keys.address_key,
    "desk": mail.desk,
    "doubt_desk": doubt.doubt_desk,
    "standings": standing.standings,
    "account_controls": standing.account_controls,
    "tag_reader": keys.tagger,
    "event_feed": feeds.event_feed,
    "inbox_reader": feeds.inbox_reader,
    "open_reading": feeds.open_reading,
    "login_book": logins.login_book,
    "login_doors": logins.login_doors,
    "open_resolver": feeds.open_resolver,
    "open_auditor": feeds.open_auditor,
    "domain_states": dns_news.domain_states,
    "news_desk": dns_news.news_desk,
}


def build_defs(**overrides: object) -> dg.Definitions:
    """All parts; `overrides` puts plain objects in place of resources, as tests do."""
    resources = {name: _made_when_used(make) for name, make in RESOURCES.items()} | overrides
    return dg.Definitions(
        assets=[
            lead_uploads, tenant_inventory, leads, dns_audit, mailbox_health, send_plan, send_batch, delivery_events, replies, reconciliation,
            deliverability_report, campaign_performance, cost_report, reply_page, mail_reports, seed_proof,
        ],
        asset_checks=[nothing_is_lost, our_streams_are_aligned, our_mail_arrives_as_ours, *DNS_CHECKS, *CHECKS],
        jobs=[*JOBS, upkeep, unused_shares, read_mail_reports, prove_domains],
        schedules=[
            plan_tomorrow, send_next_hour, reconcile_last_hour,
            audit_dns_every_six_hours, score_health_every_hour, look_up_recipients_every_evening, report_yesterday,
            check_every_hour, upkeep_every_day, unused_shares_every_day, read_mail_reports_every_morning, prove_domains_every_hour,
        ],
        sensors=[
            inventory_files_changed, lead_files_uploaded, first_audits, provider_events, replies_in_inboxes, back_off, sweeper, doubt_resolver,
            batch_watchdog, provider_standing, reply_watch, login_checks, dns_news_sensor,
        ],
        resources=resources,
        # Also for "Materialize" in the UI: a process for each step would double the cost of a run.
        executor=dg.in_process_executor,
    )  # fmt: skip


def _made_when_used(make: Callable[[], object]) -> dg.ResourceDefinition:
    def made(_: dg.InitResourceContext) -> object:
        return make()

    # The UI shows them as the resource's type.
    made.__module__, made.__name__, made.__qualname__ = make.__module__, make.__name__, make.__qualname__
    return dg.ResourceDefinition(made, description=make.__doc__)


defs = build_defs()
