"""Settings of notices and of the endpoint: references alone, and intents that there are."""

import pytest

from outreach_pipelines.errors import SettingsFault
from outreach_pipelines.settings import load_settings

pytest_plugins = ("settings_fixtures",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY", "acme=env:ACME_SLACK, *=file:/run/secrets/all"),
        ("NOTIFY", ""),
        ("NOTIFY_OF", "positive, none"),
        ("INTENT_KEY", "ssm:/outreach/intent"),
    ],
)
def test_references_and_intents_are_taken(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(f"OUTREACH_{name}", value)

    assert getattr(load_settings(), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY", "acme=slack://canary/token"),
        ("NOTIFY", "slack://canary/token"),
        ("NOTIFY", "=env:X"),
        ("NOTIFY_OF", "furious"),
        ("NOTIFY_OF", " "),
        ("INTENT_KEY", "sk-canary"),
    ],
)
def test_a_secret_in_place_of_its_reference_is_refused_and_not_repeated(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"OUTREACH_{name}", value)

    with pytest.raises(SettingsFault, match=f"OUTREACH_{name} must be") as refused:
        load_settings()

    assert "canary" not in str(refused.value)


def test_nobody_is_told_and_no_endpoint_is_asked_unless_that_is_set(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()

    assert (settings.notify, settings.notify_excerpt, settings.intent_url, settings.intent_key) == (
        None,
        False,
        None,
        None,
    )
