"""The shape of the package: who imports whom, what an import loads, how long modules are, what the docstrings hold."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "hepml"

# A room imports only from those on its left. The order is that of docs/architecture.md.
ORDER = (
    "errors",
    "atomic",
    "root_process",
    "config",
    "expressions",
    "data",
    "readers",
    "evaluation",
    "transforms",
    "forest",
    "tmva",
    "classifiers",
    "plots",
    "report",
    "workflow",
    "cli",
)
ALLOWED = {room: set(ORDER[: index + 1]) for index, room in enumerate(ORDER)}
# Beside the row: these train, but the workflow does not know them
ALLOWED |= {room: {*ALLOWED["report"], room} for room in ("gan", "tuning")}
ALLOWED["cli"] |= {"gan", "tuning", "grid"}
# Batch jobs are command lines; writing them must not need anything that trains
ALLOWED["grid"] = {"errors", "atomic", "config", "grid"}
# The package itself names every room (lazily); running it as a module starts the command line
ALLOWED["__init__"] = set(ALLOWED)
ALLOWED["__main__"] = {"cli"}

LAZY = {
    "ROOT",
    "awkward",
    "hist",
    "jinja2",
    "matplotlib",
    "mplhep",
    "numba",
    "numpy",
    "pydantic",
    "rich",
    "scipy",
    "sklearn",
    "torch",
    "uproot",
    "xgboost",
}
# The command line draws with these, so its help may load them; click is what makes the help
LAZY_FOR_HELP = LAZY - {"rich"}
# What a command-line module needs to hand arguments over and to show what came back
CLI_LIBRARIES = {"click", "rich", "typer"}

MOST_LINES = 500
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything a module imports, also those that are given as text."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            # ``from hepml import readers`` imports a room as much as ``import hepml.readers`` does
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # lazy imports and registries name modules by text: "hepml.classifiers.xgboost:XGBoostClassifier"
            match = re.fullmatch(r"(hepml(\.[A-Za-z_]\w*)+)(:\w+)?", node.value)
            if match and match[1].split(".")[1] in ALLOWED:
                yield node.lineno, match[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_its_left(path: Path) -> None:
    room = room_of(path)
    assert room in ALLOWED, f"{room} has no place in the order of rooms"
    for line, name in imported_names(path):
        if name.split(".")[0] != "hepml":
            continue
        parts = name.split(".")
        if parts == ["hepml"]:
            # its rooms are attributes, so this would get round the check; the command line may use all of them
            assert room in {"cli", "__main__"}, f"{path}:{line} imports all of hepml: name the room"
            continue
        assert parts[1] in ALLOWED[room], f"{path}:{line}: {room} may not import {name}"


def test_the_import_check_sees_every_way_to_import(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import hepml.cli\n"
        "from hepml import cli\n"
        "from hepml.cli import main\n"
        "import_module('hepml.cli.main')\n"
        "KINDS = {'x': 'hepml.cli.main:main'}\n"
        "logger = 'hepml is a word here'\n"
    )
    found = list(imported_names(module))
    assert [line for line, name in found if name.startswith("hepml.cli")] == [1, 2, 3, 4, 5]
    assert len(found) == 5
    module.write_text("from . import cli\n")
    with pytest.raises(AssertionError, match="imports relatively"):
        list(imported_names(module))


def test_command_line_modules_hold_no_logic() -> None:
    standard = sys.stdlib_module_names
    for path in sorted(PACKAGE.joinpath("cli").glob("*.py")):
        for line, name in imported_names(path):
            top = name.split(".")[0]
            assert top in standard or top in CLI_LIBRARIES or top == "hepml", f"{path}:{line} computes with {top}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


def loaded_modules(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level modules that it loaded."""
    report = "import sys; print('loaded:', *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", f"{code}\n{report}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return set(result.stderr.rpartition("loaded:")[2].split())


def run_help(*arguments: str) -> str:
    return (
        "import runpy, sys\n"
        f"sys.argv = ['hepml', *{arguments!r}]\n"
        "try:\n    runpy.run_module('hepml', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as stop:\n    assert not stop.code, stop.code"
    )


def test_the_loaded_modules_are_seen() -> None:
    assert "numpy" in loaded_modules("import numpy.linalg")


def test_importing_hepml_is_lean() -> None:
    assert not loaded_modules("import hepml") & LAZY


@pytest.mark.parametrize("arguments", [["--help"], ["inspect", "--help"], ["train", "--help"]], ids=" ".join)
def test_help_is_lean(arguments: list[str]) -> None:
    assert not loaded_modules(run_help(*arguments)) & LAZY_FOR_HELP


def test_every_room_is_a_lazy_attribute() -> None:
    rooms = {room_of(path) for path in MODULES if path.name == "__init__.py"} - {"__init__"}
    code = f"import hepml\nfor room in {sorted(rooms)!r}:\n    assert getattr(hepml, room).__name__ == 'hepml.' + room"
    assert "hepml" in loaded_modules(code)
    assert rooms <= set(dir(importlib.import_module("hepml")))


def public_modules() -> list[str]:
    """Rooms, and the modules beside them, that say what is public."""
    found = []
    for path in MODULES:
        inside = path.relative_to(PACKAGE).with_suffix("").parts
        if len(inside) == (2 if inside[-1] == "__init__" else 1) and inside[0] not in {"__init__", "__main__", "cli"}:
            found.append("hepml." + inside[0])
    return found


def section(docstring: str, title: str) -> str:
    """Return the text of a numpydoc section, or nothing."""
    match = re.search(
        rf"^{title}\n-{{{len(title)}}}\n(.*?)(?=^\S[^\n]*\n-{{3,}}\n|\Z)", docstring, re.MULTILINE | re.DOTALL
    )
    return match[1] if match else ""


@pytest.mark.parametrize("name", public_modules())
def test_rooms_say_what_is_public(name: str) -> None:
    module = importlib.import_module(name)
    things = [getattr(module, public) for public in module.__all__]
    definitions = [thing for thing in things if inspect.isfunction(thing) or inspect.isclass(thing)]
    assert [thing.__qualname__ for thing in definitions if not thing.__doc__] == [], "no docstring"


def undocumented(name: str, function: Callable[..., object]) -> Iterator[str]:
    """Yield what the docstring of a function leaves out."""
    docstring = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    annotations = [str(parameter.annotation) for parameter in signature.parameters.values()]
    # A sentence says all about a function of one plain argument; an array needs shape, type and convention
    if len(annotations) <= 1 and not re.search("NDArray|ArrayLike|Dataset", "".join(annotations)):
        return
    if re.search(r"; see :func:`\w+`\.$", docstring.partition("\n")[0]):
        return
    parameters = section(docstring, "Parameters")
    for parameter in signature.parameters:
        # one line may document several: "x, y : ndarray"; variable arguments carry their stars
        if not re.search(rf"^([\w*]+, )*\**{parameter}(, [\w*]+)* : ", parameters, re.MULTILINE):
            yield f"{name}: parameter {parameter!r}"
    if signature.return_annotation not in {"None", None, "NoReturn"} and not (
        section(docstring, "Returns") or section(docstring, "Yields")
    ):
        yield f"{name}: result"


# errors and atomic serve the rooms; what the rooms offer is for users
@pytest.mark.parametrize("name", sorted(set(public_modules()) - {"hepml.errors", "hepml.atomic"}))
def test_public_functions_document_their_parameters_and_result(name: str) -> None:
    module = importlib.import_module(name)
    things = [getattr(module, public) for public in module.__all__]
    missing = [
        text
        for thing in things
        if inspect.isfunction(thing)
        for text in undocumented(f"{name}.{thing.__name__}", thing)
    ]
    assert missing == [], "not documented"


def test_a_gap_in_a_docstring_is_seen() -> None:
    def function(x: int, *rest: int, scale: float) -> float:
        """Do something.

        Parameters
        ----------
        x, scale : float
            Numbers.
        """
        return x * scale * len(rest)

    assert list(undocumented("function", function)) == ["function: parameter 'rest'", "function: result"]


def test_results_are_frozen() -> None:
    for name in public_modules():
        module = importlib.import_module(name)
        for public in module.__all__:
            thing = getattr(module, public)
            if inspect.isclass(thing) and dataclasses.is_dataclass(thing):
                assert thing.__dataclass_params__.frozen, f"{name}.{public} is a dataclass that can be changed"
