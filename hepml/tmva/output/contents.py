"""What a TMVA.root holds: datasets, their methods, trees, correlation matrices and histograms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hepml.errors import InvalidInputError, ModelFormatError, unknown_name
from hepml.evaluation.display import Displayed
from hepml.readers.opening import damage, open_file
from hepml.tmva.output.histogram import OutputHistogram

if TYPE_CHECKING:
    from hepml.tmva.output.tree import OutputTree

__all__ = ["OutputDataset", "OutputMethod", "TMVAOutput"]


@dataclass(frozen=True, slots=True)
class OutputMethod(Displayed):
    """A trained method.

    Parameters
    ----------
    name : str
        As it was booked; its responses have this name in the trees.
    kind : str or None
        ``BDT``, ``MLP``, ...; None where a file has responses but no folder of the method.
    title : str
        What plots call it: the title of its folder, else its name.
    folder : str or None
        Where its histograms stand.
    weights_file : str or None
        Name of the weights file, as TMVA wrote it, relative to the place where it ran.
    histogram_names : tuple of str
        Its histograms, relative to the folder.
    file : str
        The file.
    """

    name: str
    kind: str | None
    title: str
    folder: str | None
    weights_file: str | None
    histogram_names: tuple[str, ...] = field(repr=False)
    file: str

    def histogram(self, name: str) -> OutputHistogram:
        """Read a histogram of the method.

        Parameters
        ----------
        name : str
            As in ``histogram_names``, such as ``MVA_BDT_S``; with or without the beginning ``MVA_BDT_``.

        Returns
        -------
        OutputHistogram
            Its arrays.

        Raises
        ------
        UnknownNameError
            If there is none of that name; it names the nearest.
        FileUnreadableError
            If the file is damaged.
        """
        full = name if name in self.histogram_names else f"MVA_{self.name}_{name}"
        if full not in self.histogram_names:
            what = f"histogram of method {self.name}"
            short = [known.removeprefix(f"MVA_{self.name}_") for known in self.histogram_names if "/" not in known]
            raise unknown_name(what, name, short)
        return read_histogram(self.file, f"{self.folder}/{full}")

    def to_dict(self) -> dict[str, Any]:
        """Return what is known of it as plain JSON types."""
        return {
            "kind": self.kind,
            "title": self.title,
            "folder": self.folder,
            "weights_file": self.weights_file,
            "histograms": list(self.histogram_names),
        }


@dataclass(frozen=True, slots=True)
class OutputDataset(Displayed):
    """A dataset: what one ``DataLoader`` had, or the whole file before there were any.

    Parameters
    ----------
    name : str
        Its folder; empty in files of TMVA before 2015, which hold one dataset at the top.
    train_tree, test_tree : OutputTree or None
        The events; None if the file has no such tree.
    methods : dict of str to OutputMethod
        In the order of the file.
    histogram_names : tuple of str
        Histograms that belong to no method, such as ``InputVariables_Id/var1__Signal_Id``, relative to the dataset.
    correlation_names : dict of str to str
        Path of the correlation matrix for each class.
    file : str
        The file.
    """

    name: str
    train_tree: OutputTree | None
    test_tree: OutputTree | None
    methods: dict[str, OutputMethod]
    histogram_names: tuple[str, ...] = field(repr=False)
    correlation_names: dict[str, str] = field(repr=False)
    file: str

    @property
    def train(self) -> OutputTree:
        """The training events; a :class:`~hepml.errors.ModelFormatError` if the file has none."""
        return self._tree("TrainTree", self.train_tree)

    @property
    def test(self) -> OutputTree:
        """The test events; a :class:`~hepml.errors.ModelFormatError` if the file has none."""
        return self._tree("TestTree", self.test_tree)

    def _tree(self, name: str, tree: OutputTree | None) -> OutputTree:
        if tree is None:
            msg = f"dataset {self.name!r} of {self.file} has no {name}: was the job stopped before EvaluateAllMethods?"
            raise ModelFormatError(msg)
        return tree

    def method(self, name: str) -> OutputMethod:
        """Return a method; an :class:`~hepml.errors.UnknownNameError` that names the nearest if there is none."""
        if name not in self.methods:
            what = f"method of dataset {self.name!r}"
            raise unknown_name(what, name, self.methods)
        return self.methods[name]

    def histogram(self, name: str) -> OutputHistogram:
        """Read a histogram that belongs to no method.

        Parameters
        ----------
        name : str
            As in ``histogram_names``.

        Returns
        -------
        OutputHistogram
            Its arrays.

        Raises
        ------
        UnknownNameError
            If there is none of that name; it names the nearest.
        FileUnreadableError
            If the file is damaged.
        """
        if name not in self.histogram_names:
            what = f"histogram of dataset {self.name!r}"
            raise unknown_name(what, name, self.histogram_names)
        return read_histogram(self.file, f"{self.name}/{name}" if self.name else name)

    def correlation_matrix(self, class_name: str) -> OutputHistogram:
        """Read the linear correlations of the variables in a class, in whole percent as TMVA cuts them off.

        Parameters
        ----------
        class_name : str
            ``Signal``, ``Background``, ``Regression`` or the name of one of several classes.

        Returns
        -------
        OutputHistogram
            ``values[i, j]`` in percent, ``labels`` the variables. Its variances mean nothing.

        Raises
        ------
        UnknownNameError
            If there is none for that class.
        """
        if class_name not in self.correlation_names:
            what = "class with a correlation matrix"
            raise unknown_name(what, class_name, self.correlation_names)
        return read_histogram(self.file, self.correlation_names[class_name])

    def to_dict(self) -> dict[str, Any]:
        """Return what the dataset holds as plain JSON types."""
        return {
            "train": None if self.train_tree is None else self.train_tree.to_dict(),
            "test": None if self.test_tree is None else self.test_tree.to_dict(),
            "methods": {name: method.to_dict() for name, method in self.methods.items()},
            "correlation_matrices": list(self.correlation_names),
            "histograms": list(self.histogram_names),
        }


@dataclass(frozen=True, slots=True)
class TMVAOutput(Displayed):
    """A TMVA.root.

    Parameters
    ----------
    path : str
        The file.
    datasets : dict of str to OutputDataset
        By name, in the order of the file.
    written_by : str
        ``TMVA`` or ``hepml``.
    """

    path: str
    datasets: dict[str, OutputDataset]
    written_by: str = "TMVA"

    def dataset(self, name: str | None = None) -> OutputDataset:
        """Return a dataset.

        Parameters
        ----------
        name : str, optional
            May be left out if there is only one.

        Returns
        -------
        OutputDataset
            Its methods, trees and histograms.

        Raises
        ------
        UnknownNameError
            If there is none of that name.
        InvalidInputError
            If there are several and none is named.
        """
        if name is None:
            if len(self.datasets) > 1:
                msg = f"{self.path} holds the datasets {', '.join(self.datasets)}: say which"
                raise InvalidInputError(msg)
            return next(iter(self.datasets.values()))
        if name not in self.datasets:
            what = "dataset"
            raise unknown_name(what, name, self.datasets)
        return self.datasets[name]

    def to_dict(self) -> dict[str, Any]:
        """Return what the file holds as plain JSON types."""
        return {
            "path": self.path,
            "written_by": self.written_by,
            "datasets": {name: dataset.to_dict() for name, dataset in self.datasets.items()},
        }


def read_histogram(file: str, path: str) -> OutputHistogram:
    """Read one histogram."""
    with open_file(file) as opened, damage(file, f"cannot be read at {path}"):
        return OutputHistogram.of(opened[path], path)
