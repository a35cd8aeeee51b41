"""Where keys may go in plain text, and where they may not."""

import pytest

from outreach_pipelines.domain.loopback import is_loopback, is_private_origin


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "192.0.2.1", "0.0.0.0", "mail.example", "localhost.example", "127.0.0.1.example"])  # noqa: S104 - refused, not bound
def test_another_host_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "url", ["https://api.example", "https://api.example:8443/", "http://[::1]:80", "http://localhost"]
)
def test_a_key_may_go_by_https_or_stay_on_this_machine(url: str) -> None:
    assert is_private_origin(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example",
        "http://api.example",
        "ftp://localhost",
        "https://api.example/v3",
        "https://api.example?key=1",
        "https://127.0.0.1@api.example",
        "http://localhost:80@api.example",
        "https://api.example:port",
        "https://api.example:0",
        "https://[::1",
        "https://",
    ],
)
def test_a_key_goes_nowhere_else(url: str) -> None:
    assert not is_private_origin(url)
