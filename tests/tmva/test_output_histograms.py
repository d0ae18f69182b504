"""Histograms made of events, against those that a real TMVA made of the same events: bin by bin, without any tolerance."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.tmva import Reader, read_output
from hepml.tmva.output import OutputEvents
from hepml.tmva.output.filled import BinnedAxis, Filled
from hepml.tmva.output.responses import response_histograms
from hepml.tmva.output.variables import VariableLabel, correlation_matrices, correlation_plots, variable_histograms
from tests.tmva.golden import SMALL, reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

CLASSES = {0: "Signal", 1: "Background"}


@functools.cache
def stored() -> dict[str, NDArray[Any]]:
    with np.load(SMALL / "output.npz") as arrays:
        return dict(arrays)


def part(name: str) -> OutputEvents:
    columns = {key.removeprefix(f"{name}."): column for key, column in stored().items() if key.startswith(f"{name}.")}
    class_id = columns.pop("class_id").astype(np.int32)
    responses = {"BDT10": columns.pop("BDT10")}
    return OutputEvents(class_id, CLASSES, np.ones(class_id.size), columns, responses)


def labels(events: OutputEvents) -> dict[str, VariableLabel]:
    return {name: VariableLabel(name) for name in events.variables}


def differing(folder: str, made: Iterable[tuple[str, Filled]]) -> tuple[list[str], int]:
    """Return the keys of histograms that differ from TMVA's in anything, and how many were compared."""
    wrong, compared = [], 0
    for key, filled in made:
        path = f"{folder}/{key}"
        if f"content.{path}" not in stored():
            continue
        compared += 1
        axis = filled.axes[0]
        sumw2 = np.empty(0) if filled.sumw2 is None else filled.sumw2
        found = (filled.content, sumw2, np.array([filled.n_entries, axis.n_bins, axis.low, axis.high]))
        expected = (stored()[f"{what}.{path}"] for what in ("content", "sumw2", "facts"))
        # contents of a profile are read as means times weights, which rounds
        near = np.allclose if key.startswith("prof") else np.array_equal
        if not all(near(one, other) for one, other in zip(found, expected, strict=True)):
            wrong.append(path)
    return wrong, compared


def test_responses() -> None:
    folder = "Method_BDT/BDT10"
    assert differing(folder, response_histograms("BDT10", part("train"), part("test"))) == ([], 15)


def test_variables() -> None:
    train = part("train")
    assert differing("InputVariables_Id", variable_histograms(train, labels(train), "_Id")) == ([], 4)
    plots = correlation_plots(train, labels(train), "_Id")
    assert differing("InputVariables_Id/CorrelationPlots", plots) == ([], 2)


def exact(job: str) -> tuple[list[str], int]:
    """Compare everything of a golden file: class, title, axes, contents, squares, entries and running sums."""
    folder = reference()
    assert folder is not None
    path = folder / "output" / f"TMVA_{job}.root"
    dataset = read_output(path).dataset()
    train, test = dataset.train.events(), dataset.test.events()
    matrices = dataset.correlation_names
    titles = (
        dataset.correlation_matrix(next(iter(matrices))).labels
        if matrices
        else ("myvar1", "myvar2", "var3", "abs(var3)")
    )
    named = {name: VariableLabel(title) for name, title in zip(train.variables, titles or (), strict=True)}
    made: list[tuple[str, Filled]] = []

    def add(place: str, histograms: Iterable[tuple[str, Filled]]) -> None:
        made.extend((f"{place}/{key}", filled) for key, filled in histograms)

    if matrices:
        add("dataset", correlation_matrices(train, named))
        add("dataset/InputVariables_Id", variable_histograms(train, named, "_Id"))
        add("dataset/InputVariables_Id/CorrelationPlots", correlation_plots(train, named, "_Id"))
    plain = "BDTG" if job == "multi" else "BDT10" if job == "alternate" else "BDT"
    add(f"dataset/Method_BDT/{plain}", variable_histograms(test, named, ""))
    add(f"dataset/Method_BDT/{plain}/CorrelationPlots", correlation_plots(test, named, ""))
    for method in dataset.methods.values() if job != "multi" else ():
        # TMVA asks training events again, in double precision: TrainTree has rounded answers, and wrong ones where
        # a transformation is made for one class
        reader = Reader(folder / "weights" / job / f"TMVA_{method.name}.weights.xml.gz")
        spectators = train.spectators["weight"][:, None] if reader.spectators else None
        X = np.column_stack(list(train.variables.values()))
        again = reader.evaluate(X, columns="features", spectators=spectators)
        seen = replace(train, responses=train.responses | {method.name: again})
        add(str(method.folder), response_histograms(method.name, seen, test))
    with uproot.open(path) as file:
        return [place for place, filled in made if not same(file[place], filled)], len(made)


def same(theirs: Any, ours: Filled) -> bool:
    written = ours.to_root()
    names = ("fXaxis", "fYaxis", "fZaxis")
    last = names[len(ours.axes)]
    sums = ("fTsumw", "fTsumw2", "fTsumwx", "fTsumwx2", "fTsumwy", "fTsumwy2", "fTsumwxy")[: len(ours.sums)]
    return (
        written.classname == theirs.classname
        and ours.title == theirs.title
        and ours.n_entries == theirs.member("fEntries")
        and theirs.member(last).member("fTitle") == ours.value_title
        and all(
            [theirs.member(name).member(member) for member in ("fNbins", "fXmin", "fXmax", "fTitle")]
            == [axis.n_bins, axis.low, axis.high, axis.title]
            for name, axis in zip(names, ours.axes, strict=False)
        )
        and np.array_equal(np.asarray(written.bases[-1]), np.asarray(theirs.bases[-1]))
        and np.array_equal(np.asarray(written.member("fSumw2")), np.asarray(theirs.member("fSumw2")))
        and np.allclose([theirs.member(name) for name in sums], ours.sums, rtol=1e-12, atol=1e-300)
    )


@pytest.mark.parametrize(("job", "number"), [("alternate", 128), ("expr", 214), ("multi", 99)])
def test_every_histogram_of_the_golden_files(job: str, number: int) -> None:
    if reference() is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set")
    wrong, compared = exact(job)
    assert wrong == []
    assert compared == number


@given(
    st.lists(st.floats(-3, 3), min_size=1, max_size=40),
    st.integers(1, 20),
)
def test_bins_are_those_of_numpy(values: list[float], n_bins: int) -> None:
    axis = BinnedAxis(n_bins, -1.0, 2.0)
    found = axis.find(np.array(values))
    edges = np.linspace(-1.0, 2.0, n_bins + 1)
    # at an edge the last bit decides
    clear = np.abs(np.array(values)[:, None] - edges).min(axis=1) > 1e-9
    assert np.array_equal(found[clear], np.digitize(values, edges)[clear])
    assert found[np.array(values) == 2.0].tolist() == [n_bins + 1] * values.count(2.0)


def test_not_a_number_lies_beyond_the_end() -> None:
    assert BinnedAxis(4, 0.0, 1.0).find(np.array([np.nan, -1.0, 0.0, 1.0])).tolist() == [5, 0, 1, 5]


def test_weights_of_either_sign_keep_their_squares() -> None:
    axis = BinnedAxis(2, 0.0, 2.0)
    filled = Filled.of(axis, "", np.array([0.5, 0.5, 1.5]), np.array([2.0, -1.0, 3.0]), np.float32)
    assert filled.content.tolist() == [0.0, 1.0, 3.0, 0.0]
    assert filled.sumw2 is not None
    assert filled.sumw2.tolist() == [0.0, 5.0, 9.0, 0.0]
    density = filled.normalised()
    assert density.content.sum() * axis.width == pytest.approx(1.0)
    negative = Filled.of(axis, "", np.array([0.5]), np.array([-1.0]), np.float64)
    assert negative.normalised() is negative


def two_gaussians(n: int = 400, seed: int = 5, **changes: Any) -> OutputEvents:
    rng = np.random.default_rng(seed)
    class_id = (np.arange(n) % 2).astype(np.int32)
    x = rng.normal(0, 1, n) - class_id
    columns = {"x": x.astype(np.float32), "y": rng.normal(0, 1, n).astype(np.float32)}
    return replace(
        OutputEvents(class_id, CLASSES, rng.choice([-0.5, 1.5, 2.0], n), columns, {"A": x}, weight_is_normalised=False),
        **changes,
    )


def test_missing_values_are_not_drawn() -> None:
    events = two_gaussians()
    holes = np.arange(len(events)) % 5 == 0
    damaged = replace(
        events, variables=events.variables | {"x": np.where(holes, np.nan, events.variables["x"]).astype(np.float32)}
    )
    made = dict(variable_histograms(damaged, labels(events), ""))
    assert made["x__Signal"].n_entries == (~holes & (events.class_id == 0)).sum()
    assert made["y__Signal"].n_entries == 200
    plot = dict(correlation_plots(damaged, labels(events), ""))["scat_y_vs_x_Signal"]
    assert plot.n_entries == made["x__Signal"].n_entries
    (_, of_rest), _ = correlation_matrices(damaged, labels(events))
    (_, expected), _ = correlation_matrices(events.rows(~holes), labels(events))
    assert np.array_equal(of_rest.content, expected.content)


def test_constant_and_many_variables() -> None:
    events = two_gaussians()
    flat = replace(events, variables={"zero": np.zeros(400, np.float32), "two": np.full(400, 2.0, np.float32)})
    made = dict(variable_histograms(flat, labels(flat), ""))
    assert [made[f"{name}__Signal"].axes[0].low for name in ("zero", "two")] == [0.0, 2.0]
    assert all(filled.content[1:-1].sum() != 0 for filled in made.values())
    (_, matrix), _ = correlation_matrices(flat, labels(flat))
    assert matrix.content.reshape(4, 4)[1:3, 1:3].tolist() == [[100.0, 0.0], [0.0, 100.0]]
    many = replace(events, variables={f"v{number}": events.variables["x"] for number in range(21)})
    assert list(correlation_plots(many, labels(many), "")) == []


def test_an_inverted_classifier_is_cut_from_the_other_side() -> None:
    events = two_gaussians()
    inverted = replace(events, responses={"A": -np.asarray(events.responses["A"])})
    curves = [dict(response_histograms("A", one, one))["MVA_A_rejBvsS"].content for one in (events, inverted)]
    assert np.abs(curves[0] - curves[1]).max() < 0.02
    effective = dict(response_histograms("A", inverted, inverted))["MVA_A_effS"].content[1:-1]
    assert effective[0] < 0.01
    assert effective[-1] > 0.99


def test_what_has_no_curve_is_an_error() -> None:
    events = two_gaussians()
    with pytest.raises(InvalidInputError, match="all 400 scores lie at 1"):
        list(response_histograms("A", events, replace(events, responses={"A": np.ones(400)})))
    with pytest.raises(EmptyClassError):
        list(response_histograms("A", events, events.rows(events.class_id == 0)))


def test_probabilities_are_drawn_where_there_are_some() -> None:
    events = two_gaussians()
    proba = (1 / (1 + np.exp(-np.asarray(events.responses["A"])))).astype(np.float32)
    made = dict(response_histograms("A", events, replace(events, probabilities={"A": proba})))
    axis = made["MVA_A_Proba_S"].axes[0]
    assert (axis.n_bins, axis.low, axis.high) == (40, 0.0, 1.0)
    assert "MVA_A_Proba_S" not in dict(response_histograms("A", events, events))
