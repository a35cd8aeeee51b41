"""The minutes at which a mailbox could send: a grid with jitter, fixed by the seed (rule 5).

Here belongs the mailbox's side of time. A grid begins with the plan's day and not with `as_of`, so that planning again
at noon meets the same minutes. Never `random`, never `hash()`: the same snapshot gives the same grid in every process.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import blake2b
from itertools import chain, count
from struct import unpack

from outreach_pipelines.domain.calendar import Span, common, load_zone, local_spans
from outreach_pipelines.domain.send_plan.snapshot import Mailbox, Snapshot
from outreach_pipelines.domain.send_plan.windows import PlanDay


def open_spans(mailbox: Mailbox, day: PlanDay) -> tuple[Span, ...]:
    """The part of the plan's day that lies in the mailbox's own hours."""
    if mailbox.hours is None:
        return day.whole
    zone = load_zone(mailbox.zone)
    own = (span for date_ in day.dates_in(zone) for span in local_spans(date_, mailbox.hours, zone))
    return common(day.whole, own)


def free_slots(mailbox: Mailbox, snapshot: Snapshot, day: PlanDay, others: Iterable[int]) -> list[int]:
    """Epoch seconds, ascending: at or after `as_of`, neighbours at least the smallest spacing apart, and as far from
    `others`, the messages that stand already."""
    slots = _grid(mailbox, open_spans(mailbox, day), _jitter(snapshot.seed, snapshot.day, mailbox))
    del slots[: bisect_left(slots, day.as_of)]
    for other in others:
        del slots[bisect_right(slots, other - mailbox.min_spacing) : bisect_left(slots, other + mailbox.min_spacing)]
    return slots


def _grid(mailbox: Mailbox, spans: Iterable[Span], jitter: Iterator[int]) -> list[int]:
    shortest, choices = mailbox.min_spacing, mailbox.max_spacing - mailbox.min_spacing + 1
    slots: list[int] = []
    earliest = 0
    for span in spans:
        # The first one is spread over a whole gap: mailboxes that open together do not fire together.
        at = max(span.start + next(jitter) % mailbox.max_spacing, earliest)
        while at < span.end:
            slots.append(at)
            at += shortest + next(jitter) % choices
        earliest = at
    return slots


def _jitter(seed: int, day: date, mailbox: Mailbox) -> Iterator[int]:
    """32-bit numbers, 16 from each digest."""
    name = f"{seed}|{day}|{mailbox.id}|".encode()
    blocks = (unpack(">16I", blake2b(name + b"%d" % block, digest_size=64).digest()) for block in count())
    return chain.from_iterable(blocks)
