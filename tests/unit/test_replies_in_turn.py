"""Whose inboxes are read next, when a tick has not time for all."""

from fakes import Tenants
from feedback_stores import Events, Replies
from inbox_reading import ByName, FakeInbox

from outreach_pipelines.application.replies_in_turn import read_in_turn
from outreach_pipelines.domain.tenant import TenantId

THREE = Tenants.named("acme", "mira", "zulu")
IDS = [TenantId(number) for number in (1, 2, 3)]


def read(store: Replies, *, after: str | None = None, seconds: float = 60.0) -> list[str]:
    """Slugs in the order of their turns."""
    reader = ByName({f"inbox-{number}": FakeInbox() for number in IDS})
    turns = read_in_turn(reader, store, Events(), THREE.all(), after=after, seconds=seconds)
    return [turn.row.ref.slug for turn in turns]


def test_tenants_are_read_by_slug() -> None:
    assert read(Replies(IDS)) == ["acme", "mira", "zulu"]


def test_the_next_tick_goes_on_behind_the_last_tenant() -> None:
    assert read(Replies(IDS), after="acme") == ["mira", "zulu", "acme"]


def test_a_tenant_that_is_gone_keeps_its_place_in_the_turn() -> None:
    assert read(Replies(IDS), after="bela") == ["mira", "zulu", "acme"]


def test_a_tick_without_time_ends_behind_its_first_tenant_and_takes_no_inbox_for_read() -> None:
    store = Replies(IDS)

    turns = read(store, seconds=0.0)

    assert (turns, store.complete) == (["acme"], [])
