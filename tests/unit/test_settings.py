import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from outreach_pipelines.errors import SettingsFault
from outreach_pipelines.settings import SendingMode, load_settings

KEY = base64.b64encode(b"k" * 32).decode()
TOKEN_KEY = base64.b64encode(b"t" * 64).decode()
RIGHT = {
    "OUTREACH_DATABASE_URL": "postgresql+psycopg://app:canary-password@127.0.0.1:5432/outreach",
    "OUTREACH_OPS_URL": "postgresql+psycopg://ops:canary-password@127.0.0.1:5432/outreach",
    "OUTREACH_INGEST_URL": "postgresql://ingest:canary-password@127.0.0.1:5432/outreach",
    "OUTREACH_FILES": "var/files",
    "OUTREACH_TAG_KEY": KEY,
    "OUTREACH_ADDRESS_KEY": KEY,
    "OUTREACH_TOKEN_KEYS": f"1:{TOKEN_KEY}, 0:{TOKEN_KEY}",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment and a working directory that hold no other settings."""
    monkeypatch.chdir(tmp_path)
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    for name in ("OUTREACH_SENDING", "OUTREACH_EVIDENCE_HORIZON_SECONDS", "OUTREACH_AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    load_settings.cache_clear()
    yield monkeypatch
    load_settings.cache_clear()


def fault() -> str:
    with pytest.raises(SettingsFault) as caught:
        load_settings()
    return str(caught.value)


def test_a_complete_environment_is_read_and_sends_to_the_lab_only(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()

    assert settings.sending is SendingMode.LAB
    assert settings.tag_key.get_secret_value() == KEY


def test_every_missing_setting_is_named_in_one_message(environment: pytest.MonkeyPatch) -> None:
    for name in RIGHT:
        environment.delenv(name)

    said = fault()

    assert [name for name in RIGHT if f"{name} is missing" not in said] == []


def test_missing_and_wrong_ones_stand_in_the_same_message(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("OUTREACH_FILES")
    environment.setenv("OUTREACH_SENDING", "live")
    environment.setenv("OUTREACH_EVIDENCE_HORIZON_SECONDS", "0")
    environment.setenv("OUTREACH_TAG_KEY", "short")

    said = fault()

    for name in ("OUTREACH_FILES", "OUTREACH_SENDING", "OUTREACH_EVIDENCE_HORIZON_SECONDS", "OUTREACH_TAG_KEY"):
        assert name in said


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("OUTREACH_DATABASE_URL", "mysql://root:canary-password@127.0.0.1/x"),
        ("OUTREACH_TAG_KEY", "canary-password"),
        ("OUTREACH_TAG_KEY", "canary-pässword"),
        ("OUTREACH_ADDRESS_KEY", base64.b64encode(b"canary-password").decode()),
        ("OUTREACH_TOKEN_KEYS", "canary-password"),
        ("OUTREACH_TOKEN_KEYS", f"1:{KEY}"),
        ("OUTREACH_TOKEN_KEYS", f"300:{TOKEN_KEY}"),
        ("OUTREACH_TOKEN_KEYS", f"1:{TOKEN_KEY},1:{TOKEN_KEY}"),
        ("OUTREACH_TOKEN_KEYS", f"1:{TOKEN_KEY},"),
        ("OUTREACH_SENDING", "canary-password"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_repeated(
    environment: pytest.MonkeyPatch, name: str, wrong: str
) -> None:
    environment.setenv(name, wrong)

    said = fault()

    assert name in said
    assert wrong not in said
    assert "canary" not in said
    assert KEY not in said


def test_the_trace_of_a_fault_repeats_no_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_TAG_KEY", "canary-password")

    with pytest.raises(SettingsFault) as caught:
        load_settings()

    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_secrets_do_not_show_in_a_repr(environment: pytest.MonkeyPatch) -> None:
    shown = repr(load_settings())

    assert "canary" not in shown
    assert KEY not in shown
    assert TOKEN_KEY not in shown


def test_a_running_local_stack_gives_what_the_environment_does_not(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("OUTREACH_FILES")
    environment.setenv("OUTREACH_AWS_REGION", "eu-west-1")
    Path("var/demo/run").mkdir(parents=True)
    Path("var/demo/run/outreach.env").write_text("OUTREACH_FILES=of-the-stack\nOUTREACH_AWS_REGION=eu-central-1\n")

    settings = load_settings()

    assert (settings.files, settings.aws_region) == ("of-the-stack", "eu-west-1")


def test_live_sending_is_refused_while_there_is_no_lease_outside_the_database(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("OUTREACH_SENDING", "live")

    assert "lease" in fault()
