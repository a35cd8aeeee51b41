"""What a person may pause, hold or set free, and how it is named on a command line.

Belongs here: names to scopes and back. Does not: what is done there (`operate`), which places there are (an adapter).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice
from typing import assert_never

from outreach_pipelines.domain.back_off import (
    AccountScope,
    CampaignScope,
    DomainScope,
    LeadFileScope,
    MailboxScope,
    PathScope,
    RecipientProviderScope,
    Scope,
    TenantAccountScope,
    TenantScope,
)
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.tenant import TenantRef
from outreach_pipelines.errors import NotFound, Refused

MOST_NAMED = 5


class PlaceKind(StrEnum):
    """The word before the colon. An `ACCOUNT` is one tenant's use of it, a `SHARED_ACCOUNT` everybody's."""

    TENANT = "tenant"
    MAILBOX = "mailbox"
    DOMAIN = "domain"
    CAMPAIGN = "campaign"
    LEAD_FILE = "lead-file"
    ACCOUNT = "account"
    SHARED_ACCOUNT = "shared-account"
    PATH = "path"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Place:
    """Something that sends, or is sent to. `file_state` is what the inventory says of it, empty where it says nothing."""

    tenant: TenantRef
    kind: PlaceKind
    name: str
    scope: Scope
    file_state: str = ""

    @property
    def words(self) -> str:
        """What a command takes for it."""
        return f"{self.kind}:{self.name}"

    def __str__(self) -> str:
        """For people."""
        named = f"{self.kind.replace('-', ' ')} {self.name}"
        return named if self.kind is PlaceKind.TENANT else f"{named} of {self.tenant.slug}"


def find_place(words: str, places: Sequence[Place]) -> Place:
    """The one place of this name: `KIND:NAME`, or the name alone where nothing else is called so.

    Raises `NotFound` with what there is, and `Refused` where the name fits several.
    """
    prefix, _, rest = words.partition(":")
    kind = PlaceKind(prefix) if prefix in set(PlaceKind) else None
    if kind is PlaceKind.PATH or kind is PlaceKind.PROVIDER:
        found = _composed(kind, rest, places)
    else:
        found = [each for each in places if _is_called(each, kind, words if kind is None else rest)]
    if not found:
        raise NotFound(_nothing_called(words, kind, places))
    if len(found) > 1:
        which = ", ".join(f"{each} ({each.words})" for each in found[:MOST_NAMED])
        message = f"{words!r} fits {len(found)}: {which}. Write the kind before it, or name one tenant by --tenant"
        raise Refused(message)
    return found[0]


def names_of(places: Iterable[Place]) -> Mapping[Scope, str]:
    """The words for each place, by its scope."""
    return {each.scope: each.words for each in places}


def words_of(scope: Scope, names: Mapping[Scope, str]) -> str:
    """What a command takes for a scope, also for one that is made of two places."""
    match scope:
        case PathScope(mailbox, account):
            used = next((name for known, name in names.items() if _is_account(known, account)), f"account:{account}")
            return f"path:{_bare(names, MailboxScope(mailbox))}:{used.partition(':')[2]}"
        case RecipientProviderScope(mailbox, provider):
            return f"provider:{_bare(names, MailboxScope(mailbox))}:{provider.value}"
        case (
            TenantScope() | MailboxScope() | DomainScope() | CampaignScope() | LeadFileScope()
            | TenantAccountScope() | AccountScope()
        ):  # fmt: skip
            return names.get(scope, str(scope))
        case _:
            assert_never(scope)


def _is_account(scope: Scope, account: int) -> bool:
    return isinstance(scope, AccountScope) and scope.account == account


def _bare(names: Mapping[Scope, str], scope: MailboxScope) -> str:
    return names.get(scope, f"mailbox:{scope.mailbox}").partition(":")[2]


def _is_called(place: Place, kind: PlaceKind | None, name: str) -> bool:
    # Whoever stops an account for all tenants says so.
    fits = place.kind is kind if kind else place.kind is not PlaceKind.SHARED_ACCOUNT
    return fits and place.name.casefold() == name.casefold()


def _composed(kind: PlaceKind, rest: str, places: Sequence[Place]) -> list[Place]:
    mailbox, _, other = rest.partition(":")
    return [
        Place(box.tenant, kind, f"{box.name}:{other}", scope)
        for box in places
        if _is_called(box, PlaceKind.MAILBOX, mailbox) and isinstance(box.scope, MailboxScope)
        for scope in _second(kind, box, box.scope, other, places)
    ]


def _second(kind: PlaceKind, box: Place, mailbox: MailboxScope, other: str, places: Sequence[Place]) -> list[Scope]:
    if kind is PlaceKind.PROVIDER:
        known = [each for each in RecipientProvider if each.value == other]
        return [RecipientProviderScope(mailbox.mailbox, each) for each in known]
    return [
        PathScope(mailbox.mailbox, each.scope.account)
        for each in places
        if each.tenant == box.tenant
        and _is_called(each, PlaceKind.ACCOUNT, other)
        and isinstance(each.scope, TenantAccountScope)
    ]


def _nothing_called(words: str, kind: PlaceKind | None, places: Sequence[Place]) -> str:
    known = [each for each in places if kind in (None, each.kind)] or places
    by_name = {name.casefold(): each for each in known for name in (each.name, each.words)}
    near = get_close_matches(words.casefold(), by_name, n=MOST_NAMED, cutoff=0.6)
    if near:
        return f"nothing is called {words!r}; did you mean {', '.join(dict.fromkeys(by_name[name].words for name in near))}?"
    return f"nothing is called {words!r}; there are {'; '.join(_some_of_each(known))}"


def _some_of_each(places: Sequence[Place]) -> Iterable[str]:
    for kind in PlaceKind:
        names = sorted({each.words for each in places if each.kind is kind})
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            yield ", ".join(islice(names, MOST_NAMED)) + more
