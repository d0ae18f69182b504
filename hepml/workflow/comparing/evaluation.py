"""What is found out of matched events: curves, working points, overtraining, differences, agreement."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hepml.errors import HepmlError
from hepml.evaluation import classifier_agreement, compare_methods, overtraining, roc_curve
from hepml.report import Findings, Listed, NotComputable
from hepml.workflow.seeds import task_sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hepml.report import Finding
    from hepml.workflow.comparing.matching import MatchedEvents
    from hepml.workflow.comparing.scored import ScoredSource
    from hepml.workflow.comparing.weights import ComparedWeights

__all__ = ["evaluate_methods"]

_LOG = logging.getLogger("hepml.workflow")


def evaluate_methods(
    sources: Sequence[ScoredSource],
    matched: MatchedEvents,
    weights: ComparedWeights,
    methods: Mapping[str, tuple[int, str]],
    *,
    working_points: tuple[float, ...],
    permutations: int,
    seed: int,
    progress: Callable[[str, float], None],
) -> Findings:
    """Evaluate all methods on the matched events.

    Parameters
    ----------
    sources : sequence of ScoredSource
        All of them.
    matched, weights : MatchedEvents, ComparedWeights
        Events and their weights.
    methods : mapping of str to (int, str)
        Source and method by name.
    working_points : tuple of float
        Signal efficiencies.
    permutations, seed : int
        For the tests of overtraining.
    progress : callable
        Called with what is done and the fraction.

    Returns
    -------
    Findings
        ``roc``, ``working_points`` and ``overtraining`` of each method; ``comparisons`` and ``agreement`` of all.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        If there is no ROC curve of a method.
    """
    y, weight = sources[0].test.y[matched.rows[0]], weights.weight
    scores = {
        name: sources[place].test.scores[method][matched.rows[place]] for name, (place, method) in methods.items()
    }
    found: dict[str, dict[str, Finding]] = {}
    for number, (name, (place, method)) in enumerate(methods.items()):
        progress(f"evaluating {name}", number / len(methods))
        curve = roc_curve(y, scores[name], weight, event=matched.event)
        found[name] = {
            "roc": curve,
            "working_points": Listed([curve.at_signal_efficiency(target) for target in working_points]),
        }
        source, train_event = sources[place], matched.train_events[place]
        tests = {"n_permutations": permutations, "seed": task_sequence(seed, f"overtraining/{name}")}
        judged = _overtraining(source, method, train_event, matched.event, (y, scores[name], weight), tests)
        found[name]["overtraining"] = judged
    run: dict[str, Finding] = {}
    if len(methods) > 1:
        progress("comparing methods", 0.0)
        pairs = compare_methods(y, scores, weight, signal_efficiencies=working_points, event=matched.event)
        run["comparisons"] = Listed(pairs)
        run["agreement"] = _computed(
            lambda: classifier_agreement(y, scores, weight, event=matched.event, signal_efficiency=working_points[0])
        )
    return Findings(run=run, methods=found)


def _overtraining(  # noqa: PLR0917  (what is compared, and with what)
    source: ScoredSource,
    method: str,
    train_event: NDArray[np.int64] | None,
    test_event: NDArray[np.int64] | None,
    test: tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]],
    tests: dict[str, Any],
) -> Finding:
    train, known = source.train, source.methods[method]
    if train is None:
        return NotComputable(f"{source.name} holds no scores of the events that it was trained on")
    if source.has_folds:
        return NotComputable(
            "with folds the events of training and test are the same; the report of the run compares them"
        )

    def compared() -> Finding:
        result = overtraining(
            train.y,
            train.scores[method],
            train.weight,
            *test,
            event_train=train_event,
            event_test=test_event,
            **tests,
        )
        if known.verdict is None or known.reason is None:
            return result
        # the run has seen the stages of the training, and judges better than two areas do
        return replace(result, verdict=known.verdict, reason=f"{known.reason} (verdict of the run)")

    return _computed(compared)


def _computed(compute: Callable[[], Finding]) -> Finding:
    try:
        return compute()
    except HepmlError as error:
        _LOG.warning("not computable: %s", error)
        return NotComputable(str(error))
