"""``kind: tmva``: a method of TMVA by its option string as a classifier; its score is TMVA's response."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from hepml.atomic import atomic_path
from hepml.classifiers.base import Classifier
from hepml.classifiers.parameters import Choice, Parameter, Text
from hepml.errors import ExportError, HepmlError, InvalidInputError, ModelFormatError
from hepml.forest.tmva_document import internal_name
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.option_tables import KINDS
from hepml.tmva.options import parse
from hepml.tmva.preparation import from_arrays
from hepml.tmva.reader import Reader
from hepml.tmva.setup import Variable
from hepml.tmva.training import MethodOfRoot, train

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from hepml.classifiers.training import TrainingPart
    from hepml.data import Feature
    from hepml.forest import Forest
    from hepml.tmva.training import TrainedMethod, TrainingLog

__all__ = ["TMVAClassifier"]

# a category needs the methods of its parts, which an option string cannot say
_METHODS = tuple(kind for kind in KINDS if kind not in {"Category", "Factory", "PrepareTrainingAndTestTree"})
_WEIGHTS = "TMVA.weights.xml"
_LOG = "TMVA.log"
# what the analysis decides: the options of DataLoader::PrepareTrainingAndTestTree
_PREPARATION = ("ntrain_", "ntest_", "splitmode", "splitseed", "mixmode", "normmode", "scalewithpreselefficiency")
# where TMVA takes an event for signal (``MethodBase::GetSignalReferenceCut``); others at 0.5
_SIGNAL_ABOVE = {"BDT": 0.0, "Fisher": 0.0, "HMatrix": 0.0}
_FOAMS = "_foams.root"
_MOST_FEATURES = 10_000


def _has_densities(classifier: TMVAClassifier) -> bool:
    words = [word.strip().lower().removesuffix("=true") for word in classifier.options.split(":")]
    return "createmvapdfs" in words


class TMVAClassifier(Classifier):
    """A method of TMVA.

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
    ``GetProba`` for equal classes. No method of TMVA has a use for validation events; they choose the cuts.
    """

    kind: ClassVar[str] = "tmva"
    handles_nan: ClassVar[bool] = False
    library: ClassVar[str] = "numba"
    _parameters: ClassVar[dict[str, Parameter]] = {
        "method": Choice(_METHODS),
        "options": Text(),
        "engine": Choice(("auto", "native", "root")),
        "norm_mode": Choice(("EqualNumEvents", "NumEvents", "None")),
    }

    reader_: Reader
    files_: dict[str, bytes]

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

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "") -> TMVAClassifier:
        """Make an estimator from options by name, and read its option string; see the base."""
        classifier = super().from_options(options, where)
        _refuse_preparation(classifier.options)
        try:
            parse(classifier.method, classifier.options, n_variables=_MOST_FEATURES, newer=True)
        except HepmlError as error:
            msg = f"{where}.options: {error}" if where else str(error)
            raise type(error)(msg) from error
        return classifier

    @property
    def n_iter_(self) -> int:
        """Number of trees; 1 for a method without."""
        check_is_fitted(self, "reader_")
        method = self.reader_.method
        return method.forest.n_trees if isinstance(method, BDT) else 1

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

    @property
    def forest_(self) -> Forest:
        """The trees; an attribute only of a forest of variables that are not transformed."""
        check_is_fitted(self, "reader_")
        method = self.reader_.method
        if not isinstance(method, BDT) or not method.is_forest or self.reader_.transforms:
            msg = f"{self.method} is no forest of the features"
            raise AttributeError(msg)
        return method.forest

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return TMVA's response, float64 of shape (n_events,)."""
        return self._in_blocks(self.reader_.evaluate, self._checked(X))

    @available_if(_has_densities)  # type: ignore[untyped-decorator]  # scikit-learn is not typed
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes in the order of ``classes_``, float64 of shape (n_events, 2).

        By the densities of the response in training, for equally many events of both classes.
        """
        matrix = self._checked(X)
        signal = self.reader_.proba(matrix, 0.5)
        return np.column_stack([1.0 - signal, signal])

    def save_weights(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the weights file that the training left, as :func:`hepml.tmva.train` verified it or TMVA wrote it.

        Parameters
        ----------
        path : path-like
            The file, ``X.weights.xml``.
        overwrite : bool
            Whether an existing file may be replaced.

        Raises
        ------
        ExportError
            If the weights are in several files, as those of foams.
        OutputError
            If the file exists and may not be replaced, or cannot be written.
        """
        check_is_fitted(self, "reader_")
        beside = [name for name in self.files_ if name.endswith(_FOAMS)]
        if beside:
            msg = f"{self.method} needs {beside[0]} beside its weights file: take both from the folder of the model"
            raise ExportError(msg)
        with atomic_path(path, overwrite=overwrite) as temporary:
            temporary.write_bytes(self.files_[_WEIGHTS])

    @property
    def _signal_above(self) -> float:
        return _SIGNAL_ABOVE.get(self.method, 0.5)

    def _train(self, train_part: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        del validation
        _refuse_preparation(self.options)
        prepared = from_arrays(
            train_part.X,
            np.where(train_part.signal, 0, 1),
            train_part.weight,
            variables=[_variable(feature) for feature in self._columns],
            norm_mode=self.norm_mode,  # type: ignore[arg-type]  # checked against the same words
        )
        with tempfile.TemporaryDirectory(prefix="hepml-tmva-") as temporary:
            folder = Path(temporary) / "output"
            trained: TrainedMethod | MethodOfRoot
            if self.engine == "root":
                trained = train(self.method, self.options, prepared, engine="root", folder=folder)
            else:
                trained = train(self.method, self.options, prepared, engine=self.engine)  # type: ignore[arg-type]
            self.files_ = _files_of(trained, folder)
        self.reader_ = _reader(self.files_)
        return _report(trained.log)

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.reader_.evaluate(X) - self._signal_above

    def _state(self) -> dict[str, Any]:
        return {"method": self.method}

    def _payloads(self) -> dict[str, bytes]:
        return dict(self.files_)

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if state != {"method": self.method} or _WEIGHTS not in payloads:
            msg = f"a tmva model has a payload {_WEIGHTS!r} and the method that its parameters name"
            raise ModelFormatError(msg)
        self.files_ = dict(payloads)
        self.reader_ = _reader(self.files_)
        if self.reader_.setup.kind != self.method or len(self.reader_.features) != self.n_features_in_:
            msg = f"{_WEIGHTS} holds another method, or other features, than the model"
            raise ModelFormatError(msg)


def _refuse_preparation(options: str) -> None:
    for word in options.split(":"):
        name = word.strip().lstrip("!").partition("=")[0]
        if name.lower().startswith(_PREPARATION):
            msg = (
                f"{name} splits or normalises events as TMVA does, and this classifier trains on the events that it is "
                "given: the analysis file has its own parts; NormMode is the option norm_mode; hepml.tmva.prepare does all "
                "of it as TMVA"
            )
            raise InvalidInputError(msg)


def _variable(feature: Feature) -> Variable:
    return Variable(feature.expression, feature.name, feature.title, feature.unit, internal_name(feature.name))


def _files_of(trained: TrainedMethod | MethodOfRoot, folder: Path) -> dict[str, bytes]:
    """Return all that a method left, by plain name: its weights under one that is always the same."""
    files = {_LOG: trained.log.text.encode()}
    if isinstance(trained, MethodOfRoot):
        for path in sorted(folder.iterdir()):
            name = _WEIGHTS if path == trained.weights_path else path.name
            if name.endswith(_FOAMS):
                # TMVA, and our reader, take its name from that of the weights file
                name = _WEIGHTS.removesuffix(".xml") + _FOAMS
            files[name] = path.read_bytes()
        return files
    path = folder.with_suffix(".xml")
    trained.save(path)
    return {**files, _WEIGHTS: path.read_bytes()}


def _reader(files: Mapping[str, bytes]) -> Reader:
    with tempfile.TemporaryDirectory(prefix="hepml-tmva-") as temporary:
        folder = Path(temporary)
        # some methods keep their weights in a file of their own, which is looked for beside the XML
        for name in (_WEIGHTS, *(name for name in files if name.endswith(_FOAMS))):
            (folder / name).write_bytes(files[name])
        return Reader(folder / _WEIGHTS)


def _report(log: TrainingLog) -> dict[str, Any]:
    return {
        "engine": log.engine,
        "options": log.options,
        "rankings": [ranking.to_dict() for ranking in log.rankings],
        "notes": list(log.notes),
    }
