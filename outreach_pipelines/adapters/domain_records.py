"""Records that providers ask for, as their APIs write them, in the audit's words.

Belongs here: one record's text. Does not: how an API is asked (`mailgun_domains`, `postmark_domains`).
"""

from typing import Final

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.dkim_key import DkimKey, DkimKeyError, parse_dkim_record
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.inventory import Selector

_DKIM: Final = "._domainkey."


def dkim_text(host: str, text: str, domain: DomainName) -> DkimExpectation | None:
    """A key to publish as TXT; None for what no verifier could use, and for a key that signs as another domain."""
    selector = _selector(host, domain)
    try:
        key = parse_dkim_record(text.encode("ascii", "replace"))
    except DkimKeyError:
        return None
    if selector is None or not isinstance(key, DkimKey):
        return None
    return DkimExpectation(selector, public_key=key.public_key, algorithm=key.algorithm)


def dkim_alias(host: str, target: str, domain: DomainName) -> DkimExpectation | None:
    """A CNAME to a key that the provider publishes; None for what is no name, and as `dkim_text`."""
    selector, alias = _selector(host, domain), parse_domain_name(target)
    return DkimExpectation(selector, alias) if selector is not None and alias is not None else None


def spf_includes(text: str) -> tuple[DomainName, ...]:
    """The names that an SPF record includes."""
    terms = (term.lower().lstrip("+") for term in text.split())
    names = (parse_domain_name(term.removeprefix("include:")) for term in terms if term.startswith("include:"))
    return tuple(name for name in names if name is not None)


def _selector(host: str, domain: DomainName) -> Selector | None:
    selector, found, owner = (parse_domain_name(host) or "").partition(_DKIM)
    return Selector(selector) if found and selector and owner == domain else None
