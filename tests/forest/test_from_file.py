"""Model files are told apart by their content, and nothing that stands in one does harm."""

from __future__ import annotations

import json
import re
import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import MissingFileError, ModelFormatError
from hepml.forest import Forest, open_forest
from hepml.forest.files import FORMATS
from hepml.forest.from_lightgbm import from_text
from hepml.forest.from_xgboost import from_json, from_ubjson
from hepml.forest.ubjson import parse_ubjson
from tests.forest.test_from_lightgbm import TEXT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def make_booster() -> xgb.Booster:
    rng = np.random.default_rng(12)
    X = rng.normal(size=(300, 3))
    X[:, 2] = rng.integers(0, 9, len(X))
    kinds = ["q", "q", "c"]
    data = xgb.DMatrix(X, label=(X[:, 0] > 0) ^ (X[:, 2] % 2 == 0), feature_types=kinds, enable_categorical=True)
    return xgb.train({"objective": "binary:logistic", "max_depth": 2, "max_cat_to_onehot": 1}, data, 2)


BOOSTER = make_booster()
CONTENT: dict[str, tuple[bytes, Callable[[bytes, str], Forest]]] = {
    "json": (bytes(BOOSTER.save_raw("json")), from_json),
    "ubj": (bytes(BOOSTER.save_raw("ubj")), from_ubjson),
    "text": (TEXT.encode(), from_text),
}
NUMBERS = (
    "-1",
    "0",
    "1",
    "7",
    "2147483648",
    "-9223372036854775809",
    "1e308",
    "-1e999",
    "NaN",
    "nan",
    "inf",
    "0.5",
    '"',
    "[",
    "{}",
)


@pytest.mark.parametrize("kind", [*CONTENT, "npz"])
def test_files_are_recognised_by_their_content(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.weights"
    forest = Forest.from_xgboost(BOOSTER)
    if kind == "npz":
        forest.save(path)
        assert open_forest(path) == forest
        return
    content, reader = CONTENT[kind]
    path.write_bytes(content)
    assert open_forest(path) == Forest.from_file(path) == reader(content, "model")
    assert sum(each.recognises(content[:256]) for each in FORMATS) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\x08\x01onnx", b"RIFF", b"{]", b"tree of life"])
def test_other_content_is_refused_by_what_is_known(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(content)
    with pytest.raises(ModelFormatError, match=r"known: forest of hepml.*XGBoost JSON.*LightGBM text"):
        open_forest(tmp_path / "model.json")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such file"):
        open_forest(tmp_path / "none")
    with pytest.raises(ModelFormatError, match="cannot be read"):
        open_forest(tmp_path)


def assert_harmless(content: bytes, reader: Callable[[bytes, str], Forest]) -> None:
    """Reading gives a forest that can be evaluated, or the one error, within a second."""
    begin = time.process_time()
    try:
        forest = reader(content, "model")
    except ModelFormatError:
        forest = None
    assert time.process_time() - begin < 1.0
    if forest is not None:
        forest.predict(np.zeros((2, forest.n_features)), output="leaf")


@pytest.mark.parametrize("kind", CONTENT)
@settings(max_examples=150)
@given(data=st.data())
def test_changed_bytes_do_no_harm(kind: str, data: Any) -> None:
    content, reader = CONTENT[kind]
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    start = data.draw(st.integers(0, len(content)))
    cut = slice(start, start + data.draw(st.sampled_from([0, 0, 0, 1, 8, 1000, len(content)])))
    del changed[cut]
    assert_harmless(bytes(changed), reader)


@pytest.mark.parametrize("kind", ["json", "text"])
@settings(max_examples=200)
@given(data=st.data())
def test_changed_numbers_do_no_harm(kind: str, data: Any) -> None:
    content, reader = CONTENT[kind]
    text = content.decode()
    places = list(re.finditer(r"-?\d[\d.E-]*", text))
    for place in sorted(data.draw(st.sets(st.sampled_from(places), min_size=1, max_size=3)), key=lambda m: -m.start()):
        text = text[: place.start()] + data.draw(st.sampled_from(NUMBERS)) + text[place.end() :]
    assert_harmless(text.encode(), reader)


@settings(max_examples=200)
@given(data=st.data())
def test_changed_parts_of_a_document_do_no_harm(data: Any) -> None:
    document = json.loads(CONTENT["json"][0])
    part: Any = document
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(part[key], dict | list) and data.draw(st.integers(0, 9)):
            part = part[key]
            continue
        strange = [None, True, -1, 0, 3, 10**12, 10**40, -0.5, 1e300, "", "7", [], {}, [[1], 2], [0] * 7, ["a"]]
        part[key] = data.draw(st.sampled_from(strange))
        break
    assert_harmless(json.dumps(document).encode(), from_json)


@pytest.mark.parametrize(
    "content",
    [
        b"{" + b'"a":{' * 100_000,
        b'{"learner":' + b"[" * 500_000,
        b'{"a":1' + b"0" * 10_000 + b"}",
    ],
    ids=["objects", "lists", "digits"],
)
def test_bombs_of_json(content: bytes) -> None:
    assert_harmless(content, from_json)
    with pytest.raises(ModelFormatError):
        from_json(content, "model")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{i\x01a" * 100_000, "nested deeper"),
        (b"{i\x01a" + b"[" * 100_000, "nested deeper"),
        (b"{i\x01a[$d#L" + struct.pack(">q", 2**62), "length of"),
        (b"{i\x01a[$d#L" + struct.pack(">q", 10), "bytes are promised"),
        (b"{i\x01a[$Z#L" + struct.pack(">q", 10), "container of"),
        (b"{i\x01a[#L" + struct.pack(">q", -5), "length of -5"),
        (b"{L" + struct.pack(">q", 2**62), "length of"),
        (b"{i\x01aZi\x01aZ}", "stands twice"),
        (b"{i\x01aZ}}", "goes on"),
        (b"{i\x01aq}", "unknown type"),
        (b"{i\x01\xffZ}", "not valid"),
        (b"{d", "length of type"),
        (b"[]", "not a UBJSON object"),
        (b"", "promised"),
    ],
)
def test_bombs_of_ubjson(content: bytes, reason: str) -> None:
    assert_harmless(content, from_ubjson)
    with pytest.raises(ModelFormatError, match=reason):
        parse_ubjson(content, "model")


def test_every_type_of_ubjson() -> None:
    content = (
        b"{i\x01ai\xfeU\x01bU\xfei\x01cI\xff\xfei\x01dl\xff\xff\xff\xfe"
        b"i\x01ed\x3f\x00\x00\x00i\x01fD\x3f\xe0" + bytes(6) + b"i\x01gTi\x01hFi\x01iZi\x01jCxi\x01kSU\x02hi"
        b"i\x01l[i\x01[]]i\x01m[$I#i\x02\x00\x01\xff\xffi\x01n{#i\x01i\x01ai\x05i\x01o{$U#i\x01i\x01a\x05i\x01p[#i\x01T}"
    )
    found = parse_ubjson(content, "all")
    np.testing.assert_array_equal(found["m"], [1, -1])
    assert [found[key] for key in "abcdef"] == [-2, 254, -2, -2, 0.5, 0.5]
    assert [found[key] for key in "ghijk"] == [True, False, None, "x", "hi"]
    assert [found[key] for key in "lnop"] == [[1, []], {"a": 5}, {"a": 5}, [True]]


def test_sets_of_categories_that_all_splits_share_make_no_bomb() -> None:
    n_splits = 3000
    fields = {
        "num_leaves=3": f"num_leaves={n_splits + 1}",
        "split_feature=0 1": "split_feature=" + "1 " * n_splits,
        "split_gain=2 1": "",
        "threshold=0.5 0": "threshold=" + "0 " * n_splits,
        "decision_type=2 1": "decision_type=" + "1 " * n_splits,
        "left_child=1 -1": "left_child=" + " ".join(str(-1 - k) for k in range(n_splits)),
        "right_child=-2 -3": "right_child=" + " ".join(map(str, range(1, n_splits))) + f" {-1 - n_splits}",
        "leaf_value=0.25 -0.5 1": "leaf_value=" + "1 " * (n_splits + 1),
        "cat_boundaries=0 1": "cat_boundaries=0 500000",
        "cat_threshold=10": "cat_threshold=" + "1 " * 500_000,
        "leaf_weight=3 4 5": "",
        "internal_weight=12 8": "",
    }
    text = TEXT
    for old, new in fields.items():
        text = text.replace(old, new)
    assert_harmless(text.encode(), from_text)
    with pytest.raises(ModelFormatError, match="another's"):
        from_text(text.encode(), "model")


@pytest.mark.parametrize("key", [b"sum_hessian", b"loss_changes", b"split_conditions"])
def test_signalling_nan_warns_of_nothing(key: bytes) -> None:
    content, reader = CONTENT["ubj"]
    changed = bytearray(content)
    first = content.index(key + b"[$d#L") + len(key) + 5 + 8
    changed[first : first + 4] = b"\x7f\xa0\x00\x00"
    assert_harmless(bytes(changed), reader)
