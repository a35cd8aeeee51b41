"""Single values of inventory files, from text to the domain's types, as pydantic's validators.

No message repeats what was written: it may be a secret in the wrong place.
"""

import re
from collections.abc import Callable
from datetime import time
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from outreach_pipelines.domain.address import Address, BadAddress, DomainName, parse_address, parse_domain
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
