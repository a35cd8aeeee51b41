"""Secrets come from where a reference points, and show themselves to nobody else."""

import copy
import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from outreach_pipelines.adapters.secrets import SecretSource
from outreach_pipelines.domain.reference import Fixed, FromEnvironment, SecretRef, SecretScheme
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import SettingsFault, Unreadable

CANARY = "canary-4711"


def test_a_secret_of_the_environment() -> None:
    source = SecretSource({"CLIENT_A_PASSWORD": CANARY})

    assert source.resolve(SecretRef(SecretScheme.ENVIRONMENT, "CLIENT_A_PASSWORD")).reveal() == CANARY


@pytest.mark.parametrize(
    ("written", "secret"), [(CANARY, CANARY), (CANARY + "\n", CANARY), (CANARY + "\r\n", CANARY), (" a \n\n", " a \n")]
)
def test_a_secret_of_a_file_without_the_line_end_that_editors_add(tmp_path: Path, written: str, secret: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(written.encode())

    assert SecretSource({}).resolve(SecretRef(SecretScheme.FILE, str(path))).reveal() == secret


@pytest.mark.parametrize(
    "reference", [SecretRef(SecretScheme.ENVIRONMENT, "NOT_SET"), SecretRef(SecretScheme.FILE, "/nowhere/at/all")]
)
def test_a_secret_that_is_not_there_is_a_fault_of_the_settings_which_names_the_reference(reference: SecretRef) -> None:
    with pytest.raises(SettingsFault, match=str(reference)):
        SecretSource({}).resolve(reference)


def test_an_empty_secret_is_none() -> None:
    with pytest.raises(SettingsFault, match="env:EMPTY is empty"):
        SecretSource({"EMPTY": ""}).resolve(SecretRef(SecretScheme.ENVIRONMENT, "EMPTY"))


def test_a_file_that_cannot_be_read_is_not_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + CANARY.encode())

    for path in (tmp_path, tmp_path / "binary"):
        with pytest.raises(Unreadable) as fault:
            SecretSource({}).resolve(SecretRef(SecretScheme.FILE, str(path)))
        assert CANARY not in "".join(traceback.format_exception(fault.value))


@pytest.mark.parametrize("scheme", [SecretScheme.SSM, SecretScheme.SECRETS_MANAGER])
def test_a_keeper_that_does_not_answer_is_not_a_missing_secret(
    scheme: SecretScheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    source = SecretSource({}, region="eu-west-1", endpoint_url="http://127.0.0.1:1")

    with pytest.raises(Unreadable, match=f"{scheme}:/client-a/smtp: EndpointConnectionError"):
        source.resolve(SecretRef(scheme, "/client-a/smtp"))


def test_a_secret_never_shows_by_accident(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)

    logging.getLogger("test").warning("%s %r %s", secret, {"password": secret}, [secret])
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{secret!s}", caplog.text, repr([secret])]

    assert not any(CANARY in each for each in shown)
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("leak", [pickle.dumps, copy.deepcopy, json.dumps])
def test_a_secret_is_written_into_nothing(leak: object) -> None:
    with pytest.raises(TypeError) as fault:
        leak(Secret(CANARY))  # type: ignore[operator]  # each is a function of one argument

    assert CANARY not in str(fault.value)


def test_secrets_are_equal_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_setting_is_fixed_or_of_this_machine() -> None:
    source = SecretSource({"SMTP_PORT": "2525"})

    assert source.setting(Fixed("mail.client.example")) == "mail.client.example"
    assert source.setting(FromEnvironment("SMTP_PORT")) == "2525"
    with pytest.raises(SettingsFault, match="SMTP_HOST is not set"):
        source.setting(FromEnvironment("SMTP_HOST"))
