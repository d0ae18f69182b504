"""ROOT in a process of its own: what goes wrong there is a clear error here, and it never outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hepml.errors import InvalidInputError, MissingFileError, RootProcessError
from hepml.root_process import RootProcess, borrow_root, keep_root, root_is_installed

pytestmark = [
    pytest.mark.requires_root,
    pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
]

TASKS = """
import os, signal, time
import ROOT
from hepml.errors import InvalidInputError
def add(folder, a, b): return {"sum": a + b, "folder": str(folder), "batch": bool(ROOT.gROOT.IsBatch())}
def refuse(folder): raise InvalidInputError("no such thing")
def fail(folder): ROOT.Error("here", "something is wrong"); raise KeyError("lost")
def crash(folder): os.kill(os.getpid(), signal.SIGSEGV)
def leave(folder): os._exit(3)
def wait(folder, seconds): time.sleep(seconds)
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "some_tasks.py").write_text(TASKS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "some_tasks"


def test_results_and_errors_come_back(tasks: str) -> None:
    with RootProcess(purpose="a test") as process:
        answer = process.call(f"{tasks}:add", {"a": 1, "b": 2.5})
        assert answer == {"sum": 3.5, "folder": str(process.folder), "batch": True}
        with pytest.raises(InvalidInputError, match=r"^no such thing$"):
            process.call(f"{tasks}:refuse", {})
        with pytest.raises(RootProcessError, match=r"(?s)KeyError: 'lost'.*something is wrong"):
            process.call(f"{tasks}:fail", {})
        assert process.call(f"{tasks}:add", {"a": 1, "b": 1})["sum"] == 2
    assert "ROOT" not in sys.modules
    assert not process.folder.exists()


@pytest.mark.parametrize(("task", "how"), [("crash", "by signal SIGSEGV"), ("leave", "with exit code 3")])
def test_a_crash_is_an_error(tasks: str, task: str, how: str) -> None:
    with RootProcess(purpose="a test") as process, pytest.raises(RootProcessError, match=how):
        process.call(f"{tasks}:{task}", {})


def test_the_time_is_limited(tasks: str) -> None:
    with RootProcess(purpose="a test") as process:
        process.call(f"{tasks}:add", {"a": 1, "b": 1})
        with pytest.raises(RootProcessError, match=r"within 0\.5 s"):
            process.call(f"{tasks}:wait", {"seconds": 60}, timeout=0.5)
        with pytest.raises(RootProcessError, match="SIGKILL"):
            process.call(f"{tasks}:add", {"a": 1, "b": 1})


def test_an_interruption_ends_it(tasks: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with RootProcess(purpose="a test") as process:
            process.call(f"{tasks}:add", {"a": 1, "b": 1})
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                process.call(f"{tasks}:wait", {"seconds": 60})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert not process.is_running
    assert not process.folder.exists()


def test_the_interpreter_may_be_another(tmp_path: Path) -> None:
    task = tmp_path / "alone.py"
    task.write_text(
        "import ctypes, os\n"
        "import hepml\n"
        "def where(folder): return [os.environ.get('SET_UP'), hepml.__file__]\n"
        "def crash(folder):\n"
        "    ctypes.CDLL(None).puts(b'last words')\n"
        "    os.abort()\n"
    )
    script = tmp_path / "my python"
    script.write_text(f'#!/bin/sh\nexport SET_UP=yes\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    with RootProcess(purpose="a test", python=script) as process:
        set_up, package = process.call(f"{task}:where", {})
        assert set_up == "yes"
        assert package == str(process.folder / "packages" / "hepml" / "__init__.py")
        with pytest.raises(RootProcessError, match=r"SIGABRT in alone\.py:crash\. ROOT printed: last words"):
            process.call(f"{task}:crash", {})
        assert process.printed() == "last words"
    with pytest.raises(MissingFileError, match=r"no program that can be run; .* needed for a test"):
        RootProcess(purpose="a test", python=tmp_path / "none")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent ended")
def test_it_ends_with_its_parent(tasks: str) -> None:
    code = (
        "from hepml.root_process import RootProcess\n"
        "process = RootProcess(purpose='a test')\n"
        f"process.call('{tasks}:add', {{'a': 1, 'b': 1}})\n"
        "print(process.process_id, process.folder, flush=True)\n"
        f"process.call('{tasks}:wait', {{'seconds': 600}})\n"
    )
    project = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([project, os.environ["PYTHONPATH"]])
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as parent:
        assert parent.stdout is not None
        child, folder = parent.stdout.readline().split()
        os.kill(int(child), 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 20
    while is_running(int(child)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(int(child))
    (Path(folder) / "log.txt").unlink()
    Path(folder).rmdir()


def is_running(process: int) -> bool:
    """Tell whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_can_be_kept(tasks: str) -> None:
    with keep_root():
        with borrow_root(purpose="a test") as first:
            answer = first.call(f"{tasks}:add", {"a": 1, "b": 1})
        with borrow_root(purpose="a test") as second:
            assert second is first
            with pytest.raises(RootProcessError, match="exit code 3"):
                second.call(f"{tasks}:leave", {})
        with borrow_root(purpose="a test") as third:
            assert third is not first
            assert third.call(f"{tasks}:add", {"a": 1, "b": 1})["sum"] == 2
        assert third.is_running
    assert not third.is_running
    assert not Path(answer["folder"]).exists()
    with borrow_root(purpose="a test") as alone:
        assert alone.is_running
    assert not alone.is_running
