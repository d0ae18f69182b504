"""``kind: tmva`` for a regression: a method of TMVA by its option string; its value is TMVA's response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hepml.classifiers.regression import Regressor
from hepml.classifiers.tmva_method import TMVA_PARAMETERS, TMVAMethod, variable
from hepml.tmva.preparation import from_arrays

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.classifiers.parameters import Parameter
    from hepml.classifiers.training import TrainingPart

__all__ = ["TMVARegressor"]


class TMVARegressor(Regressor, TMVAMethod):
    """A method of TMVA that estimates targets, where TMVA has it: ``BoostType=Grad`` or ``AdaBoostR2`` of BDT, LD.

    Parameters
    ----------
    method : str
        Kind of method, ``"BDT"``, ``"Fisher"``, ...
    options : str
        TMVA's option string, ``"NTrees=850:MaxDepth=3:BoostType=AdaBoost"``; what it does not set has TMVA's default.
    engine : {"auto", "native", "root"}
        As of :func:`hepml.tmva.train`.
    negative_weights : {"signed", "ignore", "abs"}
        What the method is given; ``signed`` leaves negative weights to its own options (``NegWeightTreatment``).
    random_state : int
        Not looked at: the seeds of TMVA's methods are options of theirs.
    n_jobs : int, optional
        Not looked at.

    Attributes
    ----------
    reader_ : Reader
        The method as its weights file is read.
    n_targets_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Regressor`; the report as that of the classifier.
    """

    _parameters: ClassVar[dict[str, Parameter]] = TMVA_PARAMETERS

    def __init__(
        self,
        *,
        method: str = "BDT",
        options: str = "BoostType=Grad",
        engine: str = "auto",
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.method = method
        self.options = options
        self.engine = engine
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        del validation
        prepared = from_arrays(
            train.X,
            None,
            train.weight,
            variables=[variable(feature) for feature in self._columns],
            targets=train.target,
            target_variables=[f"target{number}" for number in range(self.n_targets_)],
        )
        return self._train_on(prepared)

    def _values(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.reader_.evaluate(X).reshape(len(X), self.n_targets_)

    def _n_wanted(self) -> int:
        return self.n_targets_
