"""What transformations do to events: closed forms, order, classes, subsets, and ways back."""

from __future__ import annotations

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import hepml.transforms.chain
from hepml.errors import EmptyClassError, FeatureValueError, InvalidInputError, UnknownNameError
from hepml.transforms import Column, TransformChain, to_text

NAMES = ("a", "b", "c")


def gaussians(n_events: int = 4000, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlated Gaussians of two classes, and weights of both signs."""
    rng = np.random.default_rng(seed)
    index = rng.integers(0, 2, n_events)
    mixing = np.array([[1.0, 0.6, 0.0], [0.0, 2.0, -0.5], [0.0, 0.0, 0.3]])
    X = rng.normal(size=(n_events, 3)) @ mixing + np.array([5.0, 0.0, -1.0]) + index[:, None]
    weight = rng.uniform(0.5, 1.5, n_events) * np.where(rng.random(n_events) < 0.03, -1, 1)
    return X.astype(np.float32), index, weight


def test_normalisation_is_linear_between_the_extremes() -> None:
    X = np.array([[0.0, 7.0], [1.0, 9.0], [4.0, 8.0]], dtype=np.float32)
    chain = TransformChain.fit("N", X)
    assert chain.apply(X).tolist() == [[-1.0, -1.0], [-0.5, 1.0], [1.0, 0.0]]
    # beyond the training events it goes on
    assert chain.apply(np.array([[8.0, 6.0]], np.float32)).tolist() == [[3.0, -2.0]]


def test_a_constant_variable_normalises_to_nan_as_in_tmva() -> None:
    chain = TransformChain.fit("N", np.ones((5, 1)))
    assert np.isnan(chain.apply(np.ones((1, 1), np.float32))).all()


def test_decorrelation_of_a_known_covariance() -> None:
    # variances 4 and 1 without correlation: the root is diagonal
    X = np.array([[2, 1], [2, -1], [-2, 1], [-2, -1]], dtype=np.float32)
    chain = TransformChain.fit("D", X)
    assert np.allclose(chain.apply(X), X / [2, 1], rtol=1e-6)


def test_decorrelated_events_have_unit_covariance() -> None:
    X, index, weight = gaussians()
    chain = TransformChain.fit("D", X, index, weight)
    matrices = chain.steps[0].matrices
    assert np.allclose(matrices, matrices.swapaxes(1, 2), atol=1e-12)
    for chosen, rows in ((0, index == 0), (1, index == 1), (None, slice(None))):
        weighted = chain.apply(X, chosen)[rows].astype(float)
        w = weight[rows]
        mean = (weighted * w[:, None]).sum(axis=0) / w.sum()
        centred = weighted - mean
        covariance = (centred * w[:, None]).T @ centred / w.sum()
        assert np.allclose(covariance, np.eye(3), atol=1e-5)


def test_principal_components_are_uncorrelated_and_sorted() -> None:
    X, _, weight = gaussians()
    out = TransformChain.fit("P", X, weight=weight).apply(X).astype(float)
    covariance = np.cov(out.T, bias=True)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-5
    assert (np.diff(np.diag(covariance)) < 0).all()
    assert np.abs(out.mean(axis=0)).max() < 1e-5
    # total variance is kept, and weights are not asked
    assert np.isclose(np.trace(covariance), X.astype(float).var(axis=0).sum(), rtol=1e-6)
    assert np.array_equal(out, TransformChain.fit("P", X).apply(X))


def test_flat_and_gaussian_variables() -> None:
    X = np.random.default_rng(3).exponential(size=(20000, 1)).astype(np.float32)
    flat = TransformChain.fit("U", X).apply(X)[:, 0]
    assert stats.kstest(flat, "uniform").statistic < 0.005
    normal = TransformChain.fit("G", X).apply(X)[:, 0]
    assert stats.kstest(normal, "norm").statistic < 0.005
    middle = np.abs(flat - 0.5) < 0.499
    assert np.allclose(normal[middle], stats.norm.ppf(flat[middle].astype(float)), atol=1e-4)
    # the order of events is kept
    assert (np.diff(flat[np.argsort(X[:, 0])]) >= 0).all()


def test_values_far_outside_are_clipped() -> None:
    X = np.random.default_rng(3).normal(size=(2000, 1)).astype(np.float32)
    far = np.array([[-1e30], [1e30]], dtype=np.float32)
    assert np.allclose(TransformChain.fit("U", X).apply(far)[:, 0], [1e-9, 1 - 1e-9], rtol=1e-6)
    # single precision cannot tell 1 - 1e-9 from 1; erf's inverse of 0.99999998 before the rounding can
    gauss = TransformChain.fit("G", X).apply(far)[:, 0]
    assert np.allclose(gauss, stats.norm.ppf([0.5e-8, 1 - 0.5e-8]), rtol=1e-5)


def test_left_comes_first_and_later_steps_see_what_it_made() -> None:
    X, index, weight = gaussians()
    first = TransformChain.fit("D", X, index, weight)
    second = TransformChain.fit("N", first.apply(X), index, weight)
    both = TransformChain.fit("D,N", X, index, weight)
    assert np.array_equal(both.apply(X), second.apply(first.apply(X)))
    other = TransformChain.fit("N+D", X, index, weight)
    assert not np.allclose(both.apply(X), other.apply(X), atol=0.1)


def test_a_later_step_sees_the_class_that_an_earlier_was_booked_with() -> None:
    X, index, weight = gaussians()
    first = TransformChain.fit("D_Background", X, index, weight)
    assert first.booked == (1,)
    both = TransformChain.fit("D_Background,N", X, index, weight)
    assert np.array_equal(both.steps[1].minimum[2], first.apply(X, 1).min(axis=0))
    seen = first.apply(X)
    assert np.array_equal(both.apply(X), TransformChain.fit("N", seen, index).apply(seen))
    # one class for all steps, as likelihoods ask
    wanted = TransformChain.fit("N", first.apply(X), index).apply(first.apply(X, 0), 0)
    assert np.array_equal(both.apply(X, 0), wanted)
    assert np.array_equal(first.apply(X, 7), first.apply(X, 2))


def test_subsets_leave_the_others_alone() -> None:
    X, index, _ = gaussians()
    out = TransformChain.fit("N(a,_V2_)", X, index, variables=NAMES).apply(X)
    assert np.array_equal(out[:, 1], X[:, 1])
    assert np.abs(out[:, [0, 2]]).max() == 1


def test_rearranged_variables_are_put_in_order() -> None:
    X, index, _ = gaussians()
    plain = TransformChain.fit("N", X, index, variables=NAMES).apply(X)
    chain = TransformChain.fit("N(c,a,_REARRANGE_)", X, index, variables=NAMES)
    out = chain.apply(X)
    assert np.array_equal(out[:, [0, 2, 1]], np.column_stack([plain[:, 2], plain[:, 0], X[:, 1]]))
    assert np.allclose(chain.inverse(out), X, atol=1e-5)


def test_a_rearrangement_in_a_file() -> None:
    text = (
        '<Transformations NTransformations="1"><Transform Name="Rearrange"><Selection><Input NInputs="2">'
        '<Input Type="Variable" Label="c" Expression="c"/><Input Type="Spectator" Label="s" Expression="s"/></Input>'
        '<Output NOutputs="2"><Output Type="Variable" Label="a" Expression="a"/>'
        '<Output Type="Variable" Label="b" Expression="b"/></Output></Selection></Transform></Transformations>'
    )
    chain = TransformChain.from_xml(fromstring(text), NAMES, spectators=["s"])
    X, S = np.array([[1, 2, 3]], np.float32), np.array([[9]], np.float32)
    assert chain.apply(X, spectators=S).tolist() == [[3, 9, 3]]
    assert "".join(to_text(chain.to_xml()).replace("  ", "").splitlines()) == text


@pytest.mark.parametrize("option", ["N", "D", "P", "N,D_Signal,P", "N(a)+P(b,c)", "I", "None"])
def test_inverses(option: str) -> None:
    X, index, weight = gaussians()
    chain = TransformChain.fit(option, X, index, weight, variables=NAMES)
    assert np.allclose(chain.inverse(chain.apply(X)), X, atol=1e-5)


@pytest.mark.parametrize("option", ["U", "G", "N,G"])
def test_inverses_of_distributions(option: str) -> None:
    X, index, _ = gaussians(20000)
    chain = TransformChain.fit(option, X, index)
    centre = (np.abs(X - X.mean(axis=0)) < 2 * X.std(axis=0)).all(axis=1)
    # a bin of TMVA's table is a 10000th of the range
    assert np.abs(chain.inverse(chain.apply(X)) - X)[centre].max() < 5e-3


def test_targets_and_spectators() -> None:
    X, _, _ = gaussians(100)
    T, S = X[:, :2] * 3, X[:, :1] + 1
    names = {"variables": NAMES, "targets": ("t0", "t1"), "spectators": ("s",)}
    values = {"target_values": T, "spectator_values": S}
    chain = TransformChain.fit("N(_V_,_T_,_S_)", X, **names, **values)
    assert len(chain.steps[0].selection.get) == 6
    assert np.array_equal(chain.apply(X), TransformChain.fit("N", X).apply(X))
    back = chain.inverse_targets(np.array([[-1, 1]], dtype=np.float32))
    assert np.allclose(back, [[T[:, 0].min(), T[:, 1].max()]], rtol=1e-6)
    # TMVA undoes only the first of several
    twice = TransformChain.fit("N,N", X, **names, **values)
    assert np.array_equal(twice.inverse_targets(back), chain.inverse_targets(back))
    # without transformed targets they are as they are
    assert np.array_equal(TransformChain.fit("N(a)", X, **names, **values).inverse_targets(back), back)
    with pytest.raises(InvalidInputError, match="pass target_values"):
        TransformChain.fit("N", X, **names)
    with pytest.raises(InvalidInputError, match="cannot be undone"):
        TransformChain.fit("D(_T_)", X, **names, **values).inverse_targets(back)
    mixed = TransformChain.fit("D(a,s)", X, **names, spectator_values=np.random.default_rng(1).normal(size=(100, 1)))
    with pytest.raises(InvalidInputError, match="mixes variables"):
        mixed.apply(X)
    assert mixed.apply(X, spectators=S.astype(np.float32)).shape == X.shape


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X, index, weight = gaussians(30000)
    chain = TransformChain.fit("D,G,N", X, index, weight)
    whole = chain.apply(X)
    assert whole.flags.f_contiguous
    assert whole.dtype == np.float32
    # small blocks look up single places of the table that large ones make
    assert np.array_equal(np.vstack([chain.apply(X[:77]), chain.apply(X[77:])]), whole)
    monkeypatch.setattr(hepml.transforms.chain, "_BLOCK", 1000)
    assert np.array_equal(chain.apply(X), whole)


def test_no_events_and_no_steps() -> None:
    X, index, _ = gaussians(100)
    chain = TransformChain.fit("N,G", X, index)
    assert chain.apply(X[:0]).shape == (0, 3)
    assert np.array_equal(TransformChain.from_xml(None, NAMES).apply(X), X)


@given(
    st.sampled_from(["N", "U", "G", "D,G", "P,N", "G,D", "I,N(a,c),I"]),
    st.integers(0, 10**6),
    st.integers(60, 400),
)
def test_files_give_back_the_chain(option: str, seed: int, n_events: int) -> None:
    X, index, weight = gaussians(n_events, seed)
    variables = [Column("x<1", "a"), Column("'b'&\"b\"", "b"), Column("c", "c")]
    chain = TransformChain.fit(option, X, index, np.abs(weight), variables=variables)
    again = TransformChain.from_xml(chain.to_xml(), variables)
    assert to_text(again.to_xml()) == to_text(chain.to_xml())
    # U, G and P are written with nine digits
    assert np.allclose(again.apply(X), chain.apply(X), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ("Q", UnknownNameError, "unknown transformation 'Q'"),
        ("Nrom", UnknownNameError, "did you mean 'Norm'"),
        ("D_Sginal", UnknownNameError, "did you mean 'Signal'"),
        ("N(a,d)", UnknownNameError, "unknown variable to transform 'd'"),
        ("N(_X_)", UnknownNameError, "unknown selection"),
        ("N(_V3_)", InvalidInputError, "none of the 3 variables"),
        ("N(_T_)", InvalidInputError, "takes 0 variables"),
        ("N(a,a,_REARRANGE_)", InvalidInputError, "name each once"),
        ("N(a", InvalidInputError, "brackets do not match"),
        ("N)a(", InvalidInputError, "brackets do not match"),
        ("N,,D", InvalidInputError, "a transformation is missing"),
        ("P(a)", InvalidInputError, "need two variables or more"),
    ],
)
def test_wrong_options(option: str, error: type[Exception], message: str) -> None:
    X, index, _ = gaussians(100)
    with pytest.raises(error, match=message):
        TransformChain.fit(option, X, index, variables=NAMES)


def test_events_that_define_no_transformation() -> None:
    X, index, weight = gaussians(100)
    with pytest.raises(EmptyClassError, match="class 'Background' has no events"):
        TransformChain.fit("N", X, np.zeros(100, int))
    for option in "DG":
        with pytest.raises(EmptyClassError, match="not to more than zero"):
            TransformChain.fit(option, X, index, -np.abs(weight))
    with pytest.raises(FeatureValueError, match="cannot be decorrelated"):
        TransformChain.fit("D", np.column_stack([X, X[:, 0]]), index)
    with pytest.raises(FeatureValueError, match="too few different values"):
        TransformChain.fit("U", np.full((100, 1), 1e7))
    with pytest.raises(InvalidInputError, match="NaN or infinite"):
        TransformChain.fit("N", np.where(X > 6, np.nan, X))
    with pytest.raises(InvalidInputError, match="from 0 to 1"):
        TransformChain.fit("N", X, index + 1)
    with pytest.raises(InvalidInputError, match="weights are"):
        TransformChain.fit("N", X, index, weight[1:])
    with pytest.raises(InvalidInputError, match="one event or more"):
        TransformChain.fit("N", X[:0])
    with pytest.raises(InvalidInputError, match=r"\(n_events, 3\) is needed"):
        TransformChain.fit("N", X).apply(X[:, :2])
