"""Methods that answer from stored events: KNN, PDERS and support vectors, against sums over all of them."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import HepmlError, ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.events import Events, chain_of
from hepml.tmva.methods.boost import Boost
from hepml.tmva.methods.pders import PDERS
from hepml.tmva.setup import MethodSetup
from tests.tmva.neighbours import f32, kernel, knn_weights, nearest, nested, weights_file, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

N_VARIABLES = 3
N_STORED = 300
KNN_OPTIONS = {"nkNN": 7, "BalanceDepth": 4, "ScaleFrac": 0.8, "SigmaFact": 1.3, "UseKernel": False}


def sample(seed: int, n_events: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(n_events, N_VARIABLES)).astype(np.float32) * np.array(
        [1, 5, 0.1], f32
    )


STORED, POINTS = sample(1, N_STORED), sample(2, 40)
KINDS = np.random.default_rng(3).integers(1, 3, N_STORED)
WEIGHT = np.random.default_rng(4).uniform(-0.3, 2.0, N_STORED)
TARGETS = np.random.default_rng(5).normal(size=(N_STORED, 2)).astype(np.float32)
NO_TARGETS = np.empty((N_STORED, 0), f32)


def scaled(X: NDArray[np.float32], lower: int = 10) -> NDArray[np.float32]:
    ordered = np.sort(STORED.astype(np.float64), axis=0)
    first = next(row for row in range(N_STORED) if 100 * row // N_STORED == lower)
    last = next(row for row in range(N_STORED) if 100 * row // N_STORED == 100 - lower)
    return (X / (ordered[last] - ordered[first])).astype(np.float32)


def knn_reference(point: NDArray[np.float32], kernel_name: str = "", *, weighted: bool = True) -> float:
    X, count = scaled(STORED), KNN_OPTIONS["nkNN"]
    found = nearest(X, WEIGHT, KNN_OPTIONS["BalanceDepth"], scaled(point[None])[0], count + 2)
    gaps = [[float(a - b) for a, b in zip(X[row], point, strict=True)] for _, row in found]
    sigma = [
        float(f32(KNN_OPTIONS["SigmaFact"])) * math.sqrt(sum(g[k] ** 2 for g in gaps[:count]) / count)
        for k in range(N_VARIABLES)
    ]
    radius = math.sqrt(found[count - 1][0])
    signal = total = 0.0
    for (distance, row), gap in zip(found[:count], gaps, strict=False):
        value = WEIGHT[row] if weighted else 1.0
        if weighted and kernel_name == "Gaus":
            value *= math.exp(-sum(g * g / (2 * s * s) for g, s in zip(gap, sigma, strict=True)))
        elif weighted and kernel_name == "Poln":
            value *= max(0.0, 1.0 - (math.sqrt(distance) / radius) ** 3) ** 3
        total += value
        signal += value if KINDS[row] == 1 else 0.0
    return signal / total


@pytest.mark.parametrize("kernel_name", ["", "Gaus", "Poln"])
@pytest.mark.parametrize("weighted", [True, False])
def test_knn(kernel_name: str, weighted: bool) -> None:
    options = KNN_OPTIONS | {"UseKernel": bool(kernel_name), "Kernel": kernel_name or "Gaus", "UseWeight": weighted}
    reader = Reader(weights_file("KNN", N_VARIABLES, knn_weights(STORED, KINDS, WEIGHT, NO_TARGETS), options))
    expected = [knn_reference(point, kernel_name, weighted=weighted) for point in POINTS]
    np.testing.assert_allclose(reader.evaluate(POINTS), expected, rtol=1e-9)


def test_knn_of_equally_near_events_takes_those_that_tmva_meets_first() -> None:
    rng = np.random.default_rng(6)
    X = rng.integers(0, 4, (N_STORED, N_VARIABLES)).astype(np.float32)
    points = rng.integers(0, 4, (60, N_VARIABLES)).astype(np.float32)
    options = KNN_OPTIONS | {"ScaleFrac": 0.0}
    weight = np.ones(N_STORED)
    reader = Reader(weights_file("KNN", N_VARIABLES, knn_weights(X, KINDS, weight, NO_TARGETS), options))
    expected = []
    for point in points:
        rows = [row for _, row in nearest(X, weight, KNN_OPTIONS["BalanceDepth"], point, KNN_OPTIONS["nkNN"])]
        expected.append((KINDS[rows] == 1).sum() / len(rows))
    np.testing.assert_allclose(reader.evaluate(points), expected, rtol=1e-12)


def test_knn_regresses_targets() -> None:
    weights = knn_weights(STORED, np.ones(N_STORED, int), WEIGHT, TARGETS)
    reader = Reader(weights_file("KNN", N_VARIABLES, weights, KNN_OPTIONS, targets=2))
    for point, found in zip(POINTS, reader.evaluate(POINTS), strict=True):
        rows = [row for _, row in nearest(scaled(STORED), WEIGHT, 4, scaled(point[None])[0], KNN_OPTIONS["nkNN"])]
        np.testing.assert_allclose(found, np.average(TARGETS[rows], axis=0, weights=WEIGHT[rows]), rtol=1e-5, atol=1e-6)


def test_knn_trims_the_larger_class_to_the_first_of_its_events() -> None:
    # 200 of signal before 100 of background: with all signal beyond the 100th left out nothing changes
    kinds = np.repeat([1, 2], [200, 100])
    kept = np.r_[0:100, 200:300]
    ones = np.ones(N_STORED)
    trimmed = weights_file(
        "KNN", N_VARIABLES, knn_weights(STORED, kinds, ones, NO_TARGETS), KNN_OPTIONS | {"Trim": True}
    )
    fewer = weights_file(
        "KNN", N_VARIABLES, knn_weights(STORED[kept], kinds[kept], ones[kept], NO_TARGETS[kept]), KNN_OPTIONS
    )
    np.testing.assert_array_equal(Reader(trimmed).evaluate(POINTS), Reader(fewer).evaluate(POINTS))


def test_knn_has_no_answer_where_tmva_stops() -> None:
    X = np.zeros((N_STORED, N_VARIABLES), f32)
    options = KNN_OPTIONS | {"ScaleFrac": 0.0, "UseKernel": True, "Kernel": "Poln"}
    reader = Reader(weights_file("KNN", N_VARIABLES, knn_weights(X, KINDS, np.ones(N_STORED), NO_TARGETS), options))
    assert np.isnan(reader.evaluate(X[:2])).all()


def svm_weights(coefficients: NDArray[np.float32], attributes: str = "") -> str:
    rows = "".join(
        f'<SupportVector Rows="1" Columns="{N_VARIABLES + 4}">'
        f"{words(np.r_[row, 1 - 2 * (row % 2), abs(c), 0.25, x])}</SupportVector>"
        for row, (c, x) in enumerate(zip(coefficients, STORED, strict=False))
    )
    ranges = '<Maxima Var0="1"/><Minima Var0="0"/>'
    return f'<Weights fBparm="0.125" fGamma="0.5" {attributes} NSupVec="{len(coefficients)}">{rows}{ranges}</Weights>'


MULTIPLIERS = np.random.default_rng(7).uniform(0.1, 1.0, 50).astype(np.float32)
SIGNS = 1 - 2 * (np.arange(50) % 2)


def gauss(x: NDArray[np.float32], gamma: object = 0.5) -> NDArray[np.float64]:
    gaps = STORED[:50].astype(np.float64) - x
    return np.exp(-(gaps**2 * gamma).sum(axis=1))


def polynomial(x: NDArray[np.float32]) -> NDArray[np.float64]:
    return ((STORED[:50].astype(np.float64) * x).sum(axis=1) + 0.75) ** 3


GAMMAS = np.array([0.5, 0.25, 2.0])
NEW = 'fGammaList="0.5,0.25,2" fOrder="3" fTheta="0.75"'
SVM_KERNELS = {
    "old": ("", {}, gauss),
    "RBF": (NEW, {"Kernel": "RBF"}, gauss),
    "MultiGauss": (NEW, {"Kernel": "MultiGauss"}, lambda x: gauss(x, GAMMAS)),
    "Polynomial": (NEW, {"Kernel": "Polynomial"}, polynomial),
    "Sum": (NEW, {"Kernel": "Sum", "KernelList": "RBF+MultiGauss"}, lambda x: gauss(x) + gauss(x, GAMMAS)),
    "Prod": (NEW, {"Kernel": "Prod", "KernelList": "RBF*MultiGauss"}, lambda x: gauss(x) + gauss(x, GAMMAS)),
}


@pytest.mark.parametrize("name", SVM_KERNELS)
def test_svm(name: str) -> None:
    attributes, options, value = SVM_KERNELS[name]
    points = POINTS / f32(100.0) if name == "Polynomial" else POINTS
    found = Reader(weights_file("SVM", N_VARIABLES, svm_weights(MULTIPLIERS, attributes), options)).evaluate(points)
    expected = [1 / (1 + np.exp((MULTIPLIERS * SIGNS * value(x)).sum() - 0.125)) for x in points]
    np.testing.assert_allclose(found, expected, rtol=1e-4 if name == "Polynomial" else 2e-6)


def test_svm_regresses() -> None:
    found = Reader(weights_file("SVM", N_VARIABLES, svm_weights(MULTIPLIERS), {}, targets=1)).evaluate(POINTS)
    np.testing.assert_allclose(found, [((MULTIPLIERS - 0.25) * gauss(x)).sum() + 0.125 for x in POINTS], rtol=3e-6)


CLASSES = (KINDS == 2).astype(int)
PDERS_WEIGHT = WEIGHT.astype(np.float32)
PDERS_OPTIONS = {
    "NEventsMin": 20, "NEventsMax": 40, "MaxVIterations": 50, "InitialScale": 0.99, "DeltaFrac": 3, "GaussSigma": 0.4
}  # fmt: skip


def pders_weights(targets: NDArray[np.float32] = NO_TARGETS) -> str:
    attributes = [f'weight="{w:.16e}" type="{kind}"' for w, kind in zip(PDERS_WEIGHT, CLASSES, strict=True)]
    return nested(STORED, attributes, [words(np.r_[x, t]) for x, t in zip(STORED, targets, strict=True)])


def inside(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.bool_]:
    return ((lower < STORED) & (upper >= STORED)).all(axis=1)


def grown(lower: NDArray[np.float64], upper: NDArray[np.float64], f: float) -> tuple[NDArray[np.float64], ...]:
    return 0.5 * (lower * (1 + f) + upper * (1 - f)), 0.5 * (lower * (1 - f) + upper * (1 + f))


def adapted(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return the volume that TMVA settles on, step by step in its own arithmetic."""
    least, most, wanted = f32(20), f32(40), f32(30)

    def count(f: float) -> np.float32:
        return f32(PDERS_WEIGHT[inside(*grown(lower, upper, f))].astype(np.float64).sum())

    now = count(1.0)
    while now < least:
        lower, upper = grown(lower, upper, 1.15)
        now = count(1.0)
    first, best = now, now
    scale = scale_now = best_scale = f32(0.99)
    for _ in range(1, 50):
        if least <= now <= most:
            break
        now = count(float(scale))
        if now > 1 and now != first:
            scale = (
                scale + (scale_now - f32(1)) / (now - first) * (wanted - now) if scale_now != 1 else scale - f32(0.01)
            )
        else:
            scale = scale + f32(0.5)
        scale_now = scale
        if abs(now - wanted) < abs(best - wanted) and (now >= least or best < now):
            best, best_scale = now, scale
    return grown(lower, upper, float(best_scale))


def widths(mode: str) -> NDArray[np.float64]:
    if mode == "Unscaled":
        return np.full(N_VARIABLES, 3.0)
    if mode == "MinMax":
        return np.zeros(N_VARIABLES)
    deviations = []
    for kind in (0, 1):
        x, w = STORED[kind == CLASSES].astype(np.float64), PDERS_WEIGHT[kind == CLASSES].astype(np.float64)
        mean = np.average(x, axis=0, weights=w)
        deviations.append(np.sqrt(np.average(x * x, axis=0, weights=w) - mean**2))
    return 1.5 * (deviations[0] + deviations[1])


def pders_reference(point: NDArray[np.float32], mode: str = "Adaptive", name: str = "Box") -> float:
    lower, upper = point - 0.5 * widths(mode), point + 0.5 * widths(mode)
    furthest, rows = 0.0, np.flatnonzero(inside(lower, upper))
    if mode == "Adaptive":
        lower, upper = adapted(lower, upper)
        rows = np.flatnonzero(inside(lower, upper))
    elif mode == "kNN":
        for _ in range(50):
            if 20 <= len(rows) <= 40:
                break
            lower, upper = grown(lower, upper, 2.0 if len(rows) < 20 else float(f32(0.1)))
            rows = np.flatnonzero(inside(lower, upper))
        away = np.sqrt((((STORED[rows] - point) / (upper - lower)) ** 2).mean(axis=1))
        furthest = float(np.sort(away)[19])
        rows = rows[away <= furthest]
    sums = [0.0, 0.0]
    with np.errstate(divide="ignore"):
        norm = 2 / (upper - lower)
    for row in rows:
        distance = float(np.sqrt((((STORED[row] - point) * norm) ** 2).mean()))
        if distance <= 1 or name == "Box":
            sums[CLASSES[row]] += kernel(name, distance, 0.4, furthest, N_VARIABLES) * float(PDERS_WEIGHT[row])
    signal, background = (max(0.0, value) for value in sums)
    if signal < 1e-20 and background < 1e-20:
        return 0.5
    scale = [1 / PDERS_WEIGHT[kind == CLASSES].sum() for kind in (0, 1)]
    return signal * scale[0] / (signal * scale[0] + background * scale[1])


def test_pders_of_a_reader_counts_in_adaptive_boxes_whatever_the_file_says() -> None:
    options = PDERS_OPTIONS | {"KernelEstimator": "Gauss", "VolumeRangeMode": "RMS"}
    reader = Reader(weights_file("PDERS", N_VARIABLES, pders_weights(), options))
    expected = [pders_reference(point) for point in POINTS]
    np.testing.assert_allclose(reader.evaluate(POINTS), expected, rtol=1e-6)
    assert len(set(expected)) > 10


KERNELS = ["Box", "Sphere", "Teepee", "Gauss", "Sinc3", "Sinc11", "Lanczos2", "Lanczos8"]


@pytest.mark.parametrize(
    ("mode", "name"),
    [*(("Adaptive", name) for name in KERNELS), ("RMS", "Gauss"), ("Unscaled", "Box"), ("MinMax", "Box"), ("kNN", "Box"),
     ("kNN", "Trim"), ("kNN", "Teepee")],
)  # fmt: skip
def test_pders_of_a_boosted_method_has_every_volume_and_kernel(mode: str, name: str) -> None:
    options = PDERS_OPTIONS | {"KernelEstimator": name, "VolumeRangeMode": mode}
    root = fromstring(weights_file("PDERS", N_VARIABLES, pders_weights(), options))
    setup = dataclasses.replace(MethodSetup.from_element(root, "a file"), processes_options=True)
    events = Events(POINTS, np.empty((len(POINTS), 0), f32), chain_of(setup))
    found = PDERS.from_setup(setup).respond(events)
    np.testing.assert_allclose(found, [pders_reference(x, mode, name) for x in POINTS], rtol=1e-5, atol=1e-5)


def test_members_of_a_boosted_method_have_their_options_interpreted() -> None:
    options = ":".join(f"{name}={value}" for name, value in PDERS_OPTIONS.items())
    member = (
        f'<Method Index="0" Weight="1" MethodSigCut="0" MethodSigCutOrientation="1" MethodTypeName="PDERS" '
        f'MethodName="P" JobName="J" Options="{options}:KernelEstimator=Teepee">{pders_weights()}</Method>'
    )
    whole = f'<Weights NMethods="1">{member}</Weights>'
    reader = Reader(weights_file("Boost", N_VARIABLES, whole, {"Boost_Transform": "linear"}))
    assert isinstance(reader.method, Boost)
    np.testing.assert_allclose(reader.evaluate(POINTS), [pders_reference(x, name="Teepee") for x in POINTS], rtol=1e-5)


def test_pders_regresses() -> None:
    reader = Reader(weights_file("PDERS", N_VARIABLES, pders_weights(TARGETS[:, :1]), PDERS_OPTIONS, targets=1))
    # all events of a regression have class 0 in TMVA; here the widths come from those that have
    kind0 = CLASSES == 0
    x, w = STORED[kind0].astype(np.float64), PDERS_WEIGHT[kind0].astype(np.float64)
    width = 3 * np.sqrt(np.average(x * x, axis=0, weights=w) - np.average(x, axis=0, weights=w) ** 2)
    for point, found in zip(POINTS, reader.evaluate(POINTS), strict=True):
        rows = inside(*adapted(point - width / 2, point + width / 2))
        assert found == pytest.approx(np.average(TARGETS[rows, 0], weights=PDERS_WEIGHT[rows]), rel=1e-4, abs=1e-5)


def test_pders_has_no_answer_where_tmva_would_search_for_ever() -> None:
    reader = Reader(weights_file("PDERS", N_VARIABLES, pders_weights(), PDERS_OPTIONS))
    assert np.isnan(reader.evaluate(np.full((1, N_VARIABLES), 1e30))).all()


def test_responses_do_not_depend_on_the_rows_beside() -> None:
    for text in FILES.values():
        reader = Reader(text())
        whole = reader.evaluate(POINTS)
        np.testing.assert_array_equal(whole[5:9], reader.evaluate(POINTS[5:9]))
        assert reader.evaluate(POINTS[:0]).shape == (0,)


FILES: dict[str, Callable[[], str]] = {
    "KNN": lambda: weights_file("KNN", N_VARIABLES, knn_weights(STORED, KINDS, WEIGHT, NO_TARGETS), KNN_OPTIONS),
    "SVM": lambda: weights_file("SVM", N_VARIABLES, svm_weights(MULTIPLIERS), {}),
    "PDERS": lambda: weights_file("PDERS", N_VARIABLES, pders_weights(), PDERS_OPTIONS),
}

DAMAGE = {
    "KNN": [
        ('NEvents="300"', 'NEvents="1000000000"'),
        ('NVar="3" NTgt', 'NVar="100000" NTgt'),
        ('NTgt="0"', 'NTgt="-1"'),
        ('Type="1"', 'Type="3"'),
        ('Weight="', 'Weight="nan" was="'),
        ("e+00 ", "e+00 1 "),
        ("e+00 ", "e+99 "),
        (">7<", ">1000000000<"),
        (">7<", ">0x7<"),
        (">4<", ">50<"),
        (">0.8<", ">nan<"),
        (">1.3<", ">1e99<"),
        ('<Option name="nkNN"', '<Option name="UseLDA">True</Option><Option name="nkNN"'),
        ("<Event ", "<Fevent "),
    ],
    "SVM": [
        ('NSupVec="50"', 'NSupVec="1000000000"'),
        ('fGamma="0.5"', 'fGamma="inf"'),
        ('fBparm="0.125"', ""),
        ('fGamma="0.5"', 'fGamma="0.5" fGammaList="1" fOrder="99999" fTheta="1"'),
        ('fGamma="0.5"', 'fGamma="0.5" fGammaList="1" fOrder="-1" fTheta="1"'),
        ("e+00 ", "e+00 1 "),
        ("e-01 ", "e+999 "),
    ],
    "PDERS": [
        ('selector="1"', 'selector="2"'),
        ('selector="0"', 'selector="-1"'),
        ('pos="l"', 'pos="x"'),
        ('pos="l"', 'pos="r"'),
        ('NVars="3"', 'NVars="4"'),
        ("e+00 ", "e+00 1 "),
        ('weight="', 'weight="-1e30" was="'),
        ('weight="', 'weight="inf" was="'),
        ("BinaryTree", "BinaryFree"),
        (">20<", ">1000<"),
        (">50<", ">1000000000<"),
        (">40<", ">nan<"),
    ],
}


@pytest.mark.parametrize(("kind", "old", "new"), [(kind, *pair) for kind, pairs in DAMAGE.items() for pair in pairs])
def test_damaged_files_are_refused_within_a_second(kind: str, old: str, new: str) -> None:
    text = FILES[kind]()
    damaged = text.replace(old, new) if old == "BinaryTree" else text.replace(old, new, 1)
    assert damaged != text
    Reader(text)
    start = time.process_time()
    with pytest.raises(ModelFormatError) as caught:
        Reader(damaged)
    assert time.process_time() - start < 1.0
    assert len(str(caught.value)) < 2000


def test_knn_of_events_that_are_all_equal_is_refused_before_its_tree_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepml.tmva.methods.knn._STEPS", 1000)
    monkeypatch.setattr("hepml.tmva.methods.knn._STEPS_PER_EVENT", 1)
    X = np.zeros((N_STORED, N_VARIABLES), f32)
    options = KNN_OPTIONS | {"ScaleFrac": 0.0}
    with pytest.raises(ModelFormatError, match="too many of its events are equal"):
        Reader(weights_file("KNN", N_VARIABLES, knn_weights(X, KINDS, np.ones(N_STORED), NO_TARGETS), options))


@settings(max_examples=60)
@given(data=st.data())
def test_mutated_files_are_refused_or_answer(data: st.DataObject) -> None:
    content = bytearray(FILES[data.draw(st.sampled_from(sorted(FILES)))]().encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content) - 1, 3000)))
        size = data.draw(st.sampled_from([1, 1, 1, 2, 10, 200]))
        content[at : at + size] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"<", b"-", b"9", b"/", b'"', b"e9"])
        )
    try:
        reader = Reader(bytes(content))
    except ModelFormatError:
        return
    try:
        response = reader.evaluate(np.zeros((3, len(reader.features))))
    except HepmlError:
        return
    assert response.shape[0] == 3
