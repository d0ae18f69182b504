"""Files behind an address, from a real server on this machine."""

from __future__ import annotations

import gc
import http.server
import re
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.data import Feature
from hepml.errors import FileUnreadableError, MissingFileError
from hepml.readers import SampleRequest, expand_files, read, read_samples, remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]


# uproot's source for http leaves its sockets to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning"
)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files and single ranges of bytes; fails as often as the server is told to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.requests.append(self.path)
        if server.failures > 0:
            server.failures -= 1
            self.send_error(503)
            return
        path = self.translate_path(self.path)
        try:
            with open(path, "rb") as stream:  # noqa: PTH123
                content = stream.read()
        except OSError:
            self.send_error(404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), min(int(wanted[2]), len(content) - 1)) if wanted else (0, len(content) - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first + 1))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[first : last + 1])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))
    (tmp_path / "served").mkdir()
    handler = partial(Handler, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        running.requests, running.failures = [], 0  # type: ignore[attr-defined]
        running.folder = tmp_path / "served"  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
    # while the warnings of this module are ignored
    gc.collect()


def address(server: Any, name: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def test_a_file_behind_an_address_is_the_file(tmp_path: Path, server: Any, columns: Columns, write: Write) -> None:
    path = write(tmp_path / "served" / "a.root", columns(300))
    here = read(path, tree="events", features=["pt", ("n", "Length$(jet_pt)")], weight="weight", selection="pt > 10")
    there = read(
        f"{address(server, 'a.root')}:events",
        features=["pt", ("n", "Length$(jet_pt)")],
        weight="weight",
        selection="pt > 10",
    )
    np.testing.assert_array_equal(there.X, here.X)
    np.testing.assert_array_equal(there.weight, here.weight)
    assert there.samples[0].files == (f"{address(server, 'a.root')}:events",)
    assert server.requests


def test_a_list_may_mix_addresses_and_paths(tmp_path: Path, server: Any, columns: Columns, write: Write) -> None:
    write(tmp_path / "served" / "a.root", columns(30))
    write(tmp_path / "b.root", columns(20, first_event=30))
    (tmp_path / "files.txt").write_text(f"# a list\n{address(server, 'a.root')}\n\nb.root\n")
    assert len(read(f"@{tmp_path}/files.txt", tree="events", features=["pt"])) == 50


@pytest.mark.parametrize("failures", [1, 2])
def test_a_transfer_that_fails_is_tried_again(
    server: Any, columns: Columns, write: Write, caplog: pytest.LogCaptureFixture, failures: int
) -> None:
    write(server.folder / "a.root", columns(30))
    server.failures = failures
    assert len(read(address(server, "a.root"), features=["pt"])) == 30
    assert "attempt 1 of 3 failed" in caplog.text


def test_what_fails_always_is_an_error_or_skipped(tmp_path: Path, server: Any, columns: Columns, write: Write) -> None:
    write(tmp_path / "served" / "a.root", columns(30))
    write(tmp_path / "b.root", columns(20, first_event=30))
    server.failures = 1000
    with pytest.raises(FileUnreadableError, match=r"a\.root"):
        read(address(server, "a.root"), features=["pt"])
    files = expand_files([address(server, "a.root"), str(tmp_path / "b.root")])
    dataset = read_samples([SampleRequest("s", "signal", files, bad_files="skip")], features=[Feature("pt")])
    assert len(dataset) == 20
    assert [file.file for file in dataset.samples[0].skipped] == [address(server, "a.root")]


def test_a_file_that_is_not_there_is_not_waited_for(server: Any) -> None:
    with pytest.raises((MissingFileError, FileUnreadableError), match=r"none\.root"):
        read(address(server, "none.root"), features=["pt"])


def test_a_file_that_fails_halfway_is_read_on_from_there(
    tmp_path: Path, columns: Columns, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second attempt begins with the chunk that could not be read."""
    from hepml.readers import block, reading, sample

    monkeypatch.setattr(reading, "_CHUNK_BYTES", 500)
    monkeypatch.setattr(remote, "_PAUSES", (0.0,))
    monkeypatch.setattr(remote, "is_remote", lambda _: True)
    path = write(tmp_path / "a.root", columns(100))
    whole = read(path, features=["pt"], spectators=["charge"], weight="weight")
    made = []

    class Failing(block.Chunk):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            made.append(self)
            if len(made) == 3:
                msg = "connection lost"
                raise FileUnreadableError(msg)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(sample, "Chunk", Failing)
    again = read(path, features=["pt"], spectators=["charge"], weight="weight")
    starts = [chunk.start for chunk in made if hasattr(chunk, "start")]
    assert len(made) == len(starts) + 1 > 4
    assert starts == sorted(set(starts))
    np.testing.assert_array_equal(again.X, whole.X)
    np.testing.assert_array_equal(again.spectators["charge"], whole.spectators["charge"])
    np.testing.assert_array_equal(again.identity.columns[1], whole.identity.columns[1])
    assert again.samples == whole.samples
