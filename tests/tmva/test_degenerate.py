"""Events that can hardly train: the outcome of a real TMVA where it is sane, and a clear error where it is not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hepml.errors import FeatureValueError, HepmlError, WeightError
from hepml.tmva import train
from tests.tmva.degenerate import CASES, METHODS, OUTCOMES, applies, events_of, n_classes, prepared_of, probes

STORED = json.loads(OUTCOMES.read_text())
PAIRS = [(case, method) for case in CASES for method in METHODS if applies(case, method)]


def test_every_case_was_tried() -> None:
    assert {(case, method) for case, found in STORED.items() for method in found} == set(PAIRS)
    assert sum("responses" in found for of_case in STORED.values() for found in of_case.values()) > 30


@pytest.mark.parametrize(("case", "method"), PAIRS, ids=lambda text: text.replace(" ", "-"))
def test_the_outcome_is_that_of_tmva(case: str, method: str) -> None:
    events, kind, options = events_of(case, method)
    classes, expected = n_classes(method), STORED[case][method]
    if case == "NaN":
        # TMVA leaves these events out, with a warning
        with pytest.raises(FeatureValueError, match="b is NaN or infinite in 10 of 90"):
            prepared_of(events, classes)
        events = events.kept(np.isfinite(events.X).all(axis=1))
    if case == "a class of negative weights":
        # TMVA divides by their sum, and trains with weights of the other sign
        with pytest.raises(WeightError, match="sum to -"):
            prepared_of(events, classes)
        events.weight = np.abs(events.weight)
    # of weights that sum to nothing TMVA makes infinite ones, which a regression overlooks
    if "error" in expected or case == "a class of zero weights":
        with pytest.raises(HepmlError):
            train(kind, options, prepared_of(events, classes), engine="native")
        return
    answer = train(kind, options, prepared_of(events, classes), engine="native").evaluate(probes(method))
    np.testing.assert_allclose(answer, expected["responses"], rtol=1e-6, atol=1e-7 if kind == "BDT" else 1e-6)
