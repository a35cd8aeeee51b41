"""The configuration of a lab that plays the world of an inventory: its accounts, domains and inboxes.

Belongs here: what the lab is told, with the keys that it and our processes share. Does not: starting it (`lab`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.provider_account import (
    AccountName,
    MailgunConnection,
    PostmarkConnection,
    SesConnection,
    SmtpConnection,
)
from outreach_pipelines.domain.reference import Fixed
from outreach_pipelines.errors import FilesFault
from outreach_pipelines.local_stack.event_feed import ConfigurationSetName
from outreach_pipelines.local_stack.lab import JsonValue

# Known to everybody: the lab listens on loopback, and nothing there is worth a secret.
SES_KEY: Final = "lab-access-key"
SMTP_PASSWORD: Final = "lab-smtp-password"  # noqa: S105 - see above
IMAP_PASSWORD: Final = "lab-imap-password"  # noqa: S105 - see above
MAILGUN_KEY: Final = "lab-mailgun-key"
POSTMARK_TOKEN: Final = "lab-postmark-token"  # noqa: S105 - see above


def lab_config(
    inventories: Sequence[TenantInventory], topics: Mapping[ConfigurationSetName, str], *, web_url: str
) -> Mapping[str, JsonValue]:
    """What the lab is told. `topics`: the ARN of each configuration set's topic; `web_url`: where unsubscribe links lead.

    Raises `FilesFault` for an inventory that one lab cannot play.
    """
    return {
        "seed": 7,
        "ses": _lab_ses(inventories, topics),
        "smtp_accounts": _lab_smtp(inventories),
        "mailgun_accounts": _lab_mailgun(inventories),
        "postmark_accounts": _lab_postmark(inventories),
        "inboxes": [
            {"username": _fixed(inbox.username), "password": IMAP_PASSWORD, "receives": list(inbox.receives)}
            for inventory in inventories
            for inbox in inventory.inboxes
        ],
        "web_hosts": {inventory.tenant.unsubscribe_host: web_url for inventory in inventories},
    }


def _lab_ses(
    inventories: Sequence[TenantInventory], topics: Mapping[ConfigurationSetName, str]
) -> Mapping[str, JsonValue]:
    accounts = [a for each in inventories for a in each.accounts if isinstance(a.account.connection, SesConnection)]
    regions = {a.account.connection.region for a in accounts if isinstance(a.account.connection, SesConnection)}
    if len(regions) != 1:
        message = f"the lab plays SES in one region, and the inventory names {sorted(regions) or 'none'}"
        raise FilesFault(message)
    return {
        "name": accounts[0].account.name,
        "region": regions.pop(),
        "access_keys": [SES_KEY],
        "configuration_sets": {str(name): str(arn) for name, arn in topics.items()},
        "identities": _domains(inventories),
        "tenants": sorted({account.ses_tenant for account in accounts if account.ses_tenant}),
    }


def _lab_smtp(inventories: Sequence[TenantInventory]) -> list[JsonValue]:
    connections = {a.account.name: a.account.connection for each in inventories for a in each.accounts}
    return [
        {"name": name, "username": _fixed(connection.username), "password": SMTP_PASSWORD}
        for name, connection in sorted(connections.items())
        if isinstance(connection, SmtpConnection)
    ]


def _lab_mailgun(inventories: Sequence[TenantInventory]) -> list[JsonValue]:
    accounts = (a.account for each in inventories for a in each.accounts)
    names = {account.name for account in accounts if isinstance(account.connection, MailgunConnection)}
    return [
        {"name": name, "api_key": MAILGUN_KEY, "domains": _domains(inventories)} for name in _only_one(names, "Mailgun")
    ]


def _lab_postmark(inventories: Sequence[TenantInventory]) -> list[JsonValue]:
    streams = {
        a.account.name: a.account.connection.stream
        for each in inventories
        for a in each.accounts
        if isinstance(a.account.connection, PostmarkConnection)
    }
    return [
        {
            "name": name,
            "server_token": POSTMARK_TOKEN,
            "identities": _domains(inventories),
            "streams": [streams[name]],
        }
        for name in _only_one(streams, "Postmark")
    ]


def _only_one(names: Iterable[AccountName], provider: str) -> list[AccountName]:
    """The lab's settings hold one key a provider, and by a key it tells accounts apart."""
    found = sorted(names)
    if len(found) > 1:
        message = f"the lab plays one account at {provider}, and the inventory names {', '.join(found)}"
        raise FilesFault(message)
    return found


def _domains(inventories: Sequence[TenantInventory]) -> Sequence[JsonValue]:
    return sorted({domain.name for each in inventories for domain in each.domains})


def _fixed(setting: object) -> str:
    if isinstance(setting, Fixed):
        return setting.value
    message = f"the lab needs user names written down in the inventory, not {setting}"
    raise FilesFault(message)
