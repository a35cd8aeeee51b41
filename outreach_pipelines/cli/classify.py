"""`outreach classify`: what raw messages are and say, one JSON line a file. No database and no settings.

The format is told in docs/inbound.md. What a message means is decided in `domain.inbound`; here it is only written down.
"""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from outreach_pipelines.domain.inbound.account import JsonValue, account_of
from outreach_pipelines.domain.inbound.classify import classify as classified
from outreach_pipelines.domain.inbound.lone_text import as_message, date_of
from outreach_pipelines.domain.inbound.structure import MAX_BYTES

STANDARD_INPUT = "-"
FILES = typer.Argument(metavar="FILE...", help="raw messages, or texts of replies; - is standard input")


def classify(files: Annotated[list[str], FILES]) -> None:
    """What each message is and says, a JSON line a file. Exit code 1 if one could not be read."""
    faulty = False
    for account in _accounts(files):
        print(json.dumps(account, ensure_ascii=False))
        faulty |= "fault" in account
    if faulty:
        raise typer.Exit(1)


def _accounts(files: Iterable[str]) -> Iterable[dict[str, JsonValue]]:
    now = datetime.now(UTC)
    for name in files:
        # The bytes of a name that is not UTF-8 are shown replaced: a line of JSON holds none of them.
        shown = name.encode("utf-8", "replace").decode("utf-8")
        try:
            raw = as_message(_read(name))
        except (OSError, ValueError) as fault:
            yield {"file": shown, "fault": _sentence(fault)}
            continue
        yield {"file": shown, **account_of(classified(raw, date_of(raw) or now))}


def _read(name: str) -> bytes:
    """The first bytes of a file: one more than is ever judged, so that a larger one is known as too large."""
    if name != STANDARD_INPUT:
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    raw = sys.stdin.buffer.read(MAX_BYTES + 1)
    if not raw:
        raise OSError(None, "standard input is empty")
    return raw


def _sentence(fault: OSError | ValueError) -> str:
    return (fault.strerror if isinstance(fault, OSError) else None) or str(fault)
