"""What may stand in the lab's ledger: judged from its lines and plain facts of the database, with no code of ours.

Each rule returns sentences for what breaks it; an empty list is a clean day.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Taken:
    """One line of the ledger."""

    at: datetime
    mailbox: str
    recipient: str
    tag: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What the database says of the message that a tag stands for; `suppressed_at` is when its recipient was suppressed."""

    campaign_step: tuple[int, int]
    window: tuple[datetime, datetime]
    suppressed_at: datetime | None


@dataclass(frozen=True, slots=True)
class MailboxRules:
    """Seconds between two sends, sends a local day, and the zone of that day."""

    gap: int
    cap: int
    zone: str


def read_ledger(path: Path) -> list[Taken]:
    """The lines, oldest first; probes to SES's simulator are no mail to people."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    taken = [
        Taken(datetime.fromisoformat(line["simulated_time"]), line["mailbox"], line["recipient"], line["tag"])
        for line in lines
        if not line["recipient"].endswith("@simulator.amazonses.com")
    ]
    return sorted(taken, key=lambda each: each.at)


def broken_rules(
    ledger: Sequence[Taken], rights: Mapping[str, Rights], mailboxes: Mapping[str, MailboxRules]
) -> list[str]:
    """Every rule, over every line."""
    return [
        *_strangers(ledger, rights),
        *_twice(ledger, rights),
        *_too_fast(ledger, mailboxes),
        *_over_cap(ledger, mailboxes),
        *_outside_window(ledger, rights),
        *_after_suppression(ledger, rights),
    ]


def _strangers(ledger: Sequence[Taken], rights: Mapping[str, Rights]) -> list[str]:
    return [f"{each.tag} is no message of ours" for each in ledger if each.tag not in rights]


def _twice(ledger: Sequence[Taken], rights: Mapping[str, Rights]) -> list[str]:
    seen: set[tuple[str, tuple[int, int]]] = set()
    found = []
    for each in ledger:
        key = (each.recipient, rights[each.tag].campaign_step)
        found += [f"{each.recipient} twice for one step"] if key in seen else []
        seen.add(key)
    return found


def _too_fast(ledger: Sequence[Taken], mailboxes: Mapping[str, MailboxRules]) -> list[str]:
    last: dict[str, datetime] = {}
    found = []
    for each in ledger:
        gap = timedelta(seconds=mailboxes[each.mailbox].gap)
        if each.mailbox in last and each.at - last[each.mailbox] < gap:
            found.append(f"{each.mailbox} sends after {each.at - last[each.mailbox]}")
        last[each.mailbox] = each.at
    return found


def _over_cap(ledger: Sequence[Taken], mailboxes: Mapping[str, MailboxRules]) -> list[str]:
    sent: dict[tuple[str, date], int] = defaultdict(int)
    for each in ledger:
        sent[each.mailbox, each.at.astimezone(ZoneInfo(mailboxes[each.mailbox].zone)).date()] += 1
    return [
        f"{mailbox} sends {count} on {day}" for (mailbox, day), count in sent.items() if count > mailboxes[mailbox].cap
    ]


def _outside_window(ledger: Sequence[Taken], rights: Mapping[str, Rights]) -> list[str]:
    return [
        f"{each.recipient} at {each.at}, outside the window"
        for each in ledger
        if not rights[each.tag].window[0] <= each.at < rights[each.tag].window[1]
    ]


def _after_suppression(ledger: Sequence[Taken], rights: Mapping[str, Rights]) -> list[str]:
    return [
        f"{each.recipient} is written to at {each.at}, suppressed since {since}"
        for each in ledger
        if (since := rights[each.tag].suppressed_at) is not None and since < each.at
    ]
