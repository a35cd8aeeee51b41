"""What a provider says of a domain, held against what the DNS holds.

Here: the named disagreements of the two. What could not be asked is told and stops nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import SendingAccount
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fact,
    Fault,
    Finding,
    Severity,
    Unanswered,
    merged,
)
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, LastSaid, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Readiness, Ready, Undecided
from outreach_pipelines.domain.dns_audit.settling import Standing
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

_DKIM = frozenset({Check.DKIM_RECORD, Check.DKIM_KEY})
_RETURN_PATH = frozenset({Check.RETURN_PATH})
_SPF = frozenset({Check.SPF_RECORD, Check.SPF_SYNTAX, Check.SPF_LIMITS, Check.SPF_REFERENCES, Check.SPF_AUTHORISES})
_REFUSALS = frozenset({ProviderState.FAILED, ProviderState.SUSPENDED, ProviderState.ABSENT})
# Amazon SES Developer Guide, "Verifying a domain identity"; Mailgun API Reference, "Verify domain"; Postmark, "Domains API".
_LOOK_AGAIN = {
    ProviderKind.SES: "start the verification anew in SES (PutEmailIdentityDkimSigningAttributes; PutEmailIdentityMailFromAttributes for MAIL FROM)",
    ProviderKind.MAILGUN: "ask Mailgun to look again (PUT /v4/domains/NAME/verify)",
    ProviderKind.POSTMARK: "ask Postmark to look again (PUT /domains/ID/verifyDkim, /verifyReturnPath)",
    ProviderKind.SMTP: "ask the operator of the server",
}


class _Subject(StrEnum):
    """What one of a provider's states is about."""

    DOMAIN = "the domain"
    DKIM = "DKIM"
    SPF = "SPF"
    RETURN_PATH = "the return path"


class _Dns(Enum):
    """How the records stand that a provider's word is about."""

    READY = auto()
    FAULTY = auto()
    OPEN = auto()


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the provider's states. `severity` is that of its refusal; while `essential` is pending, no mail is ours."""

    subject: _Subject
    name: DomainName
    state: ProviderState
    dns: _Dns
    severity: Severity = Severity.CRITICAL
    essential: bool = True


def check_provider(domain: DomainName, account: SendingAccount, seen: CheckReport) -> CheckReport:
    """Hold an account's provider against `seen`, all that the other checks say of the domain."""
    match account.said:
        case None:
            return CheckReport()
        case NotHeard() as silence:
            return _silent(domain, account, silence)
        case LastSaid() as last:
            return _silent_today(domain, account, last, seen)
        case DomainState() as said:
            return merged(_judged(part, account, said) for part in _parts(domain, account, said, seen))
        case _:
            assert_never(account.said)


def _silent(domain: DomainName, account: SendingAccount, silence: NotHeard) -> CheckReport:
    gap = Unanswered(check=Check.PROVIDER_STATE, name=domain, cause=silence.cause)
    told = f"{account.name}: {account.kind} was not heard ({silence.cause}); judged by the inventory"
    fact = Fact(Check.PROVIDER_STATE, domain, told)
    return CheckReport((_lost(domain, account, silence.since),) if silence.since else (), (gap,), (fact,))


def _lost(domain: DomainName, account: SendingAccount, since: datetime) -> Finding:
    why = (
        f"{account.name}: {account.kind} was last heard {_moment(since)}: what it asks for may have changed since, and the"
        " inventory judges in its place; see why it does not answer (network, key, permission)"
    )
    return Finding(check=Check.PROVIDER_STATE, fault=Fault.WEAK, severity=Severity.MEDIUM, name=domain, evidence=why)


def _silent_today(domain: DomainName, account: SendingAccount, last: LastSaid, seen: CheckReport) -> CheckReport:
    """Go by the records last asked for. What was refused or unfinished then may be so no more, or still: that is open."""
    is_open = any(map(_holds_up, _parts(domain, account, last.state, seen)))
    stops = frozenset({account.name}) if is_open else frozenset[AccountName]()
    gap = Unanswered(check=Check.PROVIDER_STATE, name=domain, cause=last.cause, stops=stops)
    told = f"{account.name}: {account.kind} was not heard ({last.cause}); judged by what it said {_moment(last.at)}"
    return CheckReport(unanswered=(gap,), facts=(Fact(Check.PROVIDER_STATE, domain, told),))


def _holds_up(part: _Part) -> bool:
    match part.state:
        case ProviderState.VERIFIED | ProviderState.UNSAID | ProviderState.UNSURE:
            return False
        case ProviderState.PENDING:
            return part.essential
        case ProviderState.ABSENT if part.subject is _Subject.RETURN_PATH:
            return False
        case ProviderState.FAILED | ProviderState.SUSPENDED | ProviderState.ABSENT:
            return True
        case _:
            assert_never(part.state)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def check_link_host(account: SendingAccount, ours: DomainName | None) -> CheckReport:
    """Tell which host the provider keeps for tracked links. We track by our own: its record may stay unpublished."""
    host = account.link_host
    if host is None:
        return CheckReport()
    where = f"leads to {host.alias}" if host.alias else "is its own"
    if host.name == ours:
        why = (
            f"{account.name}: {account.kind} keeps this host for links that it tracks itself ({where}): ours would lead to"
            " its server; name another tracking host"
        )
        finding = Finding(
            check=Check.TRACKING_HOST, fault=Fault.WEAK, severity=Severity.HIGH, name=host.name, evidence=why
        )
        return CheckReport((finding,))
    told = f"{account.name}: {account.kind} would track links at {host.name}, which {where}; not needed: links are ours"
    return CheckReport(facts=(Fact(Check.TRACKING_HOST, host.name, told),))


def still_refused(before: Standing | None, seen: Readiness, account: SendingAccount) -> Readiness:
    """Leave a provider's refusal standing until the provider itself takes it back: its silence mends nothing."""
    match account.said:
        case NotHeard(cause):
            causes = (cause,)
        case DomainState() as said if ProviderState.UNSURE in said.all:
            causes = (Cause.SERVER_FAILURE,)
        case _:
            return seen
    return Undecided(causes) if isinstance(seen, Ready) and _was_refused(before) else seen


def _was_refused(before: Standing | None) -> bool:
    if before is None:
        return False
    keys = before.state.keys if isinstance(before.state, NotReady) else frozenset()
    keys |= before.suspicion.seen.keys if before.suspicion else frozenset()
    return any(key.check is Check.PROVIDER_STATE for key in keys)


def _parts(domain: DomainName, account: SendingAccount, said: DomainState, seen: CheckReport) -> Iterator[_Part]:
    everything = _dns(account, seen, _DKIM | _RETURN_PATH | _SPF)
    yield _Part(_Subject.DOMAIN, domain, said.identity, everything)
    if said.identity in _REFUSALS:
        return
    yield _Part(_Subject.DKIM, domain, said.dkim, _dns(account, seen, _DKIM))
    yield _Part(_Subject.SPF, domain, said.spf, _dns(account, seen, _SPF), Severity.HIGH, essential=False)
    if account.return_path is not None:
        dns = _dns(account, seen, _RETURN_PATH)
        yield _Part(_Subject.RETURN_PATH, account.return_path, said.return_path, dns, Severity.HIGH, essential=False)


def _dns(account: SendingAccount, seen: CheckReport, checks: frozenset[Check]) -> _Dns:
    if any(finding.check in checks and account.name in finding.stops for finding in seen.findings):
        return _Dns.FAULTY
    is_open = any(gap.check in checks and account.name in gap.stops for gap in seen.unanswered)
    return _Dns.OPEN if is_open else _Dns.READY


def _judged(part: _Part, account: SendingAccount, said: DomainState) -> CheckReport:
    match part.state:
        case ProviderState.UNSAID:
            return CheckReport()
        case ProviderState.UNSURE:
            gap = Unanswered(check=Check.PROVIDER_STATE, name=part.name, cause=Cause.SERVER_FAILURE)
            return CheckReport(unanswered=(gap,))
        case ProviderState.VERIFIED:
            is_drift = part.dns is _Dns.FAULTY and part.subject is not _Subject.DOMAIN
            return CheckReport((_drift(part, account),) if is_drift else ())
        case ProviderState.PENDING:
            return _pending(part, account)
        case ProviderState.ABSENT if part.subject is _Subject.RETURN_PATH:
            return CheckReport((_unused(part, account),))
        case ProviderState.FAILED | ProviderState.SUSPENDED | ProviderState.ABSENT:
            return CheckReport((_refusal(part, account, said),))
        case _:
            assert_never(part.state)


def _drift(part: _Part, account: SendingAccount) -> Finding:
    """API ready, DNS not. The record's own finding stops the account, where one is to be stopped."""
    why = (
        f"{account.name}: {account.kind} still takes {part.subject} for verified, and DNS does not hold its records:"
        f" publish them before {account.kind} looks again"
    )
    return Finding(check=Check.PROVIDER_DRIFT, fault=Fault.WRONG, severity=Severity.HIGH, name=part.name, evidence=why)


def _pending(part: _Part, account: SendingAccount) -> CheckReport:
    """No fault. Ready it is not yet either, where mail would leave without our signature or not at all."""
    stops = frozenset({account.name})
    gap = Unanswered(check=Check.PROVIDER_STATE, name=part.name, cause=Cause.PENDING_AT_PROVIDER, stops=stops)
    where = "the records are published and" if part.dns is _Dns.READY else "and"
    told = f"{account.name}: {part.subject} is pending: {where} {account.kind} has not looked yet; to hasten it, {_LOOK_AGAIN[account.kind]}"
    return CheckReport(
        unanswered=(gap,) if part.essential else (), facts=(Fact(Check.PROVIDER_STATE, part.name, told),)
    )


def _refusal(part: _Part, account: SendingAccount, said: DomainState) -> Finding:
    reason = f" ({said.reason})" if said.reason else ""
    return Finding(
        check=Check.PROVIDER_STATE,
        fault=Fault.MISSING if part.state is ProviderState.ABSENT else Fault.WRONG,
        severity=part.severity,
        name=part.name,
        evidence=f"{account.name}: {account.kind} says that {part.subject} is {part.state}{reason}; {_remedy(part, account)}",
        stops=frozenset({account.name}),
    )


def _remedy(part: _Part, account: SendingAccount) -> str:
    if part.state is ProviderState.SUSPENDED and part.subject is _Subject.DKIM:
        return f"switch signing on at {account.kind}"
    if part.state is ProviderState.SUSPENDED:
        return f"only {account.kind} can lift it: write to its support"
    if part.state is ProviderState.ABSENT:
        return f"add it at {account.kind}, and publish what it asks for"
    match part.dns:
        case _Dns.READY:
            return f"DNS is ready, the provider is not: {_LOOK_AGAIN[account.kind]}"
        case _Dns.FAULTY:
            return f"mend the records first, then {_LOOK_AGAIN[account.kind]}"
        case _Dns.OPEN:
            return f"of its records not all could be read; when they stand, {_LOOK_AGAIN[account.kind]}"
        case _:
            assert_never(part.dns)


def _unused(part: _Part, account: SendingAccount) -> Finding:
    why = (
        f"{account.name}: {account.kind} sends with an envelope domain of its own, not with {part.name}:"
        " set it there, or SPF never aligns"
    )
    return Finding(check=Check.PROVIDER_STATE, fault=Fault.WEAK, severity=Severity.MEDIUM, name=part.name, evidence=why)
