"""A network as a C++17 header that depends on nothing: constants, loops of fixed length, no allocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.classifiers.networks.program import LEAK, Activation, Affine, Residual
from hepml.errors import ExportError, InvalidInputError
from hepml.forest.source_text import array, literal, literals, of_numbers, quoted, safe_identifier
from hepml.forest.to_cpp import SourceForm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hepml.classifiers.networks.program import Program, Step

__all__ = ["cpp_form"]

# the numbers of an event's widest layer lie on the stack
_WIDEST = 65_536
# constants that a compiler still takes in a minute
_MOST_WEIGHTS = 4_000_000
_ACTIVATIONS = {
    "relu": "v > 0 ? v : (v != v ? v : 0.0f)",
    "tanh": "std::tanh(v)",
    "sigmoid": "1.0f / (1.0f + std::exp(-v))",
    "silu": "v / (1.0f + std::exp(-v))",
    "gelu": f"0.5f * v * (1.0f + std::erf(v * {literal(float(np.float32(np.sqrt(0.5))), 'f')}))",
    "elu": "v > 0 ? v : std::expm1(v)",
    "leaky_relu": f"v > 0 ? v : {literal(float(np.float32(LEAK)), 'f')} * v",
}


def cpp_form(program: Program, name: str) -> SourceForm:
    """Write a network as a header.

    Parameters
    ----------
    program : Program
        The network. Preprocessing is computed in double precision, layers in single precision.
    name : str
        What the names of the functions begin with, as for a forest.

    Returns
    -------
    SourceForm
        Not yet checked.

    Raises
    ------
    InvalidInputError
        If the name is no identifier that may be used.
    ExportError
        If the network is too large for source code.
    """
    if safe_identifier(name, "network") != name:
        msg = f"{name[:200]!r} cannot begin the names of functions; {safe_identifier(name, 'network')!r} can"
        raise InvalidInputError(msg)
    widest, n_weights = _size(program.steps, len(program.columns))
    n_weights += sum(2 * len(column.knots[0]) for column in program.columns if column.knots is not None)
    if max(widest, len(program.features)) > _WIDEST or n_weights > _MOST_WEIGHTS:
        msg = f"source code can hold {_MOST_WEIGHTS} numbers in layers of {_WIDEST}; this network has {n_weights}, {widest}"
        raise ExportError(msg)
    text = "\n".join(_Source(program, name).lines()) + "\n"
    n_features = len(program.features)
    return SourceForm(
        text.encode("ascii"), "c++17", name, np.dtype(np.float32), n_features, program.n_outputs, 1e-5, 1e-6
    )


def _size(steps: Sequence[Step], width: int) -> tuple[int, int]:
    widest, total = width, 0
    for step in steps:
        if isinstance(step, Affine):
            width = len(step.bias)
            total += step.weight.size + width
        elif isinstance(step, Residual):
            inner, numbers = _size(step.steps, width)
            widest, total = max(widest, inner), total + numbers
        widest = max(widest, width)
    return widest, total


class _Source:
    """The lines of a header."""

    def __init__(self, program: Program, name: str) -> None:
        self._program, self._name = program, name
        self._data: list[str] = []
        self._body: list[str] = []
        self._used: set[str] = set()
        self._n_arrays = 0

    def lines(self) -> Iterable[str]:
        """Yield the header."""
        program, name = self._program, self._name
        n_outputs = program.n_outputs
        self._columns()
        last = self._layers(program.steps, "a0", len(program.columns))
        yield from self._head()
        yield f"namespace {name}_data {{"
        yield from self._data
        yield from self._functions()
        yield f"}}  // namespace {name}_data"
        yield ""
        names = ", ".join(quoted(feature) for feature in program.features)
        yield f"static const char* const {name}_features[{len(program.features)}] = {{{names}}};"
        yield ""
        yield f"static inline void {name}_margins(const float* x, double* out) {{"
        for feature in program.without_fill:
            yield f"  if (x[{feature}] != x[{feature}]) {{"
            yield f"    for (int k = 0; k < {n_outputs}; ++k) out[k] = (double)NAN;"
            yield "    return;"
            yield "  }"
        yield from self._body
        if program.target_scale is not None and program.target_shift is not None:
            for k, (scale, shift) in enumerate(zip(program.target_scale, program.target_shift, strict=True)):
                yield f"  out[{k}] = {_double(scale)} * (double){last}[{k}] + {_double(shift)};"
        else:
            yield f"  for (int k = 0; k < {n_outputs}; ++k) out[k] = (double){last}[k];"
        yield "}"
        yield ""
        yield from self._scores()
        yield from of_numbers(name, "float", len(program.features), n_outputs)
        yield f"#endif  // {name}_INCLUDED"

    def _head(self) -> Iterable[str]:
        program, name, n = self._program, self._name, self._program.n_outputs
        yield f"// A neural network of {len(program.features)} features; written by hepml, checked against the network."
        yield "//"
        if n > 1:
            yield f"//   void {name}_margins(const float* x, double* out);  the {n} sums of the last layer"
            yield f"//   void {name}_scores(const float* x, double* out);   the {n} scores ({program.link})"
            yield f"//   std::array<double, {n}> {name}_scores(x0, x1, ...): the same of numbers, in the order below"
        else:
            yield f"//   double {name}_margin(const float* x);  the sum of the last layer"
            yield f"//   double {name}_score(const float* x);   the score ({program.link})"
            yield f"//   double {name}_score(x0, x1, ...): the same of numbers, in the order below"
        if program.without_fill:
            yield "// Missing values (NaN) of these give NaN: " + ", ".join(f"x[{k}]" for k in program.without_fill)
        yield "// It needs NaN and infinities: do not compile with -ffast-math. Features:"
        yield from (f"//   x[{number}] {quoted(feature)}" for number, feature in enumerate(program.features))
        yield f"#ifndef {name}_INCLUDED"
        yield f"#define {name}_INCLUDED"
        yield from (f"#include <{header}>" for header in ("array", "cmath", "type_traits"))
        yield "#ifdef __FAST_MATH__"
        yield '#error "missing values cannot be told from others with -ffast-math"'
        yield "#endif"
        yield ""

    def _functions(self) -> Iterable[str]:
        yield """template <int In, int Out>
static inline void affine(const float* weight, const float* bias, const float* x, float* out) {
  for (int o = 0; o < Out; ++o) out[o] = bias[o];
  for (int i = 0; i < In; ++i) {
    const float v = x[i];
    const float* w = weight + i * Out;
    for (int o = 0; o < Out; ++o) out[o] += v * w[o];
  }
}"""
        if "curve" in self._used:
            yield """static inline double curve(const double* at, const double* value, int n, double x) {
  if (!(x > at[0])) return value[0];
  if (!(x < at[n - 1])) return value[n - 1];
  int low = 0, high = n - 1;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (at[middle] <= x) low = middle; else high = middle;
  }
  return value[low] + (value[high] - value[low]) * ((x - at[low]) / (at[high] - at[low]));
}"""
        for activation in sorted(self._used - {"curve"}):
            yield f"static inline float {activation}(float v) {{ return {_ACTIVATIONS[activation]}; }}"

    def _array(self, what: str, real: str, values: np.ndarray) -> str:
        name = f"{what}{self._n_arrays}"
        self._n_arrays += 1
        self._data += array(f"static constexpr {real} {name}", literals(values, real))
        return f"{self._name}_data::{name}"

    def _columns(self) -> None:
        columns = self._program.columns
        self._body.append(f"  float a0[{len(columns)}];")
        for number, column in enumerate(columns):
            x = f"x[{column.feature}]"
            if column.is_indicator:
                self._body.append(f"  a0[{number}] = {x} != {x} ? 1.0f : 0.0f;")
                continue
            value = f"(double){x}"
            if column.fill is not None:
                value = f"({x} != {x} ? {_double(column.fill)} : {value})"
            if column.knots is not None:
                self._used.add("curve")
                at, knots = (self._array("knots", "double", np.asarray(values)) for values in column.knots)
                value = f"{self._name}_data::curve({at}, {knots}, {len(column.knots[0])}, {value})"
            self._body.append(f"  {{ double v = {_double(column.scale)} * ({value} - {_double(column.shift)});")
            if np.isfinite(column.low):
                self._body.append(f"    if (v < {_double(column.low)}) v = {_double(column.low)};")
            if np.isfinite(column.high):
                self._body.append(f"    if (v > {_double(column.high)}) v = {_double(column.high)};")
            self._body.append(f"    a0[{number}] = (float)v; }}")

    def _layers(self, steps: Sequence[Step], source: str, width: int) -> str:
        """Add statements, and return the name of the array that holds what the last layer gives."""
        for step in steps:
            if isinstance(step, Affine):
                weight = self._array("weight", "float", np.ascontiguousarray(step.weight.T).ravel())
                bias = self._array("bias", "float", step.bias)
                target, inputs, width = f"a{self._n_arrays}", width, len(step.bias)
                self._body.append(f"  float {target}[{width}];")
                call = f"{self._name}_data::affine<{inputs}, {width}>({weight}, {bias}, {source}, {target});"
                self._body.append(f"  {call}")
                source = target
            elif isinstance(step, Residual):
                start = self._copied(source, width)
                inner = self._layers(step.steps, self._copied(source, width), width)
                self._body.append(f"  for (int k = 0; k < {width}; ++k) {start}[k] += {inner}[k];")
                source = start
            elif isinstance(step, Activation):
                self._used.add(step.name)
                self._body.append(
                    f"  for (int k = 0; k < {width}; ++k) {source}[k] = {self._name}_data::{step.name}({source}[k]);"
                )
        return source

    def _copied(self, source: str, width: int) -> str:
        target = f"b{self._n_arrays}"
        self._n_arrays += 1
        self._body.append(f"  float {target}[{width}];")
        self._body.append(f"  for (int k = 0; k < {width}; ++k) {target}[k] = {source}[k];")
        return target

    def _scores(self) -> Iterable[str]:
        program, name, n = self._program, self._name, self._program.n_outputs
        link = "1.0 / (1.0 + std::exp(-m))" if program.link == "logistic" else "m"
        if n == 1 and program.link != "softmax":
            yield f"""static inline double {name}_margin(const float* x) {{
  double m;
  {name}_margins(x, &m);
  return m;
}}

static inline double {name}_score(const float* x) {{
  const double m = {name}_margin(x);
  return {link};
}}
"""
            return
        yield f"static inline void {name}_scores(const float* x, double* out) {{"
        yield f"  {name}_margins(x, out);"
        if program.link == "softmax":
            yield f"""  double largest = out[0], total = 0;
  for (int k = 1; k < {n}; ++k) if (out[k] > largest) largest = out[k];
  for (int k = 0; k < {n}; ++k) total += out[k] = std::exp(out[k] - largest);
  for (int k = 0; k < {n}; ++k) out[k] /= total;"""
        elif program.link == "logistic":
            yield f"  for (int k = 0; k < {n}; ++k) {{ const double m = out[k]; out[k] = {link}; }}"
        yield "}"
        yield ""


def _double(value: float) -> str:
    return f"(double)({literal(float(value))})"
