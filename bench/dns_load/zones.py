"""Ten thousand sending domains as zone files, and what each should publish.

Every tenth domain has a fault, of five kinds in turn, so that checks have something to say.
"""

import base64
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from outreach_pipelines.application.audit_domains import AuditTarget
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, Expectations, Region, SendingAccount
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind

PROVIDERS = 12
HEAD = "$TTL 3600\n@ SOA ns1.host.test. hostmaster.host.test. 1 7200 900 1209600 300\n@ NS ns1.host.test.\n@ NS ns2.host.test.\n"
# The DER of a SubjectPublicKeyInfo with a modulus of 2048 bits: nobody signs with it here.
_KEY = base64.b64encode(
    bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
    + b"\xc5" * 256
    + bytes.fromhex("0203010001")
).decode()


def domain_of(number: int) -> DomainName:
    return DomainName(f"d{number}.test")


def target_of(number: int) -> AuditTarget:
    """A domain that sends through SES with a return path, and through a relay of its own."""
    domain = domain_of(number)
    ses = SendingAccount(
        name=AccountName("ses"),
        kind=ProviderKind.SES,
        region=Region("eu-west-1"),
        dkim=(DkimExpectation(Selector("s1")),),
        return_path=DomainName(f"bounce.{domain}"),
    )
    relay = SendingAccount(
        name=AccountName("relay"),
        kind=ProviderKind.SMTP,
        dkim=(DkimExpectation(Selector("s2")),),
        spf_networks=(ip_network("203.0.113.7/32"),),
    )
    return AuditTarget(domain, Expectations(accounts=(ses, relay), reports_to=f"dmarc@{domain}"))


def write_zones(folder: Path, domains: int) -> list[str]:
    """Write all zone files into `folder`; the names of the zones."""
    folder.mkdir(parents=True, exist_ok=True)
    zones = dict(_shared(domains))
    zones.update((domain_of(number), _domain(number)) for number in range(domains))
    for name, text in zones.items():
        (folder / f"{name}.zone").write_text(text, "utf-8")
    return list(zones)


def _shared(domains: int) -> Iterator[tuple[str, str]]:
    delegations = "".join(
        f"{name} NS ns1.host.test.\n{name} NS ns2.host.test.\n"
        for name in ["host", *(f"provider{n}" for n in range(PROVIDERS)), *(f"d{n}" for n in range(domains))]
    )
    yield "test", HEAD + delegations
    yield "host.test", HEAD + "ns1 A 192.0.2.1\nns1 AAAA 2001:db8:1::1\nns2 A 198.51.100.1\nns2 AAAA 2001:db8:2::1\n"
    for number in range(PROVIDERS):
        yield f"provider{number}.test", HEAD + _provider(number)
    yield "com", HEAD + "amazonses NS ns1.host.test.\n"
    yield "amazonses.com", HEAD + '@ TXT "v=spf1 ip4:198.51.100.0/24 -all"\nfeedback-smtp.eu-west-1 A 198.51.100.9\n'


def _provider(number: int) -> str:
    own = f"provider{number}.test"
    return "\n".join(
        (
            f'spf TXT "v=spf1 include:a.{own} include:b.{own} ~all"',
            f'a TXT "v=spf1 ip4:198.51.100.{number * 16}/28 -all"',
            f'b TXT "v=spf1 ip4:203.0.113.{number}/32 a:mail.{own} -all"',
            "mail A 198.51.100.200",
            "mx1 A 198.51.100.201",
            "mx2 A 198.51.100.202\n",
        )
    )


def _domain(number: int) -> str:
    provider, fault = number % PROVIDERS, (number // 10) % 5 if number % 10 == 0 else None
    lines = [
        f"@ MX 10 mx1.provider{provider}.test.",
        f"@ MX 20 mx2.provider{provider}.test.",
        '@ TXT "site-verification=0123456789"',
        "@ A 192.0.2.80",
        'bounce TXT "v=spf1 include:amazonses.com ~all"',
        "bounce MX 10 feedback-smtp.eu-west-1.amazonses.com.",
        f's1._domainkey TXT "v=DKIM1; k=rsa; p={_KEY[:200]}" "{_KEY[200:]}"',
        f's2._domainkey TXT "v=DKIM1; k=rsa; p={_KEY[:200]}" "{_KEY[200:]}"',
    ]
    spf = f"v=spf1 ip4:203.0.113.7 mx include:spf.provider{provider}.test"
    if fault != 0:
        lines.append(f'@ TXT "{spf} ~all"')
    if fault == 1:
        lines.append('@ TXT "v=spf1 -all"')
    if fault != 2:
        policy = "maybe" if fault == 3 else "quarantine"
        lines.append(f'_dmarc TXT "v=DMARC1; p={policy}; rua=mailto:dmarc@d{number}.test"')
    if fault == 4:
        lines[6] = 's1._domainkey TXT "v=DKIM1; p="'
    return HEAD + "\n".join(lines) + "\n"
