"""All news of a message at once gives what merging it one by one gives, in any order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind, MessageOutcome
from outreach_pipelines.domain.inbound.verdict import BounceClass, HardCause
from outreach_pipelines.domain.message_fate import MessageFate, fate_of

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
HARD = BounceFacts(BounceClass.HARD, HardCause.UNKNOWN_USER, "5.1.1", "", "")
SOFT = BounceFacts(BounceClass.SOFT, None, "", "", "")


def event(kind: EventKind, minute: int = 0, bounce: BounceFacts | None = None) -> DeliveryEvent:
    return DeliveryEvent(f"{kind}:{minute}", kind, NOON + timedelta(minutes=minute), bounce=bounce)


ANY = st.builds(
    event,
    st.sampled_from([each for each in EventKind if each not in (EventKind.BOUNCED, EventKind.REFUSED)]),
    st.integers(0, 90),
) | st.builds(event, st.just(EventKind.BOUNCED), st.integers(0, 90), st.sampled_from([HARD, SOFT]))


def test_a_message_of_which_nothing_is_known_has_no_fate() -> None:
    assert fate_of([]) == MessageFate(None, None, None, None, None, None)


def test_the_strongest_news_is_the_fate_and_each_kind_came_when_it_first_came() -> None:
    fate = fate_of(
        [
            event(EventKind.BOUNCED, 9, SOFT),
            event(EventKind.DELIVERED, 5),
            event(EventKind.BOUNCED, 7, HARD),
            event(EventKind.REPLIED, 8),
            event(EventKind.REPLIED, 6),
        ]
    )

    assert fate.outcome is MessageOutcome.HARD_BOUNCED
    assert fate.bounced_at == NOON + timedelta(minutes=7)
    assert fate.replied_at == NOON + timedelta(minutes=6)
    assert (fate.complained_at, fate.unsubscribed_at) == (None, None)


@given(st.lists(ANY, max_size=8), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_fate(events: list[DeliveryEvent], random: object) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random

    assert fate_of(shuffled) == fate_of(events)
