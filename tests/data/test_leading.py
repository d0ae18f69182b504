"""Leading objects against plain Python, from the file to the features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import pytest
import uproot

import hepml
from hepml.data import Feature, leading
from hepml.errors import ExpressionError, InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

N = 500


@pytest.fixture(scope="module")
def jets(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[list[tuple[float, float]]]]:
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 6, N)
    pt = rng.exponential(40, counts.sum()).astype(np.float32)
    eta = rng.normal(0, 2, counts.sum()).astype(np.float32)
    path: Path = tmp_path_factory.mktemp("jets") / "jets.root"
    columns = {"jet_pt": ak.unflatten(pt, counts), "jet_eta": ak.unflatten(eta, counts)}
    with uproot.recreate(path) as file:
        file.mktree("events", {"event": np.int64, **{name: column.type.content for name, column in columns.items()}})
        file["events"].extend({"event": np.arange(N), **columns})
    pairs = zip(columns["jet_pt"].to_list(), columns["jet_eta"].to_list(), strict=True)
    return str(path), [list(zip(*pair, strict=True)) for pair in pairs]


@pytest.mark.parametrize("by", ["", "jet_pt", "-jet_pt", "abs(jet_eta)"])
@pytest.mark.parametrize("where", ["", "abs(jet_eta) < 2.5"])
@pytest.mark.parametrize("expression", ["jet_pt", "jet_pt/2"])
@pytest.mark.parametrize("pad", [np.nan, -9.0])
def test_against_python(jets: Any, *, by: str, where: str, expression: str, pad: float) -> None:
    path, events = jets
    factor = 0.5 if expression.endswith("/2") else 1
    features = leading("jet", 3, expression=expression, by=by, where=where, pad=pad)
    data = hepml.read(path, features=features, identity=["event"])
    keys = {
        "": lambda _: 0.0,
        "jet_pt": lambda x: -x[0],
        "-jet_pt": lambda x: x[0],
        "abs(jet_eta)": lambda x: -abs(x[1]),
    }
    expected = np.full((N, 3), pad, dtype=np.float32)
    for row, event in enumerate(events):
        kept = sorted([jet for jet in event if not where or abs(jet[1]) < 2.5], key=keys[by])[:3]
        expected[row, : len(kept)] = [pt * factor for pt, _ in kept]
    assert data.feature_names == ("jet_0", "jet_1", "jet_2")
    np.testing.assert_array_equal(data.X, expected)


def test_labels_go_on_with_the_number() -> None:
    features = leading("jet_pt", 2, unit="GeV", title="$p_T$", missing=[-999])
    assert features[1] == Feature("jet_pt_1", "jet_pt[1]", "GeV", "$p_T$ 1", (-999.0,))
    assert leading("jet_pt", 1)[0].label == "jet_pt_0"


@pytest.mark.parametrize("number", [0, -1, 101])
def test_numbers_out_of_range(number: int) -> None:
    with pytest.raises(InvalidInputError, match="must be 1 to 100"):
        leading("jet_pt", number)


def test_what_is_wrong_is_told_with_its_key() -> None:
    with pytest.raises(InvalidInputError, match="pad is infinite"):
        leading("jet_pt", 2, pad=np.inf)
    with pytest.raises(ExpressionError, match=r"^by of the leading 'jet_pt'.*never closed"):
        leading("jet_pt", 2, by="abs(jet_pt")
    with pytest.raises(ExpressionError, match=r"^expression of the leading 'jet'"):
        leading("jet", 2, expression="jet_pt +")
    with pytest.raises(ExpressionError, match=r"^where of the leading 'jet_pt'.*write 'jet_good != 0'"):
        leading("jet_pt", 2, where="jet_good")
