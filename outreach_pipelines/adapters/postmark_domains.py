"""What Postmark says of a sending domain, and the records that it asks for.

Its account token opens this API; the token of a server, which sends, does not.
Source: Postmark Developer Docs, "Domains API" and "Sender signatures API".
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from outreach_pipelines.adapters.domain_answers import asked, objects_in, text_in
from outreach_pipelines.adapters.domain_records import dkim_text
from outreach_pipelines.adapters.http_api import HttpAccess, HttpApi, JsonObject
from outreach_pipelines.adapters.postmark import BASE_URL
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import ProviderWord, Word
from outreach_pipelines.domain.secret import Secret

_PAGE: Final = 500  # the most that Postmark gives
_MOST_PAGES: Final = 20


def postmark_account_access(account_token: Secret, base_url: str = BASE_URL) -> HttpAccess:
    """An account's API. Raises `SettingsFault` for an address that is neither https nor loopback."""
    return HttpAccess(base_url, {"X-Postmark-Account-Token": account_token.reveal()})


class PostmarkDomains:
    """`DomainDesk` of one account. Its lists are read once, for all the domains that are asked about."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api
        self._ids: dict[str, int] | NotHeard | None = None
        self._signatures: frozenset[str] | NotHeard | None = None

    async def ask(self, domain: DomainName) -> Word:
        """See `DomainDesk.ask`."""
        if self._ids is None:
            self._ids = await self._read_ids()
        if isinstance(self._ids, NotHeard):
            return self._ids
        if domain not in self._ids:
            return await self._unlisted(domain)
        found = await asked(self._api, f"/domains/{self._ids[domain]}", {})
        # Listed a moment ago: it is being changed just now.
        return _word(found or {}, domain) if not isinstance(found, NotHeard) else found

    async def close(self) -> None:
        """See `DomainDesk.close`."""
        await self._api.close()

    async def _unlisted(self, domain: DomainName) -> Word:
        """Postmark also sends for single addresses that were confirmed by mail; of those it tells no records."""
        if self._signatures is None:
            self._signatures = await self._read_signatures()
        if isinstance(self._signatures, NotHeard):
            return self._signatures
        by_address = domain in self._signatures
        return ProviderWord(state=DomainState(identity=ProviderState.UNSAID if by_address else ProviderState.ABSENT))

    async def _read_ids(self) -> dict[str, int] | NotHeard:
        rows = await self._rows("/domains", "Domains")
        if isinstance(rows, NotHeard):
            return rows
        numbers = {text_in(row, "Name").lower(): row.get("ID") for row in rows}
        known = {name: number for name, number in numbers.items() if name and type(number) is int}
        return known if len(known) == len(numbers) else NotHeard(Cause.MALFORMED)

    async def _read_signatures(self) -> frozenset[str] | NotHeard:
        rows = await self._rows("/senders", "SenderSignatures")
        if isinstance(rows, NotHeard):
            return rows
        return frozenset(text_in(row, "Domain").lower() for row in rows if row.get("Confirmed") is True)

    async def _rows(self, path: str, name: str) -> list[JsonObject] | NotHeard:
        """All rows, or nothing is known: absence is told from the whole list alone."""
        rows: list[JsonObject] = []
        for _ in range(_MOST_PAGES):
            found = await asked(self._api, path, {"count": str(_PAGE), "offset": str(len(rows))})
            if isinstance(found, NotHeard):
                return found
            page, total = objects_in((found or {}).get(name)), (found or {}).get("TotalCount")
            if page is None or type(total) is not int or (not page and len(rows) < total):
                return NotHeard(Cause.MALFORMED)
            rows += page
            if len(rows) >= total:
                return rows
        return NotHeard(Cause.TOO_MUCH)


def _word(found: JsonObject, domain: DomainName) -> Word:
    """`DKIMVerified` stays true for good, also after the record went: it never speaks for today's DNS."""
    verified, returns = found.get("DKIMVerified"), found.get("ReturnPathDomainVerified")
    if text_in(found, "Name").lower() != domain or not isinstance(verified, bool) or not isinstance(returns, bool):
        return NotHeard(Cause.MALFORMED)
    state = ProviderState.VERIFIED if verified else ProviderState.PENDING
    return_path = parse_domain_name(text_in(found, "ReturnPathDomain"))
    return ProviderWord(
        state=DomainState(identity=state, dkim=state, return_path=_return_path_state(return_path, verified=returns)),
        dkim=tuple(_keys(found, domain)),
        return_path=return_path,
        return_path_alias=parse_domain_name(text_in(found, "ReturnPathDomainCNAMEValue")) if return_path else None,
    )


def _keys(found: JsonObject, domain: DomainName) -> Iterator[DkimExpectation]:
    """The key that signs or, before the first, the one that is waited for; and those that must stand beside it.

    Of a revoked one mail is under way until Postmark says `SafeToRemoveRevokedKeyFromDNS`.
    """
    current, pending, revoked = (
        dkim_text(text_in(found, f"DKIM{which}Host"), text_in(found, f"DKIM{which}TextValue"), domain)
        for which in ("", "Pending", "Revoked")
    )
    if current is None:
        yield from [pending] if pending else []
        return
    yield current
    if pending is not None:
        yield replace(pending, spare=True)
    if revoked is not None and found.get("SafeToRemoveRevokedKeyFromDNS") is False:
        yield replace(revoked, spare=True)


def _return_path_state(name: DomainName | None, *, verified: bool) -> ProviderState:
    if name is None:
        return ProviderState.ABSENT
    return ProviderState.VERIFIED if verified else ProviderState.PENDING
