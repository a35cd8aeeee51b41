"""Sensors that act without a run, called as the daemon calls them, over plain stores: what they report of whom."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import dagster as dg
import pytest
from event_feed import Queue, Tags, item, tagged
from fakes import Standing, Tenants
from feedback_stores import Asked, Case, Cases, Controls, Events, Replies, Sweeps, Upkeep
from inbox_reading import ByName, FakeInbox

from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.read_mail import reading_here
from outreach_pipelines.domain.back_off import Evidence, MailboxScope, SendFate, manual_hold
from outreach_pipelines.domain.ids import AccountId, MailboxId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Unreadable
from sensors.back_off import back_off, sweeper
from sensors.provider_events import provider_events
from sensors.provider_standing import provider_standing
from sensors.replies import replies_in_inboxes

pytest_plugins = ("settings_fixtures",)

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
ACME, ZULU = TenantId(1), TenantId(2)
BOTH = Tenants.named("acme", "zulu")
MAILBOX = MailboxScope(MailboxId(7))


class SilentQueue(Queue):
    """Nobody answers."""

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
        message = "queue events: no answer"
        raise Unreadable(message)


def tick(sensor: dg.SensorDefinition, **resources: object) -> dg.SensorResult | dg.SkipReason:
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, resources=resources) as context,
    ):
        result = sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def take_events(queue: Queue, events: Events) -> dg.SensorResult | dg.SkipReason:
    return tick(
        provider_events, event_feed=queue, event_inbox=events, event_store=events, tag_reader=Tags(), tenants=BOTH
    )


def read_inboxes(store: Replies, events: Events, **inboxes: FakeInbox) -> dg.SensorResult | dg.SkipReason:
    reader = ByName({name.replace("_", "-"): inbox for name, inbox in inboxes.items()})
    return tick(
        replies_in_inboxes,
        inbox_reader=reader,
        reply_store=store,
        event_store=events,
        open_reading=reading_here,
        tenants=BOTH,
    )


def judge(cases: Cases) -> dg.SensorResult | dg.SkipReason:
    return tick(back_off, tenants=BOTH, back_off_store=cases, clock=Standing(NOON))


def reported(result: dg.SensorResult | dg.SkipReason) -> dict[str | None, dict[str, object]]:
    """What was materialized, by tenant."""
    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests
    return {
        event.partition: {name: value.value for name, value in event.metadata.items()} for event in result.asset_events
    }


def said(result: dg.SensorResult | dg.SkipReason) -> str | None:
    assert isinstance(result, dg.SkipReason)
    return result.skip_message


def test_events_are_applied_once_and_reported_to_their_tenant_alone() -> None:
    queue = Queue([tagged(1, tenant=ACME), tagged(2, tenant=ACME), tagged(1, tenant=ACME)])

    result = take_events(queue, Events())

    assert reported(result) == {"acme": {"events": 2, "repeated": 1, "suppressed": 0, "delivered": 2}}
    assert queue.waiting == []


def test_events_that_a_crash_left_in_the_inbox_are_applied_by_the_next_tick() -> None:
    events = Events(rows=[InboxRow(tagged(1), _owner(ZULU))])

    result = take_events(Queue([]), events)

    assert reported(result) == {"zulu": {"events": 1, "repeated": 0, "suppressed": 0, "delivered": 1}}


def test_a_tick_that_applies_nothing_says_what_it_read() -> None:
    queue = Queue([item(1, None), tagged(7, attempt=0, tenant=ACME)])

    assert said(take_events(queue, Events())) == "2 read (1 probes, 1 parked), none to apply"


def test_a_feed_that_does_not_answer_is_a_failed_tick_and_never_an_empty_one() -> None:
    with pytest.raises(Unreadable, match="no answer"):
        take_events(SilentQueue([]), Events())


def test_mail_is_reported_to_the_tenant_whose_inbox_held_it() -> None:
    store = Replies([ACME, ZULU])

    result = read_inboxes(store, Events(), inbox_1=FakeInbox([_letter()]), inbox_2=FakeInbox())

    assert reported(result) == {"acme": {"messages": 1, "parked": 1, "unreadable inboxes": 0, "human_reply": 1}}
    assert store.complete == [ACME, ZULU]


def test_an_inbox_that_cannot_be_read_is_reported_and_hinders_no_other_tenant() -> None:
    store = Replies([ACME, ZULU])

    result = read_inboxes(store, Events(), inbox_1=FakeInbox(breaks_after=0), inbox_2=FakeInbox([_letter()]))

    assert {slug: (told["messages"], told["unreadable inboxes"]) for slug, told in reported(result).items()} == {
        "acme": (0, 1),
        "zulu": (1, 0),
    }
    assert (store.complete, list(store.failed)) == ([ZULU], [ACME])


def test_inboxes_without_news_are_no_event() -> None:
    assert said(read_inboxes(Replies([ACME]), Events(), inbox_1=FakeInbox())) == "no news in any inbox"


def test_events_found_in_mail_are_applied_in_the_same_tick() -> None:
    events = Events(rows=[InboxRow(tagged(1), _owner(ZULU))])

    read_inboxes(Replies([]), events)

    assert (events.rows, events.known) == ([], {"key1"})


def test_bounces_of_one_tenant_hold_its_mailbox_at_once_and_nobody_elses() -> None:
    cases = Cases({ACME: Case({MAILBOX: _four_bounces()}), ZULU: Case()})

    result = judge(cases)

    assert said(result) == "holds in force: 1; changed: 1 tenants"
    assert {tenant: list(case.holds) for tenant, case in cases.by_tenant.items()} == {ACME: [MAILBOX], ZULU: []}


def test_a_second_look_at_the_same_evidence_changes_no_hold() -> None:
    cases = Cases({ACME: Case({MAILBOX: _four_bounces()}), ZULU: Case()})
    judge(cases)

    assert said(judge(cases)) == "holds in force: 1; changed: 0 tenants"


def test_a_persons_hold_is_in_force_and_stays() -> None:
    by_person = manual_hold(MAILBOX, Fraction(0), "moving", now=NOON - timedelta(days=1), until=None)
    cases = Cases({ACME: Case(), ZULU: Case(holds={MAILBOX: by_person})})

    assert said(judge(cases)) == "holds in force: 1; changed: 0 tenants"
    assert cases.by_tenant[ZULU].holds == {MAILBOX: by_person}


def test_the_sweeper_sweeps_every_tenant_by_the_settings_horizon(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OUTREACH_EVIDENCE_HORIZON_SECONDS", "90")
    sweeps = Sweeps()

    result = tick(sweeper, maintenance=Upkeep(), tenants=BOTH, messages=sweeps)

    assert said(result) == "swept 8, of these put in doubt 2"
    assert sweeps.asked == [(ACME, 90), (ZULU, 90)]


def test_a_clock_that_jumped_is_told_and_leases_are_settled_all_the_same(
    environment: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sweeps = Sweeps()

    tick(sweeper, maintenance=Upkeep(clock_ok=False), tenants=BOTH, messages=sweeps)

    assert "outreach clock confirm" in capfd.readouterr().err
    assert len(sweeps.asked) == 2


def _owner(tenant: TenantId) -> MessageTag | None:
    tag = tagged(1, tenant=tenant).tag
    return tag and Tags().read(tag)


def _letter() -> bytes:
    return b"From: ada@example.test\r\nTo: box@acme.example\r\nSubject: Hello\r\n\r\nPlease call me.\r\n"


def _four_bounces() -> Evidence:
    return Evidence(fates=tuple(SendFate(NOON - timedelta(minutes=minute), hard=True) for minute in range(1, 5)))


def test_a_stop_that_a_provider_speaks_of_is_counted_and_one_that_says_nothing_keeps_no_other_from_being_asked() -> (
    None
):
    store = Asked({ACME: AccountId(1), ZULU: AccountId(2)})

    result = tick(provider_standing, standings=store, account_controls=Controls(silent=AccountId(1)), tenants=BOTH)

    assert said(result) == "accounts asked: 1, stopped by their provider: 1"
    assert store.recorded == [AccountId(2)]
