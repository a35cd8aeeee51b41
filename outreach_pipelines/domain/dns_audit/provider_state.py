"""How a provider itself says that it stands with a sending domain, in one vocabulary for all of them.

Here: the values. Not here: which records it asks for (provider_word.py), nor what follows (provider_check.py).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from outreach_pipelines.domain.dns_audit.answers import Cause


class ProviderState(StrEnum):
    """A provider's own word. `UNSURE`: it says that it cannot tell; `UNSAID`: it keeps no such state, or none was given."""

    VERIFIED = "verified"
    PENDING = "pending"
    FAILED = "failed"
    SUSPENDED = "suspended"
    ABSENT = "not set up"
    UNSURE = "unsure"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainState:
    """What an account's provider says of one domain; `reason`: its own words, empty where it gave none.

    `identity`: whether the account may send as the domain. `ABSENT` of `return_path`: the provider sends with its own.
    """

    identity: ProviderState
    dkim: ProviderState = ProviderState.UNSAID
    return_path: ProviderState = ProviderState.UNSAID
    spf: ProviderState = ProviderState.UNSAID
    reason: str = ""

    @property
    def all(self) -> tuple[ProviderState, ...]:
        """Each of them, identity first."""
        return self.identity, self.dkim, self.return_path, self.spf


@dataclass(frozen=True, slots=True)
class NotHeard:
    """The provider could not be asked, or its answer not be read. Never to be read as a refusal.

    `since`: when it was last heard, which is too long ago for that to count; None where nothing of it is known.
    """

    cause: Cause
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSaid:
    """What a provider said at `at` and still counts, since it was not heard today, for `cause`."""

    state: DomainState
    at: datetime
    cause: Cause


Said: TypeAlias = DomainState | LastSaid | NotHeard
