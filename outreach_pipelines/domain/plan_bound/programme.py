"""A linear programme in sparse rows: the largest number of messages, by HiGHS (highs.dev) through scipy.

Belongs here: variables, rows, the solver. Does not: what they mean.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import floor
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Variable = NewType("Variable", int)
_ROUNDING = 1e-6
"""The solver's tolerance: 11.9999999 messages are 12."""


class UnsolvedError(RuntimeError):
    """The solver gave no optimum: a programme that has a solution always has one."""


@dataclass(slots=True)
class _Rows:
    row: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    factor: list[int] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)

    def add(self, terms: Iterable[tuple[Variable, int]], limit: float) -> None:
        for variable, factor in terms:
            self.row.append(len(self.limit))
            self.column.append(variable)
            self.factor.append(factor)
        self.limit.append(limit)

    def matrix(self, columns: int) -> "csr_array | None":
        if not self.limit:
            return None
        from scipy.sparse import csr_array

        return csr_array((self.factor, (self.row, self.column)), shape=(len(self.limit), columns), dtype=float)


@dataclass(slots=True)
class Programme:
    """Variables are numbers of messages from 0 to their upper bound. Every row is at most a limit of 0 or more, or a
    balance, so that sending nothing is always a solution where nothing has to be `at_least` something."""

    _uppers: list[float | None] = field(default_factory=list)
    _worth: list[float] = field(default_factory=list)
    _most: _Rows = field(default_factory=_Rows)
    _equal: _Rows = field(default_factory=_Rows)

    def variable(self, upper: int | None, *, counts: bool = False) -> Variable:
        """A new variable; `counts` when it is part of what is to be largest."""
        self._uppers.append(upper)
        self._worth.append(-1.0 if counts else 0.0)
        return Variable(len(self._uppers) - 1)

    def at_most(self, variables: Iterable[Variable], limit: int) -> None:
        self._most.add([(variable, 1) for variable in variables], limit)

    def at_least(self, variables: Iterable[Variable], limit: int) -> None:
        self._most.add([(variable, -1) for variable in variables], -limit)

    def weighs_at_most(self, terms: Iterable[tuple[Variable, int]], limit: int) -> None:
        """The sum of variables, each times its factor."""
        self._most.add(terms, limit)

    def balance(self, left: Iterable[Variable], right: Iterable[Variable]) -> None:
        """The sums of both sides are equal."""
        self._equal.add([*((variable, 1) for variable in left), *((variable, -1) for variable in right)], 0)

    @property
    def size(self) -> int:
        """The number of variables."""
        return len(self._uppers)

    def largest(self) -> int:
        """The largest whole number of messages not above the optimum. Raises `UnsolvedError`."""
        if not self._uppers:
            return 0
        # Every run loads this module, and only a plan's solves; scipy is the dearest import of all.
        from scipy.optimize import linprog

        solved = linprog(
            self._worth,
            A_ub=self._most.matrix(self.size),
            b_ub=self._most.limit or None,
            A_eq=self._equal.matrix(self.size),
            b_eq=self._equal.limit or None,
            bounds=[(0, upper) for upper in self._uppers],
            method="highs",
        )
        if not solved.success:
            message = f"no optimum: {solved.message}"
            raise UnsolvedError(message)
        return floor(-float(solved.fun) + _ROUNDING)
