"""Single values of inventory files, from text to the domain's types, as pydantic's validators.

No message repeats what was written: it may be a secret in the wrong place.
"""

import re
from collections.abc import Callable
from datetime import time
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from outreach_pipelines.domain.address import Address, BadAddress, DomainName, parse_address, parse_domain
from outreach_pipelines.domain.audit_policy import (
    EACH_DOMAIN,
    ON_REQUEST,
    Blocklist,
    Extra,
    IpAddress,
    ReportsAddress,
)
from outreach_pipelines.domain.dns_audit.names import is_host_name, parse_domain_name
from outreach_pipelines.domain.lead import FieldName
from outreach_pipelines.domain.loopback import is_private_origin
from outreach_pipelines.domain.place import CountryCode, ZoneName, parse_country, parse_zone
from outreach_pipelines.domain.reference import SecretRef, Setting, parse_secret_ref, parse_setting
from outreach_pipelines.domain.sending_policy import Hours

T = TypeVar("T")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS: Final = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)")
_HOST: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class FileModel(BaseModel):
    """A part of a file: no unknown fields, nothing changed after reading, and no input in messages."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True, str_strip_whitespace=True
    )


def _reads(parse: Callable[[str], T | None], wanted: str) -> BeforeValidator:
    def validated(text: object) -> T:
        value = parse(text) if isinstance(text, str) else None
        if value is None:
            raise ValueError(wanted)
        return value

    return BeforeValidator(validated)


def _address(text: str) -> Address:
    match parse_address(text):
        case Address() as address:
            return address
        case BadAddress(sentence=sentence):
            raise ValueError(sentence)


def _domain(text: str) -> DomainName:
    match parse_domain(text):
        case BadAddress(sentence=sentence):
            raise ValueError(sentence)
        case domain:
            return domain


def _host(text: str) -> DomainName | None:
    name = text.strip().lower()
    return DomainName(name) if _HOST.fullmatch(name) else None


def _hours(text: str) -> Hours | None:
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        return None
    start, end = f"{found[1]}:{found[2]}", f"{found[3]}:{found[4]}"
    hours = Hours(time.fromisoformat(start), time.fromisoformat("00:00" if end == "24:00" else end))
    return None if hours.start == hours.end else hours


def _weekday(text: str) -> int | None:
    name = text.strip().lower()[:3]
    return WEEKDAYS.index(name) if name in WEEKDAYS else None


def _field_name(text: str) -> FieldName | None:
    return FieldName(text) if text.isidentifier() and text == text.casefold() and len(text) <= 64 else None


def _https_url(text: str) -> str | None:
    return text if re.fullmatch(r"https://[a-z0-9.-]+(/[!-~]*)?", text) else None


def _origin(text: str) -> Setting | None:
    setting = parse_setting(text)
    return setting if setting and (str(setting).startswith("env:") or is_private_origin(text)) else None


def _port(text: str) -> Setting | None:
    setting = parse_setting(text)
    return setting if setting and (str(setting).startswith("env:") or _is_port(text)) else None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65_536


def _ip(text: str) -> IpAddress | None:
    try:
        ip = ip_address(text.strip())
    except ValueError:
        return None
    return None if ip.is_loopback or ip.is_multicast or ip.is_unspecified or ip.is_link_local else ip


def _blocklist(text: str) -> Blocklist | None:
    written = text.strip().lower()
    zone = parse_domain_name(written.removeprefix("domain:"))
    if zone is None or "." not in zone or not is_host_name(zone):
        return None
    return Blocklist(zone, lists_domains=written.startswith("domain:"))


def _reports(text: str) -> ReportsAddress | None:
    local, _, domain = text.strip().rpartition("@")
    # A domain takes the star's place, to see that the rest is an address.
    parsed = parse_address(f"{local}@{'each.example' if domain == EACH_DOMAIN else domain}")
    if not isinstance(parsed, Address):
        return None
    name, _, home = parsed.deliver_to.rpartition("@")
    # In a record these end the address (RFC 9990 section 3, RFC 8460 section 3).
    return None if set(name) & set(",;!") else ReportsAddress(name, EACH_DOMAIN if domain == EACH_DOMAIN else home)


def _extra(text: str) -> Extra | None:
    name = text.strip().lower()
    return Extra(name) if name in ON_REQUEST else None


Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]+$")]
Positive = Annotated[int, Field(ge=1, le=10_000)]
Share = Annotated[Decimal, Field(gt=0, le=1)]
AddressText = Annotated[Address, _reads(_address, "an e-mail address is wanted")]
DomainText = Annotated[DomainName, _reads(_domain, "a mail domain is wanted")]
HostText = Annotated[DomainName, _reads(_host, "a host name such as links.acme.example is wanted")]
ZoneText = Annotated[ZoneName, _reads(parse_zone, "a time zone such as Europe/Berlin is wanted")]
CountryText = Annotated[CountryCode, _reads(parse_country, "an ISO 3166-1 country code of two letters is wanted")]
HoursText = Annotated[Hours, _reads(_hours, "hours such as 09:00-17:30 are wanted")]
WeekdayText = Annotated[int, _reads(_weekday, "a weekday such as mon is wanted")]
FieldText = Annotated[FieldName, _reads(_field_name, "a field name of lower-case letters, digits and _ is wanted")]
HttpsUrl = Annotated[str, _reads(_https_url, "an https address is wanted")]
SettingText = Annotated[Setting, _reads(parse_setting, "a value or env:NAME is wanted")]
PortText = Annotated[Setting, _reads(_port, "a port from 1 to 65535 or env:NAME is wanted")]
OriginText = Annotated[Setting, _reads(_origin, "https://HOST, http on loopback, or env:NAME is wanted")]
SecretText = Annotated[
    SecretRef,
    _reads(
        parse_secret_ref,
        "a reference to the secret is wanted (env:NAME, ssm:/path, secretsmanager:name, file:path), never the secret",
    ),
]
IpText = Annotated[IpAddress, _reads(_ip, "an IP address that others can reach is wanted, such as 192.0.2.25")]
BlocklistText = Annotated[
    Blocklist, _reads(_blocklist, "the zone of a DNS blocklist is wanted; that of a list of domains after domain:")
]
ReportsText = Annotated[
    ReportsAddress, _reads(_reports, "an e-mail address is wanted, or NAME@* for one at each sending domain itself")
]
ExtraText = Annotated[Extra, _reads(_extra, f"one of {', '.join(sorted(ON_REQUEST))} is wanted")]
