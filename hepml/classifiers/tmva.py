"""``kind: tmva``: a method of TMVA by its option string as a classifier; its score is TMVA's response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from hepml.classifiers.base import Classifier
from hepml.classifiers.parameters import Choice, Parameter
from hepml.classifiers.tmva_method import TMVA_PARAMETERS, TMVAMethod, variable
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.preparation import from_arrays

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hepml.classifiers.training import TrainingPart

__all__ = ["TMVAClassifier"]

# where TMVA takes an event for signal (``MethodBase::GetSignalReferenceCut``); others at 0.5
_SIGNAL_ABOVE = {"BDT": 0.0, "Fisher": 0.0, "HMatrix": 0.0}
# responses of several classes that are taken for no less
_SMALLEST = 1e-300


def _has_probabilities(classifier: TMVAClassifier) -> bool:
    words = [word.strip().lower().removesuffix("=true") for word in classifier.options.split(":")]
    return "createmvapdfs" in words or len(getattr(classifier, "classes_", ())) > 2


class TMVAClassifier(Classifier, TMVAMethod):
    """A method of TMVA, for two classes or, where TMVA has it, more.

    Parameters
    ----------
    method : str
        Kind of method, ``"BDT"``, ``"Fisher"``, ...
    options : str
        TMVA's option string, ``"NTrees=850:MaxDepth=3:BoostType=AdaBoost"``; what it does not set has TMVA's default.
    engine : {"auto", "native", "root"}
        As of :func:`hepml.tmva.train`.
    norm_mode : {"EqualNumEvents", "NumEvents", "None"}
        How TMVA normalises the weights of the classes before the training.
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
    training_report_ : dict
        Beside what every kind reports: engine, options as they were understood, rankings and correlations as TMVA
        prints them, notes on what the method decided silently.

    Notes
    -----
    ``evaluate`` gives TMVA's response. ``decision_function`` is the response above the value at which TMVA takes an event
    for signal, and ``predict`` follows it; of ``BoostType=Grad`` P is for classes that weigh the same (:attr:`balance_`).
    ``predict_proba`` is there with the option ``CreateMVAPdfs``, as TMVA's
    ``GetProba`` for equal classes. Of several classes ``evaluate`` gives TMVA's responses in the order of ``classes_``, and
    probabilities are their shares. No method of TMVA has a use for validation events; they choose the cuts.
    """

    multiclass: ClassVar[bool] = True
    _parameters: ClassVar[dict[str, Parameter]] = {
        **TMVA_PARAMETERS,
        "norm_mode": Choice(("EqualNumEvents", "NumEvents", "None")),
    }

    def __init__(
        self,
        *,
        method: str = "BDT",
        options: str = "",
        engine: str = "auto",
        norm_mode: str = "EqualNumEvents",
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.method = method
        self.options = options
        self.engine = engine
        self.norm_mode = norm_mode
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def balance_(self) -> float | None:
        """Sum of signal over sum of background weights that the probability P of ``BoostType=Grad`` is for; None for others.

        TMVA weighs the classes once more before the first tree, whatever ``norm_mode`` says: equally, or as
        ``SigToBkgFraction`` says.
        """
        check_is_fitted(self, "reader_")
        method, options = self.reader_.method, self.reader_.setup.options
        skipped = options.get("SkipNormalization")
        if not isinstance(method, BDT) or method.forest.link != "tmva_grad" or (skipped and skipped.value == "True"):
            return None
        return float(options["SigToBkgFraction"].value) if "SigToBkgFraction" in options else 1.0

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return TMVA's responses, float64 of shape (n_events,) or (n_events, n_classes)."""
        return self._in_blocks(self.reader_.evaluate, self._checked(X))

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]  # scikit-learn is not typed
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes in the order of ``classes_``, float64 of shape (n_events, n_classes).

        Of two by the densities of the response in training, for equally many events of both classes; of more the shares of
        the responses.
        """
        if self.n_outputs > 1:
            response = np.maximum(self.evaluate(X), _SMALLEST)
            shares: NDArray[np.float64] = response / response.sum(axis=1, keepdims=True)
            return shares
        signal = self.reader_.proba(self._checked(X), 0.5)
        return np.column_stack([1.0 - signal, signal])

    @property
    def _signal_above(self) -> float:
        return _SIGNAL_ABOVE.get(self.method, 0.5)

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        del validation
        two = self.n_outputs == 1
        # of two classes TMVA counts signal first
        prepared = from_arrays(
            train.X,
            np.where(train.signal, 0, 1) if two else train.target,
            train.weight,
            variables=[variable(feature) for feature in self._columns],
            class_names=("Signal", "Background")
            if two
            else tuple(f"Class{number}" for number in range(self.n_outputs)),
            norm_mode=self.norm_mode,  # type: ignore[arg-type]  # checked against the same words
        )
        return self._train_on(prepared)

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        response = self.reader_.evaluate(X)
        if self.n_outputs > 1:
            margin: NDArray[np.float64] = np.log(np.maximum(response, _SMALLEST))
            return margin
        return response - self._signal_above

    def _n_wanted(self) -> int:
        return int(self.classes_.size)
