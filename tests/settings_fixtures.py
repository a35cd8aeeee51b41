"""The fixture around `right_settings`, for test modules that name this one in `pytest_plugins`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from right_settings import RIGHT

from outreach_pipelines.settings import load_settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment and a working directory that hold no other settings."""
    monkeypatch.chdir(tmp_path)
    for name, value in RIGHT.items():
        monkeypatch.setenv(name, value)
    for name in ("SENDING", "EVIDENCE_HORIZON_SECONDS", "AWS_REGION", "ENVIRONMENT_ID", "LEASE_STORE"):
        monkeypatch.delenv(f"OUTREACH_{name}", raising=False)
    load_settings.cache_clear()
    yield monkeypatch
    load_settings.cache_clear()
