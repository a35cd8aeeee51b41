"""The checks of an account's return path: the envelope domain that brings bounces back to its provider.

Here: its MX or CNAME. Not here: its SPF record (spf_check.py) and whether it aligns (dmarc_check.py).
"""

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.alias_check import AliasNeeds, check_alias
from outreach_pipelines.domain.dns_audit.answers import (
    Alias,
    Answer,
    Cause,
    MailExchanger,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.expectations import MailHost, SendingAccount
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask
from outreach_pipelines.domain.dns_audit.providers import (
    alias_record,
    mx_record,
    return_path_alias,
    return_path_exchanger,
)
from outreach_pipelines.domain.provider_account import ProviderKind


def check_return_path(account: SendingAccount) -> Lookup[CheckReport]:
    """Check the records that the account's provider asks for at the return path."""
    if account.return_path is None:
        return CheckReport()
    stops = frozenset({account.name})
    alias = return_path_alias(account)
    if alias is not None:
        needs = AliasNeeds(
            check=Check.RETURN_PATH, severity=Severity.HIGH, name=account.return_path, target=alias, stops=stops
        )
        return (yield from check_alias(needs))
    exchanger = return_path_exchanger(account)
    if exchanger is not None:
        return (yield from _check_exchanger(account, account.return_path, exchanger))
    return _region_unknown(account, account.return_path)


def _region_unknown(account: SendingAccount, name: DomainName) -> CheckReport:
    if account.kind is not ProviderKind.SES:
        return CheckReport()
    stops = frozenset({account.name})
    return CheckReport(
        unanswered=(Unanswered(check=Check.RETURN_PATH, name=name, cause=Cause.NOT_IN_INVENTORY, stops=stops),)
    )


def _check_exchanger(account: SendingAccount, name: DomainName, wanted: MailHost) -> Lookup[CheckReport]:
    stops = frozenset({account.name})
    answer = yield from ask(name, RecordType.MX)
    if isinstance(answer, Unknown):
        gap = Unanswered(check=Check.RETURN_PATH, name=name, cause=answer.cause, stops=stops)
        return CheckReport(unanswered=(gap,))
    found = data_of(answer, MailExchanger)
    fault = _alias_fault(answer) or _fault(wanted, found)
    if fault is None:
        return CheckReport()
    finding = Finding(
        check=Check.RETURN_PATH,
        fault=fault[0],
        severity=Severity.HIGH,
        name=name,
        evidence=f"{name} {fault[1]}",
        fix=Fix((mx_record(name, wanted),), _withdrawn(name, wanted, answer)),
        stops=stops,
    )
    return CheckReport((finding,))


def _withdrawn(name: DomainName, wanted: MailHost, answer: Answer) -> tuple[ResourceRecord, ...]:
    aliases = data_of(answer, Alias)
    if aliases:
        return (alias_record(name, aliases[0].target),)
    others = (mx for mx in data_of(answer, MailExchanger) if mx.host != wanted.host)
    return tuple(mx_record(name, MailHost(preference=mx.preference, host=mx.host)) for mx in others)


def _alias_fault(answer: Answer) -> tuple[Fault, str] | None:
    return (Fault.WRONG, "is an alias (CNAME): the provider asks for an MX") if data_of(answer, Alias) else None


def _fault(wanted: MailHost, found: tuple[MailExchanger, ...]) -> tuple[Fault, str] | None:
    others = ", ".join(f"{mx.preference} {mx.host}" for mx in found if mx.host != wanted.host)
    is_there = any(mx.host == wanted.host for mx in found)
    match is_there, bool(others):
        case True, False:
            return None
        case True, True:
            return Fault.EXTRA, f"must have exactly one MX, but also has {others}"
        case False, True:
            return Fault.WRONG, f"has {others} and not {wanted.host}"
        case _:
            return Fault.MISSING, f"has no MX {wanted.host}"
