"""Access tokens of a mail provider, as whoever logs in needs them. How they are issued is an adapter's work."""

from collections.abc import Callable
from typing import Protocol

from outreach_pipelines.domain.provider_account import MailTokens
from outreach_pipelines.domain.secret import Secret


class TokenSource(Protocol):
    """The tokens of one mailbox, kept while they are valid."""

    async def token(self) -> Secret:
        """A token that stays valid for a minute at least.

        Raises `Refused` when the issuer said no, `Unreadable` when it did not answer.
        """
        ...

    def forget(self) -> None:
        """The token given last was refused: the next one is asked for anew."""
        ...


class MailboxTokens(Protocol):
    """As `TokenSource`, for threads: many mailboxes are read at once, and some share a token."""

    def token(self) -> Secret:
        """A token that stays valid for a minute at least. Raises as `TokenSource.token` does."""
        ...

    def forget(self, token: Secret) -> None:
        """This token was refused: who asks next gets another one."""
        ...


TokensFor = Callable[[MailTokens, str, Secret], MailboxTokens]
"""Whose tokens: the issuer, the user name at the mail server, and the secret that tokens are issued for."""
