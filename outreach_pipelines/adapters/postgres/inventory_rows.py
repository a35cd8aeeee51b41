"""An inventory's parts as rows: which statements of `queries/inventory.sql` run, in which order, with which values.

Belongs here: the pure translation. Does not: transactions, and the suppressions' stage (`inventory_store`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from outreach_pipelines.adapters.postgres.account_settings import (
    region_of,
    secret_of,
    settings_of,
    token_settings,
)
from outreach_pipelines.adapters.templates import template_key
from outreach_pipelines.domain.attachments import Attachment
from outreach_pipelines.domain.audit_policy import AuditPolicy
from outreach_pipelines.domain.campaign import Campaign, Template
from outreach_pipelines.domain.inventory import Inbox, Mailbox, SendingDomain, TenantInventory
from outreach_pipelines.domain.inventory_item import ChangeKind, ItemChange, ItemKind
from outreach_pipelines.domain.provider_account import TenantAccount
from outreach_pipelines.domain.sending_policy import SendingPolicy
from outreach_pipelines.domain.tenant import Tenant

Row = Mapping[str, object]


class Write(NamedTuple):
    """A statement and its rows, of which there may be none."""

    statement: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class ChangedParts:
    """What of an inventory was added or changed, and the names of what is no longer in it."""

    inventory: TenantInventory
    changes: Sequence[ItemChange]

    @property
    def templates(self) -> Sequence[Template]:
        """The texts of the changed campaigns, each once."""
        bodies = [
            body
            for campaign in self._campaigns
            for step in campaign.steps
            for variant in step.variants
            for body in variant.bodies
        ]
        return list({body.digest: body for body in bodies}.values())

    @property
    def attachments(self) -> Sequence[Attachment]:
        """The files of the changed campaigns, each once."""
        files = [file for campaign in self._campaigns for step in campaign.steps for file in step.attachments]
        return list({file.sha256: file for file in files}.values())

    def has(self, kind: ItemKind) -> bool:
        """Whether a part of this kind was added or changed."""
        return any(change.item.kind is kind and change.kind is not ChangeKind.WITHDRAWN for change in self.changes)

    def writes(self) -> Iterator[Write]:
        """All but the suppressions, what others refer to first."""
        yield from self._head()
        yield from self._ways()
        yield from self._mailbox_writes()
        yield from self._campaign_writes()
        yield from self._withdrawals()
        yield from _memory(self.changes)

    def _head(self) -> Iterator[Write]:
        inventory = self.inventory
        yield Write("put_tenant", [_tenant(inventory.tenant)] if self.has(ItemKind.TENANT) else [])
        yield Write("put_policy", [_policy(inventory.policy)] if self.has(ItemKind.POLICY) else [])
        yield Write("put_audit_policy", [_audit_policy(inventory.audit)] if self.has(ItemKind.AUDIT) else [])

    def _ways(self) -> Iterator[Write]:
        names = self._names(ItemKind.ACCOUNT)
        # Accounts are shared by tenants: one order for all, so that two imports wait instead of blocking each other.
        uses = sorted((use for use in self.inventory.accounts if use.account.name in names), key=_account_name)
        yield Write("put_account", [_account(use) for use in uses])
        yield Write("put_share", [_share(use) for use in uses])
        inboxes = self._names(ItemKind.INBOX)
        yield Write("put_inbox", [_inbox(inbox) for inbox in self.inventory.inboxes if inbox.name in inboxes])
        domains = [_domain(domain) for domain in self._domains]
        yield Write("put_domain", domains)
        yield Write("drop_other_accounts", domains)
        yield Write("put_domain_accounts", domains)

    def _mailbox_writes(self) -> Iterator[Write]:
        names = self._names(ItemKind.MAILBOX)
        domains = {domain.name: domain for domain in self.inventory.domains}
        moved = {domain.name for domain in self._domains}
        mailboxes = [(each, each.accounts or domains[each.domain].accounts) for each in self.inventory.mailboxes]
        followers = [
            {"address": each.address.canonical, "account_names": list(accounts)}
            for each, accounts in mailboxes
            if each.domain in moved and not each.accounts
        ]
        changed = [(each, accounts) for each, accounts in mailboxes if each.address.canonical in names]
        yield Write("put_mailbox", [_mailbox(each) | {"account_names": list(accounts)} for each, accounts in changed])
        yield Write("set_mailbox_accounts", followers)

    def _campaign_writes(self) -> Iterator[Write]:
        yield Write("put_template", [_template(template) for template in self.templates])
        yield Write("put_campaign", [_campaign(campaign) for campaign in self._campaigns])
        yield Write("drop_steps", [{"campaign": campaign.name} for campaign in self._campaigns])
        yield Write("add_step", [row for campaign in self._campaigns for row in _steps(campaign)])
        yield Write("add_attachment", [row for campaign in self._campaigns for row in _attachments(campaign)])
        yield Write("add_variant", [row for campaign in self._campaigns for row in _variants(campaign)])

    def _withdrawals(self) -> Iterator[Write]:
        gone = [change.item for change in self.changes if change.kind is ChangeKind.WITHDRAWN]
        for kind in (ItemKind.CAMPAIGN, ItemKind.MAILBOX, ItemKind.DOMAIN, ItemKind.INBOX, ItemKind.ACCOUNT):
            yield Write(f"withdraw_{kind}", [{"name": item.name} for item in gone if item.kind is kind])

    def _names(self, kind: ItemKind) -> frozenset[str]:
        kept = (change for change in self.changes if change.kind is not ChangeKind.WITHDRAWN)
        return frozenset(change.item.name for change in kept if change.item.kind is kind)

    @property
    def _domains(self) -> Sequence[SendingDomain]:
        names = self._names(ItemKind.DOMAIN)
        return [domain for domain in self.inventory.domains if domain.name in names]

    @property
    def _campaigns(self) -> Sequence[Campaign]:
        names = self._names(ItemKind.CAMPAIGN)
        return [campaign for campaign in self.inventory.campaigns if campaign.name in names]


def _memory(changes: Sequence[ItemChange]) -> Iterator[Write]:
    kept = [change for change in changes if change.kind is not ChangeKind.WITHDRAWN]
    gone = [change.item for change in changes if change.kind is ChangeKind.WITHDRAWN]
    remembered = [{"kind": c.item.kind.value, "name": c.item.name, "digest": c.digest} for c in kept]
    yield Write("remember_item", remembered)
    yield Write("forget_item", [{"kind": item.kind.value, "name": item.name} for item in gone])
    logged = [{"action": f"inventory {c.kind.value}", "subject": f"{c.item.kind.value}:{c.item.name}"} for c in changes]
    yield Write("log_change", logged)


def _tenant(tenant: Tenant) -> Row:
    return {
        "name": tenant.name,
        "zone": tenant.zone,
        "country": tenant.country,
        "postal_address": "\n".join(tenant.postal_address),
        "sender_company": tenant.sender.company,
        "sender_website": tenant.sender.website,
        "sender_contact": tenant.sender.contact.deliver_to,
        "privacy_notice_url": tenant.sender.privacy_notice_url,
        "unsubscribe_host": tenant.unsubscribe_host,
    }


def _policy(policy: SendingPolicy) -> Row:
    quiet, pressure = policy.quiet_hours, policy.contact_pressure
    return {
        "daily_cap": policy.daily_cap,
        "minute_cap": policy.minute_cap,
        "quiet_start": quiet.start if quiet else None,
        "quiet_end": quiet.end if quiet else None,
        "weekend": list(policy.weekend),
        "holiday_countries": list(policy.holiday_countries),
        "contact_messages": pressure.messages if pressure else None,
        "contact_days": pressure.days if pressure else None,
        "company_daily_cap": policy.company_daily_cap,
        "recipient_domain_daily_cap": policy.recipient_domain_daily_cap,
        "follow_up_max_wait_days": policy.longest_follow_up_wait,
        "errors_in_row_stop": policy.thresholds.errors_in_a_row_stop,
        "verified_only": policy.verified_only,
        "stop_whole_company": policy.stop_company_on_reply,
        "smtp_at_least_once": policy.smtp_at_least_once,
        # Decimals as text: JSON's numbers would become binary fractions.
        "ramp_up": json.dumps(asdict(policy.ramp_up), default=str),
        "thresholds": json.dumps(asdict(policy.thresholds), default=str),
    }


def _audit_policy(wishes: AuditPolicy) -> Row:
    return {
        "reports_to": str(wishes.reports_to) if wishes.reports_to else None,
        "blocklists": list(map(str, wishes.blocklists)),
        "also": [extra.value for extra in wishes.also],
        "cloudflare_token": str(wishes.cloudflare_token) if wishes.cloudflare_token else None,
        "probe_recipients": wishes.probe_recipients,
    }


def _account_name(use: TenantAccount) -> str:
    return use.account.name


def _account(use: TenantAccount) -> Row:
    account = use.account
    secret = secret_of(account.connection)
    return {
        "name": account.name,
        "kind": account.kind.value,
        "region": region_of(account.connection),
        "settings": json.dumps(settings_of(account.connection)),
        "secret_ref": None if secret is None else str(secret),
        "allowed_basis": [basis.value for basis in account.allowed_basis],
    }


def _share(use: TenantAccount) -> Row:
    names = {"configuration_set": use.configuration_set or None, "ses_tenant": use.ses_tenant or None}
    addresses = json.dumps([{"ip": str(each.ip), "helo": each.helo} for each in use.addresses])
    return {"name": use.account.name, "share": use.share, "sending_addresses": addresses, **names}


def _inbox(inbox: Inbox) -> Row:
    return {
        "name": inbox.name,
        "host": str(inbox.host),
        "port": str(inbox.port),
        "tls": "tls" if inbox.tls else "none",
        "username": str(inbox.username),
        "secret_ref": str(inbox.password),
        "receives": list(inbox.receives),
        "tokens": json.dumps(token_settings(inbox.tokens)) if inbox.tokens else None,
        "authserv_ids": list(inbox.authserv_ids),
    }


def _domain(domain: SendingDomain) -> Row:
    return {
        "name": domain.name,
        "pool": domain.pool,
        "direction": domain.direction,
        "region": domain.region,
        "tracking_host": domain.tracking_host,
        "dkim_selectors": list(domain.dkim_selectors),
        "mail_from": domain.mail_from,
        "accounts": list(domain.accounts),
    }


def _mailbox(mailbox: Mailbox) -> dict[str, object]:
    return {
        "address": mailbox.address.canonical,
        "display_name": mailbox.display_name,
        "domain": mailbox.domain,
        "inbox": mailbox.inbox,
        "zone": mailbox.zone,
        "hours_start": mailbox.hours.start if mailbox.hours else None,
        "hours_end": mailbox.hours.end if mailbox.hours else None,
        "daily_cap": mailbox.daily_cap,
        "min_gap_seconds": mailbox.shortest_gap,
        "max_gap_seconds": mailbox.longest_gap,
        "state": mailbox.state.value,
    }


def _template(template: Template) -> Row:
    return {"sha256": template.digest, "name": template.name, "object_key": template_key(template.digest)}


def _campaign(campaign: Campaign) -> Row:
    return {
        "name": campaign.name,
        "pool": campaign.pool,
        "state": campaign.state.value,
        "priority": campaign.priority,
        "zone": campaign.zone,
        "weekdays": list(campaign.window.weekdays),
        "window_start": campaign.window.hours.start,
        "window_end": campaign.window.hours.end,
        "required_fields": list(campaign.required_fields),
        "optional_fields": list(campaign.optional_fields),
        "lead_files": list(campaign.leads.files),
        "lead_where": json.dumps(campaign.leads.where),
    }


def _steps(campaign: Campaign) -> Iterator[Row]:
    for step in campaign.steps:
        yield {"campaign": campaign.name, "step": step.number, "delay_business_days": step.delay_business_days}


def _attachments(campaign: Campaign) -> Iterator[Row]:
    for step in campaign.steps:
        for position, file in enumerate(step.attachments, 1):
            name = {"campaign": campaign.name, "step": step.number, "position": position, "name": file.name}
            yield {**name, "sha256": file.sha256, "octets": len(file.body)}


def _variants(campaign: Campaign) -> Iterator[Row]:
    for step in campaign.steps:
        for variant in step.variants:
            yield {
                "campaign": campaign.name,
                "step": step.number,
                "variant": variant.name,
                "weight": variant.weight,
                "subject": variant.subject.body,
                "text_sha256": variant.text.digest,
                "html_sha256": variant.html.digest if variant.html else None,
            }
