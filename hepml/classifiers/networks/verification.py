"""No export of a network without proof: what would be written scores a sample of events, and must agree with the network."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from hepml.atomic import atomic_path
from hepml.errors import ExportError
from hepml.forest.verification import Verification

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.classifiers.networks.program import Program
    from hepml.forest.verification import Form

    Evaluate = Callable[[NDArray[np.float32]], NDArray[np.float64]]

__all__ = ["TOLERANCE", "edge_case_events", "export", "verify"]

_LOG = logging.getLogger(__name__)

# of a score or margin, as a part of its size, at least 1 or the width of a target
TOLERANCE = 1e-5
# from here on the bound on what single precision does to a margin counts
_HUGE = 1e-2
_SEED = 20_406
_N_EVENTS = 6000
_FEATURES_SHOWN = 12
# how far a column that is not cut off is tried out
_FAR = 1e9


def export(
    form: Form, program: Program, evaluate: Evaluate, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Verification:
    """Verify a form and write it; see :func:`verify`.

    Parameters
    ----------
    form : Form
        The network as it would be written.
    program : Program
        The network that it was made of.
    evaluate : callable
        What the network itself gives for events: its scores.
    path : path-like
        Name of the file. It appears whole or not at all.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ExportError
        If form and network disagree. Nothing is written then.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    with atomic_path(path, overwrite=overwrite) as temporary:
        result = verify(form, program, evaluate)
        temporary.write_bytes(form.content)
    if not result.verified:
        _LOG.warning("%s was written without a check of its response: %s", path, result.by)
    return result


def verify(form: Form, program: Program, evaluate: Evaluate) -> Verification:
    """Compare a form with its network on random events and edge cases.

    Margins and scores of the form, of the program in double precision and of the network itself must agree to 1e-5 of their
    size (at least 1, or the width of a target), but for events so far out that single precision does more to their margins,
    which is computed.

    Returns
    -------
    Verification
        How it was checked.

    Raises
    ------
    ExportError
        If they disagree: by how much, and for which event.
    """
    X = edge_case_events(program)
    margin, score, error = program.evaluate(X)
    # the bound is of the worst case, a hundred times what happens: it counts only where margins are huge, and no link is
    # steeper than 1
    huge = np.where(error > _HUGE, error, 0.0)
    of_margin, of_score = (
        TOLERANCE * np.maximum(program.unit, np.abs(values)) + more
        for values, more in ((margin, huge), (score, huge.max(axis=1, keepdims=True)))
    )
    _compare("the network", program, X, "score", evaluate(X).reshape(score.shape), score, of_score)
    evaluation = form.evaluate(X)
    largest = float("nan")
    if evaluation.margin is not None and evaluation.score is not None:
        difference = _compare(form.name, program, X, "margin", evaluation.margin, margin, of_margin)
        largest = float(difference.max(initial=0.0))
        _compare(form.name, program, X, "score", evaluation.score, score, of_score)
    return Verification(
        form=form.name,
        verified=evaluation.margin is not None,
        by=evaluation.by,
        n_events=len(X),
        largest_difference=largest,
        margin_tolerance=TOLERANCE,
        score_tolerance=TOLERANCE,
    )


def edge_case_events(program: Program, n_events: int = _N_EVENTS) -> NDArray[np.float32]:
    """Make events that try a network out: the same for every call.

    Parameters
    ----------
    program : Program
        Whose columns say where features lie, are cut off or bend.
    n_events : int
        Number of events.

    Returns
    -------
    ndarray of float32, shape (n_events, n_features)
        Half of them random where the features lie, half with some features at extremes, on knots and, where the network
        takes it or answers it by a missing score, missing.
    """
    rng = np.random.default_rng(_SEED)
    X = np.asfortranarray(rng.normal(size=(n_events, len(program.features))), dtype=np.float64)
    info = np.finfo(np.float32)
    extremes = [0.0, info.tiny, 1.0, 1e6, float(info.max), -float(info.max), -1.0, -1e6, np.nan]
    half = n_events // 2
    for column in program.columns:
        if column.is_indicator:
            continue
        feature, pool = column.feature, list(extremes)
        if column.knots is not None:
            x = column.knots[0]
            X[:, feature] = np.interp(rng.uniform(-0.05, 1.05, n_events) * (len(x) - 1), np.arange(len(x)), x)
            pool += [*x[:: max(1, len(x) // 16)], x[0] - 1.0, x[-1] + 1.0]
        elif column.scale != 0.0:
            X[:, feature] = column.shift + X[:, feature] / column.scale
            cuts = [value / column.scale + column.shift for value in (column.low, column.high) if np.isfinite(value)]
            pool += [*cuts, *(2.0 * cut for cut in cuts)]
            if len(cuts) < 2:
                # sums of larger numbers overflow in single precision
                ends = column.shift - _FAR / abs(column.scale), column.shift + _FAR / abs(column.scale)
                pool = np.clip(np.array(pool), *ends).tolist()
        chosen = half + np.flatnonzero(rng.random(n_events - half) < max(0.1, 2.0 / len(program.features)))
        X[chosen, feature] = rng.choice(np.array(pool), len(chosen))
    with np.errstate(over="ignore"):
        result = X.astype(np.float32)
    result[np.isinf(result)] = info.max
    return result


def _compare(  # noqa: PLR0917  (both sides, where they come from and what is allowed)
    name: str,
    program: Program,
    X: NDArray[np.float32],
    what: str,
    found: NDArray[np.float64],
    expected: NDArray[np.float64],
    allowed: NDArray[np.float64],
) -> NDArray[np.float64]:
    if found.shape != expected.shape:
        msg = f"{name} would give {what}s of shape {found.shape}, not {expected.shape}; nothing was written"
        raise ExportError(msg)
    with np.errstate(over="ignore", invalid="ignore"):
        same = (found == expected) | (np.isnan(found) & np.isnan(expected))
        difference = np.where(same, 0.0, np.abs(found - expected))
        wrong = ~same & ~(difference <= allowed)
    if wrong.any():
        event, output = np.argwhere(wrong)[np.argmax(difference[wrong] - allowed[wrong])]
        shown = zip(program.features[:_FEATURES_SHOWN], X[event], strict=False)
        values = ", ".join(f"{feature} = {value.item()!r}" for feature, value in shown)
        n_wrong = int(wrong.any(axis=1).sum())
        msg = (
            f"{name} does not give the response of the network, so nothing was written: in {n_wrong} of {len(X)} events the "
            f"{what} differs by more than is allowed. Event {event}: {what} {output} is {found[event, output].item()!r} "
            f"instead of {expected[event, output].item()!r}, where {allowed[event, output]:.3g} is allowed, at {values}"
        )
        raise ExportError(msg)
    return difference
