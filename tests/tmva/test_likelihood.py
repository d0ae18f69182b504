"""Likelihood: responses of a real TMVA, ratios that are known, and files that nobody vouches for."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hepml.errors import ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.methods.likelihood import Likelihood
from tests.tmva.densities import answer_or_refuse, largest_difference
from tests.tmva.golden import Golden
from tests.tmva.test_golden import columns
from tests.tmva.test_reader import text_of

COMMITTED = [
    *(("random", name) for name in ("Likelihood", "LikelihoodD", "LikelihoodPCA", "LikelihoodKDE")),
    ("expr", "LikPart"),
]


@pytest.mark.parametrize(("job", "name"), COMMITTED)
def test_committed(job: str, name: str) -> None:
    assert largest_difference(Golden(job, name, Likelihood.kind)) <= 1e-12


def of_one_variable(signal: str, background: str, low: float = 0.0, high: float = 4.0, method: int = 0) -> str:
    """Return a weights file of one variable with histograms of four bins."""
    densities = "".join(
        f'<PDFDescriptor VarIndex="0" ClassIndex="{index}"><PDF MinNSmooth="0" MaxNSmooth="0" InterpolMethod="{method}">'
        f'<Histogram NBins="4" XMin="{low!r}" XMax="{high!r}" HasEquidistantBins="1">{text}</Histogram></PDF>'
        "</PDFDescriptor>"
        for index, text in enumerate((signal, background))
    )
    return (
        '<MethodSetup Method="Likelihood::L"><GeneralInfo><Info name="AnalysisType" value="Classification"/></GeneralInfo>'
        '<Options><Option name="TransformOutput" modified="No">False</Option></Options>'
        '<Variables NVar="1"><Variable VarIndex="0" Expression="x" Label="x" Type="F" Min="0" Max="4"/></Variables>'
        '<Classes NClass="2"><Class Name="Signal" Index="0"/><Class Name="Background" Index="1"/></Classes>'
        f'<Transformations NTransformations="0"/><Weights NVariables="1" NClasses="2">{densities}</Weights></MethodSetup>'
    )


def answers(text: str, x: list[float]) -> list[float]:
    return Reader(text).evaluate(np.array(x)[:, None]).tolist()


def test_histograms_give_their_ratio() -> None:
    text = of_one_variable("1 2 3 4", "4 3 2 1")
    assert answers(text, [0.5, 1.5, 2.5, 3.5]) == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=1e-7)


def test_beyond_its_range_an_event_is_at_the_end() -> None:
    for method in (0, 2):
        text = of_one_variable("1 2 3 4", "4 3 2 1", method=method)
        assert answers(text, [-9.0, 9.0]) == pytest.approx(answers(text, [0.0, 4.0]), abs=1e-12)
        assert answers(text, [9.0]) == pytest.approx(answers(text, [3.9999999]), abs=1e-6)


def test_where_a_density_vanishes_the_response_is_nearly_0_or_1() -> None:
    text = of_one_variable("0 1 1 0", "1 1 0 0")
    assert answers(text, [0.5, 1.5, 2.5, 3.5]) == pytest.approx([0.0, 0.5, 1.0, 0.5], abs=1e-14)
    assert answers(text, [2.5]) == [1.0 - 1e-15]


def test_the_step_into_a_range_is_lost_far_from_zero() -> None:
    # 2e6 - 1e-10 is 2e6, which lies above the last bin: as TMVA, half the density of the last bin there, of both
    text = of_one_variable("1 1 1 1", "1 1 1 1", high=2e6, method=1)
    method = Reader(text).method
    assert isinstance(method, Likelihood)
    (pdf,) = method.signal
    inside, beyond = pdf.plain_value(np.array([1.9e6, 2e6]), interpolates=True)
    assert beyond == pytest.approx(0.5 * inside, rel=1e-6)


def test_an_inverted_output_is_the_logarithm_of_the_odds() -> None:
    text = text_of("random_Likelihood")
    plain = Reader(text).evaluate(columns())
    inverted = Reader(re.sub(r'("TransformOutput" modified="\w+">)False', r"\1True", text)).evaluate(columns())
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-15.0 * inverted)), plain, rtol=0, atol=1e-14)
    assert inverted.min() < -1.0


def test_discrete_variables_are_not_interpolated() -> None:
    # both lie in the same one of 10000 bins
    text = of_one_variable("1 2 3 4", "4 3 2 1", method=1)
    first, second = answers(text, [1.10005, 1.10035])
    assert first < second
    first, second = answers(text.replace('Type="F"', 'Type="N"'), [1.10005, 1.10035])
    assert first == second


def test_hypotheses_have_the_transformations_of_their_classes() -> None:
    # found by the names of the classes, and else the first and the second
    text = text_of("random_LikelihoodD")
    expected = Reader(text).evaluate(columns())
    unnamed = re.sub(r"<Classes.*</Classes>", "", text, flags=re.DOTALL)
    np.testing.assert_array_equal(Reader(unnamed).evaluate(columns()), expected)
    swapped = text.replace('Name="Signal" Index="0"', 'Name="Signal" Index="1"').replace(
        'Name="Background" Index="1"', 'Name="Background" Index="0"'
    )
    assert swapped != text
    assert np.abs(Reader(swapped).evaluate(columns()) - expected).max() > 0.01


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('NVariables="4"', 'NVariables="1000000000"'),
        ('NVariables="4"', 'NVariables="3"'),
        ('VarIndex="2" ClassIndex="1"', 'VarIndex="2" ClassIndex="0"'),
        ("<PDF ", "<PFD "),
        ('InterpolMethod="2"', 'InterpolMethod="7"'),
        ('NBins="100"', 'NBins="1000000000"'),
        ('MaxNSmooth="20"', 'MaxNSmooth="1000000000"'),
        ('MinNSmooth="1"', 'MinNSmooth="2"'),
        ('XMax="', 'XMax="-9" was="'),
        ("1.00000000e+00", "nan"),
        ('modified="Yes">False</Option>\n  </Options>', 'modified="Yes">Perhaps</Option>\n  </Options>'),
    ],
)
def test_damaged_files_are_refused(old: str, new: str) -> None:
    text = text_of("random_Likelihood")
    assert old in text
    damaged = text.replace(old, new, 1).replace(
        f"{old.replace('<', '</').strip()}>", f"{new.replace('<', '</').strip()}>", 1
    )
    with pytest.raises(ModelFormatError):
        Reader(damaged)


@pytest.mark.parametrize(
    ("name", "value"), [("type", "0"), ("iter", "3"), ("border", "9"), ("finefactor", "nan"), ("finefactor", "-1")]
)
def test_damaged_kernels_are_refused(name: str, value: str) -> None:
    text = re.sub(rf'KDE_{name}="[^"]*"', f'KDE_{name}="{value}"', text_of("random_LikelihoodKDE"))
    with pytest.raises(ModelFormatError, match="kernel"):
        Reader(text)


@pytest.mark.parametrize("seed", range(150))
def test_mutated_files_are_refused_or_answer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answer_or_refuse(text_of(str(rng.choice(["random_Likelihood", "random_LikelihoodPCA"]))), rng)
