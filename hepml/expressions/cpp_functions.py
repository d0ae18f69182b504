"""The C++ that translated expressions call: a fixed text and a closed table of names, so that no user's text gets in."""

from __future__ import annotations

from hepml.expressions.syntax import METHODS_OF

__all__ = ["CPP_CALLS", "CPP_METHODS", "CPP_PRELUDE"]

CPP_PRELUDE = r"""
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <mutex>
#include <numeric>
#include <vector>

namespace hepml_expressions {

using i64 = long long;
using u64 = unsigned long long;

// what integers and booleans are widened to; a 32-bit float is exact as a double
inline i64 wide(bool x) { return x; }
inline i64 wide(char x) { return static_cast<signed char>(x); }
inline i64 wide(signed char x) { return x; }
inline i64 wide(unsigned char x) { return x; }
inline i64 wide(short x) { return x; }
inline i64 wide(unsigned short x) { return x; }
inline i64 wide(int x) { return x; }
inline i64 wide(unsigned int x) { return x; }
inline i64 wide(long x) { return x; }
inline i64 wide(long long x) { return x; }
inline u64 wide(unsigned long x) { return x; }
inline u64 wide(unsigned long long x) { return x; }
inline double wide(float x) { return x; }
inline double wide(double x) { return x; }

inline bool truth(bool x) { return x; }
inline bool truth(i64 x) { return x != 0; }
inline bool truth(u64 x) { return x != 0; }
inline bool truth(double x) { return x != 0; }

// TTreeFormula's rule: what is divided by zero is zero
inline double divide(double a, double b) { return b == 0 ? 0. : a / b; }
inline double square(double x) { return x * x; }

// integers as integers, whatever their signs; anything else as doubles
inline bool less(i64 a, i64 b) { return a < b; }
inline bool less(u64 a, u64 b) { return a < b; }
inline bool less(i64 a, u64 b) { return a < 0 || static_cast<u64>(a) < b; }
inline bool less(u64 a, i64 b) { return b >= 0 && a < static_cast<u64>(b); }
inline bool less(double a, double b) { return a < b; }
inline bool equal(i64 a, i64 b) { return a == b; }
inline bool equal(u64 a, u64 b) { return a == b; }
inline bool equal(i64 a, u64 b) { return a >= 0 && static_cast<u64>(a) == b; }
inline bool equal(u64 a, i64 b) { return equal(b, a); }
inline bool equal(double a, double b) { return a == b; }

inline i64 whole(i64 x) { return x; }
inline u64 whole(u64 x) { return x; }
inline i64 whole(double x)
{
   return x >= -0x1p63 && x < 0x1p63 ? static_cast<i64>(x) : std::numeric_limits<i64>::min();
}
inline u64 magnitude(i64 x) { return x < 0 ? -static_cast<u64>(x) : static_cast<u64>(x); }
inline u64 magnitude(u64 x) { return x; }
inline u64 rest(u64 a, u64 divisor) { return divisor ? a % divisor : 0; }
inline i64 rest(i64 a, u64 divisor)
{
   const u64 left = divisor ? magnitude(a) % divisor : magnitude(a) % 1;
   return static_cast<i64>(a < 0 ? -left : left);
}
inline u64 bits(i64 x) { return static_cast<u64>(x); }
inline u64 bits(u64 x) { return x; }
inline u64 bits(double x)
{
   const double cut = std::trunc(x);
   if (cut >= 0x1p63 && cut < 0x1p64) return static_cast<u64>(cut);
   return cut >= -0x1p63 && cut < 0x1p63 ? static_cast<u64>(static_cast<i64>(cut)) : 0;
}

inline bool inside(i64 place, std::size_t n) { return place >= 0 && static_cast<u64>(place) < n; }
inline bool inside(u64 place, std::size_t n) { return place < n; }
inline bool inside(double place, std::size_t n)
{
   const double cut = std::trunc(place);
   return cut >= 0 && cut < static_cast<double>(n);
}

inline double nan() { return std::numeric_limits<double>::quiet_NaN(); }
inline double infinity() { return std::numeric_limits<double>::infinity(); }

inline double guarded_sqrt(double x) { return std::sqrt(std::fabs(x)); }
inline double guarded_log(double x) { return x > 0 ? std::log(x) : 0.; }
inline double guarded_log10(double x) { return x > 0 ? std::log10(x) : 0.; }
inline double guarded_exp(double x) { return x < -700 ? 0. : std::exp(x > 700 ? 700. : x); }
inline double guarded_asin(double x) { return std::fabs(x) > 1 ? 0. : std::asin(x); }
inline double guarded_acos(double x) { return std::fabs(x) > 1 ? 0. : std::acos(x); }
inline double guarded_acosh(double x) { return x < 1 ? 0. : std::acosh(x); }
inline double guarded_atanh(double x) { return std::fabs(x) > 1 ? 0. : std::atanh(x); }
inline double sign(double x) { return x < 0 ? -1. : 1.; }
inline double std_min(double a, double b) { return b < a ? b : a; }
inline double std_max(double a, double b) { return a < b ? b : a; }
inline double tmath_min(double a, double b) { return a <= b ? a : b; }
inline double tmath_max(double a, double b) { return a >= b ? a : b; }
inline double in_range(double low, double high, double x) { return x < low ? low : x > high ? high : x; }

// TLorentzVector's methods, of its members
inline double lorentz_pt(double x, double y) { return std::sqrt(x * x + y * y); }
inline double lorentz_phi(double x, double y) { return x == 0 && y == 0 ? 0. : std::atan2(y, x); }
inline double lorentz_eta(double x, double y, double z)
{
   const double magnitude = std::sqrt(x * x + y * y + z * z);
   const double cosine = magnitude == 0 ? 1. : z / magnitude;
   if (cosine * cosine < 1) return -0.5 * std::log((1. - cosine) / (1. + cosine));
   if (std::isnan(cosine)) return cosine;
   return z == 0 ? 0. : z > 0 ? 10e10 : -10e10;
}
inline double lorentz_m(double x, double y, double z, double e)
{
   const double square = e * e - (x * x + y * y + z * z);
   return square < 0 ? -std::sqrt(-square) : std::sqrt(square);
}

// Lists that expressions make. The places of keys, falling; what is equal keeps its order, what is unknown comes last
template <class T> using List = std::vector<T>;
using Flags = std::vector<unsigned char>;
template <class T> inline List<std::size_t> falling(const List<T> &keys, const Flags &known)
{
   List<std::size_t> places(keys.size());
   std::iota(places.begin(), places.end(), std::size_t{0});
   std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
      return known[a] && (!known[b] || keys[a] > keys[b]);
   });
   return places;
}

// Where lists of different lengths meet: the first expression and in it the first entry, whichever thread saw it
struct Failure {
   std::mutex lock;
   u64 found[5] = {0, 0, 0, 0, 0};  // is there one, which place, entry, the two lengths
   void note(u64 place, u64 entry, u64 a, u64 b)
   {
      const std::lock_guard<std::mutex> guard(lock);
      if (found[0] && (place > found[1] || (place == found[1] && entry > found[2]))) return;
      const u64 now[5] = {1, place, entry, a, b};
      for (int i = 0; i < 5; ++i) found[i] = now[i];
   }
};
inline std::size_t agree(std::size_t a, std::size_t b, Failure &failure, u64 place, u64 entry)
{
   if (a != b) failure.note(place, entry, a, b);
   return a < b ? a : b;
}

}  // namespace hepml_expressions
"""
"""Helpers with the meaning of :mod:`hepml.expressions`; to be compiled once, before any translated expression."""

_SAME_IN_STD = (  # noqa: SIM905  (a list of words)
    "abs fabs sqrt cbrt log log10 log2 log1p exp exp2 expm1 sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh "
    "atanh pow hypot fmod fmin fmax floor ceil trunc round isnan isinf isfinite"
).split()
_C: dict[str, str] = {
    **{name: f"std::{name}" for name in _SAME_IN_STD},
    "min": "hepml_expressions::std_min",
    "max": "hepml_expressions::std_max",
}
_GUARDED = ("sqrt", "log", "log10", "exp", "asin", "acos", "acosh", "atanh")
_TMATH_IN_STD = (  # noqa: SIM905  (a list of words)
    "Abs Sqrt Log Log10 Log2 Exp Sin Cos Tan ASin ACos ATan ATan2 SinH CosH TanH ASinH ACosH ATanH Hypot Floor Ceil"
).split()

CPP_CALLS: dict[str, str] = {
    **_C,
    **{f"std::{name}": call for name, call in _C.items()},
    **{name: f"hepml_expressions::guarded_{name}" for name in _GUARDED},
    "sq": "hepml_expressions::square",
    "int": "std::trunc",
    "sign": "hepml_expressions::sign",
    **{f"TMath::{name}": f"std::{name.lower()}" for name in _TMATH_IN_STD},
    "TMath::Sq": "hepml_expressions::square",
    "TMath::Power": "std::pow",
    "TMath::Min": "hepml_expressions::tmath_min",
    "TMath::Max": "hepml_expressions::tmath_max",
    "TMath::Range": "hepml_expressions::in_range",
    "TMath::Nint": "std::nearbyint",
    "TMath::Sign": "std::copysign",
    "TMath::IsNaN": "std::isnan",
    "TMath::Finite": "std::isfinite",
}
"""C++ functions by the name that an expression writes; each takes and gives doubles, or gives a bool."""

CPP_METHODS: dict[str, str] = {
    f"{METHODS_OF}{name}": f"hepml_expressions::lorentz_{name.lower()}" for name in ("Pt", "Phi", "Eta", "M")
}
"""C++ functions of the members of an object, by the name that a syntax tree gives the method."""
