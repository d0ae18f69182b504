"""No export without proof: what would be written scores a sample of events first, and must agree with the forest.

Every format is a :class:`Form`: the bytes that would be written, and how these bytes evaluate events with the software that
users of the format have. :func:`export` is the one way from a form to a file.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hepml.atomic import atomic_path
from hepml.errors import ExportError
from hepml.forest.medians import MEDIANS

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from hepml.forest.forest import Forest

__all__ = ["FLOAT32_TOLERANCE", "Evaluation", "Form", "Verification", "edge_case_sample", "export", "verify"]

_LOG = logging.getLogger(__name__)

# of the sizes of an event's leaves: each is rounded by 6e-8, and so are the sums, of which there are up to thousands
FLOAT32_TOLERANCE = 1e-5
# any number does, as long as it is always the same
_SEED = 20_406
_N_EVENTS = 6000
# so that forests of very many features do not fill the memory
_MOST_NUMBERS = 20_000_000
_FEATURES_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What an exported form makes of a sample.

    Parameters
    ----------
    by : str
        The software that evaluated it, or why none did.
    margin, score : ndarray of shape (n_events, n_outputs), optional
        None if the form could not be evaluated on this machine.
    """

    by: str
    margin: NDArray[Any] | None = None
    score: NDArray[Any] | None = None


class Form(Protocol):
    r"""A forest in a format that others read.

    Attributes
    ----------
    name : str
        The format, for messages.
    content : bytes
        The file.
    dtype : numpy.dtype
        Precision in which events are given to it: float32 or float64.
    margin_tolerance : float
        Largest allowed difference of a margin, as a part of the sum of the sizes of the event's leaves and the base. 0
        means bit for bit.
    score_tolerance : float
        What is allowed beside that for the score, as a part of max(1, \|score\|).
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def content(self) -> bytes: ...  # noqa: D102
    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102
    @property
    def margin_tolerance(self) -> float: ...  # noqa: D102
    @property
    def score_tolerance(self) -> float: ...  # noqa: D102

    def evaluate(self, X: NDArray[Any]) -> Evaluation:
        """Evaluate events by what ``content`` holds, and by nothing else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How an exported file was checked.

    Parameters
    ----------
    form : str
        The format.
    verified : bool
        Whether the exported form was evaluated. False only where that needs a program that is not on this machine.
    by : str
        The software that evaluated it, or why none did.
    n_events : int
        Number of events.
    largest_difference : float
        Largest difference of a margin from the forest's.
    margin_tolerance, score_tolerance : float
        As in :class:`Form`.
    """

    form: str
    verified: bool
    by: str
    n_events: int
    largest_difference: float
    margin_tolerance: float
    score_tolerance: float


def export(form: Form, forest: Forest, path: str | os.PathLike[str], *, overwrite: bool = False) -> Verification:
    """Verify a form and write it.

    Parameters
    ----------
    form : Form
        The forest as it would be written.
    forest : Forest
        What it must agree with.
    path : path-like
        Name of the file. It appears whole or not at all.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Verification
        How it was checked.

    Raises
    ------
    ExportError
        If form and forest disagree. Nothing is written then.
    OutputError
        If the file exists and may not be replaced, or cannot be written.
    """
    with atomic_path(path, overwrite=overwrite) as temporary:
        result = verify(form, forest)
        temporary.write_bytes(form.content)
    if not result.verified:
        _LOG.warning("%s was written without a check of its response: %s", path, result.by)
    return result


def verify(form: Form, forest: Forest) -> Verification:
    """Compare a form with its forest on random events and edge cases.

    Parameters
    ----------
    form : Form
        The forest as it would be written.
    forest : Forest
        What it must agree with.

    Returns
    -------
    Verification
        How it was checked.

    Raises
    ------
    ExportError
        If they disagree by more than the form's tolerance: by how much, and for which event.
    """
    X = edge_case_sample(forest, form.dtype)
    evaluation = form.evaluate(X)
    largest = float("nan")
    if evaluation.margin is not None and evaluation.score is not None:
        margin, score = (
            forest.predict(X, output=output).reshape(len(X), forest.n_outputs) for output in ("margin", "score")
        )
        allowed = form.margin_tolerance * _sizes(forest, X)
        difference = _compare(form, forest, X, "margin", evaluation.margin, margin, allowed)
        largest = float(difference.max(initial=0.0))
        # no link is steeper than the larger of 1 and its score; softmax mixes the outputs
        with np.errstate(over="ignore", invalid="ignore"):
            steepest = np.expm1(allowed.max(axis=1, keepdims=True)) * np.maximum(1.0, np.abs(score))
            allowed = steepest + form.score_tolerance * np.maximum(1.0, np.abs(score))
        _compare(form, forest, X, "score", evaluation.score, score, allowed)
    return Verification(
        form=form.name,
        verified=evaluation.margin is not None,
        by=evaluation.by,
        n_events=len(X),
        largest_difference=largest,
        margin_tolerance=form.margin_tolerance,
        score_tolerance=form.score_tolerance,
    )


def _sizes(forest: Forest, X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sum of the sizes of each event's leaves: what rounding errors of a margin are in proportion to."""
    # leaves around a median are at least a third of all: their mean size is at most three times that of all
    weight = np.full(forest.n_trees, 3.0 / forest.n_trees)
    sizes = replace(
        forest,
        value=np.where(forest.feature[:, None] < 0, np.abs(forest.value), 0.0),
        tree_weight=weight if forest.aggregate in MEDIANS else np.abs(forest.tree_weight),
        base=np.zeros(forest.n_outputs),
        aggregate="sum",
        link="identity",
    )
    total: NDArray[np.float64] = sizes.predict(X, output="margin").reshape(len(X), forest.n_outputs)
    if forest.aggregate == "average":
        total = total / forest.tree_weight.sum()
    return total + np.abs(forest.base)


def _compare(  # noqa: PLR0917  (both sides, where they come from and what is allowed)
    form: Form,
    forest: Forest,
    X: NDArray[Any],
    what: str,
    found: NDArray[Any],
    expected: NDArray[np.float64],
    allowed: NDArray[np.float64],
) -> NDArray[np.float64]:
    if found.shape != expected.shape:
        msg = f"{form.name} would give {what}s of shape {found.shape}, not {expected.shape}; nothing was written"
        raise ExportError(msg)
    with np.errstate(over="ignore", invalid="ignore"):
        # single precision may overflow where double does not
        same = (found == expected) | (found == expected.astype(found.dtype))
        difference = np.where(same, 0.0, np.abs(found - expected))
        wrong = ~same & ~(difference <= allowed)
    if wrong.any():
        excess = np.where(wrong, np.where(np.isnan(difference), np.inf, difference - allowed), -1.0)
        event, output = np.unravel_index(int(np.argmax(excess)), excess.shape)
        used = np.unique(forest.feature[forest.feature >= 0])
        values = [f"{forest.feature_names[k]} = {X[event, k].item()!r}" for k in used[:_FEATURES_SHOWN]]
        more = ", ..." if len(used) > _FEATURES_SHOWN else ""
        which = f" of output {output}" if forest.n_outputs > 1 else ""
        n_wrong = int(wrong.any(axis=1).sum())
        msg = (
            f"{form.name} would not give the response of the forest, so nothing was written: in {n_wrong} of {len(X)} "
            f"events the {what} differs by more than is allowed. Worst is event {event}: {what}{which} "
            f"{found[event, output].item()!r} instead of {expected[event, output].item()!r}, a difference of "
            f"{difference[event, output]:.3g} where {allowed[event, output]:.3g} is allowed, at {', '.join(values)}{more}"
        )
        raise ExportError(msg)
    return difference


def edge_case_sample(forest: Forest, dtype: np.dtype[Any], n_events: int = _N_EVENTS) -> NDArray[Any]:
    """Make events that try a forest out: the same for every call.

    Parameters
    ----------
    forest : Forest
        Whose thresholds and categories are tried.
    dtype : numpy.dtype
        float32 or float64.
    n_events : int
        Number of events; fewer for very many features.

    Returns
    -------
    ndarray of shape (n_events, n_features)
        A third random, a third of values on thresholds, beside them and of special values, and a third led through random
        trees by such values, so that leaves are reached which few events reach. NaN where the forest takes it.
    """
    rng = np.random.default_rng(_SEED)
    n_events = min(n_events, max(_MOST_NUMBERS // forest.n_features, 60))
    special = _special_values(dtype, takes_missing=forest.takes_missing)
    # features that no tree uses must not matter
    X = rng.choice(special, (n_events, forest.n_features))
    numeric = (forest.feature >= 0) & (forest.category_set < 0)
    with np.errstate(over="ignore"):
        near = forest.threshold.astype(dtype)
    n_random, n_edges = n_events // 3, n_events // 3
    for feature in np.unique(forest.feature[forest.feature >= 0]).tolist():
        cuts = np.unique(near[numeric & (forest.feature == feature)])
        finite = cuts[np.isfinite(cuts)].astype(np.float64)
        spread = max(float(np.std(finite)) if finite.size else 0.0, 1e-3 * float(np.abs(finite).max(initial=1.0)))
        with np.errstate(over="ignore", invalid="ignore"):
            centre = rng.choice(finite, n_random) if finite.size else np.zeros(n_random)
            values = centre + (spread if np.isfinite(spread) else 1.0) * rng.normal(size=n_random)
            X[:n_random, feature] = np.where(np.isfinite(values.astype(dtype)), values, 0.0)
        members = _members(forest, feature)
        pool = np.concatenate(
            [cuts, *_neighbours(cuts), special, members - 1.0, members, members + 0.5, members + 1.0]
        ).astype(dtype)
        X[n_random:, feature] = rng.choice(pool, n_events - n_random)
    _lead(forest, X[n_random + n_edges :], near, special, rng)
    return X


def _special_values(dtype: np.dtype[Any], *, takes_missing: bool) -> NDArray[Any]:
    info = np.finfo(dtype)
    positive = [0.0, info.smallest_subnormal, info.tiny, 1.0, 2.0**24 - 1, 2.0**24, info.max, np.inf]
    values = [*positive, *(-value for value in positive), -0.5] + [np.nan] * (4 if takes_missing else 0)
    return np.array(values, dtype)


def _neighbours(cuts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    infinity = cuts.dtype.type(np.inf)
    with np.errstate(over="ignore", under="ignore"):
        return np.nextafter(cuts, -infinity), np.nextafter(cuts, infinity)


def _members(forest: Forest, feature: int) -> NDArray[np.float64]:
    sets = np.unique(forest.category_set[(forest.feature == feature) & (forest.category_set >= 0)])
    first = forest.category_first
    parts = [forest.category_values[first[number] : first[number + 1]] for number in sets]
    return np.unique(np.concatenate([np.zeros(0), *parts])).astype(np.float64)


def _lead(forest: Forest, X: NDArray[Any], near: NDArray[Any], special: NDArray[Any], rng: np.random.Generator) -> None:
    """Lead each event down a random tree: a feature that is first asked for gets a value at that node's threshold."""
    node = forest.first_node[:-1][rng.integers(forest.n_trees, size=len(X))]
    is_set = np.zeros(X.shape, dtype=bool)
    below, above = _neighbours(near)
    while (going := np.flatnonzero(forest.feature[node] >= 0)).size:
        at = node[going]
        feature = forest.feature[at]
        choice = rng.integers(7, size=len(going))
        value = np.select(
            [choice < 2, choice < 4, choice < 6], [near[at], below[at], above[at]], rng.choice(special, len(at))
        )
        free = ~is_set[going, feature] & (forest.category_set[at] < 0)
        X[going[free], feature[free]] = value[free]
        is_set[going, feature] = True
        node[going] = np.where(_goes_right(forest, at, X[going, feature]), forest.right[at], forest.left[at])


def _goes_right(forest: Forest, node: NDArray[Any], value: NDArray[Any]) -> NDArray[np.bool_]:
    wide, cut = value.astype(np.float64), forest.threshold[node]
    right = ~(wide < cut if forest.comparison == "<" else wide <= cut)
    for number in np.unique(forest.category_set[node]):
        if number >= 0:
            here = forest.category_set[node] == number
            members = forest.category_values[forest.category_first[number] : forest.category_first[number + 1]]
            inside = np.isin(np.where(wide[here] >= 0.0, np.trunc(wide[here]), -1.0), members)
            right[here] = inside == forest.category_inverted[number]
    result: NDArray[np.bool_] = np.where(np.isnan(value), forest.missing_right[node], right)
    return result
