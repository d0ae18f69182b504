"""Densities of the response in training (``CreateMVAPdfs``): from histograms to what a weights file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.errors import FeatureValueError, ModelFormatError, NotSupportedError
from hepml.tmva.axis import find_bins
from hepml.tmva.pdf import Pdf
from hepml.transforms.markup import attribute_number, digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.option_tables import Value
    from hepml.tmva.options import Options
    from hepml.tmva.training.training_set import TrainingSet

__all__ = ["response_densities"]

# PDF::EInterpolateMethod; KDEKernel::EKernelIter, EKernelBorder
_METHODS = {"Spline0": 0, "Spline1": 1, "Spline2": 2, "Spline3": 3, "Spline5": 4, "KDE": 5}
_ITERATIONS = {"Nonadaptive": 1, "Adaptive": 2}
_BORDERS = {"None": 1, "Renorm": 2, "Mirror": 3}
_FINER_FOR_KERNELS = 5


def response_densities(training: TrainingSet, response: NDArray[np.float64]) -> Element:
    """Return ``MVAPdfs``: the densities of the response for signal and background (``MethodBase::CreateMVAPdfs``).

    Parameters
    ----------
    training : TrainingSet
        The events, with the options of the densities.
    response : ndarray of float64, shape (n_events,)
        What the method answers for them.

    Raises
    ------
    NotSupportedError
        If it is no classification: TMVA crashes.
    FeatureValueError
        If a density cannot be made: there is one value only, or weights cancel.
    """
    if training.analysis_type != "Classification":
        msg = f"{training.name}: CreateMVAPdfs is for two classes; TMVA crashes in a {training.analysis_type.lower()}"
        raise NotSupportedError(msg)
    # results are kept in single precision
    values = response.astype(np.float32).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    densities = Element("MVAPdfs")
    kind = training.options.kind
    for suffix, rows in (("Sig", training.is_signal), ("Bkg", ~training.is_signal)):
        element = SubElement(densities, "PDF", Name=f"{training.name}_PDF{suffix}")
        n_bins = _describe(element, training, suffix)
        contents = _histogram(values[rows], training.weight[rows], n_bins, low, high)
        histogram = SubElement(
            element,
            "Histogram",
            Name=f"{kind}_tr_{suffix[0]}_original",
            NBins=str(n_bins),
            XMin=attribute_number(low),
            XMax=attribute_number(high),
            HasEquidistantBins="1",
        )
        histogram.text = digits(contents)
        try:
            Pdf.from_element(element, training.name)
        except ModelFormatError as error:
            msg = f"the response has no density for {suffix} (CreateMVAPdfs): {error}"
            raise FeatureValueError(msg) from error
    return densities


def _describe(element: Element, training: TrainingSet, suffix: str) -> int:
    """Write what a density is made by into its element, and return the number of bins."""
    options = training.options
    smooth = cast("int", _option(options, "NSmooth", suffix))
    least, most = (cast("int", _option(options, name, suffix)) for name in ("MinNSmooth", "MaxNSmooth"))
    if most < 0 or least < 0:
        least = most = max(smooth, 0)
    interpolation = str(_option(options, "PDFInterpol", suffix))
    element.set("MinNSmooth", str(least))
    element.set("MaxNSmooth", str(most))
    element.set("InterpolMethod", str(_METHODS[interpolation]))
    element.set("KDE_type", "1")
    element.set("KDE_iter", str(_ITERATIONS[str(_option(options, "KDEiter", suffix))]))
    element.set("KDE_border", str(_BORDERS[str(_option(options, "KDEborder", suffix))]))
    factor = np.float32(cast("float", _option(options, "KDEFineFactor", suffix)))
    element.set("KDE_finefactor", attribute_number(float(factor)))
    finer = _FINER_FOR_KERNELS if interpolation == "KDE" else 1
    n_bins = cast("int", _option(options, "Nbins", suffix))
    per_bin = cast("int", _option(options, "NAvEvtPerBin", suffix))
    chosen = n_bins if n_bins > 0 else len(training) // per_bin if per_bin > 0 else 0
    if chosen < 1:
        msg = (
            f"{training.name}: {len(training)} events, Nbins={n_bins} and NAvEvtPerBin={per_bin} for MVAPdf give no bin"
        )
        raise FeatureValueError(msg)
    return chosen * finer


def _option(options: Options, name: str, suffix: str) -> Value | None:
    """Return an option of the density of a class: its own, or that of both."""
    own = f"{name}MVAPdf{suffix}"
    return options[own] if own in options.given else options[f"{name}MVAPdf"]


def _histogram(
    values: NDArray[np.float64], weight: NDArray[np.float64], n_bins: int, low: float, high: float
) -> NDArray[np.float64]:
    """Return the normalised contents; the largest value lies beyond the axis, as in TMVA."""
    place = find_bins(values, n_bins, low, high)
    contents = np.asarray(np.bincount(place, weights=weight, minlength=n_bins + 2)[1 : n_bins + 1], dtype=np.float64)
    area = float(np.add.accumulate(contents)[-1]) * (high - low) / n_bins
    return contents * (1.0 / area) if area > 0.0 else contents
