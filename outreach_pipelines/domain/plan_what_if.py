"""A snapshot with some knobs turned: what would the day be if a cap, a window or a state were another?

Belongs here: knobs as text, and a snapshot changed by them. Does not: comparing plans (`plan_diff`).
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Final, TypeAlias

from outreach_pipelines.domain.send_plan.codec import decode_snapshot, encode_snapshot
from outreach_pipelines.domain.send_plan.json_form import SELDOM
from outreach_pipelines.domain.send_plan.snapshot import Account, Campaign, Mailbox, Snapshot

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
_FORM: Final = re.compile(r"(?P<path>[a-z_]+(?:\.[0-9]+)?(?:\.[a-z_]+)*)=(?P<value>.*)", re.DOTALL)
_FACTOR: Final = re.compile(r"x(?P<factor>[0-9]+(?:\.[0-9]+)?)")
_ROWS: Final = {"mailbox": "mailboxes", "domain": "domains", "campaign": "campaigns", "account": "accounts"}
_ONE_OF_A_KIND: Final = ("policy", "seed", "as_of", "day")
_LEFT_OUT: Final = frozenset(
    each.name for kind in (Campaign, Mailbox, Account) for each in fields(kind) if each.metadata == SELDOM
)
"""Fields that are not written where they say nothing."""


class BadKnobError(ValueError):
    """A knob that names nothing in the snapshot, or cannot be read; the text says which."""


@dataclass(frozen=True, slots=True)
class Knob:
    """`path` as in `policy.daily_cap`, `mailboxes.daily_cap` (all of them), `mailbox.17.hold`; `value` is JSON, a plain
    text, or a factor like `x1.5` for a number that is there."""

    path: tuple[str, ...]
    value: str


def parse_knob(text: str) -> Knob:
    """Raises `BadKnobError`."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        message = f"{text!r} is no knob: policy.daily_cap=200, mailboxes.daily_cap=x1.5, mailbox.17.state=resting, campaign.3.state=paused"
        raise BadKnobError(message)
    return Knob(tuple(found["path"].split(".")), found["value"].strip())


def with_knobs(snapshot: Snapshot, knobs: Iterable[Knob]) -> Snapshot:
    """The snapshot with every knob turned, in their order.

    Raises `BadKnobError` for a knob that names nothing, `BadSnapshotError` when the result makes no sense.
    """
    body: dict[str, Json] = json.loads(encode_snapshot(snapshot))
    for knob in knobs:
        _turn(body, knob)
    return decode_snapshot(json.dumps(body).encode())


def _turn(body: dict[str, Json], knob: Knob) -> None:
    rows, fields = _rows(body, knob)
    if not rows or not fields:
        message = f"{'.'.join(knob.path)}: there is no such thing in the snapshot"
        raise BadKnobError(message)
    for row in rows:
        _set(row, fields, knob)


def _rows(body: dict[str, Json], knob: Knob) -> tuple[Sequence[Json], tuple[str, ...]]:
    """What a path begins with, and the fields that are left of it."""
    head, *others = knob.path
    if head in _ONE_OF_A_KIND:
        return [body], knob.path
    listed = body.get(_ROWS.get(head, head))
    if not isinstance(listed, list) or not others or head == "candidates":
        return [], ()
    if head in _ROWS:
        number = others.pop(0)
        listed = [row for row in listed if isinstance(row, dict) and str(row["id"]) == number]
    return listed, tuple(others)


def _set(row: Json, fields: tuple[str, ...], knob: Knob) -> None:
    *path, last = fields
    for name in path:
        row = row.get(name) if isinstance(row, dict) else None
    if not isinstance(row, dict) or (last not in row and last not in _LEFT_OUT):
        message = f"{'.'.join(knob.path)}: there is no such field"
        raise BadKnobError(message)
    row[last] = _value(row.get(last), knob)


def _value(before: Json, knob: Knob) -> Json:
    factor = _FACTOR.fullmatch(knob.value)
    if factor is not None and isinstance(before, int):
        return int(before * Decimal(factor["factor"]))
    if factor is not None and before is None:
        # Unlimited stays unlimited, however often it is taken.
        return None
    try:
        value: Json = json.loads(knob.value)
    except ValueError:
        return None if knob.value == "none" else knob.value
    return value
