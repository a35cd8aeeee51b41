"""What the web edge is told at its start."""

import base64

import pytest

from outreach_pipelines.errors import SettingsFault
from outreach_pipelines.web.app import create_app
from outreach_pipelines.web.settings import read_web_settings

URL = "postgresql+psycopg://outreach_web:canary-password@127.0.0.1:1/outreach"
KEY = base64.b64encode(bytes(range(64))).decode()
OTHER = base64.b64encode(bytes(64)).decode()


def test_the_first_key_is_current_and_the_others_still_read() -> None:
    settings = read_web_settings({"OUTREACH_WEB_URL": URL, "OUTREACH_TOKEN_KEYS": f"2:{KEY},1:{OTHER}"})

    assert (settings.token_keys.current, set(settings.token_keys.by_id)) == (2, {1, 2})


def test_all_that_is_missing_is_named_in_one_message() -> None:
    with pytest.raises(SettingsFault) as fault:
        read_web_settings({})

    assert "OUTREACH_WEB_URL" in str(fault.value)
    assert "OUTREACH_TOKEN_KEYS" in str(fault.value)


@pytest.mark.parametrize(
    "keys", ["canary", "1:canary!", f"x:{KEY}", f"1:{KEY},1:{OTHER}", f"300:{KEY}", "1:Y2FuYXJ5", f"1:{KEY},"]
)
def test_a_wrong_key_is_refused_and_not_repeated(keys: str) -> None:
    with pytest.raises(SettingsFault, match="OUTREACH_TOKEN_KEYS") as fault:
        read_web_settings({"OUTREACH_WEB_URL": URL, "OUTREACH_TOKEN_KEYS": keys})

    assert "canary" not in str(fault.value)
    assert KEY not in str(fault.value)


@pytest.mark.parametrize("url", ["", "canary", "sqlite:///canary.db"])
def test_another_database_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsFault, match="OUTREACH_WEB_URL") as fault:
        read_web_settings({"OUTREACH_WEB_URL": url, "OUTREACH_TOKEN_KEYS": f"1:{KEY}"})

    assert "canary" not in str(fault.value)


def test_neither_password_nor_key_shows_in_a_repr() -> None:
    shown = repr(read_web_settings({"OUTREACH_WEB_URL": URL, "OUTREACH_TOKEN_KEYS": f"1:{KEY}"}))

    assert "canary" not in shown
    assert "by_id" not in shown


def test_the_factory_of_the_command_line_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTREACH_WEB_URL", URL)
    monkeypatch.setenv("OUTREACH_TOKEN_KEYS", f"1:{KEY}")

    assert {route.path for route in create_app().routes} == {"/u/{token:path}", "/healthz"}  # type: ignore[attr-defined]  # Route
