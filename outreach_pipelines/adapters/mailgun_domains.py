"""What Mailgun says of a sending domain, and the records that it asks for.

Source: Mailgun API Reference, "Get domain" (GET /v4/domains/{name}) and "Domain verification".
"""

from collections.abc import Iterator, Sequence
from typing import Final

from outreach_pipelines.adapters.domain_answers import asked, objects_in, text_in
from outreach_pipelines.adapters.domain_records import dkim_alias, dkim_text, spf_includes
from outreach_pipelines.adapters.http_api import HttpApi, JsonObject, printable
from outreach_pipelines.adapters.mailgun import domain_of
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, TrackingHost
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import ProviderWord, Word

_ABSENT: Final = ProviderWord(state=DomainState(identity=ProviderState.ABSENT))


class MailgunDomains:
    """`DomainDesk` of one account."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api

    async def ask(self, domain: DomainName) -> Word:
        """See `DomainDesk.ask`."""
        found = await asked(self._api, f"/v4/domains/{domain_of(f'@{domain}')}", {})
        if isinstance(found, NotHeard):
            return found
        return _ABSENT if found is None else _word(found, domain)

    async def close(self) -> None:
        """See `DomainDesk.close`."""
        await self._api.close()


def _word(found: JsonObject, domain: DomainName) -> Word:
    about, records = found.get("domain"), objects_in(found.get("sending_dns_records"))
    if not isinstance(about, dict) or records is None or text_in(about, "name").lower() != domain:
        return NotHeard(Cause.MALFORMED)
    identity = _identity(about, records)
    if identity is None:
        return NotHeard(Cause.MALFORMED)
    dkim = [each for each in records if "._domainkey." in text_in(each, "name")]
    spf = [each for each in records if text_in(each, "value").lower().startswith("v=spf1")]
    is_active = identity is ProviderState.VERIFIED
    return ProviderWord(
        state=DomainState(
            identity=identity,
            dkim=_seen(dkim) if is_active else ProviderState.UNSAID,
            spf=_seen(spf) if is_active else ProviderState.UNSAID,
            reason="" if is_active else _complaint(records),
        ),
        dkim=tuple(_keys(dkim, domain)),
        spf_includes=tuple(name for each in spf for name in spf_includes(text_in(each, "value"))),
        link_host=_link_host(records),
    )


def _link_host(records: Sequence[JsonObject]) -> TrackingHost | None:
    """The CNAME of tracked links, the one that is none of a key; it differs by region."""
    aliases = (each for each in records if text_in(each, "record_type") == "CNAME")
    for each in aliases:
        name, target = parse_domain_name(text_in(each, "name")), parse_domain_name(text_in(each, "value"))
        if name is not None and target is not None and "._domainkey." not in name:
            return TrackingHost(name, target)
    return None


def _identity(about: JsonObject, records: Sequence[JsonObject]) -> ProviderState | None:
    """`unverified` is a refusal only where Mailgun has looked and found a record wrong."""
    match text_in(about, "state"):
        case _ if about.get("is_disabled") is True:
            return ProviderState.SUSPENDED
        case "disabled":
            return ProviderState.SUSPENDED
        case "active":
            return ProviderState.VERIFIED
        case "unverified":
            return ProviderState.FAILED if _wrong(records) else ProviderState.PENDING
        case _:
            return None


def _wrong(records: Sequence[JsonObject]) -> list[JsonObject]:
    """Those for sending that it found wrong; the CNAME of tracked links is none of them."""
    return [
        each
        for each in records
        if text_in(each, "valid") == "invalid"
        and (text_in(each, "record_type") == "TXT" or "._domainkey." in text_in(each, "name"))
    ]


def _seen(records: Sequence[JsonObject]) -> ProviderState:
    """An active domain sends whatever Mailgun's last look at a record brought: only its agreement tells anything."""
    verified = bool(records) and all(text_in(each, "valid") == "valid" for each in records)
    return ProviderState.VERIFIED if verified else ProviderState.UNSAID


def _complaint(records: Sequence[JsonObject]) -> str:
    names = ", ".join(f"{text_in(each, 'record_type')} {text_in(each, 'name')}" for each in _wrong(records))
    return printable(f"found wrong: {names}") if names else ""


def _keys(records: Sequence[JsonObject], domain: DomainName) -> Iterator[DkimExpectation]:
    """With automatic sender security the keys are Mailgun's own, led to by CNAMEs."""
    for each in records:
        read = dkim_alias if text_in(each, "record_type") == "CNAME" else dkim_text
        key = read(text_in(each, "name"), text_in(each, "value"), domain)
        if key is not None:
            yield key
