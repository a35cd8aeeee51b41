"""What tenants leave of their shares of an account, given on a fixed hour to those whose plan wants more.

Belongs here: who gives and who gets how much. Does not: the guard of the account's total (`begin_send`), when it happens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from outreach_pipelines.domain.tenant import TenantId


@dataclass(frozen=True, slots=True)
class DayShare:
    """One tenant's day on one account, in sends: what is its own, what has left, what its plan still wants to send."""

    tenant: TenantId
    share: int
    taken: int
    wanted: int

    @property
    def unused(self) -> int:
        """What its plan leaves over."""
        return max(0, self.share - self.taken - self.wanted)

    @property
    def missing(self) -> int:
        """What its plan wants beyond its share."""
        return max(0, min(self.wanted, self.taken + self.wanted - self.share))


@dataclass(frozen=True, slots=True)
class ShareGrant:
    """`extra` sends for this tenant today; less than 0 for one that gives. Never 0."""

    tenant: TenantId
    extra: int
    reason: str


def give_out(shares: Sequence[DayShare]) -> tuple[ShareGrant, ...]:
    """Moves no more than is unused nor than is missing; in proportion, the odd ones to the smallest numbers first.

    The grants sum to 0, nobody ends below what it has sent and wants, and the order of `shares` does not matter.
    """
    ordered = sorted(shares, key=lambda each: each.tenant)
    moved = min(sum(each.unused for each in ordered), sum(each.missing for each in ordered))
    given = _split(moved, [each.unused for each in ordered])
    got = _split(moved, [each.missing for each in ordered])
    grants = [
        ShareGrant(each.tenant, plus - minus, _reason(each, plus, minus))
        for each, plus, minus in zip(ordered, got, given, strict=True)
        if plus != minus
    ]
    return tuple(grants)


def _split(whole: int, weights: Sequence[int]) -> list[int]:
    """`whole`, at most the sum of `weights`, in proportion to them and nowhere more than one: largest remainders first."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    parts = [whole * weight // total for weight in weights]
    rest = sorted(range(len(weights)), key=lambda each: (-(whole * weights[each] % total), each))
    for each in rest[: whole - sum(parts)]:
        parts[each] += 1
    return parts


def _reason(share: DayShare, plus: int, minus: int) -> str:
    if minus:
        return f"{share.unused} of {share.share} were not wanted today, and {minus} went to others"
    return f"{share.missing} more than its {share.share} were wanted today, and {plus} were left by others"
