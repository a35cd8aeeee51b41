"""Where the DNS commands get names, expectations and answers from: the command line, the inventory, a server, a file.

Belongs here: reading what was typed. Does not: printing (`dns_views`), nor any judgement (`domain.dns_audit`).
"""

import socket
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import typer

from outreach_pipelines.adapters.dns import NameServerAddress, ResolverConfig, UdpResolver
from outreach_pipelines.adapters.mail_greeting import SmtpCaller
from outreach_pipelines.adapters.policy_fetch import HttpsPolicies
from outreach_pipelines.application.ask_everywhere import AskEverywhere
from outreach_pipelines.application.audit_domains import AuditTarget, DnsResolver
from outreach_pipelines.application.import_inventory import FaultyInventory
from outreach_pipelines.cli.plan_sources import file_bytes
from outreach_pipelines.domain.address import Address, DomainName, parse_address
from outreach_pipelines.domain.dns_audit.answers import Answer, Answers, Query
from outreach_pipelines.domain.dns_audit.answers_file import AnswersFileError, decode_answers
from outreach_pipelines.domain.dns_audit.expectations import (
    BEYOND_THE_DNS,
    OF_THE_DNS,
    Blocklist,
    DedicatedAddress,
    DkimExpectation,
    Expectations,
    Extra,
    SendingAccount,
)
from outreach_pipelines.domain.dns_audit.from_inventory import expectations_of
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.dns_audit.spf_expansion import SpfSender, spf_sender
from outreach_pipelines.domain.inventory import Selector, TenantInventory
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind
from outreach_pipelines.errors import FilesFault, NotFound
from outreach_pipelines.settings import installed_nameserver
from resources import files

TYPED = AccountName("command-line")


def typed_domain(text: str) -> DomainName:
    """A domain as people write it, international ones too. Raises a usage error."""
    match parse_address(f"postmaster@{text.strip().removesuffix('.')}"):
        case Address(domain=domain):
            return domain
        case _:
            message = f"{text!r} is no domain name that mail can go to or come from, such as acme.example"
            raise typer.BadParameter(message)


def typed_server(text: str | None) -> NameServerAddress | None:
    """`HOST`, `HOST:PORT` or `[HOST]:PORT`, the host an IP address. Raises a usage error."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.startswith("[")):
        host, port = text, "53"
    if not port.isdecimal() or not 0 < int(port) < 65536:
        message = f"{text!r}: the port is a number from 1 to 65535"
        raise typer.BadParameter(message)
    return NameServerAddress(host.strip("[]"), int(port))


def server_for(text: str | None, *, inventory: bool) -> NameServerAddress | None:
    """What was typed; for domains of the inventory else the installation's own, which in a local stack alone knows them."""
    return typed_server(installed_nameserver() if text is None and inventory else text)


def typed_sender(ip: str, mail_from: str, helo: str) -> SpfSender:
    """Who hands in a message. Raises a usage error."""
    address = typed_ip(ip)
    if not (mail_from or helo):
        message = "name --sender, or --helo for a bounce"
        raise typer.BadParameter(message)
    return spf_sender(address, mail_from, helo or mail_from.rpartition("@")[2])


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """Answers of an earlier audit in place of a DNS server; what they do not hold stays unknown."""

    answers: Answers

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        """See `DnsResolver`."""
        return {query: self.answers[query] for query in queries if query in self.answers}


@asynccontextmanager
async def asking(
    server: NameServerAddress | None, answers: Path | None, *, reach: bool = False
) -> AsyncIterator[DnsResolver]:
    """Open a DNS server, or a file of stored answers; with `reach` web and mail servers too. Raises `FilesFault`."""
    if answers is not None:
        yield stored_answers(answers)
        return
    async with UdpResolver(ResolverConfig(servers=(server,) if server else ())) as dns:
        if reach:
            yield AskEverywhere(dns=dns, policies=HttpsPolicies(), mail=SmtpCaller(helo=socket.getfqdn()))
        else:
            yield AskEverywhere(dns=dns)


def reaching(wanted: Sequence[AuditTarget]) -> bool:
    """Whether any of the audits asks web or mail servers."""
    return any(target.expectations.extras & BEYOND_THE_DNS for target in wanted)


def stored_answers(path: Path) -> StoredAnswers:
    """Answers of an earlier audit. Raises `FilesFault`."""
    try:
        return StoredAnswers(decode_answers(file_bytes(path)))
    except AnswersFileError as fault:
        message = f"{path}: {fault}"
        raise FilesFault(message) from fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What the command line says of the domains, as it was typed.

    `addresses`: `IP` or `IP=HELO`; `lists`: zones of blocklists, those of domains after `domain:`.
    """

    selectors: Sequence[str] = ()
    includes: Sequence[str] = ()
    addresses: Sequence[str] = ()
    lists: Sequence[str] = ()
    reports_to: str | None = None
    extras: frozenset[Extra] = OF_THE_DNS

    def expectations(self, of_inventory: Expectations | None = None) -> Expectations:
        """Add it to what the inventory expects. Raises a usage error."""
        dedicated = tuple(map(_dedicated, self.addresses))
        plain = of_inventory or Expectations()
        account = self._account(dedicated)
        return replace(
            plain,
            accounts=(*plain.accounts, *([account] if account else [])),
            reports_to=self.reports_to or plain.reports_to,
            extras=self.extras | plain.extras,
            dedicated=(*plain.dedicated, *dedicated),
            blocklists=(*plain.blocklists, *map(typed_blocklist, self.lists)),
        )

    def _account(self, dedicated: Sequence[DedicatedAddress]) -> SendingAccount | None:
        if not (self.selectors or self.includes or dedicated):
            return None
        return SendingAccount(
            name=TYPED,
            kind=ProviderKind.SMTP,
            dkim=tuple(DkimExpectation(Selector(selector.lower())) for selector in self.selectors),
            spf_includes=tuple(map(typed_name, self.includes)),
            spf_networks=tuple(ip_network(one.ip) for one in dedicated),
        )


def targets(
    domains: Sequence[str], typed: Typed, inventories: Sequence[TenantInventory] | None
) -> Sequence[AuditTarget]:
    """What is audited, each domain once, with what is expected of it; all of `inventories` when none is named.

    Raises `NotFound` for a domain that none of them holds, and usage errors.
    """
    names = dict.fromkeys(typed_domain(text) for text in domains)
    expected = {name: each for one in inventories or () for name, each in _of_tenant(one).items()}
    lacking = [name for name in names if inventories is not None and name not in expected]
    if lacking:
        message = f"no inventory holds {', '.join(lacking)}"
        raise NotFound(message)
    return [AuditTarget(name, typed.expectations(expected.get(name))) for name in names or expected]


def _dedicated(text: str) -> DedicatedAddress:
    ip, _, helo = text.partition("=")
    return DedicatedAddress(typed_ip(ip), typed_name(helo) if helo else None)


def typed_blocklist(text: str) -> Blocklist:
    """`ZONE`, or `domain:ZONE` for a list of domains. Raises a usage error."""
    zone = text.removeprefix("domain:")
    return Blocklist(typed_name(zone), lists_domains=zone != text)


def typed_ip(text: str) -> IPv4Address | IPv6Address:
    """An IP address. Raises a usage error."""
    try:
        return ip_address(text)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from fault


def typed_name(text: str) -> DomainName:
    """Any name that the DNS can be asked for. Raises a usage error."""
    name = parse_domain_name(text)
    if name is None:
        message = f"{text!r} is no name"
        raise typer.BadParameter(message)
    return name


def all_inventories() -> Sequence[TenantInventory]:
    """The inventory files. Raises `FilesFault`."""
    source = files.inventory_files()
    loaded = [source.load(slug) for slug in source.tenants()]
    faulty = [each for each in loaded if isinstance(each, FaultyInventory)]
    if faulty:
        raise FilesFault("\n".join(str(fault) for each in faulty for fault in each.faults))
    return [each.inventory for each in loaded if not isinstance(each, FaultyInventory)]


def _of_tenant(inventory: TenantInventory) -> Mapping[DomainName, Expectations]:
    uses = {use.account.name: use for use in inventory.accounts}
    return {domain.name: expectations_of(domain, uses, policy=inventory.audit) for domain in inventory.domains}
