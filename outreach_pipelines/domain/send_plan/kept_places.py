"""Slowed messages within a mailbox's day (rule 4): a hold that leaves a message half of a cap lets it leave while less
than half of the cap is used. So the intent counts, and a plan that counted otherwise would be refused at its hour.

Here belongs the count before a slowed message, and keeping later placements from raising it. Not here: how much a hold
leaves (`holds`). All of it only shrinks while planning.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from math import floor

from outreach_pipelines.domain.calendar import SECONDS_PER_DAY, Span, epoch_seconds
from outreach_pipelines.domain.send_plan.snapshot import Mailbox

ROLLING = Fraction(5, 4)
"""Messages of any 24 hours, as a multiple of the daily cap."""


class DateRoom:
    """What a mailbox may still send on one date of its own zone, and what it has sent on it or keeps. `span` is the part
    of the date that lies in the plan's day, `whole` all of it."""

    __slots__ = ("left", "sent", "span", "whole")

    def __init__(self, span: Span, left: int, sent: int, whole: Sequence[Span]) -> None:
        self.span = span
        self.left = left
        self.sent = sent
        self.whole = whole


class _KeptPlace:
    """A slowed message at `moment`; so many more may still be placed in the 24 hours before it."""

    __slots__ = ("moment", "slack")

    def __init__(self, moment: int, slack: int) -> None:
        self.moment = moment
        self.slack = slack


class KeptPlaces:
    """Of one mailbox. `times` is its own ascending list of all that leaves, which grows while planning. `any` tells whether
    there is one, and is asked for every slot."""

    __slots__ = ("_dates", "_mailbox", "_places", "_times", "any")

    def __init__(self, mailbox: Mailbox, dates: Sequence[DateRoom], times: Sequence[int]) -> None:
        self._mailbox = mailbox
        self._dates = dates
        self._times = times
        self._places: list[_KeptPlace] = []
        self.any = False

    def admits(self, moment: int, factor: Fraction) -> bool:
        """Whether a message of which a hold leaves `factor` may leave at that moment."""
        return self._slack(moment, factor) > 0

    def free_from(self, moment: int) -> int:
        """`moment`, unless one more message then would come before a slowed one that has no room for it: after that."""
        full = (place.moment for place in self._places if place.slack <= 0 and _is_before(moment, place.moment))
        return max(full, default=moment - 1) + 1

    def take(self, moment: int, factor: Fraction | None) -> None:
        for place in self._places:
            place.slack -= _is_before(moment, place.moment)
        if factor is not None:
            self._places.append(_KeptPlace(moment, self._slack(moment, factor) - 1))
            self.any = True

    def give_back(self, moment: int, factor: Fraction | None) -> None:
        """A message leaves again that was taken with this factor."""
        if factor is not None:
            del self._places[next(n for n, place in enumerate(self._places) if place.moment == moment)]
        for place in self._places:
            place.slack += _is_before(moment, place.moment)

    def _slack(self, moment: int, factor: Fraction) -> int:
        """How many messages more may leave up to `moment`, if one of this factor is the last of them."""
        cap = self._mailbox.daily_cap
        if cap is None:
            return 0 if factor == 0 else SECONDS_PER_DAY
        at = bisect_left(self._times, moment)
        in_24_hours = at - bisect_right(self._times, moment - SECONDS_PER_DAY)
        return min(floor(cap * factor) - self._on_date(moment, at), floor(cap * factor * ROLLING) - in_24_hours)

    def _on_date(self, moment: int, at: int) -> int:
        """Messages of the mailbox's own date before `moment`; those of which no time is known are before it."""
        date = next((date for date in self._dates if moment < date.span.end), self._dates[-1])
        start, end = date.whole[0].start, date.whole[-1].end
        timed = sum(start <= epoch_seconds(other) < end for other in self._mailbox.other_sends)
        return max(0, date.sent - timed) + at - bisect_left(self._times, start)


def _is_before(moment: int, place: int) -> bool:
    return place - SECONDS_PER_DAY < moment < place
