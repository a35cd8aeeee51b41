"""Which sending domains may not send, and of which nobody knows: for people who look, after audits have settled it.

Belongs here: the sentences. The gate is elsewhere: plans and intents leave out every way to send that is not ready.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Protocol

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.news import News
from outreach_pipelines.domain.dns_audit.settling import DEFAULT_SETTLING
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.send_plan.senders import ReadinessState
from outreach_pipelines.domain.tenant import TenantId

AUDITED_WITHIN = timedelta(hours=24)
"""Audits come four times a day: a domain without one for so long is watched by nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayState:
    """A domain with an account: what is believed (None: nothing definite), when DNS last said something certain of it, what the
    newest audit saw, and when the domain was audited last.
    """

    domain: DomainName
    account: AccountName
    definite: ReadinessState | None
    definite_at: datetime | None
    newest: ReadinessState
    reason: str
    audited_at: datetime | None


@dataclass(frozen=True, slots=True)
class DatedNews:
    """A piece of news and the moment of policy time at which its audit saw it."""

    seen_at: datetime
    news: News


class DomainStates(Protocol):
    """What audits have settled, of one tenant at a time."""

    def ways(self, tenant: TenantId) -> Sequence[WayState]:
        """Each way to send of the domains in use, by domain, in the order of preference."""
        ...

    def news(self, tenant: TenantId, *, since: datetime) -> Sequence[DatedNews]:
        """What audits brought since then, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Stopped:
    """A domain with accounts that definite faults stop; `wholly`: no account is left that is ready."""

    domain: DomainName
    wholly: bool
    sentence: str


def stopped(ways: Sequence[WayState]) -> Sequence[Stopped]:
    """Domains that faults stop, as audits believe it. What is unknown, or was seen once, stops nothing here."""
    return list(_stopped(ways))


def _stopped(ways: Sequence[WayState]) -> Iterator[Stopped]:
    for domain, group in groupby(ways, key=lambda way: way.domain):
        every = list(group)
        faulty = [way for way in every if way.definite is ReadinessState.NOT_READY]
        if faulty:
            wholly = not any(way.definite is ReadinessState.READY for way in every)
            sentence = "; ".join(f"{domain} through {way.account}: {way.reason}" for way in faulty)
            yield Stopped(domain, wholly, sentence)


def out_of_sight(ways: Sequence[WayState], *, now: datetime) -> Sequence[str]:
    """Ways of which nothing certain is known, was never asked, or has not been confirmed for as long as a state is believed."""
    return [sentence for way in ways if (sentence := _doubt(way, now)) is not None]


def _doubt(way: WayState, now: datetime) -> str | None:
    place = f"{way.domain} through {way.account}"
    if way.audited_at is None:
        return f"{place}: never audited"
    if now - way.audited_at > AUDITED_WITHIN:
        return f"{place}: last audited {way.audited_at:%Y-%m-%d %H:%M} UTC"
    if way.definite is not None and way.definite_at is not None and now - way.definite_at > DEFAULT_SETTLING.keep_for:
        return f"{place}: last known for certain {way.definite_at:%Y-%m-%d %H:%M} UTC"
    # A fault seen once waits for the next audit, and is no doubt about what DNS holds.
    if way.definite is None and way.newest is ReadinessState.UNKNOWN:
        return f"{place}: {way.reason}"
    return None
