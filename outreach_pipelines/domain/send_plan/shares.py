"""Fair shares among campaigns, domains and mailboxes (rule 6), in whole numbers.

Here belong weighted round-robin and the order in which equals take turns. Not here: what is shared.
"""

import heapq
from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

_TURN = 1_000_000_007
"""The distance between two turns at weight 1; large, so that whole-number division keeps the proportions."""

Key = TypeVar("Key", bound=int)
Row = TypeVar("Row")


class Hand(NamedTuple, Generic[Key]):
    """One that takes part: its weight, and how many it can take."""

    key: Key
    weight: int
    room: int


def deal(count: int, hands: Sequence[Hand[Key]]) -> dict[Key, int]:
    """Weighted round-robin: `count` turns dealt by weight, none beyond a hand's room; what nobody can take is left.

    Who has weight 3 gets the turns of three with weight 1; a full hand's turns go to the others by their weights.
    """
    room = {hand.key: hand.room for hand in hands if hand.weight > 0 and hand.room > 0}
    step = {hand.key: _TURN // hand.weight for hand in hands if hand.key in room}
    turns = [(step[key], key) for key in room]
    heapq.heapify(turns)
    dealt = dict.fromkeys(room, 0)
    for _ in range(count):
        if not turns:
            break
        turn, key = turns[0]
        dealt[key] += 1
        if dealt[key] < room[key]:
            heapq.heapreplace(turns, (turn + step[key], key))
        else:
            heapq.heappop(turns)
    return dealt


def interleaved(queues: Mapping[Key, Sequence[Row]], weights: Mapping[Key, int]) -> list[Row]:
    """The rows of all queues, each queue in its own order, taking turns by weight; ties go to the smaller key."""
    turns = [
        ((position + 1) * (_TURN // weights[key]), key, position)
        for key, rows in queues.items()
        for position in range(len(rows))
    ]
    return [queues[key][position] for _, key, position in sorted(turns)]
