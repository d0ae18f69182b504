"""Trainings of a real TMVA: its events in its order, and what it made of them."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.tmva import prepare

if TYPE_CHECKING:
    from hepml.tmva.preparation import PreparedData

_TOY = ["var1", "var2", "var3", "var4"]
_BLOCK = "nTrain_Signal=5000:nTrain_Background=5000:SplitMode=Block:NormMode=NumEvents"
_RANDOM = "nTrain_Signal=5000:nTrain_Background=5000:SplitMode=Random:NormMode=NumEvents"
_EXPR = "nTrain_Signal=2000:nTrain_Background=2000:SplitMode=Random:NormMode=NumEvents"
JOBS: dict[str, dict[str, Any]] = {
    "block": {"options": _BLOCK},
    "posw": {"options": _BLOCK, "weight": "abs(weight)"},
    "negw": {"options": _BLOCK, "weight": "weight"},
    "random": {"options": _RANDOM},
    "alternate": {"options": _BLOCK.replace("Block", "Alternate")},
    "expr": {"options": _EXPR, "variables": ["myvar1 := var1+var2", "myvar2 := var1-var2", "var3", "abs(var3)"]},
    "multi": {"options": "SplitMode=Random:NormMode=NumEvents"},
    "reg": {"options": "nTrain_Regression=5000:SplitMode=Random:NormMode=NumEvents", "variables": ["var1", "var2"]},
}


@functools.cache
def training_events(folder: Path, job: str) -> PreparedData:
    """Return the events of a job as TMVA had them."""
    how = {"variables": _TOY} | JOBS[job] | {"shuffle": "std::random_shuffle"}
    data = folder / "data"
    if job == "multi":
        return prepare(classes={f"C{k}": [(data / "toy3.root", f"TreeC{k}")] for k in range(3)}, **how)
    if job == "reg":
        return prepare(classes={"Regression": [(data / "reg.root", "TreeR")]}, targets=["fvalue"], **how)
    return prepare([(data / "toy.root", "TreeS")], [(data / "toy.root", "TreeB")], **how)


def option_string(folder: Path, job: str, name: str) -> str:
    """Return what a method was booked with."""
    methods = json.loads((folder / "weights" / job / "methods.json").read_text())
    return str(methods[name][1])


def part(text: str, tag: str) -> list[str]:
    """Return the lines of an element of a weights file."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith(f"  <{tag}"))
    last = next(at for at, line in enumerate(lines) if line.startswith(f"  </{tag}>"))
    return lines[first : last + 1]


def golden_file(folder: Path, job: str, name: str) -> str:
    """Return the weights file that TMVA wrote."""
    return gzip.decompress((folder / "weights" / job / f"TMVA_{name}.weights.xml.gz").read_bytes()).decode()
