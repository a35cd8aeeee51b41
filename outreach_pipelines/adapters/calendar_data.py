"""Public holidays and the zones of countries, as data with a version: both change by decree, and plans must show it.

Holidays come from the `holidays` library, zones of countries from zone.tab of the IANA time zone database (package tzdata).
"""

from datetime import date
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.send_plan.snapshot import Country, SourceVersion


def zone_data_version() -> SourceVersion:
    """The version of the IANA database that the package carries."""
    return SourceVersion(f"tzdata {version('tzdata')}")


def holiday_data_version() -> SourceVersion:
    """The version of the holiday data."""
    return SourceVersion(f"holidays {version('holidays')}")


def country_around(code: CountryCode, day: date) -> Country:
    """A country with its public holidays of the years around `day`; without any where nobody has written them down."""
    years = (day.year - 1, day.year, day.year + 1)
    return Country(code, _only_zone(code), frozenset(_public_holidays(code, years)))


@cache
def _public_holidays(code: CountryCode, years: tuple[int, ...]) -> frozenset[date]:
    # Loaded when a country is asked for, and that country alone: a list of all loads 250 modules.
    from holidays import country_holidays

    try:
        found = country_holidays(code, years=years)
    except NotImplementedError:
        return frozenset()
    # The library knows other names of a country, too, such as UK; they are none of ISO 3166-1.
    return frozenset(found) if found.country == code else frozenset()


@cache
def _only_zone(code: CountryCode) -> ZoneName | None:
    zones = [ZoneName(zone) for country, zone in _zone_table() if country == code]
    return zones[0] if len(zones) == 1 else None


@cache
def _zone_table() -> tuple[tuple[str, str], ...]:
    lines = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return tuple((row[0], row[2]) for row in rows)
