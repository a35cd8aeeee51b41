"""What a provider last said of a domain, as JSON and back, whole.

Belongs here: the form. Does not: for how long it counts (`domain.dns_audit.provider_word`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, KeyAlgorithm, TrackingHost
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import HeardWord, ProviderWord
from outreach_pipelines.domain.inventory import Selector

Json = Mapping[str, Any]  # a JSON object: each value is read by the function that knows its type


def word_json(kept: HeardWord) -> Json:
    """`word_of` gives the word again."""
    word, host = kept.word, kept.word.link_host
    return {
        "at": kept.at.isoformat(),
        "state": _state_json(word.state),
        "dkim": [_key_json(key) for key in word.dkim],
        "return_path": word.return_path,
        "return_path_alias": word.return_path_alias,
        "spf_includes": list(word.spf_includes),
        "link_host": None if host is None else [host.name, host.alias],
    }


def word_of(stored: Json) -> HeardWord:
    """A stored word."""
    word = ProviderWord(
        state=_state_of(stored["state"]),
        dkim=tuple(map(_key_of, stored["dkim"])),
        return_path=_name(stored["return_path"]),
        return_path_alias=_name(stored["return_path_alias"]),
        spf_includes=tuple(map(DomainName, stored["spf_includes"])),
        link_host=_host_of(stored["link_host"]),
    )
    return HeardWord(word, datetime.fromisoformat(stored["at"]))


def _state_json(state: DomainState) -> Json:
    return {
        "identity": state.identity.name,
        "dkim": state.dkim.name,
        "return_path": state.return_path.name,
        "spf": state.spf.name,
        "reason": state.reason,
    }


def _state_of(stored: Json) -> DomainState:
    return DomainState(
        identity=ProviderState[stored["identity"]],
        dkim=ProviderState[stored["dkim"]],
        return_path=ProviderState[stored["return_path"]],
        spf=ProviderState[stored["spf"]],
        reason=stored["reason"],
    )


def _key_json(key: DkimExpectation) -> Json:
    return {
        "selector": key.selector,
        "alias": key.alias,
        "public_key": key.public_key,
        "algorithm": key.algorithm.value,
        "spare": key.spare,
    }


def _key_of(stored: Json) -> DkimExpectation:
    return DkimExpectation(
        Selector(stored["selector"]),
        _name(stored["alias"]),
        stored["public_key"],
        KeyAlgorithm(stored["algorithm"]),
        spare=stored["spare"],
    )


def _host_of(stored: Sequence[str | None] | None) -> TrackingHost | None:
    if stored is None:
        return None
    name, alias = stored
    return TrackingHost(DomainName(str(name)), _name(alias))


def _name(text: str | None) -> DomainName | None:
    return None if text is None else DomainName(text)
