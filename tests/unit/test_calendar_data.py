"""Public holidays of countries, from the library that has them."""

from datetime import date
from itertools import product
from string import ascii_uppercase

import holidays

from outreach_pipelines.adapters.calendar_data import country_around
from outreach_pipelines.domain.place import CountryCode

A_DAY = date(2026, 11, 3)


def test_a_country_has_the_holidays_of_its_year_and_of_the_years_around() -> None:
    germany = country_around(CountryCode("DE"), A_DAY)

    assert {date(2025, 10, 3), date(2026, 10, 3), date(2027, 10, 3)} <= germany.holidays
    assert {day.year for day in germany.holidays} == {2025, 2026, 2027}


def test_countries_are_the_codes_of_the_library_and_no_other_name_of_a_country_is_one() -> None:
    codes = [CountryCode(first + second) for first, second in product(ascii_uppercase, repeat=2)]

    written_down = {code for code in codes if country_around(code, A_DAY).holidays}

    assert written_down == {
        code
        for code in holidays.list_supported_countries(include_aliases=False)
        if holidays.country_holidays(code, years=[2025, 2026, 2027])
    }
    assert "GB" in written_down
    assert "UK" not in written_down
