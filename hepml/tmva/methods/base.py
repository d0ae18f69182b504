"""What every method of TMVA has in common, and where each is found."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, cast

from hepml.errors import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["METHODS", "Method", "method_of"]

# kind in the weights file -> module:class
METHODS = {
    "BDT": "hepml.tmva.methods.bdt:BDT",
    "Boost": "hepml.tmva.methods.boost:Boost",
    "Category": "hepml.tmva.methods.category:Category",
    "Cuts": "hepml.tmva.methods.cuts:Cuts",
    "DL": "hepml.tmva.methods.dl:DL",
    "DNN": "hepml.tmva.methods.dl:DL",
    "FDA": "hepml.tmva.methods.fda:FDA",
    "Fisher": "hepml.tmva.methods.linear:Fisher",
    "HMatrix": "hepml.tmva.methods.hmatrix:HMatrix",
    "KNN": "hepml.tmva.methods.knn:KNN",
    "LD": "hepml.tmva.methods.linear:LD",
    "Likelihood": "hepml.tmva.methods.likelihood:Likelihood",
    "MLP": "hepml.tmva.methods.mlp:MLP",
    "PDEFoam": "hepml.tmva.methods.pdefoam:PDEFoam",
    "PDERS": "hepml.tmva.methods.pders:PDERS",
    "RuleFit": "hepml.tmva.methods.rulefit:RuleFit",
    "SVM": "hepml.tmva.methods.svm:SVM",
}


class Method(Protocol):
    """A method that was read from a weights file. Implementations are frozen dataclasses of arrays."""

    kind: ClassVar[str]

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights.

        Raises
        ------
        ModelFormatError
            By ``setup.fail``, if they are damaged or not as TMVA writes them: everything that ``respond`` relies on
            (counts, ranges, finite numbers) is checked here.
        """

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return ``GetMVAValue``, shape (n_events,), or for several classes or targets (n_events, n_outputs).

        Events are finite. Computed in double precision with TMVA's own roundings to single precision; in blocks, so that
        memory does not grow beyond a small multiple of the input.
        """


def method_of(setup: MethodSetup) -> Method:
    """Return the method that a weights file holds.

    Raises
    ------
    ModelFormatError
        If its kind is not known, or its weights are damaged.
    """
    place = METHODS.get(setup.kind)
    if place is None:
        known = ", ".join(sorted(METHODS))
        setup.fail(
            f"methods of kind {setup.kind[:40]!r} are not known{did_you_mean(setup.kind, METHODS)} (known: {known})"
        )
    module, _, name = place.partition(":")
    if find_spec(module) is None:
        setup.fail(f"methods of kind {setup.kind!r} are not read yet")
    kind = cast("type[Method]", getattr(import_module(module), name))
    return kind.from_setup(setup)
