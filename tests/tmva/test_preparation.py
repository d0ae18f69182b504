"""Preparation of events: those of a real TMVA in its order, its rules one by one, and requests that cannot be met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import (
    EmptySelectionError,
    ExpressionError,
    FeatureValueError,
    HepmlError,
    InvalidInputError,
    MissingFileError,
    UnknownNameError,
    WeightError,
)
from hepml.root_process import RootProcess
from hepml.tmva import Reader, prepare, train
from hepml.tmva.methods.category import Category
from hepml.tmva.preparation import from_arrays, from_dataset
from hepml.tmva.preparation.shuffling import Shuffler
from hepml.tmva.preparation.splitting import ClassRows, mixed, split
from hepml.tmva.random import TRandom3
from tests.tmva.golden import SMALL, reference
from tests.tmva.golden_trainings import JOBS, training_events

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.tmva import PreparedData, TMVAEvents

N = 40


@pytest.fixture(scope="module")
def folder() -> Path:
    found = reference()
    if found is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no events of a real TMVA")
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trees: ``x`` counts entries, from 1000 in the background; ``w`` is signed; ``bad`` has a NaN."""
    path = tmp_path_factory.mktemp("trees") / "toy.root"
    rng = np.random.default_rng(3)
    with uproot.recreate(path) as out:
        for tree, start in (("S", 0), ("B", 1000)):
            w = rng.uniform(0.5, 1.5, N)
            w[::9] *= -1.0
            bad = np.where(np.arange(N) == 5, np.nan, 1.0 * np.arange(N))
            # numbers from 0, in single precision as TMVA keeps them
            out[tree] = {"x": np.arange(start, start + N), "w": w, "bad": bad, "flat": np.ones(N)}
    return path


def of(file: Path, options: str = "", **more: Any) -> PreparedData:
    given = {"signal": [(file, "S")], "background": [(file, "B")], "variables": ["x"], "options": options}
    return prepare(**(given | more))


def x(events: TMVAEvents) -> list[int]:
    return events.variables[:, 0].astype(int).tolist()


@pytest.mark.parametrize("job", JOBS)
def test_events_order_and_weights_are_those_of_tmva(job: str, folder: Path) -> None:
    data = training_events(folder, job)
    with np.load(folder / "trees" / f"{job}.npz") as trees:
        for tree, events in (("TrainTree", data.train), ("TestTree", data.test)):
            np.testing.assert_array_equal(events.class_index, trees[f"{tree}/classID"])
            columns = (
                *zip(data.variables, events.variables.T, strict=True),
                *zip(data.spectators, events.spectators.T, strict=True),
                *zip(data.targets, events.targets.T, strict=True),
            )
            for variable, column in columns:
                # a spectator called weight is hidden by the weight
                if variable.internal != "weight":
                    np.testing.assert_array_equal(column, trees[f"{tree}/{variable.internal}"])
            if job != "expr":
                np.testing.assert_array_equal(events.weight.astype(np.float32), trees[f"{tree}/weight"])


def test_the_newer_shuffle_gives_the_order_of_current_root(folder: Path) -> None:
    data = training_events(folder, "random", shuffle="std::shuffle")
    with np.load(folder / "data" / "split_random_current_root.npz") as order:
        np.testing.assert_array_equal(data.train.spectators[:, 0], order["train"])
        np.testing.assert_array_equal(data.test.spectators[:, 0], order["test"])


def test_cuts_select_the_events_of_categories(folder: Path) -> None:
    method = Reader(SMALL / "expr_FisherCat.weights.xml.gz").method
    assert isinstance(method, Category)
    for cut, part in zip(("abs(weight)<=1", "abs(weight)>1"), method.parts, strict=True):
        model = train("Fisher", "", training_events(folder, "expr", cut=cut))
        np.testing.assert_allclose(model.method.coefficients, part.method.coefficients, rtol=1e-9)


@pytest.mark.requires_root
def test_shuffles_are_those_of_the_standard_library() -> None:
    counts = [0, 1, 2, 3, 10, 11, 65_535, 65_536, 65_537]
    with RootProcess(purpose="a test") as process:
        process.call("tests.tmva.shuffles:shuffle", {"seed": 100, "counts": counts})
        for count in counts:
            shuffler = Shuffler(100, "std::shuffle")
            rows = shuffler.shuffled(shuffler.shuffled(np.arange(count)))
            np.testing.assert_array_equal(rows, process.array(f"shuffled{count}"))


def test_the_older_shuffle_swaps_by_integers() -> None:
    generator, expected = TRandom3(100), list(range(50))
    for place in range(1, 50):
        other = generator.integer(place + 1)
        expected[place], expected[other] = expected[other], expected[place]
    assert Shuffler(100, "std::random_shuffle").shuffled(np.arange(50)).tolist() == expected


def test_blocks_and_turns(file: Path) -> None:
    block = of(file, "nTrain_Signal=3:nTest_Signal=2:nTrain_Background=2:nTest_Background=1:SplitMode=Block")
    # what is wanted of neither is shared: training begins with 3 of 3 + 35 / 2
    assert x(block.train) == [0, 1, 2, 1000, 1001]
    assert x(block.test) == [20, 21, 1020]
    turns = of(file, "nTrain_Signal=2:nTest_Signal=3:nTrain_Background=3:nTest_Background=2:SplitMode=Alternate")
    assert x(turns.train) == [0, 1000, 2, 1002, 1004]
    assert x(turns.test) == [1, 1001, 3, 1003, 4]
    apart = of(file, "nTrain_Signal=2:nTrain_Background=2:SplitMode=Alternate:MixMode=Block")
    assert x(apart.train) == [0, 2, 1000, 1002]
    assert len(apart.test) == 2 * N - 4


def test_without_numbers_half_is_trained_on(file: Path) -> None:
    data = of(file, "SplitMode=Block")
    assert x(data.train) == [*range(N // 2), *range(1000, 1000 + N // 2)]
    odd = of(file, "SplitMode=Block", cut={"Signal": "x<7"})
    # one of seven is used for neither
    assert [(c.n_selected, c.n_train, c.n_test) for c in odd.counts] == [(7, 3, 3), (N, N // 2, N // 2)]


def test_random_is_a_partition_and_depends_on_the_seed(file: Path) -> None:
    options = "nTrain_Signal=11:nTrain_Background=9:SplitMode=Random"
    data = of(file, options)
    assert sorted(x(data.train) + x(data.test)) == [*range(N), *range(1000, 1000 + N)]
    assert x(data.train) == x(of(file, options).train)
    assert x(data.train) != x(of(file, f"{options}:SplitSeed=7").train)
    assert x(data.train) != x(of(file, options, shuffle="std::random_shuffle").train)
    # a seed is of no account where nothing is drawn
    assert x(of(file, "SplitMode=Block:SplitSeed=7").train) == x(of(file, "SplitMode=Block").train)


def test_fractions_override_numbers(file: Path) -> None:
    data = of(file, "nTrain_Signal=3:TrainTestSplit_Signal=0.75:TrainTestSplit_Background=0.5:SplitMode=Block")
    assert [count.n_train for count in data.counts] == [30, 20]
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        of(file, "TrainTestSplit_Signal=1.5")


def test_numbers_follow_the_cut_where_asked(file: Path) -> None:
    options = "nTrain_Signal=10:nTest_Signal=8:nTrain_Background=10:SplitMode=Block"
    plain, scaled = (of(file, options + more, cut={"Signal": "x<20"}) for more in ("", ":ScaleWithPreselEff"))
    assert [count.n_train for count in plain.counts] == [10, 10]
    assert [(count.n_train, count.n_test) for count in scaled.counts] == [(5, 4), (10, 30)]


def test_trees_for_one_purpose_stay_there(file: Path) -> None:
    data = of(file, "SplitMode=Block", signal=[(file, "S", 1.0, "Training"), (file, "B", 2.0, "Test")])
    assert x(data.train)[:N] == list(range(N))
    assert x(data.test)[:N] == list(range(1000, 1000 + N))
    assert set(data.test.weight[:N]) == {2.0}


def test_weights_of_trees_and_events_multiply_in_single_precision(file: Path) -> None:
    data = of(file, "SplitMode=Block:NormMode=None", signal=[(file, "S", 0.3)], weight="w")
    with uproot.open(file) as trees:
        w = trees["S/w"].array(library="np")[: N // 2]
    expected = (np.float64(np.float32(0.3)) * w).astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(data.train.weight[: N // 2], expected)
    np.testing.assert_array_equal(data.train.weight, data.train.original_weight)
    assert (data.train.weight < 0.0).any()


@pytest.mark.parametrize(("mode", "sums"), [("NumEvents", (10, 25)), ("EqualNumEvents", (10, 10))])
def test_norm_modes(file: Path, mode: str, sums: tuple[int, int]) -> None:
    data = of(file, f"nTrain_Signal=10:nTrain_Background=25:SplitMode=Block:NormMode={mode}", weight="w")
    for index, expected in enumerate(sums):
        rows = data.train.class_index == index
        assert data.train.weight[rows].sum() == pytest.approx(expected, rel=1e-12)
        ratio = data.train.weight[rows] / data.train.original_weight[rows]
        np.testing.assert_allclose(ratio, data.counts[index].factor, rtol=1e-15)
    np.testing.assert_array_equal(data.test.weight, data.test.original_weight)


def test_declarations(file: Path) -> None:
    data = of(file, variables=["y := 2 * x + 1", ("abs( x )", "|x|", "GeV", "I")], spectators=["w"])
    first, second = data.variables
    assert (first.label, first.expression, first.title, first.internal) == ("y", "2*x+1", "y", "y")
    assert (second.label, second.title, second.unit, second.type) == ("abs(x)", "|x|", "GeV", "I")
    assert second.internal == "abs_x_"
    np.testing.assert_array_equal(data.train.variables[:, 0], 2.0 * data.train.variables[:, 1] + 1.0)
    assert (first.minimum, first.maximum) == (data.train.variables[:, 0].min(), data.train.variables[:, 0].max())
    assert data.train.variables.flags.c_contiguous


@given(st.lists(st.integers(0, 12), min_size=1, max_size=4))
def test_classes_take_turns(sizes: list[int]) -> None:
    parts = [np.arange(size) + 100 * index for index, size in enumerate(sizes)]
    # as vectors of C++ would be filled: TMVA begins one before the first event
    expected = parts[0].tolist()
    for index, part in enumerate(parts[1:], 1):
        target = -1
        for place, row in enumerate(part.tolist()):
            if len(expected) - target < index + 1:
                expected += part[place:].tolist()
                break
            target += index + 1
            expected.insert(target, row)
    assert mixed(parts, "Alternate", Shuffler(1, "std::shuffle")).tolist() == expected


@given(
    st.tuples(*[st.integers(0, 30)] * 3).filter(lambda numbers: sum(numbers) > 0),
    st.integers(0, 40),
    st.integers(0, 40),
    st.sampled_from(["Random", "Block", "Alternate"]),
)
def test_every_split_gives_what_was_wanted_or_refuses(
    numbers: tuple[int, int, int], wants_train: int, wants_test: int, mode: str
) -> None:
    borders = np.cumsum([0, *numbers])
    train, test, free = (np.arange(borders[k], borders[k + 1]) for k in range(3))
    rows = ClassRows("C", train, test, free, wants_train, wants_test)
    try:
        [(found_train, found_test)] = split([rows], mode, Shuffler(5, "std::shuffle"))
    except InvalidInputError:
        assert wants_train + wants_test > 0 or mode == "Alternate" or numbers[2] < abs(numbers[0] - numbers[1])
        return
    assert not set(found_train) & set(found_test)
    assert not set(found_train) & set(test)
    assert not set(found_test) & set(train)
    if wants_train and mode != "Random":
        assert len(found_train) == wants_train
    assert len(found_train) <= wants_train or not wants_train


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"options": "nTrain_Signal=41"}, InvalidInputError, "41 training and 0 test events"),
        ({"options": "nTrain_Signal=-1"}, InvalidInputError, "-1 training"),
        ({"options": "nTrain_Signal=30:SplitMode=Alternate"}, InvalidInputError, "SplitMode=Alternate gives 20 and 20"),
        ({"options": "nTrain_Singal=3"}, InvalidInputError, "nTrain_Signal"),
        ({"options": "SplitSeed=0"}, InvalidInputError, "different seed each time"),
        ({"shuffle": "shuffle"}, UnknownNameError, "std::shuffle"),
        ({"variables": ["bad"]}, FeatureValueError, r"bad is NaN or infinite in 1 of 40"),
        ({"variables": ["1e300*(x+1)"]}, FeatureValueError, r"infinite in 40 of 40"),
        ({"variables": ["flat"]}, FeatureValueError, "'flat' is constant"),
        ({"weight": "bad"}, WeightError, "weight is NaN or infinite in 1"),
        ({"weight": "-1"}, WeightError, "NormMode=EqualNumEvents has no meaning"),
        ({"cut": {"Signal": "x>1000"}}, EmptySelectionError, "no event of class 'Signal'"),
        ({"cut": {"Singal": "x>1000"}}, UnknownNameError, "did you mean 'Signal'"),
        ({"variables": []}, InvalidInputError, "no variable"),
        ({"variables": "x"}, InvalidInputError, "a list of declarations"),
        ({"variables": ["x", "x"]}, InvalidInputError, "declared 2 times"),
        ({"variables": ["y :="]}, InvalidInputError, "no expression"),
        ({"variables": ["x+"]}, ExpressionError, "x\\+"),
        ({"variables": [("x", "t", "u", "D")]}, InvalidInputError, "of type 'D'"),
        ({"background": None}, InvalidInputError, "Signal is given"),
        ({"targets": ["w"]}, InvalidInputError, "a regression has one class"),
        ({"signal": [("nowhere.root", "S")]}, MissingFileError, "nowhere.root"),
        ({"signal": []}, InvalidInputError, "no tree"),
        ({"signal": [("a.root", "S", "1.0")]}, InvalidInputError, "'Training' or 'Test'"),
        ({"classes": {"A": []}}, InvalidInputError, "not both"),
    ],
)
def test_what_cannot_be_is_refused(file: Path, more: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        of(file, **more)


def test_a_cut_takes_bad_entries_out(file: Path) -> None:
    data = of(file, variables=["bad"], cut="x%1000 != 5")
    assert {count.n_selected for count in data.counts} == {N - 1}


def test_arrays_and_datasets_are_trained_on_as_they_stand() -> None:
    import hepml

    rng = np.random.default_rng(1)
    X, label = rng.normal(size=(30, 2)).astype(np.float32), np.arange(30) % 3 == 0
    weight = rng.uniform(-0.2, 1.0, 30)
    data = from_arrays(X, ~label, weight, variables=["a", "b"], norm_mode="NumEvents")
    np.testing.assert_array_equal(data.train.variables, X)
    assert len(data.test) == 0
    assert data.train.weight[label].sum() == pytest.approx(10.0)
    np.testing.assert_array_equal(data.train.original_weight, weight)
    dataset = hepml.Dataset.from_numpy(X, features=["a", "b"], label=label.astype(int), weight=weight)
    same = from_dataset(dataset, norm_mode="NumEvents")
    np.testing.assert_array_equal(same.train.weight, data.train.weight)
    assert [variable.label for variable in same.variables] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"class_index": None}, "class_index is needed"),
        ({"class_index": np.full(6, 2)}, "from 0 to 1"),
        ({"class_index": np.zeros(5, int)}, "5 class indices"),
        ({"class_index": np.zeros(6, int)}, "'Background' has no events"),
        ({"X": np.full((6, 1), np.nan)}, "a is NaN or infinite in 6 of 6"),
        ({"X": np.zeros((6, 2))}, "and 1 are declared"),
        ({"weight": np.full(6, np.inf)}, "6 of 6 weights"),
        ({"weight": -np.ones(6)}, "has no meaning"),
    ],
)
def test_arrays_that_cannot_train_are_refused(change: dict[str, Any], words: str) -> None:
    plain: dict[str, NDArray[Any]] = {
        "X": np.arange(6.0)[:, None],
        "class_index": np.arange(6) % 2,
        "weight": np.ones(6),
    }
    from_arrays(**plain, variables=["a"])
    with pytest.raises(HepmlError, match=words):
        from_arrays(**(plain | change), variables=["a"])
