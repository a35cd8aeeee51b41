"""The DNSSEC state of a domain's zone: unsigned, signed, or signed so that validating receivers see nothing (RFC 4035).

Here: whether the parent's digests point at a key of the zone. Not here: signatures; a resolver that validates turns a bad
one into SERVFAIL, which is unknown.
"""

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Answer,
    KeyDigest,
    NameServer,
    Records,
    RecordType,
    Unknown,
    ZoneKey,
    data_of,
)
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fact,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, ask, together
from outreach_pipelines.domain.dns_audit.names import suffixes
from outreach_pipelines.domain.provider_account import AccountName


def check_dnssec(domain: DomainName, stops: frozenset[AccountName]) -> Lookup[CheckReport]:
    """Compare the digests at the parent with the keys of the zone that holds the domain."""
    for zone in suffixes(domain):
        servers = yield from ask(zone, RecordType.NS)
        if isinstance(servers, Unknown):
            return _unanswered(zone, servers)
        if data_of(servers, NameServer) and ("." in zone or zone == domain):
            digests, keys = yield from together([ask(zone, RecordType.DS), ask(zone, RecordType.DNSKEY)])
            return _judge(zone, digests, keys, stops)
    return CheckReport()


def _judge(zone: DomainName, digests: Answer, keys: Answer, stops: frozenset[AccountName]) -> CheckReport:
    for answer in (digests, keys):
        if isinstance(answer, Unknown):
            return _unanswered(zone, answer)
    vouched = {(digest.key_tag, digest.algorithm) for digest in data_of(digests, KeyDigest)}
    held = {(key.key_tag, key.algorithm) for key in data_of(keys, ZoneKey)}
    if not vouched:
        state = "keys without a DS record at the parent: nobody validates" if held else "unsigned"
        return CheckReport(facts=(Fact(Check.DNSSEC, zone, state),))
    if vouched & held:
        validated = isinstance(keys, Records) and keys.ad
        state = "signed, and the resolver validated it" if validated else "signed"
        return CheckReport(facts=(Fact(Check.DNSSEC, zone, state),))
    return CheckReport((_broken(zone, vouched, held, stops),))


def _broken(
    zone: DomainName, vouched: set[tuple[int, int]], held: set[tuple[int, int]], stops: frozenset[AccountName]
) -> Finding:
    tags = ", ".join(str(tag) for tag, _ in sorted(vouched))
    has = f"only keys {', '.join(str(tag) for tag, _ in sorted(held))}" if held else "no key at all"
    return Finding(
        check=Check.DNSSEC,
        fault=Fault.WRONG,
        severity=Severity.CRITICAL,
        name=zone,
        evidence=f"the parent vouches for keys {tags} and the zone has {has}: for validating receivers it does not exist",
        # The digest's own bytes are not kept: a DS is withdrawn at the registrar by its tag.
        fix=Fix((), tuple(ResourceRecord(zone, RecordType.DS, f"{tag} {kind}") for tag, kind in sorted(vouched))),
        stops=stops,
    )


def _unanswered(name: DomainName, answer: Unknown) -> CheckReport:
    return CheckReport(unanswered=(Unanswered(check=Check.DNSSEC, name=name, cause=answer.cause),))
