"""Each question of an audit to the one who can answer it: the DNS, web servers for policies, mail servers for greetings.

Here: the ports and the split. Not here: what answers mean (domain/dns_audit).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from outreach_pipelines.application.audit_domains import DnsResolver
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, Query, RecordType, Unknown


class PolicySource(Protocol):
    """Whoever fetches MTA-STS policies."""

    async def policy(self, host: DomainName) -> Answer:
        """`PolicyText` of a host, `NoData` where it definitely serves none; never raises for what the network does."""
        ...


class MailCaller(Protocol):
    """Whoever calls mail servers."""

    async def greeting(self, host: DomainName) -> Answer:
        """`MailGreeting` of a host; never raises for what the network does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AskEverywhere:
    """The port `DnsResolver` over several. Whom nobody was sent to ask stays unknown; `at_once` bounds those calls."""

    dns: DnsResolver
    policies: PolicySource | None = None
    mail: MailCaller | None = None
    at_once: int = 16

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        """See `DnsResolver`."""
        elsewhere = {query: asked for query in queries if (asked := self._elsewhere(query.type)) is not None}
        slots = asyncio.Semaphore(self.at_once)
        calls = [_bounded(slots, asked(query.name)) for query, asked in elsewhere.items()]
        answers = dict(await self.dns.resolve([query for query in queries if query not in elsewhere]))
        answers.update(zip(elsewhere, await asyncio.gather(*calls), strict=True))
        return answers

    def _elsewhere(self, kind: RecordType) -> Callable[[DomainName], Awaitable[Answer]] | None:
        match kind:
            case RecordType.POLICY:
                return self.policies.policy if self.policies is not None else _nobody
            case RecordType.SMTP:
                return self.mail.greeting if self.mail is not None else _nobody
            case _:
                return None


async def _bounded(slots: asyncio.Semaphore, call: Awaitable[Answer]) -> Answer:
    async with slots:
        return await call


async def _nobody(_: DomainName) -> Answer:
    return Unknown(Cause.NOT_ASKED)
