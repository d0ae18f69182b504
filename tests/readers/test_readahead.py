"""One item ahead, errors as they are, and no thread that is left behind."""

from __future__ import annotations

import threading
import traceback
import weakref
from typing import TYPE_CHECKING

import pytest

from hepml.readers.readahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Generator


def helpers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("hepml-read-ahead")]


class Numbers:
    """Gives numbers, and remembers what was asked for and where it was closed."""

    def __init__(self, stop: int, *, failing: int = -1) -> None:
        self.stop, self.failing = stop, failing
        self.started: list[int] = []
        self.threads: set[str] = set()
        self.is_closed = False
        self.ready = threading.Semaphore(0)

    def give(self) -> Generator[int]:
        try:
            for number in range(self.stop):
                self.threads.add(threading.current_thread().name)
                if number == self.failing:
                    self.fail()
                self.started.append(number)
                self.ready.release()
                yield number
        finally:
            self.is_closed = True

    def fail(self) -> None:
        msg = "the disk is on fire"
        raise BlockingIOError(msg)


def test_the_items_come_in_order_and_one_ahead() -> None:
    numbers = Numbers(5)
    found = []
    for number in read_ahead(numbers.give()):
        found.append(number)
        if number < 4:
            # the next one is made without being asked for
            for _ in range(2 if number == 0 else 1):
                assert numbers.ready.acquire(timeout=10)
        assert max(numbers.started) <= number + 1
    assert found == [0, 1, 2, 3, 4]
    assert numbers.is_closed
    assert threading.current_thread().name not in numbers.threads
    assert not helpers()
    assert list(read_ahead(Numbers(0).give())) == []


def test_an_error_arrives_after_what_came_before_it_with_its_own_traceback() -> None:
    numbers = Numbers(5, failing=2)
    found = []
    with pytest.raises(BlockingIOError, match="the disk is on fire") as caught:
        found.extend(read_ahead(numbers.give()))
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert numbers.is_closed
    assert not helpers()
    numbers = Numbers(5, failing=2)
    ahead = read_ahead(numbers.give())
    assert [next(ahead), next(ahead)] == [0, 1]
    # who stops before the error does not meet it
    ahead.close()
    assert not helpers()


def test_stopping_early_ends_the_thread_and_closes_what_it_read() -> None:
    numbers = Numbers(100)
    for number in read_ahead(numbers.give()):
        if number == 3:
            break
    assert numbers.is_closed
    assert not helpers()
    assert len(numbers.started) <= 5


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_consumer_leaves_nothing(kind: type[BaseException]) -> None:
    numbers = Numbers(100)

    def consume() -> None:
        for number in read_ahead(numbers.give()):
            if number == 1:
                raise kind

    with pytest.raises(kind):
        consume()
    assert numbers.is_closed
    assert not helpers()


def test_an_item_belongs_to_the_consumer() -> None:
    class Thing:
        pass

    def things() -> Generator[Thing]:
        for _ in range(3):
            yield Thing()

    ahead = read_ahead(things())
    for _ in range(2):
        thing = weakref.ref(next(ahead))
        assert thing() is None
    ahead.close()
