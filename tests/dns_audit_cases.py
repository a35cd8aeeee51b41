"""Zones and expectations for tests of the DNS audit, and a fake DNS that serves them."""

import base64
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Alias,
    Answer,
    Cause,
    MailExchanger,
    MailGreeting,
    NameServer,
    NoData,
    NxDomain,
    PolicyText,
    Query,
    RecordData,
    Records,
    RecordType,
    ReverseName,
    Text,
    Unknown,
)
from outreach_pipelines.domain.dns_audit.audit import Findings, audit
from outreach_pipelines.domain.dns_audit.expectations import (
    Blocklist,
    DedicatedAddress,
    DkimExpectation,
    Expectations,
    Extra,
    MailHost,
    Region,
    SendingAccount,
    TrackingHost,
)
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Finding, ResourceRecord
from outreach_pipelines.domain.dns_audit.lookups import Lookup, NeedMore, replay
from outreach_pipelines.domain.dns_audit.mta_sts_policy import PolicyMode, first_policy
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.dns_audit.presentation import read, written
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

Result = TypeVar("Result")

DOMAIN = DomainName("acme.example")
SES = AccountName("ses-eu")
RELAY = AccountName("own-relay")
TOKENS = tuple(Selector(letter * 32) for letter in "abc")


@cache
def rsa_key(bits: int) -> str:
    """A public key as `p=` holds it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@dataclass(slots=True)
class FakeDns:
    """Serves lines `name TYPE data`, follows CNAMEs as a recursive resolver does; `failing` queries get no answer."""

    lines: tuple[str, ...]
    failing: frozenset[Query] = frozenset()
    asked: list[Query] = field(default_factory=list)
    cause: Cause = Cause.TIMEOUT

    def answer(self, query: Query, *, steps: int = 8) -> Answer:
        self.asked.append(query)
        if query in self.failing:
            return Unknown(self.cause)
        found = self._at(query.name, query.type)
        aliases = self._at(query.name, RecordType.CNAME)
        if found or not aliases or query.type is RecordType.CNAME:
            return Records(found, 300) if found else self.absence(query.name)
        target = aliases[0]
        assert isinstance(target, Alias)
        if steps == 0:
            return Unknown(Cause.SERVER_FAILURE)  # as resolvers end a loop of aliases
        beyond = self.answer(Query(target.target, query.type), steps=steps - 1)
        return Records((*aliases, *beyond.rrs), 300) if isinstance(beyond, Records) else beyond

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        return {query: self.answer(query) for query in queries}

    def _at(self, name: DomainName, record_type: RecordType) -> tuple[RecordData, ...]:
        owner = name.replace(" ", "\\032")
        rows = (line.split(" ", 2) for line in self.lines)
        mine = (row for row in rows if (row[0], row[1]) == (owner, record_type))
        return tuple(_data(kind, value) for _, kind, value in mine)

    def absence(self, name: DomainName) -> Answer:
        owners = (line.split(" ", 1)[0] for line in self.lines)
        return NoData() if any(owner == name or owner.endswith(f".{name}") for owner in owners) else NxDomain()


def _data(kind: str, value: str) -> RecordData:
    match kind:
        case "A" | "AAAA":
            return Address(ip_address(value))
        case "CNAME":
            return Alias(_name(value))
        case "MX":
            preference, host = value.split(" ")
            return MailExchanger(int(preference), _name(host))
        case "NS":
            return NameServer(_name(value))
        case "PTR":
            return ReverseName(_name(value))
        case "SOA" | "CAA" | "DS" | "DNSKEY" | "POLICY" | "SMTP":
            return read(f"{kind} {value}")
        case _:
            return Text(value.encode("latin-1"))


def dns(*lines: str, without: Iterable[str] = (), failing: Iterable[Query] = ()) -> FakeDns:
    """The good zone of `DOMAIN`, less the lines that begin with `without`, plus `lines`."""
    gone = tuple(without)
    kept = tuple(line for line in good_zone() if not line.startswith(gone)) if gone else good_zone()
    return FakeDns((*kept, *lines), frozenset(failing))


@cache
def good_zone() -> tuple[str, ...]:
    """All that `expectations()` ask for, and their providers' side of it."""
    return (
        "acme.example NS ns1.dns.test",
        "acme.example NS ns2.dns.test",
        "ns1.dns.test A 192.0.2.1",
        "ns2.dns.test A 198.51.100.1",
        "acme.example MX 10 mx.acme.example",
        "mx.acme.example A 192.0.2.25",
        "acme.example TXT v=spf1 ip4:203.0.113.7 ~all",
        "acme.example TXT some-site-verification=1",
        *(f"{token}._domainkey.acme.example CNAME {token}.dkim.amazonses.com" for token in TOKENS),
        *(f"{token}.dkim.amazonses.com TXT p={rsa_key(2048)}" for token in TOKENS),
        f"relay._domainkey.acme.example TXT v=DKIM1; k=rsa; p={rsa_key(2048)}",
        "_dmarc.acme.example TXT v=DMARC1; p=reject; rua=mailto:dmarc@acme.example",
        "bounce.acme.example MX 10 feedback-smtp.eu-west-1.amazonses.com",
        "bounce.acme.example TXT v=spf1 include:amazonses.com ~all",
        "amazonses.com TXT v=spf1 ip4:198.51.100.0/24 -all",
        "links.acme.example CNAME edge.tracking.test",
        "edge.tracking.test A 203.0.113.80",
    )


def expectations() -> Expectations:
    """An SES account with a return path, and an own relay that signs with a key in the inventory."""
    ses = SendingAccount(
        name=SES,
        kind=ProviderKind.SES,
        region=Region("eu-west-1"),
        dkim=tuple(DkimExpectation(token, DomainName(f"{token}.dkim.amazonses.com")) for token in TOKENS),
        return_path=DomainName("bounce.acme.example"),
    )
    relay = SendingAccount(
        name=RELAY,
        kind=ProviderKind.SMTP,
        dkim=(DkimExpectation(Selector("relay"), public_key=rsa_key(2048)),),
        spf_networks=(ip_network("203.0.113.7/32"),),
    )
    return Expectations(
        accounts=(ses, relay),
        mail_hosts=(MailHost(preference=10, host=DomainName("mx.acme.example")),),
        tracking=TrackingHost(DomainName("links.acme.example"), alias=DomainName("edge.tracking.test")),
        reports_to="dmarc@acme.example",
    )


FULL_POLICY = first_policy([DomainName("mx.acme.example")], PolicyMode.ENFORCE)


@cache
def full_zone() -> tuple[str, ...]:
    """What `full_expectations()` ask for beyond the good zone."""
    greeting = MailGreeting(banner="220 mx.acme.example ESMTP", starttls=True, days_left=60)
    return (
        *good_zone(),
        "acme.example SOA ns1.dns.test. 7",
        "acme.example A 192.0.2.80",
        "acme.example DS 2371 13",
        "acme.example DNSKEY 2371 13",
        'acme.example CAA 0 issue "ca.example"',
        f"_mta-sts.acme.example TXT {FULL_POLICY.record}",
        f"mta-sts.acme.example {written(PolicyText(FULL_POLICY.text))}",
        f"mx.acme.example {written(greeting)}",
        "_smtp._tls.acme.example TXT v=TLSRPTv1; rua=mailto:dmarc@acme.example",
        "default._bimi.acme.example TXT v=BIMI1; l=https://acme.example/logo.svg",
        "www.acme.example CNAME edge.tracking.test",
        "7.113.0.203.in-addr.arpa PTR relay.acme.example",
        "relay.acme.example A 203.0.113.7",
        "127.0.0.2.blocked.test A 127.0.0.2",
    )


def full_expectations() -> Expectations:
    """Every check there is."""
    return replace(
        expectations(),
        extras=frozenset(Extra),
        dedicated=(DedicatedAddress(IPv4Address("203.0.113.7"), DomainName("relay.acme.example")),),
        blocklists=(
            Blocklist(DomainName("ips.blocked.test")),
            Blocklist(DomainName("domains.blocked.test"), lists_domains=True),
        ),
    )


def full(*lines: str, without: Iterable[str] = (), failing: Iterable[Query] = ()) -> FakeDns:
    """The full zone, less the lines that begin with `without`, plus `lines`."""
    gone = tuple(without)
    kept = tuple(line for line in full_zone() if not line.startswith(gone)) if gone else full_zone()
    return FakeDns((*kept, *lines), frozenset(failing))


def audited(served: FakeDns, expected: Expectations | None = None, domain: DomainName = DOMAIN) -> Findings:
    """Audit to the end."""
    answers: dict[Query, Answer] = {}
    while True:
        outcome = audit(domain, answers, expected or expectations())
        if not isinstance(outcome, NeedMore):
            return outcome
        answers |= {query: served.answer(query) for query in outcome.queries}


def faults_of(findings: Findings) -> set[tuple[Check, Fault]]:
    """The findings without their words."""
    return {(finding.check, finding.fault) for finding in findings.findings}


def finding_of(findings: Findings, check: Check) -> Finding:
    """The one finding of a check."""
    (finding,) = (finding for finding in findings.findings if finding.check is check)
    return finding


def mended(served: FakeDns, findings: Findings) -> FakeDns:
    """The zone after all proposed fixes."""
    fixes = [finding.fix for finding in findings.findings if finding.fix]
    gone = {_line(record) for fix in fixes for record in fix.withdraw}
    added = dict.fromkeys(_line(record) for fix in fixes for record in fix.publish)
    for served_text in (text for fix in fixes for text in fix.serve):
        host = urlsplit(served_text.url).hostname
        gone |= {line for line in served.lines if line.startswith(f"{host} POLICY")}
        added[f"{host} {written(PolicyText(served_text.text))}"] = None
    return FakeDns((*(line for line in served.lines if line not in gone and line not in added), *added))


def _line(record: ResourceRecord) -> str:
    value = record.value if record.value.endswith(" .") else record.value.removesuffix(".")
    return f"{record.name} {record.type} {value}"


def looked_up(make: Callable[[], Lookup[Result]], served: FakeDns) -> Result:
    """Run a lookup to the end, replaying it with more answers each time."""
    answers: dict[Query, Answer] = {}
    while True:
        outcome = replay(make(), answers)
        if not isinstance(outcome, NeedMore):
            return outcome
        answers |= {query: served.answer(query) for query in outcome.queries}


def _name(text: str) -> DomainName:
    name = parse_domain_name(text)
    assert name is not None, text
    return name
