"""Where mail for the senders' own addresses arrives: routing and files. How clients see it is in `imap`."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

from outreach_pipelines.lab.clock import SimulatedClock
from outreach_pipelines.lab.config import InboxAccount
from outreach_pipelines.lab.letters import Letter
from outreach_pipelines.lab.wire_message import prepend_headers


class Mailstore(Protocol):
    """What shows delivered mail to clients."""

    async def append(self, username: str, raw: bytes, *, when: datetime) -> None:
        """Add one message to the INBOX of `username`."""


class Inboxes:
    """Delivers letters to the inbox that receives their address, and keeps each as `inboxes/<username>/N.eml`."""

    def __init__(
        self, data_dir: Path, accounts: tuple[InboxAccount, ...], store: Mailstore, clock: SimulatedClock
    ) -> None:
        self._folder = data_dir / "inboxes"
        self._routes = {p.lower(): a.username for a in accounts for p in a.receives}
        self._store = store
        self._clock = clock
        self._counts = {a.username: 0 for a in accounts}

    async def load(self) -> None:
        """Show again what earlier runs delivered, in the order of delivery."""
        for username in self._counts:
            folder = self._folder / username
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(folder.glob("*.eml"), key=lambda path: int(path.stem)):
                await self._store.append(username, file.read_bytes(), when=self._clock.now())
                self._counts[username] = int(file.stem)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many messages each inbox holds."""
        return self._counts

    def receiver_of(self, address: str) -> str | None:
        """The inbox for `address`: exact, else without its `+tag`, else by domain; None if nobody receives it."""
        local, _, domain = address.lower().rpartition("@")
        for pattern in (f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}", f"*@{domain}"):
            if pattern in self._routes:
                return self._routes[pattern]
        return None

    def receives(self, address: str) -> bool:
        """Whether there is an inbox for `address`."""
        return self.receiver_of(address) is not None

    async def deliver(self, letter: Letter) -> str:
        """Put a letter into its inbox; how that went, in words. An address that nobody receives is told, not hidden."""
        username = self.receiver_of(letter.recipient)
        if username is None:
            return f"no inbox receives {letter.recipient or 'the null sender'}"
        raw = self._with_trace(letter)
        self._counts[username] += 1
        self._keep(username, self._counts[username], raw)
        await self._store.append(username, raw, when=self._clock.now())
        return f"delivered to inbox {username}"

    def _with_trace(self, letter: Letter) -> bytes:
        received = f"from mail.example.test by mx.lab.test with ESMTP; {format_datetime(self._clock.now())}"
        return prepend_headers(
            letter.raw,
            ("Return-Path", f"<{letter.envelope_sender}>"),
            ("Delivered-To", letter.recipient),
            ("Received", received),
        )

    def _keep(self, username: str, number: int, raw: bytes) -> None:
        unfinished = self._folder / username / f"{number}.part"
        unfinished.write_bytes(raw)
        unfinished.rename(unfinished.with_suffix(".eml"))
