"""Files behind an address: which library opens them, and how often one tries."""

from __future__ import annotations

import importlib.util
import logging
import os
import time
from typing import TYPE_CHECKING, Any, TypeVar

from hepml.errors import FileUnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["address_of", "aiohttp_is_installed", "is_remote", "open_options", "with_retries"]

_LOG = logging.getLogger("hepml.readers")

# seconds before each further attempt: a transfer that fails once often works a moment later
_PAUSES = (1.0, 4.0)

# XRootD itself tries for ten minutes, each time. It reads these when it is loaded, here and in ROOT's process
_XROOTD_PATIENCE = {"XRD_CONNECTIONWINDOW": "30", "XRD_CONNECTIONRETRY": "1"}

Result = TypeVar("Result")


def is_remote(path: str) -> bool:
    """Tell whether a path is an address such as ``https://...`` or ``root://...``."""
    return "://" in path


def aiohttp_is_installed() -> bool:
    """Tell whether fsspec can read http and https."""
    return importlib.util.find_spec("aiohttp") is not None


def address_of(path: str) -> str:
    """Return a path as it is asked for: an address of the web holds no blanks."""
    return path.replace(" ", "%20") if path.startswith(("http://", "https://")) else path


def open_options(path: str) -> dict[str, Any]:
    """Return the options of ``uproot.open`` for a path.

    fsspec reads http and https by aiohttp (extra ``remote``); without it uproot's own source does, with one request for
    each range of bytes. Local files are read by one plain file handle: fsspec wakes an event loop for each request, which
    costs a tenth of the time, and a memory map would end the process if the file is cut short meanwhile.
    """
    if not is_remote(path):
        from hepml.readers.local_source import LocalSource

        return {"handler": LocalSource}
    if path.startswith(("root://", "roots://", "xroot://", "xroots://")):
        for name, value in _XROOTD_PATIENCE.items():
            os.environ.setdefault(name, value)
    if path.startswith(("http://", "https://")) and not aiohttp_is_installed():
        from uproot.source.http import MultithreadedHTTPSource

        return {"handler": MultithreadedHTTPSource}
    return {}


def with_retries(path: str, work: Callable[[], Result]) -> Result:
    """Call ``work``, and again if a remote file could not be read; local files get one attempt."""
    for number, pause in enumerate(_PAUSES if is_remote(path) else ()):
        try:
            return work()
        except FileUnreadableError as error:
            _LOG.warning("attempt %d of %d failed, again in %g s: %s", number + 1, len(_PAUSES) + 1, pause, error)
            time.sleep(pause)
    return work()
