"""Events that can hardly train, and what a real TMVA 4.2.1 makes of them.

``python -m tests.tmva.degenerate`` asks a real TMVA again and writes ``tests/data/tmva/degenerate.json``.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import HepmlError
from hepml.tmva import Reader
from hepml.tmva.engine.handover import hand_over
from hepml.tmva.engine.process import call, tmva_process
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training.with_root import _arguments
from tests.tmva.golden import SMALL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva import PreparedData

OUTCOMES = SMALL / "degenerate.json"
_TREES = "NTrees=5:MinNodeSize=5%:MaxDepth=3"
# name -> kind, options; the analysis is told by the name
METHODS = {
    "Fisher": ("Fisher", ""),
    "LD": ("LD", ""),
    "HMatrix": ("HMatrix", ""),
    "AdaBoost": ("BDT", f"{_TREES}:BoostType=AdaBoost"),
    "RealAdaBoost": ("BDT", f"{_TREES}:BoostType=RealAdaBoost"),
    "Bagging": ("BDT", f"{_TREES}:BoostType=Bagging"),
    "Grad": ("BDT", f"{_TREES}:BoostType=Grad"),
    "multi-class Grad": ("BDT", f"{_TREES}:BoostType=Grad"),
    "regression Grad": ("BDT", f"{_TREES}:BoostType=Grad"),
}
_N = 90


def n_classes(method: str) -> int:
    """Return the number of classes that a method is trained with."""
    return {"multi-class Grad": 3, "regression Grad": 1}.get(method, 2)


@dataclasses.dataclass
class Events:
    """Events of a case, and options that it adds."""

    X: NDArray[np.float32]
    class_index: NDArray[np.intp]
    weight: NDArray[np.float64]
    target: NDArray[np.float32]
    options: str = ""

    def kept(self, rows: NDArray[Any]) -> Events:
        """Return some of them."""
        return Events(self.X[rows], self.class_index[rows], self.weight[rows], self.target[rows], self.options)


def ordinary(classes: int) -> Events:
    """Return events that train, weights being multiples of 1/8."""
    rng = np.random.default_rng(2)
    index = np.arange(_N) % classes
    X = (rng.normal(size=(_N, 3)) + 0.7 * index[:, None] * [1.0, -1.0, 0.5]).astype("f4")
    weight = rng.integers(4, 13, _N) / 8.0
    return Events(X, index, weight, (X[:, 0] + X[:, 1] ** 2).astype("f4"))


def _apart(events: Events) -> None:
    events.X[:, 0] = 10.0 * events.class_index + np.arange(_N) / 100.0


def _constant(events: Events) -> None:
    events.X[:, 1] = 2.0


def _twice(events: Events) -> None:
    events.X[:, 1] = events.X[:, 0]


def _missing(events: Events) -> None:
    events.X[::9, 1] = np.nan


def _negative(events: Events) -> None:
    events.weight[events.class_index == events.class_index.max()] *= -1.0


def _many_cuts(events: Events) -> None:
    events.X[:] = np.rint(events.X)
    events.options = "nCuts=200"


def _every_cut(events: Events) -> None:
    events.X[:] = np.rint(events.X)
    events.options = "nCuts=-1"


def _single(events: Events) -> None:
    n = events.class_index.max() + 1
    for name in ("X", "class_index", "weight", "target"):
        setattr(events, name, getattr(events, name)[:n])


def _some_zero(events: Events) -> None:
    events.weight[::4] = 0.0


def _class_of_zero(events: Events) -> None:
    events.weight[events.class_index == 0] = 0.0


CASES = {
    "classes apart": _apart,
    "constant variable": _constant,
    "variable twice": _twice,
    "NaN": _missing,
    "a class of negative weights": _negative,
    "more cuts than values": _many_cuts,
    "a cut at every value": _every_cut,
    "one event of each class": _single,
    "some weights of zero": _some_zero,
    "a class of zero weights": _class_of_zero,
}


def applies(case: str, method: str) -> bool:
    """Return whether a case is one: cuts are of trees, and a regression has one class."""
    return not ("cut" in case and METHODS[method][0] != "BDT") and not (
        case == "classes apart" and n_classes(method) == 1
    )


def events_of(case: str, method: str) -> tuple[Events, str, str]:
    """Return events, kind of the method, and all of its options."""
    events = ordinary(n_classes(method))
    CASES[case](events)
    kind, options = METHODS[method]
    # as TMVA reads its trees
    events = events.kept(np.argsort(events.class_index, kind="stable"))
    return events, kind, ":".join(filter(None, (options, events.options)))


def prepared_of(events: Events, classes: int) -> PreparedData:
    """Return events as they are trained with."""
    names = {1: ("Regression",), 2: ("Signal", "Background"), 3: ("A", "B", "C")}[classes]
    target = {"targets": events.target[:, None], "target_variables": ["t"]} if classes == 1 else {}
    return from_arrays(
        events.X, events.class_index, events.weight, variables=["a", "b", "c"], class_names=names, **target
    )


def probes(method: str) -> NDArray[np.float32]:
    """Return events to answer for."""
    return ordinary(n_classes(method)).X[:12]


def outcome(case: str, method: str) -> dict[str, Any]:
    """Let a real TMVA train, and return what it answers, or what it says."""
    events, kind, options = events_of(case, method)
    classes = n_classes(method)
    sane = prepared_of(ordinary(classes), classes)
    index, weight = events.class_index, events.weight
    train = dataclasses.replace(
        sane.train,
        variables=events.X,
        spectators=sane.train.spectators[: len(index)],
        targets=events.target[:, None] if classes == 1 else sane.train.targets[: len(index)],
        class_index=index,
        weight=weight,
        original_weight=weight,
    )
    data = dataclasses.replace(sane, train=train)
    try:
        with tmva_process(60.0) as process:
            # TMVA normalises, and reads NaN, by itself
            handover = dataclasses.replace(hand_over(data, process.folder / "input.root"), arranged={})
            call(process, "train", _arguments(kind, "Any", options, data, handover, ()))
            path = next(process.folder.glob("**/TMVA_Any.weights.xml"))
            answer = Reader(path).evaluate(probes(method))
    except HepmlError as error:
        return {"error": str(error)[:200]}
    if not np.isfinite(answer).all():
        return {"error": "responses that are not finite"}
    return {"responses": answer.tolist()}


def main() -> None:
    """Write all outcomes."""
    found: dict[str, dict[str, Any]] = {}
    for case in CASES:
        for method in METHODS:
            if applies(case, method):
                found.setdefault(case, {})[method] = outcome(case, method)
                sys.stderr.write(f"{case} {method} {str(found[case][method])[:140]}\n")
    OUTCOMES.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
