"""What a recipient is like: a pure function of seed, address and weights. When and how that shows is in `reactions`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from hashlib import blake2b
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")


@unique
class Behaviour(StrEnum):
    """Each value is also the word that, as first token of a local part, asks for it: `hard.anna@people.example`."""

    DELIVER = "deliver"
    HARD = "hard"
    SOFT = "soft"
    FULL = "full"
    BLOCK = "block"
    COMPLAIN = "complain"
    REPLY = "reply"
    OUT_OF_OFFICE = "ooo"
    UNSUBSCRIBE = "unsubscribe"
    OPT_OUT = "optout"
    AUTO_REPLY = "autoreply"
    SLOW = "slow"


_BY_WORD: Mapping[str, Behaviour] = MappingProxyType({behaviour.value: behaviour for behaviour in Behaviour})


@dataclass(frozen=True, slots=True)
class Weights:
    """The share of people of each behaviour, 0 to 1 in sum; everyone else takes the mail and does nothing."""

    shares: Mapping[Behaviour, float]

    def __post_init__(self) -> None:
        if any(not 0 <= share <= 1 for share in self.shares.values()) or sum(self.shares.values()) > 1:
            msg = "weights are shares between 0 and 1 whose sum is at most 1"
            raise ValueError(msg)


# Near what cold outreach to checked lists sees, and large enough that a demo of 800 messages shows each kind.
DEFAULT_WEIGHTS = Weights(
    MappingProxyType(
        {
            Behaviour.HARD: 0.025,
            Behaviour.SOFT: 0.015,
            Behaviour.COMPLAIN: 0.0025,
            Behaviour.REPLY: 0.04,
            Behaviour.OUT_OF_OFFICE: 0.02,
            Behaviour.UNSUBSCRIBE: 0.01,
            Behaviour.OPT_OUT: 0.005,
        }
    )
)


@dataclass(frozen=True, slots=True)
class Dice:
    """Chance without state: the same seed, address and purpose always fall the same way."""

    seed: int
    address: str

    def fraction(self, purpose: str) -> float:
        """A number in [0, 1)."""
        digest = blake2b(f"{self.seed}|{self.address.lower()}|{purpose}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64

    def half(self, purpose: str) -> bool:
        """True for half of the addresses."""
        return self.fraction(purpose) < 0.5

    def pick(self, purpose: str, options: tuple[T, ...]) -> T:
        """One of `options`, each as likely."""
        return options[int(self.fraction(purpose) * len(options))]

    def between(self, purpose: str, low: timedelta, high: timedelta) -> timedelta:
        """A time span from `low` up to `high`."""
        return low + (high - low) * self.fraction(purpose)


def behaviour_of(address: str, *, seed: int, weights: Weights) -> Behaviour:
    """What the person behind `address` does with mail: by the word in the local part, else by the weights."""
    asked_for = address.partition("@")[0].partition(".")[0].lower()
    if asked_for in _BY_WORD:
        return _BY_WORD[asked_for]
    point = Dice(seed, address).fraction("behaviour")
    for behaviour, share in weights.shares.items():
        if point < share:
            return behaviour
        point -= share
    return Behaviour.DELIVER
