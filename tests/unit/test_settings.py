import base64
from pathlib import Path

import pytest
from right_settings import KEY, RIGHT, TOKEN_KEY

from outreach_pipelines.errors import SettingsFault
from outreach_pipelines.settings import SendingMode, load_settings

pytest_plugins = ("settings_fixtures",)


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

    for name in ("OUTREACH_FILES", "OUTREACH_LEASE_STORE", "OUTREACH_EVIDENCE_HORIZON_SECONDS", "OUTREACH_TAG_KEY"):
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


def test_live_sending_names_all_that_it_lacks_in_one_message(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_SENDING", "live")
    environment.setenv("OUTREACH_LEASE_STORE", "")

    said = fault()

    assert "OUTREACH_ENVIRONMENT_ID is missing" in said
    assert "OUTREACH_LEASE_STORE is missing" in said


def test_live_sending_is_set_with_the_environment_and_the_place_of_its_lease(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_SENDING", "live")
    environment.setenv("OUTREACH_ENVIRONMENT_ID", "00000000-0000-4000-8000-000000000001")
    environment.setenv("OUTREACH_LEASE_STORE", "s3://bucket/prefix")

    assert load_settings().sending is SendingMode.LIVE


@pytest.mark.parametrize(
    ("name", "wrong", "shape"),
    [
        ("OUTREACH_NAMESERVER", "foo", "an IPv4 address with or without a port"),
        ("OUTREACH_NAMESERVER", "127.0.0.1:99999", "an IPv4 address with or without a port"),
        ("OUTREACH_NAMESERVER", "127.0.0.1:dns", "an IPv4 address with or without a port"),
        ("OUTREACH_FILES", "s3:", "a folder or s3://BUCKET/PREFIX"),
        ("OUTREACH_FILES", "s3://", "a folder or s3://BUCKET/PREFIX"),
        ("OUTREACH_FILES", "gs://bucket/prefix", "a folder or s3://BUCKET/PREFIX"),
        ("OUTREACH_FILES", "", "a folder or s3://BUCKET/PREFIX"),
        ("OUTREACH_PARTITIONS_START", "soon", "a date such as 2026-11-21"),
        ("OUTREACH_EVIDENCE_HORIZON_SECONDS", "-1", "a number of seconds greater than 0"),
        ("OUTREACH_EVIDENCE_HORIZON_SECONDS", "an hour", "a number of seconds greater than 0"),
        ("OUTREACH_SENDING", "yes", "off, lab or live"),
    ],
)
def test_a_setting_of_the_wrong_shape_is_told_the_right_one_in_our_words(
    environment: pytest.MonkeyPatch, name: str, wrong: str, shape: str
) -> None:
    environment.setenv(name, wrong)

    assert f"  {name} must be {shape}" in fault()


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("OUTREACH_NAMESERVER", "192.0.2.53"),
        ("OUTREACH_NAMESERVER", "127.0.0.1:5353"),
        ("OUTREACH_FILES", "s3://bucket"),
        ("OUTREACH_FILES", "s3://my.bucket-1/prefix/below"),
        ("OUTREACH_FILES", "/var/lib/outreach"),
    ],
)
def test_a_setting_of_the_right_shape_is_taken_as_it_is(environment: pytest.MonkeyPatch, name: str, right: str) -> None:
    environment.setenv(name, right)

    assert right in (load_settings().nameserver, load_settings().files)
