"""What settings, database and lease say together, asked of the resources as a run does."""

import pytest
from small_world import SmallWorld

from outreach_pipelines.application.live_lease import Held, NotHeld, OpenFence, WatchedLease
from outreach_pipelines.domain.live_lease import FenceReason
from outreach_pipelines.errors import Refused
from outreach_pipelines.settings import load_settings
from resources import feeds, fences, mail

pytest_plugins = ("settings_fixtures", "live_settings")
QUEUE = "http://127.0.0.1:9/000000000000/events"


def test_a_lab_needs_no_lease(settings: pytest.MonkeyPatch, world: SmallWorld) -> None:
    assert isinstance(mail.desk().fence, OpenFence)


def test_sending_that_is_off_has_no_desk(settings: pytest.MonkeyPatch, world: SmallWorld) -> None:
    settings.setenv("OUTREACH_SENDING", "off")

    with pytest.raises(Refused, match="is off"):
        mail.desk()


def test_a_lab_at_a_live_database_has_no_desk(settings: pytest.MonkeyPatch, live: SmallWorld) -> None:
    settings.setenv("OUTREACH_SENDING", "lab")
    load_settings.cache_clear()

    with pytest.raises(Refused, match="the database is for mode live"):
        mail.desk()


def test_live_sending_begins_once_the_lease_was_seen_renewed(live: SmallWorld) -> None:
    fence, keeper = mail.desk().fence, fences.lease_keeper()
    assert isinstance(fence, WatchedLease)

    renewed = []
    for _ in range(2):
        renewed.append(keeper.step())
        fence.look()

    assert renewed == [Held(1), Held(2)]
    assert fence.may_begin() is None


def test_live_sending_with_the_setting_of_another_database_begins_nothing(
    settings: pytest.MonkeyPatch, live: SmallWorld
) -> None:
    settings.setenv("OUTREACH_ENVIRONMENT_ID", "00000000-0000-4000-8000-000000000002")
    load_settings.cache_clear()
    fence, keeper = fences.sending_fence(), fences.lease_keeper()
    assert isinstance(fence, WatchedLease)

    kept = keeper.step()
    fence.look()

    assert isinstance(kept, NotHeld)
    assert (kept.reason, fence.may_begin()) == (FenceReason.OTHER_ENVIRONMENT, FenceReason.OTHER_ENVIRONMENT)


def test_a_copy_reads_nothing_from_the_originals_queue(settings: pytest.MonkeyPatch, live: SmallWorld) -> None:
    settings.setenv("OUTREACH_EVENT_QUEUE_URL", QUEUE)
    load_settings.cache_clear()
    fences.lease_keeper().step()
    feeds.event_feed()
    live.sql("delete from app.lease_number")

    with pytest.raises(Refused, match="copy"):
        feeds.event_feed()


def test_a_lab_reads_nothing_from_a_real_queue(settings: pytest.MonkeyPatch, world: SmallWorld) -> None:
    settings.setenv("OUTREACH_EVENT_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/000000000000/events")

    with pytest.raises(Refused, match="loopback"):
        feeds.event_feed()
