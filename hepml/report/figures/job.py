"""A figure of a run: its name, where it stands in the report, how it is drawn and which numbers it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from hepml.data import Feature
    from hepml.report.figures.table import FigureTable

__all__ = ["FigureJob", "Scene"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What figures may show beside the findings.

    Parameters
    ----------
    features : sequence of Feature
        Columns of ``X``.
    X : ndarray of float32, shape (n_events, n_features)
        Features of the test part.
    y : ndarray of int8, shape (n_events,)
        1 signal, 0 background, or the number of one of several classes.
    weight : ndarray of float64, shape (n_events,)
        Signed physics weights.
    titles : mapping of str to str
        Of samples.
    classes : tuple of str
        Names of several classes.
    targets : mapping of str to (str, str)
        Title and unit of each target.
    """

    features: Sequence[Feature]
    X: NDArray[np.float32]
    y: NDArray[np.int8]
    weight: NDArray[np.float64]
    titles: Mapping[str, str]
    classes: tuple[str, ...] = ()
    targets: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FigureJob:
    """One figure.

    Parameters
    ----------
    name : str
        Name of its files without suffix.
    section : str
        Section of the report that shows it.
    caption : str
        Plain text below it; the first one says what is shown.
    draw : callable
        Takes the axes (with ``layout="ratio"`` a pair: main and ratio panel) and draws.
    about : str
        Method, feature or sample that it belongs to; empty if to none.
    layout : {"single", "ratio"}
        Axes that it needs.
    tables : callable, optional
        Returns the numbers that it shows, for ``NAME.yaml``.
    make : callable, optional
        Makes figure and axes where no layout fits, within the style; ``draw`` takes those axes.
    """

    name: str
    section: str
    caption: str
    draw: Callable[[Any], object]
    about: str = ""
    layout: Literal["single", "ratio"] = "single"
    tables: Callable[[], Sequence[FigureTable]] | None = None
    make: Callable[[], tuple[Figure, Axes | tuple[Axes, ...]]] | None = None
