"""Files behind root://, from a real xrootd server on this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.errors import FileUnreadableError, MissingFileError
from hepml.readers import read, remote
from hepml.root_process import root_is_installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Columns = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

pytestmark = [
    pytest.mark.skipif(shutil.which("xrootd") is None, reason="no xrootd server is installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("fsspec_xrootd") is None, reason="fsspec-xrootd (extra remote) is not installed"
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Path]]:
    """Yield the address of a server and the folder that it serves."""
    # not below pytest's own folder: the server runs as another user, which may not look into that
    folder = Path(tempfile.mkdtemp(prefix="hepml-xrootd-"))
    folder.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "admin").mkdir()
    (folder / "config.txt").write_text(
        f"all.export {folder} r/o\nall.adminpath {folder}/admin\nall.pidpath {folder}/admin\nxrd.port {port}\n"
    )
    user = []
    if os.geteuid() == 0:
        user = ["-R", "nobody"]
        shutil.chown(folder / "admin", "nobody")
    command = ["xrootd", *user, "-I", "v4", "-c", str(folder / "config.txt")]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        wait_for(port, process, folder / "log.txt")
        yield f"root://127.0.0.1:{port}/{folder}", folder
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"the xrootd server does not answer: {log.read_text()[-1000:]}")


@pytest.mark.parametrize(
    "reader",
    [
        "uproot",
        pytest.param(
            "root",
            marks=[
                pytest.mark.requires_root,
                pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
            ],
        ),
    ],
)
def test_a_file_of_a_server_is_the_file(server: tuple[str, Path], columns: Columns, write: Write, reader: str) -> None:
    address, folder = server
    path = write(folder / "a.root", columns(300))
    options = {"features": ["pt", ("n", "Length$(jet_pt)")], "weight": "weight", "selection": "pt > 10"}
    here = read(path, **options)
    there = read(f"{address}/a.root:events", reader=reader, **options)
    np.testing.assert_array_equal(there.X, here.X)
    np.testing.assert_array_equal(there.weight, here.weight)
    assert there.samples[0].files == (f"{address}/a.root:events",)


def test_what_is_not_there_is_named(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_PAUSES", ())
    with pytest.raises((MissingFileError, FileUnreadableError), match=r"root://.*none\.root"):
        read(f"{server[0]}/none.root", features=["pt"])


def test_a_server_that_does_not_answer_is_not_waited_for_long() -> None:
    code = (
        "import hepml\n"
        "from hepml.readers import remote\n"
        "remote._PAUSES = ()\n"
        "remote._XROOTD_PATIENCE['XRD_CONNECTIONWINDOW'] = '1'\n"
        "hepml.read('root://127.0.0.1:1//none.root', features=['pt'])\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XRD_")}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert re.search(r"FileUnreadableError: root://127\.0\.0\.1:1//none\.root cannot be opened", result.stderr)
