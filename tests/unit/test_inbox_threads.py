"""Many sources read in threads, and their items in one stream."""

import threading
from collections.abc import Iterator

import pytest

from outreach_pipelines.application.inbox_threads import MOST_WAITING, read_together


def numbers(source: int) -> Iterator[tuple[int, int]]:
    for number in range(100):
        yield source, number


def test_every_item_comes_once_and_in_the_order_of_its_source() -> None:
    with read_together(range(30), numbers, at_once=7) as arrived:
        items = [item for group in arrived for item in group]

    assert sorted(items) == [(source, number) for source in range(30) for number in range(100)]
    assert [number for source, number in items if source == 3] == list(range(100))


def test_no_source_gives_nothing() -> None:
    with read_together([], numbers, at_once=7) as arrived:
        assert list(arrived) == []


def test_a_source_that_has_nothing_ends_the_stream_like_any_other() -> None:
    with read_together([1, 2], lambda _: iter(()), at_once=1) as arrived:
        assert list(arrived) == []


def test_a_group_is_bounded_however_much_waits() -> None:
    with read_together(range(5), numbers, at_once=5) as arrived:
        largest = max(len(group) for group in arrived)

    assert largest <= MOST_WAITING + 1


def test_a_fault_of_a_reader_is_raised_where_the_stream_is_taken() -> None:
    def broken(source: int) -> Iterator[int]:
        yield source
        message = "disk full"
        raise OSError(message)

    with pytest.raises(OSError, match="disk full"), read_together([1, 2, 3], broken, at_once=2) as arrived:
        for _ in arrived:
            pass


def test_who_leaves_early_waits_for_no_reader_that_has_more_to_give() -> None:
    closed: list[int] = []

    def endless(source: int) -> Iterator[int]:
        try:
            while True:
                yield source
        finally:
            closed.append(source)

    before = threading.active_count()
    with read_together(range(10), endless, at_once=4) as arrived:
        next(arrived)

    assert threading.active_count() == before
    assert set(closed) <= set(range(4))
    assert closed


def test_a_fault_of_who_takes_the_items_ends_the_readers() -> None:
    before = threading.active_count()

    def full_disk() -> None:
        with read_together(range(10), numbers, at_once=4) as arrived:
            for _ in arrived:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        full_disk()

    assert threading.active_count() == before
