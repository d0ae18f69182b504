"""Random expressions of scalar and list branches, and a tree of edge cases to evaluate them on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hepml.expressions.columns import load_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
SCALARS = [*INTEGERS, "f4", "f8", "flag"]
GROUPS = [["jet_pt", "jet_id"], ["arr", "arr"], ["mu_e"]]
LITERALS = ["0", "1", "2", "3", "0.5", "2.5", "-1", "18446744073709551615", "9007199254740993", "pi", "true"]
INFIX = ["+", "-", "*", "/", "%", "&", "|", "<<", ">>", "<", ">", "<=", ">=", "==", "!=", "&&", "||"]
# to the last bit the same in NumPy and in C++
EXACT = ["abs", "sqrt", "floor", "ceil", "int", "sign", "TMath::Nint", "sq", "round", "isnan", "TMath::Finite"]
PAIRS = ["min", "max", "TMath::Min", "TMath::Max", "fmod"]

Texts = st.SearchStrategy[str]


def edge_columns(n: int, seed: int = 3) -> dict[str, Any]:
    """Columns of all types, with the ends of their ranges, NaN, infinities, ties and empty lists."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for name in INTEGERS:
        info = np.iinfo(name)
        values = rng.integers(info.min, info.max, n, dtype=name, endpoint=True)
        small = rng.integers(0 if info.min == 0 else -3, 5, n).astype(name)
        edges = rng.choice(np.array([info.min, info.max, 0, 1], dtype=name), n)
        columns[name] = np.choose(rng.integers(0, 4, n), [values, small, small, edges])
    for name in ("f4", "f8"):
        special = rng.choice([0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 0.1, 1e30], n)
        columns[name] = np.where(rng.random(n) < 0.3, special, rng.normal(0, 3, n)).astype(name)
    columns["flag"] = rng.random(n) < 0.5
    columns["arr"] = rng.integers(-3, 4, (n, 3)).astype(np.int16)
    counts = rng.integers(0, 5, n)
    pt = rng.exponential(40, counts.sum()).astype(np.float32)
    odd = rng.random(len(pt)) < 0.2
    pt[odd] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 30.0], odd.sum())
    columns["jet_pt"] = ak.unflatten(pt, counts)
    columns["jet_id"] = ak.unflatten(rng.integers(-3, 4, counts.sum()).astype(np.int32), counts)
    counts = rng.integers(0, 3, n)
    columns["mu_e"] = ak.unflatten(rng.normal(0, 2, counts.sum()), counts)
    columns["mu_tight"] = ak.unflatten(rng.random(counts.sum()) < 0.5, counts)
    return columns


def grown(leaves: Texts, *, infix: Sequence[str] = INFIX, functions: Sequence[str] = EXACT) -> Texts:
    """Join leaves by operators and functions."""

    def extend(inner: Texts) -> Texts:
        return st.one_of(
            st.tuples(inner, st.sampled_from(infix), inner).map(lambda x: f"(({x[0]}) {x[1]} ({x[2]}))"),
            st.tuples(st.sampled_from(functions), inner).map(lambda x: f"{x[0]}({x[1]})"),
            st.tuples(inner, inner, inner).map(lambda x: f"(({x[0]}) ? ({x[1]}) : ({x[2]}))"),
            st.tuples(st.sampled_from(PAIRS), inner, inner).map(lambda x: f"{x[0]}({x[1]}, {x[2]})"),
            inner.map(lambda x: f"!({x})"),
            inner.map(lambda x: f"-({x})"),
        )

    return st.recursive(leaves, extend, max_leaves=5)


ELEMENTS = [f"{name}{index}" for name in ("jet_pt", "arr", "mu_e") for index in ("[0]", "[1]", "[i1]", "[f8]")]
SCALAR_LEAVES = st.sampled_from([*SCALARS, *LITERALS, *ELEMENTS])


# built once: a strategy that is built while another one draws costs more than all it draws
_TEMPLATES = grown(st.sampled_from(["@0", "@1", "@2", "@3", "@4", "@5"]))
_SIGNS = st.sampled_from(["<", ">", "<=", ">=", "==", "!=", "&&", "||"])
_CONDITIONS = st.sampled_from(["{0}", "!({0})", "({0}) | ({1} == 1)"])
_INDICES = st.sampled_from(["0", "1", "2", "i1", "u1", "f8/2"])
_REDUCTIONS = st.sampled_from(["Sum$", "Max$", "Min$", "Length$"])
_PAIRED_REDUCTIONS = st.sampled_from(["MaxIf$", "MinIf$"])
_KINDS = st.sampled_from(["element", "element", "alternative", "reduction", "pair"])


def _filled(template: str, leaves: Sequence[str]) -> str:
    for number in range(6):
        template = template.replace(f"@{number}", leaves[number % len(leaves)])
    return template


@st.composite
def one_of_lists(draw: Any) -> str:
    """An element or a reduction of lists that were selected by conditions, and sorted."""
    lists = list(draw(st.sampled_from(GROUPS)))
    for _ in range(draw(st.integers(0, 2))):
        inside = _filled(draw(_TEMPLATES), [*lists, "2", "f4", "jet_pt[0]", "arr[i1]"])
        condition = draw(_CONDITIONS).format(f"({inside}) {draw(_SIGNS)} {lists[-1]}", lists[0])
        lists = [f"{name}[{condition}]" for name in lists]
    if draw(st.booleans()):
        lists.append(f"SortBy$({lists[0]}, {_filled(draw(_TEMPLATES), lists)})")
    element = f"{draw(st.sampled_from(lists))}[{draw(_INDICES)}]"
    leaves = [*lists, "f8", "u8", "jet_pt[1]"]
    match draw(_KINDS):
        case "element":
            return element
        case "alternative":
            return f"Alt$({element}, {draw(SCALAR_LEAVES)})"
        case "reduction":
            return f"{draw(_REDUCTIONS)}({_filled(draw(_TEMPLATES), leaves)})"
    first, second = (_filled(draw(_TEMPLATES), leaves) for _ in range(2))
    return f"{draw(_PAIRED_REDUCTIONS)}({first}, {second})"


EXPRESSIONS = grown(st.one_of(SCALAR_LEAVES, one_of_lists(), one_of_lists()))
"""One value per event, of everything that the language has."""


def examples(strategy: Texts, number: int) -> list[str]:
    """Draw texts, always the same ones, for tests that must see many at once."""
    found: list[str] = []

    @settings(
        max_examples=number,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(text=strategy)
    def collect(text: str) -> None:
        found.append(text)

    collect()
    return list(dict.fromkeys(found))


def save_columns(folder: Path, columns: Mapping[str, Any]) -> None:
    """Leave the numbers of all columns and the ends of lists where a task in ROOT's process finds them."""
    values, _ = load_columns(columns, columns, None)
    for number, name in enumerate(columns):
        np.save(folder / f"data{number}.npy", values[name].data)
        offsets = values[name].offsets
        np.save(folder / f"offsets{number}.npy", np.zeros(0, np.int64) if offsets is None else offsets)
