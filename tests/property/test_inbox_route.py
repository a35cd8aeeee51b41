"""Whose news a mail is, and what it says of the send: decisions over every kind of content."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.delivery_event import EventKind, effect_of
from outreach_pipelines.domain.ids import EnrollmentId, MailboxId
from outreach_pipelines.domain.inbound.message import (
    AutoReply,
    AutoReplyKind,
    Challenge,
    Complaint,
    Content,
    ContentDigest,
    Correlation,
    DeliveryReport,
    DispositionNotice,
    FeedbackNotice,
    FeedbackType,
    HumanReply,
    InboundMessage,
    ProviderTag,
    Unreadable,
    UnreadableReason,
    UnsubscribeRequest,
    WireMessageId,
)
from outreach_pipelines.domain.inbound.ties import MOST_TIES, TagTie, ThreadTie, ties_of
from outreach_pipelines.domain.inbound.verdict import (
    Action,
    Basis,
    BounceClass,
    Confidence,
    Evidence,
    HardCause,
    RecipientVerdict,
    ReportedAddress,
    RuleName,
    Verdict,
)
from outreach_pipelines.domain.inbox_event import events_of
from outreach_pipelines.domain.inbox_route import Confirmed, Parked, ParkReason, Routed, TiedSend, route
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId

OURS, THEIRS = TenantId(1), TenantId(2)
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
TAG = WireTag("abcdefghijklmnopqrstuvwxyz234567abcdefg")
ADA = ReportedAddress("ada@people.example")
ABOUT = MessageTag(OURS, NOW.date(), MessageId(5), 1)
SEND = TiedSend(ABOUT, EnrollmentId(3), MailboxId(2), ADA)
KNOWN = Confirmed(OURS, {TAG: ABOUT}, {TagTie(TAG): SEND})
NOTHING_KNOWN = Confirmed(OURS, {}, {})
EVIDENCE = Evidence(RuleName("rule"), Basis.TEXT, "line")


def verdict(
    address: str | None, action: Action = Action.FAILED, found: BounceClass = BounceClass.HARD
) -> RecipientVerdict:
    cause = HardCause.UNKNOWN_USER if found is BounceClass.HARD else None
    judged = Verdict(found, cause, Confidence.HIGH, EVIDENCE)
    return RecipientVerdict(
        None if address is None else ReportedAddress(address), action, judged, None, None, "550 no such user"
    )


CONTENTS: tuple[Content, ...] = (
    DeliveryReport((verdict(ADA),)),
    Complaint(FeedbackType.ABUSE, (ADA,), EVIDENCE),
    FeedbackNotice(FeedbackType.NOT_SPAM, EVIDENCE),
    DispositionNotice(EVIDENCE),
    AutoReply(AutoReplyKind.OUT_OF_OFFICE, date(2026, 12, 7), None, "away", EVIDENCE),
    AutoReply(AutoReplyKind.LEFT_COMPANY, None, None, "left", EVIDENCE),
    AutoReply(AutoReplyKind.OTHER, None, None, "ticket", EVIDENCE),
    Challenge("prove it", EVIDENCE),
    UnsubscribeRequest("stop", None, EVIDENCE),
    HumanReply("hello"),
    Unreadable(UnreadableReason.TOO_DEEP),
)
contents = st.sampled_from(CONTENTS)
correlations = st.builds(
    Correlation,
    answered_ids=st.lists(
        st.sampled_from([WireMessageId(f"<{TAG}@box.example>"), WireMessageId("<x@y.example>")]), max_size=2
    ).map(tuple),
    returned_ids=st.lists(st.just(WireMessageId(f"<{TAG}@box.example>")), max_size=1).map(tuple),
    routed_to=st.lists(
        st.sampled_from([f"bounce+{TAG}@box.example", f"Unsubscribe+{TAG.upper()}@box.example", "box@box.example"]).map(
            ReportedAddress
        ),
        max_size=2,
    ).map(tuple),
    provider_tags=st.lists(st.just(ProviderTag(f"outreach={TAG}, campaign=x")), max_size=1).map(tuple),
)


def message(content: Content, correlation: Correlation | None = None, *, sender: str = ADA) -> InboundMessage:
    tied = correlation or Correlation(answered_ids=(WireMessageId(f"<{TAG}@box.example>"),))
    return InboundMessage(ContentDigest("d" * 64), NOW, ReportedAddress(sender), "Re: Hello", tied, content)


def report(*verdicts: RecipientVerdict) -> list[tuple[EventKind, bool]]:
    """Kind and whether it suppresses, of each event."""
    events = events_of(message(DeliveryReport(verdicts)), recipient=ADA, asks_to_stop=False)
    assert isinstance(events, tuple)
    return [(event.kind, effect_of(event).suppress is not None) for event in events]


@given(content=contents, correlation=correlations)
def test_without_a_confirmed_tie_nothing_follows_from_any_mail(content: Content, correlation: Correlation):
    assert isinstance(route(message(content, correlation), NOTHING_KNOWN, own_addresses=frozenset()), Parked)


@given(content=contents, correlation=correlations)
def test_the_tag_of_another_tenant_never_routes(content: Content, correlation: Correlation):
    foreign = Confirmed(OURS, {TAG: replace(ABOUT, tenant=THEIRS)}, {})

    fate = route(message(content, correlation), foreign, own_addresses=frozenset())

    assert isinstance(fate, Parked)
    if any(isinstance(tie, TagTie) for tie in ties_of(correlation)) and not isinstance(content, Unreadable):
        assert fate.reason is ParkReason.FOREIGN_TAG


@given(content=contents, correlation=correlations)
def test_a_tied_mail_that_says_something_is_routed_to_its_send(content: Content, correlation: Correlation):
    fate = route(message(content, correlation), KNOWN, own_addresses=frozenset())

    tied = any(isinstance(tie, TagTie) for tie in ties_of(correlation))
    if tied and not isinstance(content, FeedbackNotice | DispositionNotice | Challenge | Unreadable):
        assert isinstance(fate, Routed)
        assert fate.events
    if isinstance(fate, Routed):
        assert tied
        assert fate.send == SEND


@given(content=contents)
def test_mail_to_the_unsubscribe_address_asks_to_stop_unless_it_is_a_report(content: Content):
    address = ReportedAddress(f"unsubscribe+{TAG}@box.example")

    fate = route(message(content, Correlation(routed_to=(address,))), KNOWN, own_addresses=frozenset({ADA}))

    match content:
        case DeliveryReport() | Complaint():
            assert isinstance(fate, Routed)
            assert fate.events[0].kind in (EventKind.BOUNCED, EventKind.COMPLAINED)
        case Unreadable():
            assert isinstance(fate, Parked)
        case _:
            assert isinstance(fate, Routed)
            assert [event.kind for event in fate.events] == [EventKind.UNSUBSCRIBE_REQUESTED]


@given(content=contents)
def test_what_our_own_mailbox_writes_is_no_news_of_the_recipient(content: Content):
    fate = route(message(content, sender="Box@Box.example"), KNOWN, own_addresses=frozenset({"box@box.example"}))

    is_report = isinstance(content, DeliveryReport | Complaint)
    assert isinstance(fate, Routed) if is_report else (isinstance(fate, Parked) and fate.reason is ParkReason.OWN_MAIL)


def test_a_tag_of_ours_without_its_send_is_never_sent():
    fate = route(message(HumanReply("hi")), Confirmed(OURS, {TAG: ABOUT}, {}), own_addresses=frozenset())

    assert isinstance(fate, Parked)
    assert fate.reason is ParkReason.NEVER_SENT


def test_a_thread_is_known_by_the_id_that_the_provider_gave_it():
    wire_id = WireMessageId("<0102@eu-west-1.amazonses.com>")
    known = Confirmed(OURS, {}, {ThreadTie(wire_id): SEND})

    fate = route(message(HumanReply("hi"), Correlation(answered_ids=(wire_id,))), known, own_addresses=frozenset())

    assert isinstance(fate, Routed)


def test_the_address_a_mail_came_to_is_believed_before_the_thread_it_names():
    newer = WireMessageId("<newer@box.example>")
    correlation = Correlation(answered_ids=(newer,), routed_to=(ReportedAddress(f"bounce+{TAG}@box.example"),))

    assert ties_of(correlation) == (TagTie(TAG), ThreadTie(newer))


def test_a_mail_that_names_a_flood_of_ids_asks_for_few():
    ids = tuple(WireMessageId(f"<{number}@x.example>") for number in range(5_000))

    assert len(ties_of(Correlation(answered_ids=ids))) == MOST_TIES


@pytest.mark.parametrize("noise", ["", "a" * 40, "a" * 38, "outreach=" + "1" * 39])
def test_what_is_not_in_the_form_of_a_tag_is_no_candidate(noise: str):
    assert ties_of(Correlation(provider_tags=(ProviderTag(noise),))) == ()


def test_the_failure_of_one_member_of_a_list_is_not_that_of_the_list():
    assert report(verdict("member@people.example"), verdict("ADA@people.example", Action.DELIVERED)) == [
        (EventKind.DELIVERED, False)
    ]


def test_a_report_that_hides_the_recipient_speaks_of_ours():
    assert report(verdict(None)) == [(EventKind.BOUNCED, True)]


def test_of_several_reports_on_one_recipient_failure_comes_before_delay():
    assert report(verdict(ADA, Action.DELAYED, BounceClass.NOT_A_FAILURE), verdict(ADA)) == [(EventKind.BOUNCED, True)]


@pytest.mark.parametrize("action", [Action.RELAYED, Action.EXPANDED])
def test_handing_on_is_neither_arrival_nor_failure(action: Action):
    assert report(verdict(ADA, action, BounceClass.NOT_A_FAILURE)) == []


def test_a_failure_report_that_tells_no_failure_is_an_automatic_answer():
    assert report(verdict(ADA, found=BounceClass.NOT_A_FAILURE)) == [(EventKind.AUTO_REPLIED, False)]


def test_the_same_mail_has_the_same_event_key_and_each_recipient_its_own():
    both = DeliveryReport((verdict("x@people.example"), verdict("y@people.example")))

    first, second = (events_of(message(both), recipient=ADA, asks_to_stop=False) for _ in range(2))

    assert first == second
    assert isinstance(first, tuple)
    assert len({event.dedupe_key for event in first}) == 2
    assert "people.example" not in "".join(event.dedupe_key for event in first)


def test_the_first_day_back_makes_the_day_before_the_last_of_absence():
    away = AutoReply(AutoReplyKind.OUT_OF_OFFICE, date(2026, 12, 1), None, "away", EVIDENCE)

    events = events_of(message(away), recipient=ADA, asks_to_stop=False)

    assert isinstance(events, tuple)
    assert [(event.kind, event.away_until) for event in events] == [(EventKind.OUT_OF_OFFICE, date(2026, 11, 30))]
