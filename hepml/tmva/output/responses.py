"""Histograms of a method's responses as TMVA makes them: distributions, efficiencies of cuts, background against signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.evaluation.events import ScoredEvents
from hepml.evaluation.tmva_curve import TmvaCurve
from hepml.tmva.output.filled import BinnedAxis, Filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hepml.tmva.output.events import OutputEvents

    Floats = NDArray[np.float64]

__all__ = ["response_histograms"]

# TMVA's numbers (Config.cxx, MethodBase.cxx)
_N_BINS = 40
_N_BINS_HIGH = 10_000
_N_BINS_CURVE = 100


def response_histograms(method: str, train: OutputEvents, test: OutputEvents) -> Iterator[tuple[str, Filled]]:
    """Make all histograms of a classifier, in the order of the keys in TMVA's files.

    Parameters
    ----------
    method : str
        Its name.
    train, test : OutputEvents
        Events with its responses, of signal and background.

    Yields
    ------
    tuple of str and Filled
        Key and ``TH1D``. See ``MethodBase::TestClassification``, ``GetEfficiency`` and ``GetTrainingEfficiency``.

    Raises
    ------
    EmptyClassError
        If a class has no test events, or its weights sum to zero or less.
    InvalidInputError
        If a response is not finite or all are equal.
    """
    name = f"MVA_{method}"
    tested = ScoredEvents.check(test.is_signal, test.response(method), test.weight)
    trained = ScoredEvents.check(train.is_signal, train.response(method), train.weight)
    curve = TmvaCurve.of(tested)
    plain, high = BinnedAxis(_N_BINS, *curve.axis), BinnedAxis(_N_BINS_HIGH, *curve.axis)
    responses = test.response(method).astype(np.float32)
    yield from _both(name, plain, test, responses)
    if method in test.probabilities:
        yield from _both(f"{name}_Proba", BinnedAxis(_N_BINS, 0.0, 1.0), test, test.probabilities[method])
    yield from _both(name, high, test, responses, end="_high")
    yield f"{name}_effS", _efficiencies(high, f"{name} (signal)", curve.signal.values)
    yield f"{name}_effB", _efficiencies(high, f"{name} (background)", curve.background.values)
    yield f"{name}_effBvsS", _curve(name, curve.curve.values, "Signal eff", "Backgr eff")
    yield f"{name}_rejBvsS", _curve(name, 1.0 - curve.curve.values, "Signal eff", "Backgr rejection (1-eff)")
    yield f"{name}_invBeffvsSeff", _inverse(name, curve.curve.values)
    # not rounded: TMVA asks the method again where it looks at training events
    yield from _both(f"{name}_Train", plain, train, trained.score)
    of_signal, of_background, at_cuts = curve.of_training(trained)
    yield f"{name}_trainingEffS", _efficiencies(high, f"{name} (signal)", of_signal.values)
    yield f"{name}_trainingEffB", _efficiencies(high, f"{name} (background)", of_background.values)
    yield f"{name}_trainingEffBvsS", _curve(name, at_cuts)
    yield f"{name}_trainingRejBvsS", _curve(name, 1.0 - at_cuts)


def _both(
    name: str, axis: BinnedAxis, events: OutputEvents, response: NDArray[Any], end: str = ""
) -> Iterator[tuple[str, Filled]]:
    """Fill signal and background, each normalised to 1."""
    values = np.asarray(response, dtype=np.float64)
    weight = events.weight.astype(np.float32).astype(np.float64)
    for short, chosen in (("S", events.is_signal), ("B", ~events.is_signal)):
        key = f"{name}_{short}{end}"
        yield key, Filled.of(axis, key, values[chosen], weight[chosen], np.float64, errors=True).normalised()


def _efficiencies(axis: BinnedAxis, title: str, values: Floats) -> Filled:
    """Hold efficiencies; their squares of weights are 0 as in TMVA, which adds contents without filling."""
    content = np.concatenate([[0.0], values, [0.0]])
    return Filled((axis,), title, content, np.zeros(content.size), 0.0, (0.0,) * 4)


def _curve(title: str, values: Floats, x_title: str = "", y_title: str = "") -> Filled:
    axis = BinnedAxis(_N_BINS_CURVE, 0.0, 1.0, x_title)
    return Filled(
        (axis,),
        title,
        np.concatenate([[0.0], values, [0.0]]),
        None,
        float(values.size),
        (0.0,) * 4,
        value_title=y_title,
    )


def _inverse(title: str, background: Floats) -> Filled:
    """Hold 1/efficiency, nothing where no background passes."""
    there = background > np.finfo(np.float64).eps
    values = np.divide(1.0, background, out=np.zeros_like(background), where=there)
    axis = BinnedAxis(_N_BINS_CURVE, 0.0, 1.0, "Signal eff")
    content = np.concatenate([[0.0], values, [0.0]])
    return Filled(
        (axis,), title, content, None, float(there.sum()), (0.0,) * 4, value_title="Inverse backgr. eff (1/eff)"
    )
