"""What classifiers and regressors of TMVA have in common: option strings, training, weights files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sklearn.utils.validation import check_is_fitted

from hepml.atomic import atomic_path
from hepml.classifiers.estimator import Estimator
from hepml.classifiers.parameters import Choice, Parameter, Text
from hepml.errors import ExportError, HepmlError, InvalidInputError, ModelFormatError
from hepml.forest.tmva_document import internal_name
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.option_tables import KINDS
from hepml.tmva.options import parse
from hepml.tmva.reader import Reader
from hepml.tmva.setup import Variable
from hepml.tmva.training import MethodOfRoot, train

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from hepml.data import Feature
    from hepml.forest import Forest
    from hepml.tmva.preparation import PreparedData
    from hepml.tmva.training import TrainedMethod, TrainingLog

__all__ = ["TMVA_PARAMETERS", "TMVAMethod", "variable"]

# a category needs the methods of its parts, which an option string cannot say
_METHODS = tuple(kind for kind in KINDS if kind not in {"Category", "Factory", "PrepareTrainingAndTestTree"})
_WEIGHTS = "TMVA.weights.xml"
_LOG = "TMVA.log"
# what the analysis decides: the options of DataLoader::PrepareTrainingAndTestTree
_PREPARATION = ("ntrain_", "ntest_", "splitmode", "splitseed", "mixmode", "normmode", "scalewithpreselefficiency")
_FOAMS = "_foams.root"
_MOST_FEATURES = 10_000

TMVA_PARAMETERS: dict[str, Parameter] = {
    "method": Choice(_METHODS),
    "options": Text(),
    "engine": Choice(("auto", "native", "root")),
}


class TMVAMethod(Estimator):
    """Base of both tasks; a kind says what is handed to :func:`hepml.tmva.train`."""

    kind: ClassVar[str] = "tmva"
    handles_nan: ClassVar[bool] = False
    library: ClassVar[str] = "numba"

    method: str
    options: str
    engine: str

    reader_: Reader
    files_: dict[str, bytes]

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "") -> Self:
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
    def forest_(self) -> Forest:
        """The trees; an attribute only of a forest of variables that are not transformed."""
        check_is_fitted(self, "reader_")
        method = self.reader_.method
        if not isinstance(method, BDT) or not method.is_forest or self.reader_.transforms:
            msg = f"{self.method} is no forest of the features"
            raise AttributeError(msg)
        return method.forest

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

    def _train_on(self, prepared: PreparedData) -> dict[str, Any]:
        """Train on events as TMVA has them, and return what goes into the report."""
        _refuse_preparation(self.options)
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
        if len(self._outputs_of(self.reader_)) != self._n_wanted():
            msg = f"{_WEIGHTS} holds other classes or targets than the model"
            raise ModelFormatError(msg)

    @staticmethod
    def _outputs_of(reader: Reader) -> tuple[Any, ...]:
        """Return the classes or targets that a weights file names."""
        setup = reader.setup
        return tuple(setup.targets) if setup.analysis_type == "Regression" else tuple(setup.classes)

    def _n_wanted(self) -> int:
        """Return how many there must be."""
        raise NotImplementedError


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


def variable(feature: Feature) -> Variable:
    """Return a feature as TMVA declares it."""
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
