"""Events in memory: shape, sharing, joining, numbers."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.data import Dataset, Feature, Identity, SampleInfo
from hepml.errors import FeatureMismatchError, IdentityError, InvalidInputError, SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Make = Callable[..., Dataset]


def arrays(dataset: Dataset) -> dict[str, NDArray[Any]]:
    columns = {"X": dataset.X, "weight": dataset.weight, "sample": dataset.sample, **dataset.spectators}
    columns |= dict(zip(dataset.identity.names, dataset.identity.columns, strict=True))
    return columns


def assert_same(a: Dataset, b: Dataset) -> None:
    assert a.features == b.features
    for (name, one), other in zip(arrays(a).items(), arrays(b).values(), strict=True):
        assert one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, err_msg=name)


def test_nothing_can_be_written_to(make_dataset: Make) -> None:
    dataset = make_dataset()
    for view in (dataset, dataset[2:5], dataset[dataset.weight > 0]):
        for name, array in arrays(view).items():
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
            assert not array.flags.writeable, name
    with pytest.raises(FrozenInstanceError):
        dataset.weight = np.ones(10)  # type: ignore[misc]
    with pytest.raises(TypeError):
        dataset.spectators["mass"] = np.ones(10)  # type: ignore[index]


def test_slices_share_memory_and_masks_copy(make_dataset: Make) -> None:
    dataset = make_dataset()
    part = dataset[2:9:2]
    assert len(part) == 4
    for (name, mine), other in zip(arrays(part).items(), arrays(dataset).values(), strict=True):
        assert np.shares_memory(mine, other), name
        np.testing.assert_array_equal(mine, other[2:9:2])
    for index in (dataset.weight > 1, np.array([3, 1, 1]), np.array([-1], dtype=np.int8), [0, 5]):
        part = dataset[index]
        for (name, mine), other in zip(arrays(part).items(), arrays(dataset).values(), strict=True):
            assert not np.shares_memory(mine, other), name
            np.testing.assert_array_equal(mine, other[index])
        assert part.X.flags.f_contiguous, "features stay contiguous"
    assert len(dataset[[]]) == len(dataset[np.zeros(10, dtype=bool)]) == 0


@pytest.mark.parametrize("index", [3, None, "pt", np.ones((10, 2), dtype=bool), np.array([0.5]), ["a"], np.float64(1)])
def test_other_indices_are_refused(make_dataset: Make, index: Any) -> None:
    with pytest.raises(InvalidInputError, match="indexed by a slice, a mask or an array of row numbers"):
        make_dataset()[index]


def test_a_mask_of_another_length_is_refused(make_dataset: Make) -> None:
    with pytest.raises(InvalidInputError, match="the mask has 9 rows; there are 10 events"):
        make_dataset()[np.ones(9, dtype=bool)]
    with pytest.raises(IndexError):
        make_dataset()[np.array([10])]


def test_columns_by_name(make_dataset: Make) -> None:
    dataset = make_dataset()
    assert np.shares_memory(dataset.column("eta"), dataset.X)
    np.testing.assert_array_equal(dataset.column("eta"), dataset.X[:, 1])
    assert dataset.column("mass") is dataset.spectators["mass"]
    with pytest.raises(
        FeatureMismatchError, match=r"no feature or spectator 'Mass'; did you mean 'mass'\? \(known: pt, eta,"
    ):
        dataset.column("Mass")


def test_labels_and_roles(make_dataset: Make) -> None:
    dataset = make_dataset(6)
    assert dataset.label.tolist() == [1, 0, -1, 1, 0, -1]
    assert dataset.of_roles("signal", "data").tolist() == [True, False, True] * 2
    assert SampleInfo("x", "control").label == SampleInfo("x", "apply_only").label == -1


def test_the_summary_against_hand_made_numbers(make_dataset: Make) -> None:
    dataset = replace(make_dataset(6), weight=np.array([1.0, 3.0, 1.0, -0.5, 4.0, 1.0]))
    rows = dataset.summary()
    assert rows[0] == {
        "name": "sig",
        "role": "signal",
        "n_entries": 12,
        "sum_weights_entries": 3.5,
        "n_events": 2,
        "sum_weights": 0.5,
        "sum_weights_error": pytest.approx(1.25**0.5),
        "n_negative": 1,
        "n_effective": pytest.approx(0.25 / 1.25),
    }
    assert rows[1]["sum_weights_error"] == 5.0
    assert rows[1]["n_effective"] == pytest.approx(49 / 25)
    text = repr(dataset)
    assert text.startswith("<Dataset: 6 events, 2 features (pt, eta)\n  sig (signal): 2 events, sum of weights 0.5")
    assert text.endswith(">")
    assert repr(dataset[:0]).count("0 events") == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.zeros((10, 3), dtype=np.float32)}, r"X has shape \(10, 3\); expected \(10 events, 2 features\)"),
        ({"X": np.zeros((10, 2))}, "X has type float64; it must be float32"),
        ({"weight": np.ones(10, dtype=np.float32)}, "weight has type float32; it must be float64"),
        ({"weight": np.ones((10, 1))}, r"weight has shape \(10, 1\)"),
        ({"sample": np.zeros(9, dtype=np.int32)}, "sample has 9 rows; there are 10 events"),
        ({"sample": np.zeros(10, dtype=np.int64)}, "sample has type int64"),
        ({"sample": np.full(10, 3, dtype=np.int32)}, "sample has values from 3 to 3; there are 3 samples"),
        ({"sample": np.full(10, -1, dtype=np.int32)}, "sample has values from -1 to -1"),
        ({"spectators": {"mass": np.ones(3)}}, "spectator 'mass' has 3 rows"),
        ({"spectators": {"pt": np.ones(10)}}, "names must be unique; twice there: pt"),
        ({"features": (Feature("a"), Feature("a"))}, "names must be unique; twice there: a"),
        ({"fixed_part": np.zeros(2, dtype=np.int8)}, "fixed_part has 2 rows"),
        ({"fixed_part": np.zeros(10, dtype=np.int64)}, "fixed_part has type int64"),
        ({"identity": Identity(("e",), (np.arange(4),))}, "identity column 'e' has 4 rows"),
    ],
)
def test_columns_that_do_not_fit_are_refused(make_dataset: Make, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(make_dataset(), **change)


def test_datasets_travel_to_workers(make_dataset: Make) -> None:
    dataset = make_dataset()
    for other in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):  # noqa: S301
        assert_same(dataset, other)
        assert other.samples == dataset.samples
        assert not other.weight.flags.writeable
    assert dataset != make_dataset(), "datasets are compared by what they are, not element by element"


def test_joining_slices_gives_the_whole_back(make_dataset: Make) -> None:
    dataset = make_dataset()
    joined = Dataset.concatenate([dataset[:3], dataset[3:3], dataset[3:]])
    assert_same(joined, dataset)
    assert joined.samples == dataset.samples, "entries of the same files count once"
    assert joined.X.flags.f_contiguous
    assert Dataset.concatenate([dataset]) is dataset


def test_samples_of_equal_name_and_role_become_one(make_dataset: Make) -> None:
    first = make_dataset(6)
    second = make_dataset(9, seed=2, files=("b.root",))
    renamed = replace(second, samples=(replace(second.samples[0], role="control"), *second.samples[1:]))
    joined = Dataset.concatenate([first, renamed])
    assert [(info.name, info.role) for info in joined.samples] == [
        ("sig", "signal"),
        ("bkg", "background"),
        ("obs", "data"),
        ("sig", "control"),
    ]
    assert joined.samples[1].n_entries == 6 + 9
    assert joined.samples[1].sum_weights == -2.0
    assert joined.samples[1].files == ("a.root", "b.root")
    names = [joined.samples[number].name for number in joined.sample]
    assert names == ["sig", "bkg", "obs"] * 5
    np.testing.assert_array_equal(joined.label, [1, 0, -1] * 2 + [-1, 0, -1] * 3)


def test_fixed_parts_are_joined_with_none(make_dataset: Make) -> None:
    first = make_dataset(3)
    fixed = replace(make_dataset(2), fixed_part=np.array([1, 3], dtype=np.int8))
    joined = Dataset.concatenate([first, fixed])
    assert joined.fixed_part is not None
    assert joined.fixed_part.tolist() == [0, 0, 0, 1, 3]
    assert Dataset.concatenate([first, first]).fixed_part is None


def test_what_cannot_be_joined_is_refused(make_dataset: Make) -> None:
    dataset = make_dataset()
    with pytest.raises(InvalidInputError, match="nothing to concatenate"):
        Dataset.concatenate([])
    other = replace(dataset, features=(Feature("pt"), Feature("phi")))
    with pytest.raises(FeatureMismatchError, match=r"different features or spectators.*eta.*phi"):
        Dataset.concatenate([dataset, other])
    with pytest.raises(FeatureMismatchError, match="different features or spectators"):
        Dataset.concatenate([dataset, replace(dataset, spectators={})])
    other = replace(dataset, features=(Feature("pt", unit="MeV"), Feature("eta")))
    with pytest.raises(FeatureMismatchError, match=r"feature 'pt' is not the same.*GeV.*MeV"):
        Dataset.concatenate([dataset, other])
    other = replace(dataset, identity=Identity(("event",), (np.arange(10),)))
    with pytest.raises(IdentityError, match=r"different branches.*event and run:event"):
        Dataset.concatenate([dataset, other])


BIG = 2**53 + 1


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (np.array([-1, BIG]), np.array([3], dtype=np.uint64), np.array([-1, BIG, 3])),
        (np.array([1, 2]), np.array([2**64 - 1], dtype=np.uint64), np.array([1, 2, 2**64 - 1], dtype=np.uint64)),
        (np.array([1, 2**53]), np.array([0.5]), np.array([1.0, 2.0**53, 0.5])),
        (np.array([], dtype=np.int64), np.array([2**64 - 1], dtype=np.uint64), np.array([2**64 - 1], dtype=np.uint64)),
    ],
)
def test_spectators_keep_every_bit(make_dataset: Make, first: Any, second: Any, expected: Any) -> None:
    parts = [replace(make_dataset(len(column)), spectators={"s": column}) for column in (first, second)]
    found = Dataset.concatenate(parts).spectators["s"]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.array([-1]), np.array([2**63], dtype=np.uint64), "no 64-bit type holds its values"),
        (np.array([BIG]), np.array([0.5]), r"values above 2\^53"),
        (np.array([-BIG]), np.array([0.5]), r"values above 2\^53"),
    ],
)
def test_spectators_that_would_change_are_refused(make_dataset: Make, first: Any, second: Any, message: str) -> None:
    parts = [replace(make_dataset(1), spectators={"s": column}) for column in (first, second)]
    with pytest.raises(SchemaMismatchError, match=f"spectator 's'.*{message}"):
        Dataset.concatenate(parts)


def test_a_feature_describes_itself() -> None:
    feature = Feature("lpt", "log(pt)", unit="GeV", title="$p_T$", missing=(-999,))
    assert feature.label == "$p_T$ [GeV]"
    assert Feature("n").label == "n"
    assert Feature("n").expression == "n"
    assert Feature.from_dict(feature.to_dict()) == feature
    with pytest.raises(InvalidInputError, match="needs a name"):
        Feature("")


def test_what_makes_a_feature() -> None:
    assert Feature.of("log(pt)") == Feature("log(pt)")
    assert Feature.of(("lpt", "log(pt)"), (-9.0,)) == Feature("lpt", "log(pt)", missing=(-9.0,))
    assert Feature.of(Feature("n"), (-9.0,)) == Feature("n")
    for wrong in ({"name": "lpt", "expression": "log(pt)"}, ("a", "b", "c"), 3):
        with pytest.raises(InvalidInputError, match=r"a pair \(name, expression\) or a hepml.data.Feature, not"):
            Feature.of(wrong)
