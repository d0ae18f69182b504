"""Networks put together from affine maps and activations: what they compute, and how far single precision moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from hepml.errors import ExportError
from hepml.tmva import Reader, write
from hepml.tmva.document_writing import document_of
from hepml.tmva.networks import SINGLE, Affine, Network
from hepml.tmva.setup_making import setup_of
from hepml.tmva.source import Scaling, Source
from hepml.tmva.writing import _write_source

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

INSIDE = {
    "linear": lambda x: x,
    "exact tanh": np.tanh,
    "sigmoid": expit,
    "ReLU": lambda x: np.maximum(x, 0.0),
    "softsign": lambda x: x / (1.0 + np.abs(x)),
}


def affine(rng: np.random.Generator, n_in: int, n_out: int, size: float = 1.0) -> Affine:
    return Affine(size * rng.normal(size=(n_out, n_in)), size * rng.normal(size=n_out))


def answer(steps: list[Any], X: Floats) -> Floats:
    """Step by step, in double precision."""
    values = X
    for step in steps:
        values = values @ step.weights.T + step.bias if isinstance(step, Affine) else INSIDE[step](values)
    return values


def text_of(network: Network, kind: str) -> str:
    method = network.to_mlp("Classification") if kind == "MLP" else network.to_dl("Classification")
    return document_of(setup_of(method, [f"x{k}" for k in range(network.n_inputs)]))


@given(
    seed=st.integers(0, 10_000),
    activation=st.sampled_from(["exact tanh", "sigmoid", "ReLU", "linear"]),
    size=st.floats(0.1, 30.0),
)
def test_rounding_bounds_what_the_file_answers(seed: int, activation: str, size: float) -> None:
    rng = np.random.default_rng(seed)
    last = ["sigmoid"] if seed % 2 else []
    steps: list[Any] = [
        affine(rng, 3, 5, size),
        activation,
        affine(rng, 5, 4),
        affine(rng, 4, 3),
        activation,
        affine(rng, 3, 1, size),
        *last,
    ]
    network = Network.of(steps)
    X = (size * rng.normal(size=(50, 3))).astype(np.float32)
    wide = X.astype(np.float64)
    expected = answer(steps, wide)[:, 0]
    bound = network.rounding(wide.T, np.zeros((3, 50)))[0]
    for kind in ("MLP", "DL"):
        difference = np.abs(Reader(text_of(network, kind)).evaluate(X) - expected)
        assert (difference <= bound).all()


def test_the_bound_is_not_far_from_what_happens() -> None:
    rng = np.random.default_rng(8)
    steps: list[Any] = [affine(rng, 3, 8), "exact tanh", affine(rng, 8, 1)]
    network = Network.of(steps)
    X = rng.normal(size=(1000, 3)).astype(np.float32)
    difference = np.abs(Reader(text_of(network, "MLP")).evaluate(X) - answer(steps, X.astype(np.float64))[:, 0])
    bound = network.rounding(X.T.astype(np.float64), np.zeros((3, 1000)))[0]
    assert (difference <= bound).all()
    assert bound.max() < 1e-5
    assert np.median(bound) < 50 * np.median(difference)


@pytest.mark.parametrize(
    "steps",
    [
        ["exact tanh", "ReLU"],
        ["softsign", "softsign"],
        ["exact tanh", "softsign"],
    ],
)
def test_what_mlp_cannot_hold_becomes_dl(steps: list[str]) -> None:
    rng = np.random.default_rng(1)
    chain: list[Any] = [affine(rng, 3, 4), steps[0], affine(rng, 4, 3), steps[1], affine(rng, 3, 1)]
    network = Network.of(chain)
    assert not network.fits_mlp
    with pytest.raises(ExportError, match="one activation"):
        network.to_mlp("Classification")
    X = rng.normal(size=(200, 3)).astype(np.float32)
    found = Reader(text_of(network, "DL")).evaluate(X)
    np.testing.assert_allclose(found, answer(chain, X.astype(np.float64))[:, 0], rtol=0, atol=1e-5)


def test_an_output_that_tmva_lacks_is_handed_on() -> None:
    rng = np.random.default_rng(2)
    chain: list[Any] = [affine(rng, 3, 4), "exact tanh", affine(rng, 4, 1), "exact tanh"]
    network = Network.of(chain)
    X = rng.normal(size=(100, 3)).astype(np.float32)
    found = Reader(text_of(network, "MLP")).evaluate(X)
    np.testing.assert_allclose(found, answer(chain, X.astype(np.float64))[:, 0], rtol=0, atol=1e-6)


def test_affine_maps_that_follow_one_another_are_one() -> None:
    rng = np.random.default_rng(3)
    maps: list[Any] = [affine(rng, 3, 5), affine(rng, 5, 4), affine(rng, 4, 1)]
    network = Network.of(maps)
    X = rng.normal(size=(50, 3))
    fisher = network.to_fisher()
    np.testing.assert_allclose(X @ fisher.coefficients + fisher.offset, answer(maps, X)[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "no weights"),
        (["ReLU"], "before all weights"),
        ([Affine(np.ones((1, 1)), np.ones(1)), "ReLU", "sigmoid"], "follows another"),
        ([Affine(np.ones((1, 1)), np.array([np.nan]))], "not finite"),
        ([Affine(np.ones((2, 1)), np.ones(2)), "softmax", Affine(np.ones((1, 2)), np.ones(1))], "before the last"),
    ],
)
def test_refused(steps: list[Any], words: str) -> None:
    with pytest.raises(ExportError, match=words):
        Network.of(steps)


def test_weights_beyond_single_precision_are_refused() -> None:
    with pytest.raises(ExportError, match="single precision"):
        Network.of([Affine(np.array([[1e39]]), np.zeros(1))]).to_mlp("Classification")


@given(
    centre=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
    sign=st.sampled_from([1.0, -1.0]),
)
def test_scaling_becomes_normalisation_without_loss(centre: float, width: float, sign: float) -> None:
    scaling = Scaling(np.array([sign / width]), np.array([-sign * centre / width]))
    ranges = scaling.ranges()
    if ranges is None:
        # nothing is left of the width in single precision
        assert width <= abs(centre) * 4 * SINGLE
        return
    inner = scaling.of_normalised(ranges)
    x = np.linspace(centre - 3 * width, centre + 3 * width, 7)
    low = float(ranges[0, 0])
    scale = float(np.float32(1.0 / float(ranges[1, 0] - ranges[0, 0])))
    u = 2.0 * (x - low) * scale - 1.0
    np.testing.assert_allclose(
        inner.weights[0, 0] * u + inner.bias[0],
        sign * (x - centre) / width,
        rtol=0,
        atol=1e-9 * (1.0 + abs(centre) / width * 1e-6),
    )


def test_the_form_that_loses_least() -> None:
    rng = np.random.default_rng(4)
    linear = Network.of([affine(rng, 2, 1)])
    respond = lambda X: answer([linear.layers[0][0]], X)  # noqa: E731
    assert Source(linear, respond, "Classification", "m").kind(None) == "Fisher"
    assert Source(linear, respond, "Regression", "m").kind(None) == "LD"
    logistic = Network.of([linear.layers[0][0], "sigmoid"])
    assert Source(logistic, respond, "Classification", "m").kind(None) == "MLP"
    assert Source(logistic, respond, "Classification", "m", margin=respond).kind(None) == "Fisher"
    with pytest.raises(ExportError, match="possible: Fisher, MLP, DL"):
        Source(linear, respond, "Classification", "m").kind("LD")


def test_networks_of_torch(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch", reason="torch is not installed")
    nn = torch.nn
    torch.manual_seed(1)
    networks = {
        "MLP": nn.Sequential(
            nn.BatchNorm1d(3), nn.Linear(3, 6), nn.Tanh(), nn.Dropout(), nn.Linear(6, 1), nn.Sigmoid()
        ),
        "DL": nn.Sequential(
            nn.Sequential(nn.Linear(3, 6), nn.ReLU()), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3), nn.Softmax(1)
        ),
        "LD": nn.Linear(3, 2, bias=False),
    }
    X = np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32)
    for kind, network in networks.items():
        network(torch.from_numpy(X))
        write(network, tmp_path / f"{kind}.xml", variables=["a", "b", "c"])
        reader = Reader(tmp_path / f"{kind}.xml")
        assert reader.setup.kind == kind
        with torch.no_grad():
            expected = network.eval()(torch.from_numpy(X)).numpy()
        np.testing.assert_allclose(reader.evaluate(X).reshape(expected.shape), expected, rtol=0, atol=1e-5)
    with pytest.raises(ExportError, match="LSTM"):
        write(nn.Sequential(nn.LSTM(3, 2)), tmp_path / "x.xml", variables=["a", "b", "c"])


def test_classes_without_names_are_numbered(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    chain: list[Any] = [affine(rng, 2, 3), "softmax"]

    def respond(X: Floats) -> Floats:
        sums = np.exp(answer(chain[:1], X))
        return sums / sums.sum(axis=1, keepdims=True)

    source = Source(Network.of(chain), respond, "Multiclass", "m")
    given: dict[str, Any] = dict.fromkeys(("method_name", "class_names", "ranges", "options"))
    _write_source(source, tmp_path / "x.xml", variables=["a", "b"], kind=None, overwrite=False, **given)
    assert Reader(tmp_path / "x.xml").setup.classes == ("class0", "class1", "class2")
