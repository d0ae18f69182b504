"""RuleFit: responses of a real TMVA, rules and lines whose sums are known, and rules that are none."""

from __future__ import annotations

import numpy as np
import pytest

from hepml.errors import ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.methods.rulefit import Rule, RuleFit
from tests.tmva.densities import answer_or_refuse, largest_difference
from tests.tmva.golden import Golden
from tests.tmva.test_golden import columns
from tests.tmva.test_reader import text_of


def test_committed() -> None:
    assert largest_difference(Golden("random", "RuleFit", RuleFit.kind)) <= 1e-12


def test_borders_are_outside() -> None:
    rule = Rule(1.0, (0, 1), (0.0, -np.inf), (1.0, 2.0))
    variables = np.array([[0.0, 0.5, 1.0, 0.5, 0.5], [0.0, -1e30, 0.0, 2.0, np.nextafter(2.0, 0.0)]])
    assert rule.holds(variables).tolist() == [False, True, False, False, True]


def test_the_whole_is_the_rules_and_the_lines() -> None:
    text = text_of("random_RuleFit")
    whole, rules, lines = (
        Reader(text.replace('LearningModel="0"', f'LearningModel="{model}"')).evaluate(columns()) for model in (0, 1, 2)
    )
    method = Reader(text).method
    assert isinstance(method, RuleFit)
    np.testing.assert_allclose(whole, rules + lines - method.offset, rtol=0, atol=1e-14)
    assert len(np.unique(np.round(rules, 12))) < len(np.unique(lines))


def test_lines_are_flat_beyond_their_ends() -> None:
    reader = Reader(text_of("random_RuleFit").replace('LearningModel="0"', 'LearningModel="2"'))
    method = reader.method
    assert isinstance(method, RuleFit)
    X = np.zeros((5, 4))
    X[:, 0] = [method.upper[0], 50.0, method.lower[0], -50.0, 0.5]
    top, beyond, bottom, below, inside = reader.evaluate(X)
    assert top == pytest.approx(beyond, abs=1e-7)
    assert bottom == pytest.approx(below, abs=1e-7)
    zero = reader.evaluate(np.zeros((1, 4)))[0]
    assert inside - zero == pytest.approx(0.5 * method.slopes[0] * method.norms[0], abs=1e-14)
    assert zero == pytest.approx(method.offset, abs=1e-14)


def test_terms_that_are_not_used_add_nothing() -> None:
    text = (
        text_of("random_RuleFit")
        .replace('LearningModel="0"', 'LearningModel="2"')
        .replace('<Linear OK="1"', '<Linear OK="0"')
    )
    reader = Reader(text)
    method = reader.method
    assert isinstance(method, RuleFit)
    np.testing.assert_array_equal(reader.evaluate(columns()), method.offset)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('NRules="53"', 'NRules="1000000000"'),
        ('NRules="53"', 'NRules="52"'),
        ('NLinear="4"', 'NLinear="3"'),
        ('LearningModel="0"', 'LearningModel="3"'),
        ('Offset="', 'Offset="inf" was="'),
        ('Selector="3"', 'Selector="4"'),
        ('Selector="3"', 'Selector="-1"'),
        ('Nvars="1"', 'Nvars="2"'),
        ('Min="-9.0323978662490845e-01"', 'Min="nan"'),
        ('Coeff="3.92', 'Coeff="nan" was="3.92'),
        ('DP="', 'DP="inf" was="'),
        ('OK="1"', 'OK="yes"'),
    ],
)
def test_damaged_files_are_refused(old: str, new: str) -> None:
    text = text_of("random_RuleFit")
    assert old in text
    with pytest.raises(ModelFormatError):
        Reader(text.replace(old, new, 1))


@pytest.mark.parametrize("seed", range(100))
def test_mutated_files_are_refused_or_answer(seed: int) -> None:
    answer_or_refuse(text_of("random_RuleFit"), np.random.default_rng(seed))
