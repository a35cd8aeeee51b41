"""What one piece of news adds to the outcomes of its send.

Belongs here: which class and cause of a bounce counts as what, and who reports complaints. Not here: how a bounce is
classified (`inbound.bounce_rules`), what outcomes lead to (`judgement`, `mailbox_health`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import chain

from outreach_pipelines.domain.back_off.verdict import CountsAgainst, counts_against
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, Cause, HardCause, SoftCause
from outreach_pipelines.domain.mailbox_health import DayOutcomes
from outreach_pipelines.domain.recipient_provider import RecipientProvider

REPORTING_PROVIDERS = frozenset(RecipientProvider) - {RecipientProvider.GOOGLE}
"""Those whose complaints reach us. Gmail sends no reports (Amazon SES Developer Guide, complaint feedback loops)."""


class News(StrEnum):
    """What is counted of a send, each once however often it is reported."""

    HARD = "hard"
    SOFT = "soft"
    BLOCK = "block"
    COMPLAINT = "complaint"
    REPLY = "reply"
    UNSUBSCRIBE = "unsubscribe"


def news_of_bounce(bounce: BounceClass, cause: Cause | None) -> News | None:
    """What a bounce or a refusal counts as; None where it speaks of the content or of nobody."""
    match counts_against(bounce, cause):
        case CountsAgainst.PATH:
            return News.BLOCK
        case CountsAgainst.RECIPIENT:
            return News.HARD if bounce is BounceClass.HARD else News.SOFT
        case CountsAgainst.CONTENT | CountsAgainst.NO_ONE:
            return None


CAUSES: Mapping[str, Cause] = {cause.value: cause for cause in chain[Cause](HardCause, BlockCause, SoftCause)}
"""Every cause by its name, whatever class it came with."""


@dataclass(frozen=True, slots=True)
class CountedBounce:
    """A class and a cause that are counted, and as what."""

    bounce: BounceClass
    cause: Cause | None
    news: News


def counted_bounces() -> tuple[CountedBounce, ...]:
    """Every pair of class and cause that counts as something."""
    pairs = ((bounce, cause) for bounce in BounceClass for cause in (None, *CAUSES.values()))
    judged = ((bounce, cause, news_of_bounce(bounce, cause)) for bounce, cause in pairs)
    return tuple(CountedBounce(bounce, cause, news) for bounce, cause, news in judged if news is not None)


def outcomes_of_news(day: date, learnt_on: date, counts: Mapping[News, int]) -> DayOutcomes:
    """A row of news about the sends of `day`, without the sends themselves."""
    return DayOutcomes(
        day=day,
        learnt_on=learnt_on,
        hard=counts.get(News.HARD, 0),
        soft=counts.get(News.SOFT, 0),
        blocks=counts.get(News.BLOCK, 0),
        complaints=counts.get(News.COMPLAINT, 0),
        replies=counts.get(News.REPLY, 0),
        unsubscribes=counts.get(News.UNSUBSCRIBE, 0),
    )
