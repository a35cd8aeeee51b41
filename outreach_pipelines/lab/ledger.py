"""What the lab accepted and what its people did: two append-only files of JSON lines, the truth a checker reads.

A line of `ledger.jsonl` is on the disk (fsync) before the positive answer leaves the lab. No decisions here.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from outreach_pipelines.lab.clock import SimulatedClock, machine_now


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One message for one recipient that a provider took.

    `provider` is the account's name, `mailbox` the From address, `message_id` the full Message-ID as people see it,
    `tag` the sender's own mark (SES: the e-mail tag `outreach`; SMTP: the local part of Message-ID),
    `body_sha256` the hex digest of what follows the header.
    """

    provider: str
    mailbox: str
    recipient: str
    message_id: str
    tag: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that a person or a receiving server did. `detail` says how it went, e.g. the HTTP status."""

    kind: str
    recipient: str
    tag: str
    detail: str


class JournalFile:
    """An append-only file whose lines are on the disk when `append` returns. Waiting lines share one fsync."""

    def __init__(self, path: Path, *, sync: Callable[[int], None] = os.fsync) -> None:
        self._sync = sync
        path.parent.mkdir(parents=True, exist_ok=True)
        _cut_torn_line(path)
        self._file: IO[bytes] = path.open("ab", buffering=0)
        self._waiting: asyncio.Queue[tuple[bytes, asyncio.Future[None]]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write, in the running event loop."""
        self._task = asyncio.create_task(self._write_forever(), name="lab-journal")

    async def append(self, line: bytes) -> None:
        """Write one line; back when it is on the disk. A disk that refuses raises OSError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((line, done))
        await done

    def append_soon(self, line: bytes) -> None:
        """Write one line with the next batch; `flush` tells when it is on the disk."""
        self._waiting.put_nowait((line, asyncio.get_running_loop().create_future()))

    async def flush(self) -> None:
        """Back when everything that was appended is on the disk."""
        await self.append(b"")

    async def stop(self) -> None:
        """End the writer and close the file."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._file.close()

    async def _write_forever(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._write(batch)

    async def _write(self, batch: list[tuple[bytes, asyncio.Future[None]]]) -> None:
        error: OSError | None = None
        try:
            await asyncio.to_thread(self._write_synced, b"".join(line for line, _ in batch))
        except OSError as raised:
            error = raised
        for _, done in batch:
            if done.cancelled():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
                # Marked as seen: behind `append_soon` nobody awaits it, and `flush` fails alike.
                done.exception()

    def _write_synced(self, data: bytes) -> None:
        written = 0
        while written < len(data):
            written += self._file.write(data[written:]) or 0
        self._sync(self._file.fileno())


class Ledger:
    """Both journals of one lab, and the acceptances counted per account, which is the provider's own statistics."""

    def __init__(self, data_dir: Path, clock: SimulatedClock) -> None:
        self._clock = clock
        self._accepted_file = JournalFile(data_dir / "ledger.jsonl")
        self._deeds_file = JournalFile(data_dir / "reactions.jsonl")
        self._by_hour: Counter[tuple[str, str]] = _read_counts(data_dir / "ledger.jsonl")

    def start(self) -> None:
        """Begin to write, in the running event loop."""
        self._accepted_file.start()
        self._deeds_file.start()

    async def stop(self) -> None:
        """Close both files."""
        await self.settle()
        await self._accepted_file.stop()
        await self._deeds_file.stop()

    async def accept(self, acceptance: Acceptance) -> None:
        """Record an acceptance; only after this has returned may the answer say yes."""
        moment = self._clock.now()
        await self._accepted_file.append(_line(acceptance, moment))
        self._by_hour[acceptance.provider, _hour(moment.isoformat())] += 1

    def did(self, deed: Deed) -> None:
        """Record what a person did. Nobody is answered by it, so the disk is not waited for; `settle` does that."""
        self._deeds_file.append_soon(_line(deed, self._clock.now()))

    async def settle(self) -> None:
        """Back when every deed is on the disk."""
        await self._deeds_file.flush()

    def accepted_by_hour(self, provider: str) -> dict[str, int]:
        """Acceptances of an account by simulated UTC hour (`2026-11-23T09:00Z`), hours without any left out."""
        return {hour: n for (name, hour), n in sorted(self._by_hour.items()) if name == provider}


def _line(record: Acceptance | Deed, simulated: datetime) -> bytes:
    times = {"time": machine_now().isoformat(), "simulated_time": simulated.isoformat()}
    return json.dumps(times | asdict(record)).encode("ascii") + b"\n"


def _read_counts(path: Path) -> Counter[tuple[str, str]]:
    lines = (json.loads(line) for line in path.read_bytes().splitlines())
    return Counter((line["provider"], _hour(line["simulated_time"])) for line in lines)


def _hour(iso: str) -> str:
    return f"{iso[:13]}:00Z"


def _cut_torn_line(path: Path) -> None:
    """A process that was killed while it wrote leaves half a line; nothing was answered for it, so it goes."""
    if path.exists():
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)
