"""The functions that an expression may call, with the values that ROOT gives at the edges of their domains.

TTreeFormula's own functions (``sqrt``, ``log``, ...) are guarded: they give a finite number where the C function gives
NaN or infinity. The ``TMath::`` and ``std::`` forms are the C functions. See ``EvalInstance`` in ROOT's
``TTreeFormula.cxx``; ``tests/expressions/data/ttreeformula.json`` holds what ROOT computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["CONSTANTS", "FUNCTIONS", "REDUCTIONS", "Function"]

Float: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class Function:
    """A function of float64 arrays, value by value."""

    n_arguments: int
    apply: Callable[..., Any]
    keeps_float32: bool = False  # exact in single precision, so that its argument need not be widened


def _sqrt_of_magnitude(x: Float) -> Float:
    return np.sqrt(np.abs(x) if (x < 0).any() else x)


def _zero_where_not(inside: NDArray[np.bool_], value: Float) -> Float:
    return value if inside.all() else np.where(inside, value, 0.0)


def _guarded_log(x: Float) -> Float:
    return _zero_where_not(x > 0, np.log(x))


def _guarded_log10(x: Float) -> Float:
    return _zero_where_not(x > 0, np.log10(x))


def _guarded_exp(x: Float) -> Float:
    # ROOT: 0 below -700 and exp(700) above 700
    value = np.exp(np.minimum(x, 700.0))
    return np.where(x < -700.0, 0.0, value)


def _guarded_acos(x: Float) -> Float:
    return np.where(np.abs(x) > 1, 0.0, np.arccos(x))


def _guarded_asin(x: Float) -> Float:
    return np.where(np.abs(x) > 1, 0.0, np.arcsin(x))


def _guarded_acosh(x: Float) -> Float:
    return np.where(x < 1, 0.0, np.arccosh(x))


def _guarded_atanh(x: Float) -> Float:
    return np.where(np.abs(x) > 1, 0.0, np.arctanh(x))


def _sign(x: Float) -> Float:
    return np.where(x < 0, -1.0, 1.0)


def _round_half_away(x: Float) -> Float:
    whole = np.trunc(x)
    return whole + np.copysign(np.abs(x - whole) >= 0.5, x)


# std::min and TMath::Min are chosen by comparison, so that a NaN is kept or lost depending on where it stands
def _std_min(a: Float, b: Float) -> Float:
    return np.where(b < a, b, a)


def _std_max(a: Float, b: Float) -> Float:
    return np.where(a < b, b, a)


def _tmath_min(a: Float, b: Float) -> Float:
    return np.where(a <= b, a, b)


def _tmath_max(a: Float, b: Float) -> Float:
    return np.where(a >= b, a, b)


def _tmath_sign(a: Float, b: Float) -> Float:
    return np.copysign(a, b)


def _in_range(low: Float, high: Float, x: Float) -> Float:
    return np.where(x < low, low, np.where(x > high, high, x))


_C_FUNCTIONS: dict[str, Function] = {
    "abs": Function(1, np.abs, keeps_float32=True),
    "fabs": Function(1, np.abs, keeps_float32=True),
    "sqrt": Function(1, np.sqrt),
    "cbrt": Function(1, np.cbrt),
    "log": Function(1, np.log),
    "log10": Function(1, np.log10),
    "log2": Function(1, np.log2),
    "log1p": Function(1, np.log1p),
    "exp": Function(1, np.exp),
    "exp2": Function(1, np.exp2),
    "expm1": Function(1, np.expm1),
    "sin": Function(1, np.sin),
    "cos": Function(1, np.cos),
    "tan": Function(1, np.tan),
    "asin": Function(1, np.arcsin),
    "acos": Function(1, np.arccos),
    "atan": Function(1, np.arctan),
    "atan2": Function(2, np.arctan2),
    "sinh": Function(1, np.sinh),
    "cosh": Function(1, np.cosh),
    "tanh": Function(1, np.tanh),
    "asinh": Function(1, np.arcsinh),
    "acosh": Function(1, np.arccosh),
    "atanh": Function(1, np.arctanh),
    "pow": Function(2, np.power),
    "hypot": Function(2, np.hypot),
    "fmod": Function(2, np.fmod),
    "min": Function(2, _std_min),
    "max": Function(2, _std_max),
    "fmin": Function(2, np.fmin),
    "fmax": Function(2, np.fmax),
    "floor": Function(1, np.floor),
    "ceil": Function(1, np.ceil),
    "trunc": Function(1, np.trunc),
    "round": Function(1, _round_half_away),
    "isnan": Function(1, np.isnan),
    "isinf": Function(1, np.isinf),
    "isfinite": Function(1, np.isfinite),
}

_ROOT_FUNCTIONS: dict[str, Function] = {
    **_C_FUNCTIONS,
    "sqrt": Function(1, _sqrt_of_magnitude),
    "log": Function(1, _guarded_log),
    "log10": Function(1, _guarded_log10),
    "exp": Function(1, _guarded_exp),
    "asin": Function(1, _guarded_asin),
    "acos": Function(1, _guarded_acos),
    "acosh": Function(1, _guarded_acosh),
    "atanh": Function(1, _guarded_atanh),
    "sq": Function(1, np.square),
    "int": Function(1, np.trunc),
    "sign": Function(1, _sign),
}

_TMATH_FUNCTIONS: dict[str, Function] = {
    "Abs": Function(1, np.abs, keeps_float32=True),
    "Sqrt": Function(1, np.sqrt),
    "Sq": Function(1, np.square),
    "Log": Function(1, np.log),
    "Log10": Function(1, np.log10),
    "Log2": Function(1, np.log2),
    "Exp": Function(1, np.exp),
    "Power": Function(2, np.power),
    "Min": Function(2, _tmath_min),
    "Max": Function(2, _tmath_max),
    "Range": Function(3, _in_range),
    "Sin": Function(1, np.sin),
    "Cos": Function(1, np.cos),
    "Tan": Function(1, np.tan),
    "ASin": Function(1, np.arcsin),
    "ACos": Function(1, np.arccos),
    "ATan": Function(1, np.arctan),
    "ATan2": Function(2, np.arctan2),
    "SinH": Function(1, np.sinh),
    "CosH": Function(1, np.cosh),
    "TanH": Function(1, np.tanh),
    "ASinH": Function(1, np.arcsinh),
    "ACosH": Function(1, np.arccosh),
    "ATanH": Function(1, np.arctanh),
    "Hypot": Function(2, np.hypot),
    "Floor": Function(1, np.floor),
    "Ceil": Function(1, np.ceil),
    "Nint": Function(1, np.rint),
    "Sign": Function(2, _tmath_sign),
    "IsNaN": Function(1, np.isnan),
    "Finite": Function(1, np.isfinite),
}

FUNCTIONS: dict[str, Function] = {
    **_ROOT_FUNCTIONS,
    **{f"TMath::{name}": function for name, function in _TMATH_FUNCTIONS.items()},
    **{f"std::{name}": function for name, function in _C_FUNCTIONS.items()},
}
"""Functions by the name that an expression writes."""

CONSTANTS: dict[str, float] = {
    "TMath::Pi": math.pi,
    "TMath::TwoPi": 2 * math.pi,
    "TMath::PiOver2": math.pi / 2,
    "TMath::PiOver4": math.pi / 4,
    "TMath::DegToRad": math.pi / 180,
    "TMath::RadToDeg": 180 / math.pi,
    "TMath::E": math.e,
    "TMath::Sqrt2": math.sqrt(2),
    "TMath::Ln10": math.log(10),
    "TMath::LogE": math.log10(math.e),
    "TMath::Infinity": math.inf,
    "TMath::QuietNaN": math.nan,
}
"""Functions without arguments."""

REDUCTIONS: dict[str, int] = {
    "Sum$": 1,
    "Max$": 1,
    "Min$": 1,
    "Length$": 1,
    "Alt$": 2,
    "MinIf$": 2,
    "MaxIf$": 2,
    "SortBy$": 2,
}
"""Special functions by name, with their number of arguments."""
