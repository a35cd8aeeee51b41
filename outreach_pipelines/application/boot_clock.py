"""The machine's clock since its start. Belongs here: reading it. Does not: policy time (`ports.Clock`)."""

import time


def boot_seconds() -> float:
    """Seconds since the machine started, suspended time included (CLOCK_BOOTTIME, clock_gettime(2)): no step moves it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
