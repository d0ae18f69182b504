"""Files behind an address, from a real server on this machine."""

from __future__ import annotations

import gc
import http.server
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml.data import Feature
from hepml.errors import FileUnreadableError, InvalidInputError, MissingFileError
from hepml.readers import Normalise, SampleRequest, expand_files, read, read_samples, remote
from hepml.root_process import root_is_installed

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
    """Serves files and single ranges of bytes; fails as often and as badly as the server is told to."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        server: Any = self.server
        server.requests.append(self.path)
        failure = server.failure if server.failures > 0 else None
        server.failures -= failure is not None
        if isinstance(failure, int):
            self.send_error(failure)
            return
        path = self.translate_path(self.path)
        try:
            with open(path, "rb") as stream:  # noqa: PTH123
                content = stream.read()
        except OSError:
            self.send_error(404)
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if server.has_ranges else None
        first, last = (int(wanted[1]), min(int(wanted[2]), len(content) - 1)) if wanted else (0, len(content) - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes" if server.has_ranges else "none")
        self.send_header("Content-Length", str(last - first + 1))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.end_headers()
        if with_body:
            body = content[first : last + 1]
            self.wfile.write(body[: len(body) // 2] if failure == "drop" else body)
        self.close_connection = failure == "drop"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=["aiohttp", "uproot"])
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Each test is run with fsspec and aiohttp, as the extra installs them, and with uproot's own source."""
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp", reason="aiohttp (extra remote) is not installed")
    else:
        monkeypatch.setattr(remote, "aiohttp_is_installed", lambda: False)
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as running:
        yield running
    # while the warnings of this module are ignored
    gc.collect()


class Server(http.server.ThreadingHTTPServer):
    """A server of a folder, which can be told to fail."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.folder = folder
        self.requests: list[str] = []
        self.failures, self.failure = 0, 503
        self.has_ranges = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that go away."""


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    with Server(folder) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


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


@pytest.mark.parametrize(("failures", "failure"), [(1, 503), (2, 500), (1, "drop")])
def test_a_transfer_that_fails_is_tried_again(
    server: Any, columns: Columns, write: Write, caplog: pytest.LogCaptureFixture, *, failures: int, failure: int | str
) -> None:
    write(server.folder / "a.root", columns(30))
    server.failures, server.failure = failures, failure
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


def test_a_server_without_ranges_gives_the_same_or_an_error(server: Any, columns: Columns, write: Write) -> None:
    path = write(server.folder / "a.root", columns(3000))
    here = read(path, features=["pt", "mass"])
    server.has_ranges = False
    try:
        there = read(address(server, "a.root"), features=["pt", "mass"])
    except FileUnreadableError as caught:
        error = caught
        there = here
    else:
        error = None
    assert error is None or re.search(r"a\.root.*the server may not give ranges of bytes", str(error))
    np.testing.assert_array_equal(there.X, here.X)


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
def test_what_root_cannot_reach_is_named(tmp_path: Path, columns: Columns, write: Write) -> None:
    write(tmp_path / "served" / "a.root", columns(30))
    with serving(tmp_path / "served") as running:
        try:
            assert (
                len(read(address(running, "a.root"), features=["pt"], reader="root")) == 30
            )  # a ROOT of more than pip's
        except InvalidInputError as caught:
            error = str(caught)
        else:
            return
    assert re.search(r"http://.*a\.root:events: ROOT cannot open it.*use 'reader: uproot'", error)


@pytest.mark.parametrize("name", ["a b.root", "a%20b.root", "a%20b.root?token=x.y", "a%20b.root?at=09:30"])
def test_names_and_queries_reach_the_server(server: Any, columns: Columns, write: Write, name: str) -> None:
    write(server.folder / "a b.root", columns(30), tree="d/events")
    assert len(read(f"{address(server, name)}:d/events", features=["pt"])) == 30
    assert {request.partition("?")[2] for request in server.requests} == {name.partition("?")[2]}


def test_skipping_tells_events_and_weight_of_remote_files(server: Any, columns: Columns, write: Write) -> None:
    for number in range(2):
        write(server.folder / f"{number}.root", columns(100, first_event=100 * number))
    path = server.folder / "1.root"
    with uproot.open(path) as file:
        place = int(file["events"]["pt"].member("fBasketSeek")[0])
        sumw = float(file["events"]["weight"].array(library="np").sum())
    content = bytearray(path.read_bytes())
    content[place : place + 30] = bytes(30)
    path.write_bytes(content)
    files = expand_files([address(server, f"{number}.root") for number in range(2)])
    normalise = Normalise(xsec=1.0, lumi=1.0, sumw="events:weight")
    request = SampleRequest("s", "signal", files, bad_files="skip", normalise=normalise)
    dataset = read_samples([request], features=[Feature("pt")], weight="weight")
    (skipped,) = dataset.samples[0].skipped
    assert (skipped.file, skipped.n_entries) == (address(server, "1.root"), 100)
    assert skipped.sum_generated == pytest.approx(sumw)
    assert len(dataset) == 100
    # the cross section is that of the file which was read
    assert dataset.weight.sum() == pytest.approx(1000.0)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: no certificate for a server")
def test_https_checks_certificates(tmp_path: Path, columns: Columns, write: Write) -> None:
    pytest.importorskip("aiohttp", reason="aiohttp (extra remote) is not installed")
    write(tmp_path / "served" / "a.root", columns(30))
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    code = (
        "import sys, hepml\n"
        "from hepml.readers import remote\n"
        "remote._PAUSES = ()\n"
        "print(len(hepml.read(sys.argv[1], features=['pt'])))\n"
    )
    with serving(tmp_path / "served") as running:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        running.socket = context.wrap_socket(running.socket, server_side=True)
        command = [sys.executable, "-c", code, f"https://127.0.0.1:{running.server_address[1]}/a.root:events"]
        # the list of those who may sign is read when a process starts
        environment = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
        known = subprocess.run(
            command, env=environment | {"SSL_CERT_FILE": str(certificate)}, capture_output=True, text=True, check=False
        )
        unknown = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert known.stdout == "30\n", known.stderr
    assert unknown.returncode == 1
    assert "FileUnreadableError" in unknown.stderr
    assert "certificate" in unknown.stderr.lower()


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
