"""FDA: responses of a real TMVA, formulas whose values are known, and formulas that are none."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from hepml.errors import ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.methods.fda import FDA
from tests.tmva.densities import answer_or_refuse, largest_difference
from tests.tmva.golden import Golden
from tests.tmva.test_golden import columns
from tests.tmva.test_reader import text_of


@pytest.mark.parametrize("job", ["random", "multi"])
def test_committed(job: str) -> None:
    assert largest_difference(Golden(job, "FDA_GA", FDA.kind)) <= 1e-7


def with_formula(formula: str, parameters: list[float], name: str = "random_FDA_GA", n_outputs: int = 1) -> str:
    """Return a weights file with another formula and its parameters."""
    items = "".join(f'<Parameter Index="{place}" Value="{value!r}"/>' for place, value in enumerate(parameters))
    size = f'NPars="{len(parameters) // n_outputs}" NDim="{n_outputs}"'
    weights = f'<Weights {size} Formula="{formula.replace("<", "&lt;")}">{items}</Weights>'
    return re.sub(r"<Weights.*</Weights>", lambda _: weights, text_of(name), flags=re.DOTALL)


@pytest.fixture
def events() -> np.ndarray:
    return np.column_stack([columns()[f"var{number}"] for number in (1, 2, 3, 4)])


def test_formulas_are_computed_in_double_precision(events: np.ndarray) -> None:
    x0, _, x2, x3 = events.T.astype(np.float64)
    for formula, expected in (
        ("(0)+(1)*x0", 0.1 - 1e-20 * x0),
        ("(0)*exp(-x2*x2)+x3^2", 0.1 * np.exp(-x2 * x2) + x3**2),
        ("TMath::Max(x0,(0))", np.maximum(x0, 0.1)),
        ("sqrt(abs((1)*x3))", np.sqrt(np.abs(1e-20 * x3))),
    ):
        found = Reader(with_formula(formula, [0.1, -1e-20])).evaluate(events)
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=0)


def test_parameters_and_variables_of_two_digits() -> None:
    parameters = [float(place) for place in range(12)]
    text = with_formula("(11)*x3+(1)", parameters)
    assert Reader(text).evaluate(np.array([[0.0, 0.0, 0.0, 2.0]])).tolist() == [23.0]


def test_large_numbers_in_brackets_are_no_parameters() -> None:
    for formula, expected in (("x0/(1000)", 0.003), ("x0*(01)+(0)", 10.0), ("x0-(1)", -4.0)):
        text = with_formula(formula, [7.0, 7.0])
        assert Reader(text).evaluate(np.array([[3.0, 0.0, 0.0, 0.0]])).tolist() == pytest.approx([expected], abs=1e-15)


def test_classes_are_normalised(events: np.ndarray) -> None:
    text = with_formula("(0)*x0", [0.0, 1.0, -1.0], "multi_FDA_GA", 3)
    found = Reader(text).evaluate(events)
    values = np.exp(events[:, :1].astype(np.float64) * [0.0, 1.0, -1.0])
    np.testing.assert_allclose(found, values / values.sum(axis=1, keepdims=True), rtol=0, atol=2e-7)
    steep = Reader(with_formula("(0)*x0", [0.0, 1e30, -1e30], "multi_FDA_GA", 3)).evaluate(events)
    np.testing.assert_array_equal(steep[:, 1], events[:, 0] > 0)


def test_a_regression_is_that_of_the_same_line() -> None:
    text = text_of("reg_LD")
    values = re.findall(r'<Coefficient IndexOut="0" IndexCoeff="\d" Value="([^"]*)"', text)
    line = with_formula("(0)+(1)*x0+(2)*x1", [float(value) for value in values], "reg_LD").replace('"LD::', '"FDA::')
    expected = Reader(text).evaluate(columns("reg"))
    np.testing.assert_allclose(Reader(line).evaluate(columns("reg")), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "(0)+",
        "(0)+(2)",
        "(0)*x4",
        "(0)*var1",
        "sin(1)",
        "log10 (1)",
        "x0*(999)",
        "(0)(1)",
        "(" * 5000,
        "(0)+" * 50_000 + "1",
        'system("true")',
        "x0;x1",
        "TMath::Gaus(x0)",
    ],
)
def test_formulas_that_are_none_are_refused_within_a_second(formula: str) -> None:
    text = with_formula(formula.replace('"', "&quot;"), [1.0, 2.0])
    start = time.process_time()
    with pytest.raises(ModelFormatError):
        Reader(text)
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('NPars="5"', 'NPars="1000000000"'),
        ('NPars="5"', 'NPars="4"'),
        ('NPars="5"', 'NPars="-5"'),
        ('NDim="1"', 'NDim="2"'),
        ('NDim="1"', 'NDim="1000000000"'),
        ('Index="4" Value', 'Index="5" Value'),
        ('Index="4" Value', 'Index="3" Value'),
        ('Index="4" Value', 'Index="-1" Value'),
        ('Value="4.9689', 'Value="nan" was="4.9689'),
    ],
)
def test_damaged_files_are_refused(old: str, new: str) -> None:
    text = text_of("random_FDA_GA")
    assert old in text
    with pytest.raises(ModelFormatError):
        Reader(text.replace(old, new))


@pytest.mark.parametrize("seed", range(100))
def test_mutated_files_are_refused_or_answer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answer_or_refuse(text_of(str(rng.choice(["random_FDA_GA", "multi_FDA_GA"]))), rng)
