"""The parts of an inventory by kind and name, and what changed between two states of it.

How a change is written to the database is the store's work; what a withdrawn part still does is the send protocol's.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from outreach_pipelines.domain.inventory import TenantInventory

ItemDigest = NewType("ItemDigest", str)
_DIGEST_OCTETS: Final = 16


class ItemKind(StrEnum):
    TENANT = "tenant"
    POLICY = "policy"
    ACCOUNT = "account"
    INBOX = "inbox"
    DOMAIN = "domain"
    MAILBOX = "mailbox"
    CAMPAIGN = "campaign"
    SUPPRESSIONS = "suppressions"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True, order=True)
class ItemKey:
    kind: ItemKind
    name: str


class ChangeKind(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"  # no longer in the files: retired, never deleted, since its threads go on


@dataclass(frozen=True, slots=True)
class ItemChange:
    """`digest` of the new state, empty for what was withdrawn."""

    item: ItemKey
    kind: ChangeKind
    digest: ItemDigest


def digests_of(inventory: TenantInventory) -> Mapping[ItemKey, ItemDigest]:
    """A digest for each part, equal as long as the part is. A new field of a part makes all of its kind changed."""
    slug = inventory.tenant.slug
    parts: list[tuple[ItemKind, str, object]] = [
        (ItemKind.TENANT, slug, inventory.tenant),
        (ItemKind.POLICY, slug, (inventory.policy, inventory.shape)),
        (ItemKind.SUPPRESSIONS, slug, inventory.suppressions),
        (ItemKind.AUDIT, slug, inventory.audit),
        *((ItemKind.ACCOUNT, account.account.name, account) for account in inventory.accounts),
        *((ItemKind.INBOX, inbox.name, inbox) for inbox in inventory.inboxes),
        *((ItemKind.DOMAIN, domain.name, domain) for domain in inventory.domains),
        *((ItemKind.MAILBOX, mailbox.address.canonical, mailbox) for mailbox in inventory.mailboxes),
        *((ItemKind.CAMPAIGN, campaign.name, campaign) for campaign in inventory.campaigns),
    ]
    return {ItemKey(kind, name): _digest(part) for kind, name, part in parts}


def all_of(parts: Mapping[ItemKey, ItemDigest]) -> ItemDigest:
    """One digest of all parts, in whatever order they come."""
    return _digest(sorted((key.kind.value, key.name, digest) for key, digest in parts.items()))


def changes(known: Mapping[ItemKey, ItemDigest], wanted: Mapping[ItemKey, ItemDigest]) -> Sequence[ItemChange]:
    """What turns `known` into `wanted`, sorted by item; empty when nothing differs."""
    return [_change(item, known, wanted) for item in sorted({*known, *wanted}) if known.get(item) != wanted.get(item)]


def _change(item: ItemKey, known: Mapping[ItemKey, ItemDigest], wanted: Mapping[ItemKey, ItemDigest]) -> ItemChange:
    if item not in wanted:
        return ItemChange(item, ChangeKind.WITHDRAWN, ItemDigest(""))
    return ItemChange(item, ChangeKind.CHANGED if item in known else ChangeKind.ADDED, wanted[item])


def _digest(part: object) -> ItemDigest:
    # The repr of frozen dataclasses, tuples, enums and decimals names every field and holds no address of memory.
    return ItemDigest(hashlib.blake2b(repr(part).encode(), digest_size=_DIGEST_OCTETS).hexdigest())
