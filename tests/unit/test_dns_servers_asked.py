"""Which resolver the DNS commands ask: the one that was typed, the installation's for its own domains, the machine's."""

import pytest

from outreach_pipelines.adapters.dns import NameServerAddress
from outreach_pipelines.cli.dns_sources import server_for
from outreach_pipelines.errors import SettingsFault

INSTALLED = NameServerAddress("192.0.2.53", 5353)


@pytest.mark.parametrize(
    ("typed", "inventory", "asked"),
    [
        (None, True, INSTALLED),
        (None, False, None),
        ("198.51.100.53", True, NameServerAddress("198.51.100.53", 53)),
        ("198.51.100.53:53", False, NameServerAddress("198.51.100.53", 53)),
    ],
)
def test_domains_of_the_inventory_are_asked_of_the_installations_resolver_unless_another_was_typed(
    monkeypatch: pytest.MonkeyPatch, typed: str | None, asked: NameServerAddress | None, *, inventory: bool
) -> None:
    monkeypatch.setenv("OUTREACH_NAMESERVER", "192.0.2.53:5353")

    assert server_for(typed, inventory=inventory) == asked


def test_a_wrong_resolver_of_the_installation_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTREACH_NAMESERVER", "somewhere")

    with pytest.raises(SettingsFault, match="OUTREACH_NAMESERVER must be an IPv4 address"):
        server_for(None, inventory=True)
