"""What Amazon SES says of a domain identity, and the records that it asks for.

Belongs here: one call for a domain, and for its parents where it is no identity itself. Does not: the account (`ses_account`).

Sources: Amazon SES API v2 Reference, GetEmailIdentity, DkimAttributes, MailFromAttributes; SES Developer Guide, "Creating
and verifying identities": an identity covers the domains below it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypedDict, TypeVar

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from outreach_pipelines.adapters.ses_client import CONNECT_SECONDS, SECONDS_BETWEEN_QUESTIONS, SesClients, asking
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation
from outreach_pipelines.domain.dns_audit.names import parse_domain_name, suffixes
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import ProviderWord, Word
from outreach_pipelines.domain.inventory import Selector

T = TypeVar("T")

_ABSENT: Final = ProviderWord(state=DomainState(identity=ProviderState.ABSENT))
_BY_ADDRESS: Final = ProviderWord(state=DomainState(identity=ProviderState.UNSAID))
_PAGE: Final = 1000  # the most that SES gives
_MOST_PAGES: Final = 20
_KEY_HOST: Final = "dkim.amazonses.com"
_STATES: Final = {
    "SUCCESS": ProviderState.VERIFIED,
    "PENDING": ProviderState.PENDING,
    "FAILED": ProviderState.FAILED,
    "NOT_STARTED": ProviderState.FAILED,
    "TEMPORARY_FAILURE": ProviderState.UNSURE,
}
# What some services of AWS say with 400.
_NO_ACCESS: Final = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException"})


class _More(TypedDict, total=False):
    """Where the last page ended."""

    NextToken: str


class SesDomains:
    """`DomainDesk` of one account and region; a call a second at most, in a thread of its own."""

    def __init__(
        self,
        clients: SesClients,
        *,
        timeout: float = 10.0,
        seconds_between: float = SECONDS_BETWEEN_QUESTIONS,
    ) -> None:
        self._client = clients(asking(timeout))
        self._thread = ThreadPoolExecutor(1, "ses-domains")
        self._most_seconds = timeout + CONNECT_SECONDS
        self._seconds_between = seconds_between
        self._next_at = 0.0
        self._of_addresses: frozenset[str] | NotHeard | None = None

    async def ask(self, domain: DomainName) -> Word:
        """See `DomainDesk.ask`."""
        word = await self._in_turn(partial(self._identity, domain))
        for parent in suffixes(domain)[1:-1]:
            if word is not _ABSENT:
                return word
            word = _inherited(await self._in_turn(partial(self._identity, parent)))
        return await self._unlisted(domain) if word is _ABSENT else word

    async def close(self) -> None:
        """See `DomainDesk.close`."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    async def _unlisted(self, domain: DomainName) -> Word:
        """SES also sends for single addresses that were confirmed by mail; of those it tells no records."""
        if self._of_addresses is None:
            self._of_addresses = await self._read_addresses()
        if isinstance(self._of_addresses, NotHeard):
            return self._of_addresses
        return _BY_ADDRESS if domain in self._of_addresses else _ABSENT

    async def _in_turn(self, call: Callable[[], T]) -> T | NotHeard:
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + self._seconds_between
        future = self._thread.submit(_heard, call)
        done, _ = await asyncio.wait({asyncio.wrap_future(future)}, timeout=self._most_seconds)
        return future.result() if done else NotHeard(Cause.TIMEOUT)

    def _identity(self, domain: DomainName) -> Word:
        try:
            return _word(self._client.get_email_identity(EmailIdentity=domain))
        except ClientError as refused:
            if refused.response.get("Error", {}).get("Code") == "NotFoundException":
                return _ABSENT
            raise

    async def _read_addresses(self) -> frozenset[str] | NotHeard:
        """All of them, or nothing is known: absence is told from the whole list alone."""
        found: set[str] = set()
        token: str | None = ""
        for _ in range(_MOST_PAGES):
            page = await self._in_turn(partial(self._page, token))
            if isinstance(page, NotHeard):
                return page
            names, token = page
            found.update(name.rpartition("@")[2].lower() for name in names if "@" in name)
            if not token:
                return frozenset(found)
        return NotHeard(Cause.TOO_MUCH)

    def _page(self, token: str | None) -> tuple[list[str], str | None]:
        more: _More = {"NextToken": token} if token else {}
        page = self._client.list_email_identities(PageSize=_PAGE, **more)
        return [str(each.get("IdentityName", "")) for each in page["EmailIdentities"]], page.get("NextToken")


def _heard(call: Callable[[], T]) -> T | NotHeard:
    try:
        return call()
    except ClientError as refused:
        return NotHeard(_refusal_cause(refused))
    except Exception as broken:  # noqa: BLE001 - nothing was changed by asking: whatever broke, there is no answer
        return NotHeard(_cause_of(broken))


def _inherited(word: Word) -> Word:
    """Of a parent's identity only whether it may send: its records stand in the parent's zone."""
    if isinstance(word, NotHeard) or word is _ABSENT:
        return word
    return ProviderWord(state=DomainState(identity=word.state.identity, reason=word.state.reason))


def _refusal_cause(refused: ClientError) -> Cause:
    name = refused.response.get("Error", {}).get("Code")
    status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return Cause.REFUSED if status in {401, 403} or name in _NO_ACCESS else Cause.SERVER_FAILURE


def _cause_of(broken: Exception) -> Cause:
    match broken:
        case ReadTimeoutError() | ConnectTimeoutError():
            return Cause.TIMEOUT
        case NoCredentialsError() | PartialCredentialsError():
            return Cause.REFUSED
        case ResponseParserError() | ValueError() | RecursionError() | KeyError() | TypeError():
            return Cause.MALFORMED
        case _:
            return Cause.UNREACHABLE


def _word(answer: Mapping[str, object]) -> Word:
    verified, told = answer.get("VerifiedForSendingStatus"), answer.get("VerificationStatus")
    dkim, envelope = _part(answer, "DkimAttributes"), _part(answer, "MailFromAttributes")
    if not isinstance(verified, bool):
        return NotHeard(Cause.MALFORMED)
    return_path = parse_domain_name(str(envelope.get("MailFromDomain") or ""))
    unsaid = ProviderState.UNSAID
    reason = str(_part(answer, "VerificationInfo").get("ErrorType") or "")
    return ProviderWord(
        state=DomainState(
            identity=ProviderState.VERIFIED if verified else _STATES.get(str(told), unsaid),
            dkim=_dkim_state(dkim),
            return_path=_STATES.get(str(envelope.get("MailFromDomainStatus")), unsaid)
            if return_path
            else ProviderState.ABSENT,
            reason="".join(filter(str.isprintable, reason))[:100],
        ),
        dkim=_keys(dkim),
        return_path=return_path,
    )


def _part(answer: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = answer.get(name)
    return part if isinstance(part, dict) else {}


def _dkim_state(dkim: Mapping[str, object]) -> ProviderState:
    """Signing that is switched off leaves our mail without our signature, whatever DNS holds."""
    if dkim.get("SigningEnabled") is False:
        return ProviderState.SUSPENDED
    return _STATES.get(str(dkim.get("Status")), ProviderState.UNSAID)


def _keys(dkim: Mapping[str, object]) -> tuple[DkimExpectation, ...]:
    """Easy DKIM: tokens that lead to Amazon's keys. `EXTERNAL` (BYODKIM): the selector of a key of ours."""
    tokens = dkim.get("Tokens")
    names = [str(token).lower() for token in tokens] if isinstance(tokens, list) else []
    if dkim.get("SigningAttributesOrigin") == "EXTERNAL":
        return tuple(DkimExpectation(Selector(name)) for name in names)
    host = parse_domain_name(str(dkim.get("SigningHostedZone") or _KEY_HOST)) or DomainName(_KEY_HOST)
    return tuple(DkimExpectation(Selector(name), DomainName(f"{name}.{host}")) for name in names)
