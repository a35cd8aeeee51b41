"""The hour of a tenant's own clock at which something is due, on days that change clocks too. Nothing is scheduled here."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_BETWEEN_TICKS = timedelta(hours=1)


def passes(moment: datetime, zone: str, hour: int) -> bool:
    """Whether an hourly tick at `moment` is the local date's first one at or after `hour` o'clock.

    True once a local date, also where that hour is left out (Pacific/Easter goes from 22:00 to 23:00) or comes twice.
    """
    local, before = (each.astimezone(ZoneInfo(zone)) for each in (moment, moment - _BETWEEN_TICKS))
    return local.hour >= hour and (before.date() != local.date() or before.hour < hour)
