"""Look up where the mail of leads' domains goes: once a domain, in bounded batches.

What an answer means is `domain.recipient_mail`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from outreach_pipelines.application.audit_domains import DnsResolver
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType, Unknown
from outreach_pipelines.domain.recipient_mail import NotSaid, RecipientMail, TakesMail, TakesNone, read_mx
from outreach_pipelines.domain.tenant import TenantId

BATCH: Final = 500


class RecipientStore(Protocol):
    """The mail domains of a tenant's leads."""

    def unresolved(self, tenant: TenantId) -> Sequence[DomainName]:
        """Domains of which nothing certain is known, sorted; those that take no mail again after a week."""
        ...

    def save(self, tenant: TenantId, known: Mapping[DomainName, TakesMail | TakesNone]) -> None:
        """Keep what is certain, for every lead of these domains, in one transaction."""
        ...


@dataclass(frozen=True, slots=True)
class ResolvedRecipients:
    """Domains by what came of them; of the `unanswered` nothing was changed."""

    resolved: int
    take_no_mail: int
    unanswered: int


async def resolve_recipients(
    resolver: DnsResolver, store: RecipientStore, *, tenant: TenantId, batch: int = BATCH
) -> ResolvedRecipients:
    """Ask each unresolved domain once. Who was not answered is asked again by the next run."""
    found: list[RecipientMail] = []
    domains = store.unresolved(tenant)
    for start in range(0, len(domains), batch):
        read = await _read(resolver, domains[start : start + batch])
        store.save(tenant, {domain: mail for domain, mail in read.items() if not isinstance(mail, NotSaid)})
        found.extend(read.values())
    unanswered = sum(isinstance(mail, NotSaid) for mail in found)
    return ResolvedRecipients(len(found) - unanswered, sum(isinstance(m, TakesNone) for m in found), unanswered)


async def _read(resolver: DnsResolver, domains: Sequence[DomainName]) -> Mapping[DomainName, RecipientMail]:
    queries = {domain: Query(domain, RecordType.MX) for domain in domains}
    answers = await resolver.resolve(queries.values())
    unknown = Unknown(Cause.NOT_ANSWERED)
    return {domain: read_mx(answers.get(query, unknown)) for domain, query in queries.items()}
