"""Columns of files behind an address are kept as well, and read again when the file is another."""

from __future__ import annotations

import gc
import http.server
import re
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.readers import read
from hepml.readers.cache_key import file_identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# uproot's source for http leaves its sockets to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves single ranges of bytes, and an ETag where there is one."""

    protocol_version = "HTTP/1.1"
    etag: str | None = None

    def do_GET(self) -> None:
        with open(self.translate_path(self.path), "rb") as stream:  # noqa: PTH123
            content = stream.read()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2]), len(content) - 1)) if wanted else (0, len(content) - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[first : last + 1])

    def end_headers(self) -> None:
        if self.etag:
            self.send_header("ETag", self.etag)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    handler: Any = partial(Handler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}/a.root"
        running.shutdown()
        thread.join()
    # while the warnings of this module are ignored
    gc.collect()


def test_a_remote_file_is_kept_until_it_is_another(tmp_path, columns, write, address, monkeypatch):
    monkeypatch.setattr("hepml.readers.remote._PAUSES", (0.0, 0.0))
    path = write(tmp_path / "a.root", columns(300))
    options: dict[str, Any] = {"tree": "events", "features": ["pt"], "weight": "weight"}
    first = read(address, **options, cache=tmp_path / "cache")
    again = read(address, **options, cache=tmp_path / "cache")
    assert np.array_equal(first.X, read(path, **options).X)
    assert np.array_equal(first.X, again.X)
    assert first.samples == again.samples
    assert len(list((tmp_path / "cache").iterdir())) == 1
    write(path, columns(300, seed=8))
    other = read(address, **options, cache=tmp_path / "cache")
    assert np.array_equal(other.X, read(path, **options).X)
    assert len(list((tmp_path / "cache").iterdir())) == 2
    # the server's own word for another version of the same bytes
    before = file_identity(address)
    monkeypatch.setattr(Handler, "etag", '"2"')
    assert file_identity(address) != before
    path.unlink()
    assert file_identity(address) is None
