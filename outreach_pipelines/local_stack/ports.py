"""Ports on loopback: which are free, and what to say when a wanted one is not. No server is started here."""

import errno
import socket
from enum import StrEnum

from outreach_pipelines.local_stack.errors import PortInUse

LOOPBACK = "127.0.0.1"
ANY_FREE_PORT = 0


class PortSetting(StrEnum):
    """The settings that fix a port; each is named in the error about that port."""

    POSTGRES = "OUTREACH_PG_PORT"
    AWS = "OUTREACH_AWS_PORT"
    WEB = "OUTREACH_WEB_PORT"
    DAGSTER = "OUTREACH_DAGSTER_PORT"


def free_port() -> int:
    """Return a port that nothing listens on now. Another program may take it before the caller does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, ANY_FREE_PORT))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` now. Connections in TIME_WAIT do not count, as for the servers.

    Raises OSError for anything but a taken port, for instance a privileged one.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def settle_port(wanted: int, setting: PortSetting) -> int:
    """Return `wanted` if it is free, or any free port for 0. Raises PortInUse."""
    if wanted == ANY_FREE_PORT:
        return free_port()
    if not is_free(wanted):
        raise PortInUse(wanted, setting)
    return wanted
