"""Whether a domain takes mail: a recipient's, or one that stands in From or Reply-To.

Here: MX with the address that stands in for it (RFC 5321 section 5.1, RFC 7505). Not here: who runs the hosts
(recipient_mail.py), our own domains' hosts (mail_exchanger_check.py).
"""

from enum import StrEnum

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    MailExchanger,
    NxDomain,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, addresses_of, follow
from outreach_pipelines.domain.dns_audit.names import ROOT


class MailStatus(StrEnum):
    """`VALID` has an MX; `IMPLICIT` takes mail at its own address; `NO_MX` has neither; the rest as named."""

    VALID = "valid"
    IMPLICIT = "implicit"
    NO_MX = "no_mx"
    NULL_MX = "null_mx"
    NO_DOMAIN = "no_domain"
    UNKNOWN = "unknown"


def mail_status(domain: DomainName) -> Lookup[MailStatus]:
    """Find out; a query that fails is `UNKNOWN`, never absence."""
    answer = yield from follow(domain, RecordType.MX)
    if isinstance(answer, Unknown):
        return MailStatus.UNKNOWN
    if isinstance(answer, NxDomain):
        return MailStatus.NO_DOMAIN
    exchangers = data_of(answer, MailExchanger)
    if exchangers:
        return MailStatus.NULL_MX if all(one.host == ROOT for one in exchangers) else MailStatus.VALID
    addresses = yield from addresses_of(domain)
    if any(data_of(one, Address) for one in addresses):
        return MailStatus.IMPLICIT
    return MailStatus.UNKNOWN if any(isinstance(one, Unknown) for one in addresses) else MailStatus.NO_MX
