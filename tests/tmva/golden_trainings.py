"""Trainings of a real TMVA: how their events were prepared, which methods were trained, and what they answer."""

from __future__ import annotations

import functools
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import HepmlError
from hepml.tmva import prepare, train
from hepml.tmva.options import parse
from hepml.tmva.training.native import Request, what_is_missing
from tests.tmva.golden import applied, differences

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.tmva import PreparedData, TrainedMethod

FOUR = ["var1", "var2", "var3", "var4"]
# the last method of a job says for all of them, in TMVA, whether negative weights are ignored
_OVERRULED = {("negw", "Fisher_ign"): ":IgnoreNegWeightsInTraining"}
_LIMIT, _LIMIT_OF_TREES = 1e-6, 1e-7
# trainings of TMVA that nothing can repeat, with the reason
EXCEPTIONS = {
    (
        "block",
        "BDTrf",
    ): "TMVA seeds the random variables of the first tree by the time (`TRandom3(0)`): no two trainings agree",
}


def _toy(how: str, n_train: int = 5000, **more: Any) -> dict[str, Any]:
    return {
        "signal": [("toy.root", "TreeS", 1.0)],
        "background": [("toy.root", "TreeB", 1.0)],
        "variables": FOUR,
        "spectators": ["eventnumber"],
        "options": f"nTrain_Signal={n_train}:nTrain_Background={n_train}:SplitMode={how}:NormMode=NumEvents:!V",
        **more,
    }


JOBS: dict[str, dict[str, Any]] = {
    "random": _toy("Random"),
    "block": _toy("Block"),
    "alternate": _toy("Alternate"),
    "expr": _toy(
        "Random",
        2000,
        variables=["myvar1 := var1+var2", "myvar2 := var1-var2", "var3", "abs(var3)"],
        spectators=["spec1 := var1*2", "spec2 := var1*3", "weight", "eventnumber"],
    ),
    "posw": _toy("Block", weight="abs(weight)"),
    "negw": _toy("Block", weight="weight"),
    "multi": {
        "classes": {f"C{index}": [("toy3.root", f"TreeC{index}")] for index in range(3)},
        "variables": FOUR,
        "options": "SplitMode=Random:NormMode=NumEvents:!V",
    },
    "reg": {
        "classes": {"Regression": [("reg.root", "TreeR")]},
        "variables": ["var1", "var2"],
        "targets": ["fvalue"],
        "options": "nTrain_Regression=5000:SplitMode=Random:NormMode=NumEvents:!V",
    },
}


@dataclass(frozen=True)
class GoldenTraining:
    """A method that a real TMVA trained."""

    job: str
    name: str
    kind: str
    options: str

    @property
    def key(self) -> str:
        """Key of its responses: the name of the method."""
        return self.name

    @property
    def limit(self) -> float:
        """How far a response may be from TMVA's."""
        return _LIMIT_OF_TREES if self.kind == "BDT" else _LIMIT

    @property
    def exception(self) -> str:
        """Why TMVA itself does not repeat it, or ""."""
        return EXCEPTIONS.get((self.job, self.name), "")

    def missing(self, folder: Path) -> str:
        """Return why it is not trained natively, or ""."""
        data = training_events(folder, self.job)
        try:
            options = parse(
                self.kind,
                self.options,
                analysis_type=data.analysis_type,
                n_variables=len(data.variables),
                classes=data.class_names,
                newer=True,
            )
        except HepmlError as error:
            return str(error)
        return what_is_missing(Request(self.kind, self.name, options, data))

    def train(self, folder: Path) -> TrainedMethod:
        """Train it again."""
        return train(self.kind, self.options, training_events(folder, self.job), engine="native", name=self.name)


@functools.cache
def training_events(folder: Path, job: str, **more: Any) -> PreparedData:
    """Prepare the events of a job as it did, with the shuffle of its TMVA."""
    given = dict(JOBS[job])
    for key in ("signal", "background"):
        if key in given:
            given[key] = [(folder / "data" / file, *rest) for file, *rest in given[key]]
    if "classes" in given:
        given["classes"] = {
            name: [(folder / "data" / file, *rest) for file, *rest in trees] for name, trees in given["classes"].items()
        }
    return prepare(**{"shuffle": "std::random_shuffle", **given, **more})


def all_trainings(folder: Path) -> list[GoldenTraining]:
    """List the trainings whose responses are known."""
    found = []
    for job in JOBS:
        methods = json.loads((folder / "weights" / job / "methods.json").read_text())
        with np.load(folder / "responses" / f"{job}.npz") as responses:
            names = set(responses)
        for name, (kind, options) in methods.items():
            if name in names:
                text = options.replace(_OVERRULED.get((job, name), "\0"), "")
                found.append(GoldenTraining(job, name, kind, text))
    return found


def difference(folder: Path, training: GoldenTraining, model: TrainedMethod) -> NDArray[np.float64]:
    """Return how far the responses of a model are from those of TMVA's."""
    with np.load(folder / "responses" / f"{training.job}.npz") as responses:
        return differences(model.evaluate(applied(folder, training.job)), responses[training.name])


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
