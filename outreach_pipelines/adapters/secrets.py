"""Turning references into secrets, in the process that uses them and only there.

Belongs here: reading environment, files, SSM and Secrets Manager. Does not: the references (`domain.reference`), and no
secret is logged, repeated in an error, or kept anywhere else.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from outreach_pipelines.domain.reference import Fixed, FromEnvironment, SecretRef, SecretScheme, Setting
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import SettingsFault, Unreadable


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Resolves references. `endpoint_url` points SSM and Secrets Manager to a local stand-in; None is AWS."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    region: str | None = None
    endpoint_url: str | None = None

    def resolve(self, reference: SecretRef) -> Secret:
        """The secret. Raises `SettingsFault` when it is not there, `Unreadable` when its keeper did not answer.

        One line end at the end of a file belongs to the file, not to the secret.
        """
        text = self._read(reference)
        if not text:
            message = f"{reference} is empty or not set"
            raise SettingsFault(message)
        return Secret(text)

    def setting(self, setting: Setting) -> str:
        """A host, port or name that is no secret. Raises `SettingsFault` when its variable is not set."""
        match setting:
            case Fixed(value):
                return value
            case FromEnvironment(name):
                if not self.environment.get(name):
                    message = f"the environment variable {name} is not set"
                    raise SettingsFault(message)
                return self.environment[name]
        assert_never(setting)

    def _read(self, reference: SecretRef) -> str:
        match reference.scheme:
            case SecretScheme.ENVIRONMENT:
                return self.environment.get(reference.locator, "")
            case SecretScheme.FILE:
                return _file_text(reference)
            case SecretScheme.SSM | SecretScheme.SECRETS_MANAGER:
                return self._from_aws(reference)
        assert_never(reference.scheme)

    def _from_aws(self, reference: SecretRef) -> str:
        # Few installations keep secrets there, and every run loads this module.
        from boto3.session import Session
        from botocore.exceptions import BotoCoreError, ClientError

        session = Session(region_name=self.region)
        try:
            if reference.scheme is SecretScheme.SSM:
                ssm = session.client("ssm", endpoint_url=self.endpoint_url)
                return str(ssm.get_parameter(Name=reference.locator, WithDecryption=True)["Parameter"]["Value"])
            manager = session.client("secretsmanager", endpoint_url=self.endpoint_url)
            return str(manager.get_secret_value(SecretId=reference.locator)["SecretString"])
        except ClientError as refused:
            name = refused.response.get("Error", {}).get("Code", "an error without a name")
            message = f"{reference}: {name}"
            if name in {"ParameterNotFound", "ResourceNotFoundException"}:
                raise SettingsFault(message) from None
            raise Unreadable(message) from None
        except (BotoCoreError, KeyError) as broken:
            message = f"{reference}: {type(broken).__name__}"
            raise Unreadable(message) from None


def _file_text(reference: SecretRef) -> str:
    try:
        return Path(reference.locator).read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as broken:
        message = f"{reference}: {type(broken).__name__}"
        raise Unreadable(message) from None
