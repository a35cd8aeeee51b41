"""Ports on loopback: free, taken, wanted."""

import socket

import pytest

from outreach_pipelines.local_stack.errors import PortInUse
from outreach_pipelines.local_stack.ports import PortSetting, free_port, is_free, settle_port


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()

    with socket.create_server(("127.0.0.1", port)) as server:
        listening_on = server.getsockname()[1]

    assert listening_on == port


def test_a_port_that_a_server_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        free = is_free(port)

    assert not free


def test_a_wanted_port_that_is_free_is_taken_as_it_is() -> None:
    wanted = free_port()

    settled = settle_port(wanted, PortSetting.WEB)

    assert settled == wanted


def test_zero_asks_for_any_free_port() -> None:
    settled = settle_port(0, PortSetting.WEB)

    assert settled > 0
    assert is_free(settled)


def test_a_wanted_port_that_is_taken_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(PortInUse) as raised:
            settle_port(port, PortSetting.DAGSTER)

    assert (raised.value.port, raised.value.setting) == (port, "OUTREACH_DAGSTER_PORT")
    assert f"port {port} " in str(raised.value)
    assert "set OUTREACH_DAGSTER_PORT" in str(raised.value)
