"""Pieces of generated C and C++: names, texts, exact numbers, arrays, and overloads that take the features one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["array", "literal", "literals", "of_numbers", "quoted", "safe_identifier"]

_MOST_LETTERS = 100
_PER_LINE = 8
_PLAIN = re.compile(rb"[A-Za-z0-9_ .,:;()\[\]{}+=<>!&|^~@#$%-]")
_WORDS = (
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const const_cast "
    "consteval constexpr constinit continue co_await co_return co_yield decltype default delete do double dynamic_cast else "
    "enum explicit export extern false float for friend goto if inline int long main mutable namespace new noexcept not "
    "not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires restrict return short "
    "signed sizeof static static_assert static_cast std struct switch template this thread_local throw true try typedef "
    "typeid typename union unsigned using virtual void volatile wchar_t while xor xor_eq"
)
_KEYWORDS = frozenset(_WORDS.split())


def safe_identifier(text: str, plain: str = "forest") -> str:
    """Return an identifier of C and C++ that resembles a text."""
    word = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9_]", "_", text)).strip("_")[:_MOST_LETTERS].strip("_") or plain
    return f"{plain}_{word}" if word[0].isdigit() or word in _KEYWORDS else word


def quoted(text: str) -> str:
    """Return a string literal in plain letters, which ends neither itself nor a comment, whatever the text."""
    content = text.encode("utf-8", "surrogatepass")
    return '"' + "".join(chr(c) if _PLAIN.match(bytes([c])) else f"\\{c:03o}" for c in content) + '"'


def literals(values: NDArray[Any], real: str) -> list[str]:
    """Return numbers as hexadecimal literals, which are exact."""
    suffix = "f" if real == "float" else ""
    return [literal(value, suffix) for value in values.astype(np.float64).tolist()]


def literal(value: float, suffix: str = "") -> str:
    """Return one number as a literal, of type float with the suffix ``f``."""
    if value != value:  # noqa: PLR0124  (only NaN differs from itself)
        return "NAN"
    if value in {np.inf, -np.inf}:
        return ("-" if value < 0 else "") + ("(float)INFINITY" if suffix else "(double)INFINITY")
    if value == int(value) and abs(value) < 1e6 and not (value == 0 and np.signbit(value)):
        return f"{int(value)}"
    mantissa, _, exponent = value.hex().partition("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{exponent}{suffix}"


def array(declaration: str, items: Iterable[str]) -> Iterable[str]:
    """Yield the lines of an array with its items."""
    content = list(items)
    yield f"{declaration}[{len(content)}] = {{"
    for start in range(0, len(content), _PER_LINE):
        yield ",".join(content[start : start + _PER_LINE]) + ","
    yield "};"


def of_numbers(name: str, real: str, n_features: int, n_outputs: int) -> Iterable[str]:
    """Yield overloads that take the features as numbers: what RDataFrame's Define hands over."""
    numbers = f"static inline std::enable_if_t<sizeof...(N) == {n_features} && (std::is_arithmetic_v<N> && ...)"
    for what in ("margin", "score"):
        if n_outputs == 1:
            yield f"""template <typename... N>
{numbers}, double> {name}_{what}(N... features) {{
  const {real} x[] = {{static_cast<{real}>(features)...}};
  return {name}_{what}(x);
}}
"""
        else:
            array = f"std::array<double, {n_outputs}>"
            yield f"""template <typename... N>
{numbers}, {array}> {name}_{what}s(N... features) {{
  const {real} x[] = {{static_cast<{real}>(features)...}};
  {array} out{{}};
  {name}_{what}s(x, out.data());
  return out;
}}
"""
