"""Work that is done ahead of whoever asks for it, in a thread of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["read_ahead"]

Item = TypeVar("Item")

_END: Any = object()


def read_ahead(items: Generator[Item]) -> Generator[Item]:
    """Run a generator in a thread, one item ahead of the consumer.

    Parameters
    ----------
    items : generator
        What gives the items. It is closed in that thread when the consumer stops, for whatever reason.

    Yields
    ------
    object
        The same items in the same order. None is kept here while the consumer has it.

    Raises
    ------
    BaseException
        What ``items`` raises, with its own traceback.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="hepml-read-ahead") as thread:
        coming = thread.submit(next, items, _END)
        try:
            while True:
                # a list gives the item away, a variable would keep it until the next one is there
                held = [coming.result()]
                if held[0] is _END:
                    break
                coming = thread.submit(next, items, _END)
                yield cast("Item", held.pop())
        finally:
            thread.submit(items.close).result()
