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
    """What the database says of the attempt that a tag stands for; `suppressed_at` is when its recipient was suppressed."""

    campaign_step: tuple[int, int]
    window: tuple[datetime, datetime]
    suppressed_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class MailboxRules:
    """Seconds between two sends, sends a local day, and the zone of that day."""

    gap: int
    cap: int
    zone: str


#: Outcomes of an attempt that a provider may have taken; any other says that it certainly did not.
MAY_BE_OUT = frozenset({"accepted", "accepted_twice", "in_doubt", "unknown"})


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
    """Every rule, over every line; a line of no message or no mailbox of ours can be held against no other rule."""
    ours = [each for each in ledger if each.tag in rights and each.mailbox in mailboxes]
    return [
        *_strangers(ledger, rights, mailboxes),
        *_never_taken(ledger, rights),
        *_said_not_to_be_out(ours, rights),
        *_twice(ours, rights),
        *_too_fast(ours, mailboxes),
        *_over_cap(ours, mailboxes),
        *_outside_window(ours, rights),
        *_after_suppression(ours, rights),
    ]


def _strangers(
    ledger: Sequence[Taken], rights: Mapping[str, Rights], mailboxes: Mapping[str, MailboxRules]
) -> list[str]:
    return [
        *(f"{each.tag} is no message of ours" for each in ledger if each.tag not in rights),
        *(f"{each.mailbox} is no mailbox of ours" for each in ledger if each.mailbox not in mailboxes),
    ]


def _never_taken(ledger: Sequence[Taken], rights: Mapping[str, Rights]) -> list[str]:
    taken = {each.tag for each in ledger}
    return [
        f"{tag} is accepted and was never taken"
        for tag in rights
        if rights[tag].outcome == "accepted" and tag not in taken
    ]


def _said_not_to_be_out(ledger: Sequence[Taken], rights: Mapping[str, Rights]) -> list[str]:
    return [
        f"{each.tag} was taken and is {rights[each.tag].outcome}"
        for each in ledger
        if rights[each.tag].outcome not in MAY_BE_OUT
    ]


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
