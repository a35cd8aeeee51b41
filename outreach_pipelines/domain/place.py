"""Where somebody lives, as far as the hour and the law of their country go: country codes and time zones.

Windows, holidays and business days are `calendar`'s.
"""

import functools
import zoneinfo
from typing import Final, NewType

CountryCode = NewType("CountryCode", str)
"""ISO 3166-1 alpha-2, upper case."""

ZoneName = NewType("ZoneName", str)
"""A name of the IANA time zone database, such as `Europe/Berlin`."""

# ISO 3166-1 alpha-2, officially assigned codes.
_CODES: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ
BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM
DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS
GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN
KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ
MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV
SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI
VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRY_CODES: Final = frozenset(_CODES.split())
# Reserved in ISO 3166-1 for these two, and what people write.
_ALSO_WRITTEN: Final = {"UK": "GB", "EL": "GR"}
# Names that depend on the machine or mean "not set".
_NO_PLACE: Final = frozenset({"localtime", "Factory"})


def parse_country(text: str) -> CountryCode | None:
    """`None` for what is no country code; `uk` is read as GB."""
    code = text.strip().upper()
    code = _ALSO_WRITTEN.get(code, code)
    return CountryCode(code) if code in COUNTRY_CODES else None


def parse_zone(text: str) -> ZoneName | None:
    """`None` for what is no zone of the database of this machine; names are compared with their case."""
    name = text.strip()
    return ZoneName(name) if name in _zone_names() else None


@functools.cache
def _zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NO_PLACE
