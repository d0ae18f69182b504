"""A forest as source code that depends on nothing: a C++17 header or a C99 file, arrays and a small loop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hepml.errors import ExportError, InvalidInputError, did_you_mean
from hepml.forest.compiling import evaluate_source
from hepml.forest.median_source import c_comparison, c_median
from hepml.forest.medians import MEDIANS
from hepml.forest.source_text import array, literal, literals, of_numbers, quoted, safe_identifier
from hepml.forest.verification import export

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from hepml.forest.checks import Link
    from hepml.forest.forest import Forest
    from hepml.forest.plan import Plan
    from hepml.forest.verification import Evaluation, Verification

__all__ = ["Language", "SourceForm", "make_form", "to_cpp"]

Language = Literal["c++17", "c99"]

# kinds of rows, as hepml.forest.kernels knows them
_NAN_LOW, _NAN_HIGH, _ONLY_NAN_HIGH, _ONLY_NAN_LOW, _CATEGORY = range(5)
# the copy of an event's features lies on the stack
_MOST_ROWS = 65_536
# trees up to here are followed for a fixed number of steps, which a processor foresees; leaves lead to themselves
_DEEPEST_FIXED = 8
_LINKS: dict[Link, str] = {
    "identity": "m",
    "logistic": "1.0 / (1.0 + exp(-m))",
    "logistic_2x": "1.0 / (1.0 + exp(-2.0 * m))",
    "tmva_grad": "2.0 / (1.0 + exp(-2.0 * m)) - 1.0",
    "exp": "exp(m)",
}


@dataclass(frozen=True, slots=True)
class SourceForm:
    """A forest in C++17 or C99; see :class:`~hepml.forest.verification.Form`.

    Parameters
    ----------
    content : bytes
        The file.
    language : {"c++17", "c99"}
        Its language.
    identifier : str
        What the names of its functions begin with.
    dtype : numpy.dtype
        Type of the features.
    n_features, n_outputs : int
        Of the forest.
    """

    content: bytes
    language: Language
    identifier: str
    dtype: np.dtype[Any]
    n_features: int
    n_outputs: int
    margin_tolerance: float = 0.0
    # exponential functions differ in their last digits
    score_tolerance: float = 1e-14

    @property
    def name(self) -> str:
        """The format, for messages."""
        return "the C++17 header" if self.language == "c++17" else "the C99 source"

    def evaluate(self, X: NDArray[Any]) -> Evaluation:
        """Compile the source with the compiler of this machine and evaluate events by it."""
        return evaluate_source(self, X)


def to_cpp(
    forest: Forest,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    language: Language = "c++17",
    overwrite: bool = False,
) -> Verification:
    """Write a forest as source code; see :meth:`hepml.forest.Forest.to_cpp`."""
    form = make_form(forest, name or safe_identifier(Path(path).name.partition(".")[0]), language)
    return export(form, forest, path, overwrite=overwrite)


def make_form(forest: Forest, name: str, language: Language = "c++17") -> SourceForm:
    """Write a forest as source code.

    Parameters
    ----------
    forest : Forest
        Any.
    name : str
        What the names of the functions begin with.
    language : {"c++17", "c99"}
        The language.

    Returns
    -------
    SourceForm
        Not yet checked.

    Raises
    ------
    InvalidInputError
        If the name is no identifier that may be used, or the language is not known.
    ExportError
        If the forest uses more features than fit onto the stack, or is a median of more trees than that.
    """
    if language not in get_args(Language):
        known = get_args(Language)
        msg = f"unknown language {language!r}{did_you_mean(str(language), known)} (allowed: {', '.join(known)})"
        raise InvalidInputError(msg)
    if safe_identifier(name) != name:
        msg = f"{name[:200]!r} cannot begin the names of functions in {language}; {safe_identifier(name)!r} can"
        raise InvalidInputError(msg)
    double = forest.precision == "float64"
    plan = forest.plan64 if double else forest.plan32
    if len(plan.rows[0]) > _MOST_ROWS:
        msg = (
            f"this forest asks {len(plan.rows[0])} different things of its features; source code can hold {_MOST_ROWS}"
        )
        raise ExportError(msg)
    if forest.aggregate in MEDIANS and forest.n_trees > _MOST_ROWS:
        msg = f"this forest is a median of {forest.n_trees} trees; source code can sort {_MOST_ROWS}"
        raise ExportError(msg)
    text = "\n".join(_lines(forest, plan, name, language)) + "\n"
    dtype = np.dtype(np.float64 if double else np.float32)
    return SourceForm(text.encode("ascii"), language, name, dtype, forest.n_features, forest.n_outputs)


def _lines(forest: Forest, plan: Plan, name: str, language: Language) -> Iterable[str]:
    cpp = language == "c++17"
    real = "double" if forest.precision == "float64" else "float"
    # inline variables of one name would be one in all libraries that a process loads, also in those of other forests
    api, kept = ("static inline", "static constexpr") if cpp else (f"{name.upper()}_API", "static const")
    yield from _head(forest, name, real, cpp=cpp)
    yield "namespace " + name + "_data {" if cpp else ""
    data = (lambda what: what) if cpp else (lambda what: f"{name}_{what}")
    node = data("node")
    struct = f"struct {node} {{ {real} cut; int32_t left; int32_t row; }};"
    yield struct
    left, row, cut = plan.nodes
    nodes = [f"{{{c},{a},{r}}}" for c, a, r in zip(literals(cut, real), left.tolist(), row.tolist(), strict=True)]
    kind = f"{kept} {node if cpp else f'struct {node}'}"
    yield from array(f"{kind} {data('nodes')}", nodes)
    width = plan.node_value.shape[1]
    if forest.aggregate in MEDIANS:
        rank, rank_value, rank_weight = plan.ranks
        yield from array(f"{kept} int32_t {data('ranks')}", map(str, rank.tolist()))
        yield from array(f"{kept} double {data('rank_value')}", literals(rank_value, "double"))
        yield from array(f"{kept} double {data('rank_weight')}", literals(rank_weight, "double"))
    else:
        yield from array(f"{kept} double {data('values')}", literals(plan.node_value.ravel(), "double"))
    yield from array(f"{kept} int32_t {data('roots')}", map(str, plan.tree_root.tolist()))
    fixed = int(forest.depth.max()) <= _DEEPEST_FIXED
    if fixed:
        yield from array(f"{kept} uint8_t {data('depths')}", map(str, plan.tree_depth.tolist()))
    if width == 1 and forest.n_outputs > 1:
        yield from array(f"{kept} int32_t {data('outputs')}", map(str, plan.tree_output.tolist()))
    feature, row_kind, row_set, answer, set_first, set_values = plan.rows
    yield from array(f"{kept} int32_t {data('row_feature')}", map(str, feature.tolist()))
    yield from array(f"{kept} uint8_t {data('row_kind')}", map(str, row_kind.tolist()))
    categories = bool((row_kind == _CATEGORY).any())
    if categories:
        yield from array(f"{kept} int32_t {data('row_set')}", map(str, row_set.tolist()))
        yield from array(f"{kept} uint8_t {data('row_answer')}", map(str, answer.ravel().tolist()))
        yield from array(f"{kept} int64_t {data('set_first')}", map(str, set_first.tolist()))
        yield from array(f"{kept} int32_t {data('set_values')}", map(str, set_values.tolist() or [0]))
    if cpp:
        yield f"}}  // namespace {name}_data"
    yield ""
    names = ", ".join(quoted(feature_name) for feature_name in forest.feature_names)
    yield f"static const char* const {name}_features[{forest.n_features}] = {{{names}}};"
    if not cpp:
        # a function that uses the names, so that no compiler finds them unused
        yield f"{api} const char* {name}_feature(int k) {{ return {name}_features[k]; }}"
    yield ""
    yield from _functions(forest, plan, name, real, api, cpp=cpp, fixed=fixed, categories=categories)
    yield f"#endif  // {name}_INCLUDED" if cpp else f"#endif /* {name}_INCLUDED */"


def _head(forest: Forest, name: str, real: str, *, cpp: bool) -> Iterable[str]:
    several = forest.n_outputs > 1
    is_median = forest.aggregate in MEDIANS
    what = "median" if is_median else forest.aggregate
    yield f"// {forest.n_trees} trees of {forest.n_features} features; written by hepml, checked against the forest."
    yield "//"
    if several:
        yield f"//   void {name}_margins(const {real}* x, double* out);  the {forest.n_outputs} sums of the trees"
        yield f"//   void {name}_scores(const {real}* x, double* out);   the {forest.n_outputs} scores"
    else:
        yield f"//   double {name}_margin(const {real}* x);  the {what} of the trees"
        yield f"//   double {name}_score(const {real}* x);   the score ({forest.link})"
    if cpp:
        values = "std::array<double, n>" if several else "double"
        yield f"//   {values} {name}_score{'s' if several else ''}(x0, x1, ...): the same of numbers, in the order below"
    else:
        yield f"// Functions are static inline; -D{name.upper()}_API= makes them visible to the linker."
    if not forest.takes_missing:
        yield "// The forest takes no missing values: NaN in a feature that it uses gives NaN."
    yield "// It needs NaN and infinities: do not compile with -ffast-math. Features:"
    for number, feature in enumerate(forest.feature_names):
        yield f"//   x[{number}] {quoted(feature)}"
    yield f"#ifndef {name}_INCLUDED"
    yield f"#define {name}_INCLUDED"
    headers = ["array", "cmath", "cstdint", "type_traits"] if cpp else ["math.h", "stdint.h"]
    if is_median:
        headers.append("algorithm" if cpp else "stdlib.h")
    yield from (f"#include <{header}>" for header in sorted(headers))
    yield "#ifdef __FAST_MATH__"
    yield '#error "missing values cannot be told from others with -ffast-math"'
    yield "#endif"
    if not cpp:
        yield f"#ifndef {name.upper()}_API"
        yield f"#define {name.upper()}_API static inline"
        yield "#endif"
    yield ""


def _functions(
    forest: Forest, plan: Plan, name: str, real: str, api: str, *, cpp: bool, fixed: bool, categories: bool
) -> Iterable[str]:
    n_outputs = forest.n_outputs
    data = f"{name}_data::" if cpp else f"{name}_"
    math = "std::" if cpp else ""
    infinity = f"({real})INFINITY"
    n_rows, n_trees = len(plan.rows[0]), forest.n_trees
    if categories:
        yield f"""/* 0 if the value, cut to an integer, is a member, 1 if it is not, 2 if it is missing */
static inline int {name}_membership({real} value, int64_t first, int64_t last) {{
  if (value != value) return 2;
  if (!(value >= 0 && value < 16777216)) return 1;
  const int32_t number = (int32_t)value;
  const int64_t end = last;
  while (first < last) {{
    const int64_t middle = first + (last - first) / 2;
    if ({data}set_values[middle] < number) first = middle + 1; else last = middle;
  }}
  return first < end && {data}set_values[first] == number ? 0 : 1;
}}
"""
    if forest.aggregate in MEDIANS and not cpp:
        yield c_comparison(name)
    begin, add, end = _sums(forest, plan, name, data, cpp=cpp)
    yield f"{api} void {name}_margins(const {real}* x, double* out) {{"
    yield f"  {real} v[{n_rows}];"
    yield from begin
    yield f"""  for (int r = 0; r < {n_rows}; ++r) {{
    const {real} value = x[{data}row_feature[r]];
    const int missing = value != value;"""
    if not forest.takes_missing:
        yield f"    if (missing) {{ for (int k = 0; k < {n_outputs}; ++k) out[k] = (double)NAN; return; }}"
    yield f"""    switch ({data}row_kind[r]) {{
      case {_NAN_LOW}: v[r] = missing ? -{infinity} : value; break;
      case {_NAN_HIGH}: v[r] = missing ? {infinity} : value; break;
      case {_ONLY_NAN_HIGH}: v[r] = missing ? 1 : -1; break;"""
    if categories:
        yield f"      case {_ONLY_NAN_LOW}: v[r] = missing ? -1 : 1; break;"
        yield f"""      default: {{
        const int32_t s = {data}row_set[r];
        v[r] = {data}row_answer[3 * r + {name}_membership(value, {data}set_first[s], {data}set_first[s + 1])];
      }}"""
    else:
        yield "      default: v[r] = missing ? -1 : 1;"
    yield "    }"
    yield "  }"
    step = f"n = {data}nodes[n].left + (v[{data}nodes[n].row] >= {data}nodes[n].cut);"
    yield f"  for (int t = 0; t < {n_trees}; ++t) {{"
    yield f"    int32_t n = {data}roots[t];"
    if fixed:
        yield f"    for (int d = {data}depths[t]; d > 0; --d) {step}"
    else:
        yield f"    while ({data}nodes[n].left != n) {step}"
    yield f"    {add}"
    yield "  }"
    yield from end
    yield "}"
    yield ""
    yield from _scores(forest, name, real, api, math)
    if cpp:
        yield from of_numbers(name, real, forest.n_features, forest.n_outputs)


def _sums(forest: Forest, plan: Plan, name: str, data: str, *, cpp: bool) -> tuple[Iterable[str], str, Iterable[str]]:
    """Return statements before the trees, what each tree adds by its leaf ``n``, and statements behind them."""
    n_outputs, width = forest.n_outputs, plan.node_value.shape[1]
    total, base = literal(float(np.cumsum(forest.tree_weight)[-1])), literals(forest.base, "double")
    if forest.aggregate in MEDIANS:
        end = c_median(forest, name=name, data=data, total=total, base=base[0], cpp=cpp)
        return [f"  int32_t order[{forest.n_trees}];"], f"order[t] = {data}ranks[n];", end
    if width > 1:
        add = f"for (int k = 0; k < {width}; ++k) out[k] += {data}values[(int64_t){width} * n + k];"
    else:
        add = f"out[{f'{data}outputs[t]' if n_outputs > 1 else '0'}] += {data}values[n];"
    if forest.aggregate == "average":
        zeros = [f"  for (int k = 0; k < {n_outputs}; ++k) out[k] = 0;"]
        return zeros, add, [f"  out[{k}] = out[{k}] / (double){total} + (double){text};" for k, text in enumerate(base)]
    return [f"  out[{k}] = {text};" for k, text in enumerate(base)], add, []


def _scores(forest: Forest, name: str, real: str, api: str, math: str) -> Iterable[str]:
    n_outputs = forest.n_outputs
    if n_outputs == 1:
        link = _LINKS[forest.link].replace("exp(", f"{math}exp(")
        yield f"""{api} double {name}_margin(const {real}* x) {{
  double m;
  {name}_margins(x, &m);
  return m;
}}

{api} double {name}_score(const {real}* x) {{
  const double m = {name}_margin(x);
  return {link};
}}
"""
        return
    yield f"{api} void {name}_scores(const {real}* x, double* out) {{"
    yield f"  {name}_margins(x, out);"
    if forest.link == "softmax":
        yield f"""  double largest = out[0], total = 0;
  for (int k = 1; k < {n_outputs}; ++k) if (out[k] > largest) largest = out[k];
  for (int k = 0; k < {n_outputs}; ++k) total += out[k] = {math}exp(out[k] - largest);
  for (int k = 0; k < {n_outputs}; ++k) out[k] /= total;"""
    elif forest.link != "identity":
        link = _LINKS[forest.link].replace("exp(", f"{math}exp(")
        yield f"  for (int k = 0; k < {n_outputs}; ++k) {{ const double m = out[k]; out[k] = {link}; }}"
    yield "}"
    yield ""
