"""The DKIM checks: every selector that an account signs with is published and strong enough.

Here: judgement. RFC 6376; key lengths by RFC 8301 (1024 bits at least, 2048 wanted).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.alias_check import AliasNeeds, check_alias
from outreach_pipelines.domain.dns_audit.answers import Alias, Cause, RecordType, Text, Unknown, data_of
from outreach_pipelines.domain.dns_audit.dkim_key import (
    DkimKey,
    DkimKeyError,
    RevokedKey,
    parse_dkim_record,
)
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, KeyAlgorithm, SendingAccount
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
    merged,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow, together
from outreach_pipelines.domain.dns_audit.names import under
from outreach_pipelines.domain.dns_audit.providers import alias_record
from outreach_pipelines.domain.provider_account import AccountName

LEAST_BITS = 1024
WANTED_BITS = 2048


@dataclass(frozen=True, slots=True)
class _SelectorNeeds:
    name: DomainName
    expected: DkimExpectation
    stops: frozenset[AccountName]
    published: tuple[bytes, ...] = ()
    led_away: tuple[DomainName, ...] = ()

    @property
    def severity(self) -> Severity:
        """Without a key that signs, mail fails; a spare one is needed another day."""
        return Severity.MEDIUM if self.expected.spare else Severity.CRITICAL


def check_dkim(domain: DomainName, account: SendingAccount) -> Lookup[CheckReport]:
    """Check each selector of an account; an account without any known selector stays unknown."""
    if not account.dkim:
        stops = frozenset({account.name})
        gap = Unanswered(check=Check.DKIM_RECORD, name=domain, cause=Cause.NOT_IN_INVENTORY, stops=stops)
        return CheckReport(unanswered=(gap,))
    reports = yield from together([_check_selector(_needs(domain, account, each)) for each in account.dkim])
    return merged(reports)


def _needs(domain: DomainName, account: SendingAccount, expected: DkimExpectation) -> _SelectorNeeds:
    stops = frozenset[AccountName]() if expected.spare else frozenset({account.name})
    return _SelectorNeeds(under(f"{expected.selector}._domainkey", domain), expected, stops)


def _check_selector(needs: _SelectorNeeds) -> Lookup[CheckReport]:
    if needs.expected.alias is not None:
        alias = yield from check_alias(
            AliasNeeds(
                check=Check.DKIM_RECORD,
                severity=needs.severity,
                name=needs.name,
                target=needs.expected.alias,
                stops=needs.stops,
            )
        )
        if alias != CheckReport():
            return alias
    answer = yield from follow(needs.name, RecordType.TXT)
    if isinstance(answer, Unknown):
        gap = Unanswered(check=Check.DKIM_RECORD, name=needs.name, cause=answer.cause, stops=needs.stops)
        return CheckReport(unanswered=(gap,))
    published = tuple(text.value for text in data_of(answer, Text))
    led_away = tuple(alias.target for alias in data_of(answer, Alias)[:1])
    return CheckReport(tuple(_judge(replace(needs, published=published, led_away=led_away))))


def _judge(needs: _SelectorNeeds) -> Iterator[Finding]:
    match needs.published:
        case ():
            yield _absent(needs)
        case (text,):
            yield from _judge_record(needs, text)
        case several:
            why = f"{len(several)} TXT records: verifiers may take any"
            yield _fault(needs, Check.DKIM_RECORD, Fault.EXTRA, why)


def _judge_record(needs: _SelectorNeeds, text: bytes) -> Iterator[Finding]:
    try:
        record = parse_dkim_record(text)
    except DkimKeyError as error:
        yield _fault(needs, Check.DKIM_KEY, Fault.WRONG, str(error))
        return
    match record:
        case RevokedKey():
            yield _fault(needs, Check.DKIM_KEY, Fault.WRONG, "p= is empty: the key is revoked")
        case DkimKey():
            yield from _judge_key(needs, record)


def _judge_key(needs: _SelectorNeeds, key: DkimKey) -> Iterator[Finding]:
    expected = needs.expected.public_key
    if expected is not None and "".join(expected.split()) != key.public_key:
        yield _fault(needs, Check.DKIM_KEY, Fault.WRONG, "p= is another key than the one that signs")
    if key.algorithm is KeyAlgorithm.RSA and key.bits < LEAST_BITS:
        yield _fault(needs, Check.DKIM_KEY, Fault.WRONG, f"RSA key of {key.bits} bits: below {LEAST_BITS} it fails")
    elif key.algorithm is KeyAlgorithm.RSA and key.bits < WANTED_BITS:
        yield _weakness(needs, Severity.LOW, f"RSA key of {key.bits} bits, {WANTED_BITS} are wanted")
    if key.testing:
        yield _weakness(needs, Severity.MEDIUM, "t=y: verifiers may ignore the signature")


def _absent(needs: _SelectorNeeds) -> Finding:
    if needs.expected.alias is not None:
        why = f"{needs.expected.alias}, where the CNAME leads, holds no key yet"
        return _fault(needs, Check.DKIM_KEY, Fault.WRONG, why)
    return Finding(
        check=Check.DKIM_RECORD,
        fault=Fault.MISSING,
        severity=needs.severity,
        name=needs.name,
        evidence="no TXT record at the selector",
        fix=_key_fix(needs),
        stops=needs.stops,
    )


def _key_fix(needs: _SelectorNeeds) -> Fix | None:
    if needs.expected.public_key is None or needs.expected.alias is not None:
        return None
    value = f"v=DKIM1; k={needs.expected.algorithm}; p={''.join(needs.expected.public_key.split())}"
    return Fix((ResourceRecord(needs.name, RecordType.TXT, value),), _withdrawn(needs))


def _withdrawn(needs: _SelectorNeeds) -> tuple[ResourceRecord, ...]:
    if needs.led_away:
        return tuple(alias_record(needs.name, target) for target in needs.led_away)
    texts = (text.decode("ascii", "backslashreplace") for text in needs.published)
    return tuple(ResourceRecord(needs.name, RecordType.TXT, text) for text in texts)


def _fault(needs: _SelectorNeeds, check: Check, fault: Fault, evidence: str) -> Finding:
    return Finding(
        check=check,
        fault=fault,
        severity=needs.severity,
        name=needs.name,
        evidence=evidence,
        fix=_key_fix(needs),
        stops=needs.stops,
    )


def _weakness(needs: _SelectorNeeds, severity: Severity, evidence: str) -> Finding:
    return Finding(check=Check.DKIM_KEY, fault=Fault.WEAK, severity=severity, name=needs.name, evidence=evidence)
