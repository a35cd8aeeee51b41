"""Nobody asks servers of recipients from a host that is not named for it, nor in a lab."""

import pytest

from outreach_pipelines.errors import Refused, SettingsFault
from resources.recipient_probe import rcpt_caller

pytest_plugins = ("settings_fixtures",)


def test_a_host_that_is_not_named_for_it_asks_nobody(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="OUTREACH_RCPT_PROBE_HELO is unset"):
        rcpt_caller()


def test_a_lab_asks_nobody(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_RCPT_PROBE_HELO", "probe.acme.example")

    with pytest.raises(Refused, match="lab"):
        rcpt_caller()


@pytest.mark.parametrize("name", ["localhost", "mail acme.example", "a.example\r\nDATA"])
def test_a_name_that_is_no_host_is_a_fault_of_the_settings(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv("OUTREACH_RCPT_PROBE_HELO", name)

    with pytest.raises(SettingsFault, match="OUTREACH_RCPT_PROBE_HELO"):
        rcpt_caller()
