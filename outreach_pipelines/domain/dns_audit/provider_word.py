"""A provider's answer about a domain, put in the place of what the inventory guesses.

Here: the records it asks for, and their way into an audit's expectations. Not here: judgement (provider_check.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, Expectations, SendingAccount
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard
from outreach_pipelines.domain.provider_account import AccountName


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWord:
    """What a provider says of a domain and asks it to publish; what is empty or None it did not tell."""

    state: DomainState
    dkim: tuple[DkimExpectation, ...] = ()
    return_path: DomainName | None = None
    return_path_alias: DomainName | None = None
    spf_includes: tuple[DomainName, ...] = ()


Word: TypeAlias = ProviderWord | NotHeard


def with_words(expectations: Expectations, words: Mapping[AccountName, Word]) -> Expectations:
    """Expect of each account what its provider asks for; an account without a word stays as the inventory has it."""
    accounts = (_told(each, words[each.name]) if each.name in words else each for each in expectations.accounts)
    return replace(expectations, accounts=tuple(accounts))


def _told(account: SendingAccount, word: Word) -> SendingAccount:
    match word:
        case NotHeard():
            return replace(account, said=word)
        case ProviderWord():
            return replace(
                account,
                dkim=word.dkim or account.dkim,
                return_path=word.return_path or account.return_path,
                return_path_alias=word.return_path_alias or account.return_path_alias,
                spf_includes=word.spf_includes or account.spf_includes,
                said=word.state,
            )
