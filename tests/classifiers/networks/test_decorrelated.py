"""A network whose output for background does not depend on a mass, on a toy in which it can be had."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.classifiers import get
from hepml.classifiers.networks.perceptron import ranked
from hepml.errors import InvalidInputError
from hepml.evaluation import distance_correlation, roc_curve

pytest.importorskip("torch", reason="torch is not installed")

SMALL = {"width": 32, "epochs": 12, "batch_size": 1000, "n_jobs": 1, "device": "cpu"}


def events(seed: int, n: int = 6000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One feature that has nothing to do with the mass, and one that is all mass."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(int)
    mass = np.where(y == 1, rng.normal(125.0, 15.0, n), 60.0 + rng.exponential(70.0, n))
    tied = np.abs(mass - 125.0) + rng.normal(0.0, 5.0, n)
    return np.column_stack([rng.normal(size=n) + 0.9 * y, tied]).astype(np.float32), y, mass


def test_it_gives_up_what_only_the_mass_tells():
    train, validation, test = events(1), events(2, 3000), events(3)
    background = test[1] == 0
    found = {}
    for name, options in {"plain": {}, "disco": {"decorrelated_from": ["mass"], "decorrelation": 5.0}}.items():
        model = get("nn").from_options({**SMALL, **options})
        model.fit(*train[:2], validation=(*validation[:2], None), spectators={"mass": (train[2], validation[2])})
        score = model.decision_function(test[0])
        dependence = distance_correlation(score[background], test[2][background]).value
        found[name] = (roc_curve(test[1], score).auc, dependence)
    alone = roc_curve(test[1], test[0][:, 0]).auc
    assert found["plain"][0] > alone + 0.05
    assert found["disco"][1] < 0.1 * found["plain"][1]
    assert found["disco"][0] > alone - 0.03


def test_ranks_share_ties_and_leave_out_what_is_not_chosen():
    found = ranked(np.array([5.0, 1.0, 5.0, np.nan, 2.0]), np.array([True, True, True, True, False]))
    assert found[[0, 1, 2]] == pytest.approx([2.5 / 3, 1 / 3, 2.5 / 3])
    assert np.isnan(found[[3, 4]]).all()


def test_it_is_for_two_classes():
    X, y, mass = events(1, 600)
    model = get("nn").from_options({**SMALL, "decorrelated_from": ["mass"]})
    with pytest.raises(InvalidInputError, match="for two classes, not 3"):
        model.fit(X, np.arange(600) % 3, spectators={"mass": (mass, None)})
    assert set(np.unique(y)) == {0, 1}
