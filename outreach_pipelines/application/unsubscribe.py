"""Take somebody off the list by the token of their link.

Belongs here: which link means what, and the port to the record. Does not: pages and forms
(`web`), SQL (an adapter).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from outreach_pipelines.domain.tracking_token import TokenKeys, TokenPurpose, UnsubscribeClaim, unseal


class UnsubscribeScope(StrEnum):
    """From whom the person wants no more mail."""

    CAMPAIGN = "campaign"
    MAILBOX = "mailbox"  # this sender
    TENANT = "tenant"  # everyone at this organisation


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """Committed: no message whose intent begins from now on will leave. Tells not whether the person is known."""

    scope: UnsubscribeScope


@dataclass(frozen=True, slots=True)
class UnreadableLink:
    """The token is none of ours, or damaged on its way. Nothing was changed."""


class UnsubscribeRegister(Protocol):
    """Where a person's wish is recorded."""

    def unsubscribe(self, claim: UnsubscribeClaim, scope: UnsubscribeScope) -> None:
        """Record and commit; twice is once. Raises `Unreadable` when it cannot be known to be committed."""
        ...


def link_is_ours(token: str, keys: TokenKeys) -> bool:
    """Whether the token can be unsealed. Changes nothing."""
    return unseal(token, TokenPurpose.UNSUBSCRIBE, keys) is not None


def unsubscribe(
    token: str, scope: UnsubscribeScope, *, keys: TokenKeys, register: UnsubscribeRegister
) -> Unsubscribed | UnreadableLink:
    """Record the wish that the token stands for; returns after the commit. Raises `Unreadable` as the register does."""
    claim = unseal(token, TokenPurpose.UNSUBSCRIBE, keys)
    if claim is None:
        return UnreadableLink()
    register.unsubscribe(claim, scope)
    return Unsubscribed(scope)
