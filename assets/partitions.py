"""The partitions of all assets. Day keys are tenant-local dates, hour keys are UTC.

Belongs here: definitions and the keys' meaning. Does not: which partition runs when (`schedules`).
"""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from outreach_pipelines.domain.tenant import TenantSlug

HOUR_FORMAT = "%Y-%m-%d-%H:%M"


def _first_day() -> datetime:
    # Read without the other settings, since definitions load before any database is there. Keys below some 100,000
    # keep the UI quick; history lives in PostgreSQL and not in partitions.
    wanted = os.environ.get("OUTREACH_PARTITIONS_START")
    day = date.fromisoformat(wanted) if wanted else datetime.now(UTC).date() - timedelta(days=60)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


TENANTS = dg.DynamicPartitionsDefinition(name="tenants")
LEAD_FILES = dg.DynamicPartitionsDefinition(name="lead_files")
# Partitions before they are over: today and tomorrow; the running hour, and the next one, which is requested minutes ahead.
DAYS = dg.DailyPartitionsDefinition(start_date=_first_day(), end_offset=2)
HOURS = dg.HourlyPartitionsDefinition(start_date=_first_day(), end_offset=2)
TENANT_DAYS = dg.MultiPartitionsDefinition({"day": DAYS, "tenant": TENANTS})
TENANT_HOURS = dg.MultiPartitionsDefinition({"hour": HOURS, "tenant": TENANTS})

SAME_TENANT = dg.MultiToSingleDimensionPartitionMapping(partition_dimension_name="tenant")
_TENANT = dg.DimensionPartitionMapping(dimension_name="tenant", partition_mapping=dg.IdentityPartitionMapping())


def _days_of_day(first: int, last: int) -> dg.MultiPartitionMapping:
    offsets = dg.TimeWindowPartitionMapping(
        start_offset=first, end_offset=last, allow_nonexistent_upstream_partitions=True
    )
    return dg.MultiPartitionMapping({"day": dg.DimensionPartitionMapping("day", offsets), "tenant": _TENANT})


DAY_BEFORE = _days_of_day(-1, -1)
# A UTC hour lies in the plan days of zones from -12 to +14, and a tenant's day holds hours of three UTC dates.
# Offsets count in units of the downstream partition: hours for the one, days for the other.
PLAN_DAYS_OF_HOUR = dg.MultiPartitionMapping(
    {
        "day": dg.DimensionPartitionMapping(
            "hour",
            dg.TimeWindowPartitionMapping(start_offset=-24, end_offset=24, allow_nonexistent_upstream_partitions=True),
        ),
        "tenant": _TENANT,
    }
)
HOURS_OF_DAY = dg.MultiPartitionMapping(
    {
        "hour": dg.DimensionPartitionMapping(
            "day",
            dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=1, allow_nonexistent_upstream_partitions=True),
        ),
        "tenant": _TENANT,
    }
)


def tenant_days(keys: Sequence[str]) -> list[tuple[str, TenantSlug, date]]:
    """Partition keys with the tenant and the tenant-local date they name."""
    return [(key, TenantSlug(part["tenant"]), date.fromisoformat(part["day"])) for key, part in _parts(keys)]


def tenant_hours(keys: Sequence[str]) -> list[tuple[str, TenantSlug, datetime]]:
    """Partition keys with the tenant and the UTC hour they name."""
    return [
        (key, TenantSlug(part["tenant"]), datetime.strptime(part["hour"], HOUR_FORMAT).replace(tzinfo=UTC))
        for key, part in _parts(keys)
    ]


def hour_key(hour: datetime, tenant: TenantSlug) -> str:
    """The partition of one tenant's UTC hour."""
    return str(dg.MultiPartitionKey({"hour": hour.astimezone(UTC).strftime(HOUR_FORMAT), "tenant": tenant}))


def day_key(day: date, tenant: TenantSlug) -> str:
    """The partition of one tenant-local date."""
    return str(dg.MultiPartitionKey({"day": day.isoformat(), "tenant": tenant}))


def _parts(keys: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    found = []
    for key in keys:
        if not isinstance(key, dg.MultiPartitionKey):
            message = f"{key!r} is no key of tenant and time"
            raise TypeError(message)
        found.append((str(key), dict(key.keys_by_dimension)))
    return found
