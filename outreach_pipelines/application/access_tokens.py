"""Access tokens of a mail provider, as whoever logs in needs them. How they are issued is an adapter's work."""

from typing import Protocol

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
