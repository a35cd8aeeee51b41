"""Asking each account's provider how it stands with a tenant's domains, before these are audited.

Here: who is asked, in what order, and when asking stops. Not here: what an answer means (domain/dns_audit).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.provider_state import NotHeard
from outreach_pipelines.domain.dns_audit.provider_word import Word, Words
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import OutreachError

#: Who gave no answer, or none to us, gives none to the next question either.
_HOPELESS: Final = frozenset({Cause.TIMEOUT, Cause.UNREACHABLE, Cause.REFUSED, Cause.NOT_ASKED})


class DomainDesk(Protocol):
    """Whoever answers for one account's domains. An instance belongs to the event loop it is first used in."""

    async def ask(self, domain: DomainName) -> Word:
        """Say how the provider stands with the domain; never raises for what it or the network does."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...


class DomainDesks(Protocol):
    """Finds the desk of an account."""

    def of(self, tenant: TenantId, account: AccountName) -> DomainDesk | None:
        """A new desk; None where nobody is to be asked. Raises `OutreachError` where its access cannot be had."""
        ...


async def ask_providers(
    desk_of: Callable[[AccountName], DomainDesk | None], expected: Mapping[DomainName, Expectations]
) -> Mapping[DomainName, Words]:
    """Hear what providers say of each domain: accounts side by side, each one's domains in turn. Who is not asked is left out.

    `desk_of`: as `DomainDesks.of`, for one tenant.
    """
    domains: dict[AccountName, list[DomainName]] = {}
    for domain, expectations in expected.items():
        for account in expectations.accounts:
            domains.setdefault(account.name, []).append(domain)
    answers = await asyncio.gather(*(_ask(desk_of, account, asked) for account, asked in domains.items()))
    words = dict(zip(domains, answers, strict=True))
    return {domain: {name: told[domain] for name, told in words.items() if domain in told} for domain in expected}


async def _ask(
    desk_of: Callable[[AccountName], DomainDesk | None], account: AccountName, domains: Sequence[DomainName]
) -> Mapping[DomainName, Word]:
    try:
        desk = desk_of(account)
    except OutreachError:
        return dict.fromkeys(domains, NotHeard(Cause.NOT_ASKED))
    if desk is None:
        return {}
    try:
        return await _answers(desk, domains)
    finally:
        await desk.close()


async def _answers(desk: DomainDesk, domains: Sequence[DomainName]) -> Mapping[DomainName, Word]:
    words: dict[DomainName, Word] = {}
    for position, domain in enumerate(domains):
        words[domain] = word = await desk.ask(domain)
        if isinstance(word, NotHeard) and word.cause in _HOPELESS:
            return {**dict.fromkeys(domains[position:], word), **words}
    return words
