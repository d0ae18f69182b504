"""The one place that runs ROOT: in a process of its own, which no crash of ROOT and no clash of libraries can leave.

A task is a function of the package, named by text, that runs there. It takes and gives what JSON can hold; arrays go through
``.npy`` files in a private folder that both sides map into memory. Nothing is pickled. What ROOT prints is kept, and its
end is part of every error. The process ends with the one that started it, however that ends.

The interpreter may be another one, whose ROOT has more. It sees the package but none of our libraries, so tasks for it
stand in files that need none.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from contextvars import ContextVar
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from hepml import errors
from hepml.errors import HepmlError, MissingFileError, RootProcessError, missing_dependency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType, TracebackType

    from numpy.typing import NDArray

__all__ = ["RootProcess", "borrow_root", "keep_root", "root_is_installed"]

_PACKAGE_PARENT = str(Path(__file__).resolve().parent.parent)
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from hepml.root_process import serve; serve(*map(int, sys.argv[2:]))"
)
_LOG_SHOWN = 2000
_MOST_BYTES = 64_000_000
_PR_SET_PDEATHSIG = 1
# _IOLBF of Linux and macOS
_LINE_BUFFERED = 1
# tasks that were loaded by their files
_LOADED: dict[str, ModuleType] = {}


def root_is_installed() -> bool:
    """Tell whether PyROOT can be found, without importing it."""
    return importlib.util.find_spec("ROOT") is not None


@contextlib.contextmanager
def keep_root() -> Iterator[None]:
    """Use one process for all that needs ROOT in the block, in this thread.

    It saves the start of ROOT, about a second, and the compilation of expressions that were compiled before. The process
    starts when it is needed first, and anew if it ended.

    Examples
    --------
    >>> with keep_root():  # doctest: +SKIP
    ...     signal, background = (hepml.read(file, features=["met"], reader="root") for file in files)
    """
    with contextlib.ExitStack() as stack:
        token = _KEPT.set(_Kept(stack))
        try:
            yield
        finally:
            _KEPT.reset(token)


@contextlib.contextmanager
def borrow_root(*, purpose: str) -> Iterator[RootProcess]:
    """Give the process that :func:`keep_root` keeps, else one of its own.

    Parameters
    ----------
    purpose : str
        What ROOT is needed for, said where it is not installed.

    Yields
    ------
    RootProcess
        Its folder may hold what others left there.

    Raises
    ------
    MissingDependencyError
        If PyROOT is not installed.
    """
    kept = _KEPT.get()
    if kept is None:
        with RootProcess(purpose=purpose) as process:
            yield process
    else:
        yield kept.process(purpose)


class _Kept:
    """A process that is started when it is needed, and closed with a stack."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._process: RootProcess | None = None

    def process(self, purpose: str) -> RootProcess:
        """Return the process; a new one if there is none that runs."""
        if self._process is None or not self._process.is_running:
            self._process = self._stack.enter_context(RootProcess(purpose=purpose))
        return self._process


_KEPT: ContextVar[_Kept | None] = ContextVar("kept", default=None)


class RootProcess:
    """A process with ROOT loaded, to be used as a context manager by the thread that made it.

    Parameters
    ----------
    purpose : str
        What ROOT is needed for, said where it is not installed.
    timeout : float
        Seconds that a call may take.
    python : path-like, optional
        An interpreter that has PyROOT, 3.11 or newer, or a script that sets one up and ends by ``exec python "$@"``. Its
        tasks are files. Default: the interpreter that runs this.

    Attributes
    ----------
    folder : pathlib.Path
        Private folder for arrays; it is removed at the end.

    Raises
    ------
    MissingDependencyError
        If PyROOT is not installed.
    MissingFileError
        If there is no such interpreter.
    """

    def __init__(self, *, purpose: str, timeout: float = 3600.0, python: str | os.PathLike[str] | None = None) -> None:
        if python is not None and shutil.which(python) is None:
            msg = (
                f"{os.fspath(python)} is no program that can be run; an interpreter with PyROOT is needed for {purpose}"
            )
            raise MissingFileError(msg)
        if python is None and not root_is_installed():
            module = "PyROOT"
            raise missing_dependency(module, purpose, "root")
        self._timeout = timeout
        self.folder = Path(tempfile.mkdtemp(prefix="hepml-root-"))
        try:
            self._log = self.folder / "log.txt"
            interpreter, packages = sys.executable, _PACKAGE_PARENT
            if python is not None:
                interpreter, packages = os.fspath(python), str(self.folder / "packages")
                Path(packages).mkdir()
                (Path(packages) / "hepml").symlink_to(Path(__file__).resolve().parent)
            self._connection, theirs = Pipe()
            command = [interpreter, "-P", "-c", _START, packages, str(theirs.fileno()), str(os.getpid())]
            with theirs, self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and code)
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.folder,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and remove its folder."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def process_id(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it can still be called."""
        return self._process.poll() is None

    def call(self, task: str, arguments: Mapping[str, Any], *, timeout: float | None = None) -> Any:
        """Run a task and wait for its result.

        Parameters
        ----------
        task : str
            ``"hepml.room.module:function"``, or ``"/path/of/module.py:function"``; it is called with the folder and the
            arguments.
        arguments : mapping
            What JSON can hold. Relative paths would be relative to the folder.
        timeout : float, optional
            Seconds, if not those of the process.

        Returns
        -------
        object
            What the task returned, through JSON.

        Raises
        ------
        HepmlError
            What the task raised, if it was one.
        RootProcessError
            If the task raised anything else, the process crashed, or the time was over; the process is gone then.
        """
        limit = self._timeout if timeout is None else timeout
        request = json.dumps({"task": task, "arguments": dict(arguments)}).encode()
        task = task.rpartition("/")[2]
        try:
            self._connection.send_bytes(request)
            if not self._connection.poll(limit):
                self._process.kill()
                self._process.wait()
                msg = f"ROOT did not finish {task} within {limit:g} s and was ended{self._printed()}"
                raise RootProcessError(msg)
            answer = json.loads(self._connection.recv_bytes(_MOST_BYTES))
        except (EOFError, OSError) as error:
            if isinstance(error, HepmlError):
                raise
            self._process.kill() if self._process.poll() is None and not self._ends_soon() else None
            code = self._process.wait()
            how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            msg = f"the process that runs ROOT ended {how} in {task}{self._printed()}"
            raise RootProcessError(msg) from error
        if "error" not in answer:
            return answer["result"]
        kind = getattr(errors, answer["error"], RootProcessError)
        message = answer["message"]
        raise kind(message if kind is not RootProcessError else f"ROOT failed in {task}: {message}{self._printed()}")

    def _ends_soon(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        return self._process.returncode is not None

    def array(self, name: str) -> NDArray[Any]:
        """Map an array that a task left in the folder.

        Parameters
        ----------
        name : str
            Name of the file, without ``.npy``.

        Returns
        -------
        ndarray
            Read-only.
        """
        import numpy as np

        return np.asarray(np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))

    def printed(self) -> str:
        """Return what ROOT printed since the process was started."""
        with contextlib.suppress(OSError):
            return self._log.read_bytes().decode(errors="replace").strip()
        return ""

    def _printed(self) -> str:
        text = self.printed()
        return f". ROOT printed: {text[-_LOG_SHOWN:]}" if text else ""


def serve(connection: int, parent: int) -> None:
    """Run tasks until the other side is gone. This is what the process does; ROOT is imported here only."""
    _die_with(parent)
    _print_by_lines()
    channel: Connection[Any, Any] = Connection(connection)
    while True:
        try:
            request = json.loads(channel.recv_bytes(_MOST_BYTES))
        except (EOFError, OSError):
            return
        channel.send_bytes(json.dumps(_answer(request)).encode())


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was watched
        os._exit(1)


def _print_by_lines() -> None:
    """Let what C and C++ print go to the log line by line, so that a crash takes nothing away."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        library = ctypes.CDLL(None)
        stream = ctypes.c_void_p.in_dll(library, "__stdoutp" if sys.platform == "darwin" else "stdout")
        library.setvbuf(stream, None, _LINE_BUFFERED, ctypes.c_size_t(0))


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        _import_root()
        return {"result": _task(request["task"])(Path.cwd(), **request["arguments"])}
    except HepmlError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except Exception as error:  # noqa: BLE001  (whatever it is, the other side reports it)
        traceback.print_exc()
        sys.stderr.flush()
        return {"error": "RootProcessError", "message": f"{type(error).__name__}: {error}"}


def _task(text: str) -> Callable[..., Any]:
    place, _, name = text.rpartition(":")
    if not place.endswith(".py"):
        task: Callable[..., Any] = getattr(importlib.import_module(place), name)
        return task
    # not by its package, whose other modules need libraries
    if place not in _LOADED:
        specification = importlib.util.spec_from_file_location(Path(place).stem, place)
        if specification is None or specification.loader is None:
            raise ImportError(place)
        _LOADED[place] = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(_LOADED[place])
    return cast("Callable[..., Any]", getattr(_LOADED[place], name))


def _import_root() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns that it is young
        root = importlib.import_module("ROOT")
    root.gSystem.ResetSignals()  # a crash shall end the process at once, not first fetch a debugger
    root.gROOT.SetBatch(True)
