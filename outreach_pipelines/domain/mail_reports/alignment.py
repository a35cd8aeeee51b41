"""How our streams fare and who else sends as us, judged from counts of many reports.

Belongs here: the figures and where they become a fault. Does not: counting (the store), whose mail a row is (`streams`).
"""

from dataclasses import dataclass
from datetime import date

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.mail_reports.report import Reporter
from outreach_pipelines.domain.provider_account import AccountName

LEAST_MESSAGES = 5
"""Fewer unaligned messages than this may be a test of somebody's."""
MOST_UNALIGNED = 0.01
"""A stream that is set up rightly is aligned always; a hundredth is left for receivers' own errors."""
MOST_BROKEN = 0.05
"""Signatures break when mail is forwarded, which is nobody's fault, but not so often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnStream:
    """Messages of one domain and account as receivers saw them.

    `account` is None where reports do not tell through which one it went. Forwarded mail counts in none of them.
    """

    domain: DomainName
    account: AccountName | None
    messages: int
    dkim_aligned: int
    spf_aligned: int
    unaligned: int
    broken: int

    @property
    def fault(self) -> str | None:
        """Why the stream fails alignment, in one sentence; None while it does not."""
        way = f"{self.domain} through {self.account or 'an account that reports do not tell'}"
        if self.unaligned >= LEAST_MESSAGES and self.unaligned > MOST_UNALIGNED * self.messages:
            return (
                f"{way}: {self.unaligned} of {self.messages} messages passed neither DKIM nor SPF in the domain's name"
            )
        if self.broken >= LEAST_MESSAGES and self.broken > MOST_BROKEN * self.messages:
            return (
                f"{way}: {self.broken} of {self.messages} messages arrived with a DKIM signature that does not verify"
            )
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Somebody who sends in our name: an address, what its mail authenticated as, and what receivers did with it."""

    domain: DomainName
    source: str | None
    authenticated_as: tuple[DomainName, ...]
    messages: int
    refused: int
    reporters: tuple[Reporter, ...]
    last_day: date


@dataclass(frozen=True, slots=True)
class DomainBalance:
    """One domain's messages in a time: what receivers report as ours, and what was sent from here.

    Not every receiver reports, and people write from the same domains: the two need not be equal.
    """

    domain: DomainName
    reported_own: int
    sent: int


@dataclass(frozen=True, slots=True)
class TlsSessions:
    """Sessions of others to one domain's mail hosts under one kind of policy (RFC 8460 section 4.4); `results` of those that failed."""

    domain: DomainName
    policy_type: str
    sessions: int
    failed_sessions: int
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alignment:
    """All of a tenant in a time."""

    streams: tuple[OwnStream, ...] = ()
    strangers: tuple[Stranger, ...] = ()
    balances: tuple[DomainBalance, ...] = ()
    tls: tuple[TlsSessions, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """What should be mended, one sentence each."""
        return tuple(each.fault for each in self.streams if each.fault is not None)
