"""A finished run: its folder, its numbers, its models, its scores."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml import classifiers
from hepml.config import AnalysisConfig, parse_analysis, read_yaml
from hepml.errors import ModelFormatError, unknown_name
from hepml.report import (
    METRICS_FORMAT,
    METRICS_VERSION,
    PROVENANCE_FORMAT,
    PROVENANCE_VERSION,
    figure_captions,
    read_json,
    write_report,
)
from hepml.workflow.notebook import RunFigure, run_html

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Run"]


class Run:
    """The folder that ``train`` writes.

    Parameters
    ----------
    path : path-like
        The folder.

    Raises
    ------
    ModelFormatError
        If it is not a complete run.

    Examples
    --------
    >>> run = hepml.Run("runs/higgs_tautau")  # doctest: +SKIP
    >>> run.metrics["methods"]["BDT"]["roc"]["auc"]  # doctest: +SKIP
    0.87
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not (self.path / "metrics.json").is_file():
            whole = self.path.resolve()
            partial = whole.with_name(f".{whole.name}.partial")
            hint = "; it was interrupted: `hepml train ... --resume` goes on with it" if partial.is_dir() else ""
            msg = f"{self.path} is not a run folder (no metrics.json in it){hint}"
            raise ModelFormatError(msg)

    def __repr__(self) -> str:
        return f"<Run {self.path}: {', '.join(self.method_names)}>"

    def _repr_html_(self) -> str:
        return run_html(self)

    @cached_property
    def figures(self) -> Mapping[str, RunFigure]:
        """The figures by name, in the order of the report; notebooks show them."""
        folder = self.path / "plots"
        return {name: RunFigure(folder / f"{name}.svg", text) for name, text in figure_captions(folder).items()}

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Content of ``metrics.json``."""
        return read_json(self.path / "metrics.json", METRICS_FORMAT, METRICS_VERSION)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Content of ``provenance.json``."""
        return read_json(self.path / "provenance.json", PROVENANCE_FORMAT, PROVENANCE_VERSION)

    @cached_property
    def config(self) -> AnalysisConfig:
        """The resolved analysis file."""
        path = self.path / "analysis.yaml"
        return parse_analysis(read_yaml(path), where=str(path))

    @property
    def method_names(self) -> tuple[str, ...]:
        """Names of the methods, in the order of the analysis file."""
        known = self.metrics["methods"]
        return tuple(name for name in self.config.methods if name in known)

    @cached_property
    def models(self) -> Mapping[str, Any]:
        """The trained models by method."""
        return {name: self.model(name) for name in self.method_names}

    def model(self, name: str) -> Any:
        """Load the model of one method.

        Raises
        ------
        UnknownNameError
            If the run has no such method.
        """
        if name not in self.method_names:
            problem = unknown_name("method", name, self.method_names)
            raise problem
        return classifiers.load(self.path / "models" / name)

    def scores(self, tree: str = "TestTree") -> dict[str, NDArray[np.generic]]:
        """Return the columns of a tree of ``scores.root``.

        Parameters
        ----------
        tree : str
            ``TestTree``, ``TrainTree`` (training and validation), ``DataTree``, ``ControlTree`` or ``ApplyTree``.

        Returns
        -------
        dict of str to ndarray, each of shape (n_events,)
            classID, className, features, spectators, weight, identity, one score for each method.
        """
        import uproot

        with uproot.open(self.path / "scores.root") as file:
            if tree not in file:
                problem = unknown_name("tree", tree, file.keys(cycle=False))
                raise problem
            return dict(file[tree].arrays(library="np"))

    def report(self) -> Path:
        """Write ``report.html`` again from what the folder holds and return its path."""
        return write_report(self.path, self.metrics, self.provenance)
