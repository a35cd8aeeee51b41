"""A provider's answer about a domain, put in the place of what the inventory guesses.

Here: the records it asks for, how long they are remembered, and their way into an audit's expectations. Not here: judgement
(provider_check.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias, assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, Expectations, SendingAccount, TrackingHost
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, LastSaid, NotHeard
from outreach_pipelines.domain.dns_audit.settling import DEFAULT_SETTLING, SettlePolicy
from outreach_pipelines.domain.provider_account import AccountName


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWord:
    """What a provider says of a domain and asks it to publish; what is empty or None it did not tell.

    `link_host`: where it would lead the links that it tracks.
    """

    state: DomainState
    dkim: tuple[DkimExpectation, ...] = ()
    return_path: DomainName | None = None
    return_path_alias: DomainName | None = None
    spf_includes: tuple[DomainName, ...] = ()
    link_host: TrackingHost | None = None


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A provider's word as it is kept for days of silence."""

    word: ProviderWord
    at: datetime


@dataclass(frozen=True, slots=True)
class RecalledWord:
    """A kept word in the place of an answer that was not had, for `cause`."""

    kept: HeardWord
    cause: Cause


Word: TypeAlias = ProviderWord | NotHeard
Words: TypeAlias = Mapping[AccountName, Word]
KeptWords: TypeAlias = Mapping[AccountName, HeardWord]


def recalled(
    words: Words, kept: KeptWords, *, now: datetime, policy: SettlePolicy = DEFAULT_SETTLING
) -> Mapping[AccountName, Word | RecalledWord]:
    """Put what was last said in the place of silence, for as long as a definite state outlives it."""
    return {account: _recalled(word, kept.get(account), now, policy) for account, word in words.items()}


def _recalled(word: Word, kept: HeardWord | None, now: datetime, policy: SettlePolicy) -> Word | RecalledWord:
    if isinstance(word, ProviderWord) or kept is None:
        return word
    is_fresh = now - kept.at <= policy.keep_for
    return RecalledWord(kept, word.cause) if is_fresh else NotHeard(word.cause, kept.at)


def kept_words(words: Words, kept: KeptWords, *, now: datetime) -> KeptWords:
    """Name what is kept after an audit: today's words, and former ones of providers that were asked and not heard."""
    heard = {account: HeardWord(word, now) for account, word in words.items() if isinstance(word, ProviderWord)}
    return {**{account: former for account, former in kept.items() if account in words}, **heard}


def with_words(expectations: Expectations, words: Mapping[AccountName, Word | RecalledWord]) -> Expectations:
    """Expect of each account what its provider asks for; an account without a word stays as the inventory has it."""
    accounts = (_told(each, words[each.name]) if each.name in words else each for each in expectations.accounts)
    return replace(expectations, accounts=tuple(accounts))


def _told(account: SendingAccount, word: Word | RecalledWord) -> SendingAccount:
    match word:
        case NotHeard():
            return replace(account, said=word)
        case RecalledWord(HeardWord(last, at), cause):
            return replace(_asked_for(account, last), said=LastSaid(state=last.state, at=at, cause=cause))
        case ProviderWord():
            return replace(_asked_for(account, word), said=word.state)
        case _:
            assert_never(word)


def _asked_for(account: SendingAccount, word: ProviderWord) -> SendingAccount:
    return replace(
        account,
        dkim=word.dkim or account.dkim,
        return_path=word.return_path or account.return_path,
        return_path_alias=word.return_path_alias or account.return_path_alias,
        spf_includes=word.spf_includes or account.spf_includes,
        link_host=word.link_host,
    )
