"""Values that stand elsewhere: secrets, and hosts or ports that differ from one machine to the next.

Only the reference is known here and stored; the process that needs the value resolves it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class SecretScheme(StrEnum):
    ENVIRONMENT = "env"
    SSM = "ssm"
    SECRETS_MANAGER = "secretsmanager"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is kept: `env:NAME`, `ssm:/path`, `secretsmanager:name`, `file:path`."""

    scheme: SecretScheme
    locator: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.locator}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value written down in the inventory itself."""

    value: str

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """A value this machine sets, such as the free port on which a lab server listens."""

    name: str

    def __str__(self) -> str:
        return f"env:{self.name}"


Setting = Fixed | FromEnvironment

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_LOCATORS: Final = {
    SecretScheme.ENVIRONMENT: _VARIABLE,
    SecretScheme.SSM: re.compile(r"(/[A-Za-z0-9_.-]+)+"),  # AWS Systems Manager, "Parameter name requirements"
    SecretScheme.SECRETS_MANAGER: re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}"),  # AWS Secrets Manager, CreateSecret, Name
    SecretScheme.FILE: re.compile(r"[^\x00-\x1f]{1,1000}"),
}


def parse_secret_ref(text: str) -> SecretRef | None:
    """`None` for anything else: it may be the secret itself, so no message repeats it."""
    scheme, _, locator = text.partition(":")
    for known, shape in _LOCATORS.items():
        if scheme == known and shape.fullmatch(locator):
            return SecretRef(known, locator)
    return None


def parse_setting(text: str) -> Setting | None:
    """`env:NAME` refers to the environment, every other non-empty text is the value. `None` for a broken reference."""
    if not text.startswith("env:"):
        return Fixed(text) if text else None
    name = text.removeprefix("env:")
    return FromEnvironment(name) if _VARIABLE.fullmatch(name) else None
