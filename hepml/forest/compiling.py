"""Run generated C++ and C with the compiler of this machine, in a process and a temporary folder of their own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ExportError
from hepml.forest.verification import Evaluation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.forest.to_cpp import SourceForm

__all__ = ["COMPILERS", "evaluate_source", "find_compiler"]

COMPILERS = {"c++17": ("c++", "g++", "clang++"), "c99": ("cc", "gcc", "clang")}
_SECONDS = 600
_SHOWN = 2000

# reads events from the standard input and writes margins and scores to the standard output
_MAIN = """
#include <stdio.h>
int main(void) {{
  static {real} x[{n_features}];
  static double out[{n_outputs}];
  while (fread(x, sizeof(x), 1, stdin) == 1) {{
    {margins}
    if (fwrite(out, sizeof(out), 1, stdout) != 1) return 1;
    {scores}
    if (fwrite(out, sizeof(out), 1, stdout) != 1) return 1;
  }}
  return 0;
}}
"""


def find_compiler(language: str) -> str | None:
    """Return the path of a compiler for "c++17" or "c99", None if there is none."""
    return next((path for name in COMPILERS[language] if (path := shutil.which(name))), None)


def evaluate_source(form: SourceForm, X: NDArray[Any]) -> Evaluation:
    """Evaluate events by a generated source.

    Parameters
    ----------
    form : SourceForm
        The source.
    X : ndarray, shape (n_events, n_features)
        Features in the form's precision.

    Returns
    -------
    Evaluation
        Without numbers if there is no compiler that works.

    Raises
    ------
    ExportError
        If the compiler refuses the source, or the program fails.
    """
    compiler = find_compiler(form.language)
    if compiler is None:
        return Evaluation(by=f"there is no compiler for {form.language} here ({', '.join(COMPILERS[form.language])})")
    with tempfile.TemporaryDirectory(prefix="hepml-export-") as name:
        folder = Path(name)
        program, problem = _compile(compiler, form.language, folder, form.content + _main(form).encode())
        if program is None:
            if _compile(compiler, form.language, folder, b"int main(void) { return 0; }\n")[0] is None:
                return Evaluation(by=f"{compiler} compiles nothing here: {problem}")
            msg = f"{compiler} refuses {form.name}: {problem}"
            raise ExportError(msg)
        events = np.ascontiguousarray(X, form.dtype).tobytes()
        done = _run([str(program)], events)
    result = np.frombuffer(done.stdout[: len(done.stdout) // 8 * 8], np.float64)
    if done.returncode or result.size != 2 * len(X) * form.n_outputs:
        msg = f"the program that {compiler} made of {form.name} failed with code {done.returncode}"
        raise ExportError(msg)
    margin, score = result.reshape(len(X), 2, form.n_outputs).transpose(1, 0, 2)
    return Evaluation(by=f"compiled by {compiler}", margin=margin, score=score)


def _main(form: SourceForm) -> str:
    one = form.n_outputs == 1
    calls = {
        f"{what}s": f"out[0] = {form.identifier}_{what}(x);" if one else f"{form.identifier}_{what}s(x, out);"
        for what in ("margin", "score")
    }
    real = "float" if form.dtype == np.float32 else "double"
    return _MAIN.format(real=real, n_features=form.n_features, n_outputs=form.n_outputs, **calls)


def _compile(compiler: str, language: str, folder: Path, source: bytes) -> tuple[Path | None, str]:
    file = folder / ("source.cpp" if language == "c++17" else "source.c")
    file.write_bytes(source)
    program = folder / "program"
    done = _run([compiler, f"-std={language}", "-O1", str(file), "-o", str(program), "-lm"])
    return (None if done.returncode else program), done.stderr.decode(errors="replace").strip()[:_SHOWN]


def _run(command: list[str], content: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        # the system's compiler, and what it made of our own source
        return subprocess.run(  # noqa: S603
            command, input=content or b"", capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, b"", str(error).encode())
