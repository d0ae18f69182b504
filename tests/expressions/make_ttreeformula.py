"""Write data/ttreeformula.json: what ROOT's TTreeFormula makes of a list of expressions.

Run it with a Python that has PyROOT (``pip install "root>=0.1a12"``): ``python make_ttreeformula.py``. The tests read
only the JSON file and need no ROOT.
"""

from __future__ import annotations

import array
import json
import math
import struct
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
import ROOT  # noqa: E402 - the alpha wheel warns on import

OUT = Path(__file__).parent / "data" / "ttreeformula.json"
NAN = math.nan

# name: (TTree leaf type, array type code)
SCALARS = {
    "n": ("I", "i"), "x": ("D", "d"), "y": ("D", "d"), "s": ("F", "f"), "i": ("I", "i"), "j": ("I", "i"),
    "u": ("l", "Q"), "l": ("L", "q"), "f": ("D", "d"), "k": ("I", "i"), "bo": ("O", "B"), "h": ("S", "h"),
    "c": ("b", "B"),
}  # fmt: skip
LISTS = {"a": ("F", "f"), "b": ("D", "d"), "w": ("I", "i")}
FIXED = {"v": ("D", "d")}

ROWS = [
    {"x": 2.5, "y": -1.25, "s": 0.1, "i": 7, "j": -3, "u": 2**64 - 1, "l": 2**53 + 1, "f": NAN, "k": 0, "bo": 1,
     "h": -5, "c": 200, "a": [1.5, -2.5, 3.0], "b": [1.0, 2.0, 3.0], "w": [4, 5, 6], "v": [1.0, 2.0, 3.0]},
    {"x": 0.0, "y": 3.0, "s": -0.5, "i": 0, "j": 2, "u": 2**53 + 1, "l": -(2**53) - 1, "f": 1.0, "k": 1, "bo": 0,
     "h": 0, "c": 0, "a": [], "b": [], "w": [], "v": [0.0, -1.0, 5.0]},
    {"x": -3.0, "y": 2.0, "s": 2.7, "i": -7, "j": 3, "u": 2**63 + 3, "l": 2**62 + 1, "f": 0.0, "k": 2, "bo": 1,
     "h": 17, "c": 1, "a": [4.0], "b": [0.5], "w": [-1], "v": [9.0, 8.0, 7.0]},
    {"x": 1e300, "y": 1e-5, "s": 1e10, "i": 12, "j": 5, "u": 5, "l": 6, "f": -1.0, "k": 3, "bo": 0,
     "h": 300, "c": 77, "a": [1.0, 2.0, 3.0, 4.0], "b": [4.0, NAN, 2.0, 1.0], "w": [1, 0, 3, 2], "v": [0.5] * 3},
    {"x": 0.5, "y": 0.5, "s": 1.5, "i": 1000003, "j": -1000, "u": 2**24 + 1, "l": -1, "f": math.inf, "k": -1, "bo": 1,
     "h": -1, "c": 255, "a": [NAN, 2.0], "b": [-1.0, NAN], "w": [0, 1], "v": [NAN, 1.0, 2.0]},
]  # fmt: skip

EXPRESSIONS = """
x; s; i; u; l; f; bo; h; c; v[1]; n
7/2; i/j; i/2; i*j; i-j-1; i-j+1; i+j-3; 10-2-3; 1+2-3; -x*y; x/y*x; x*y/x*y; x-y+s; x+y-s; x*y*s
7%4; i%j; i%2; x%2; -i%j; x*2%3; 7%4%3; 100%7*3; 2*7%4; 5.9%3.9; 7%2*3; h%7; (-7)%4; 7%(-4)
2^3^2; -2^2; -x^2; 2^-1; 2**3; i^2; i*j^2; x^0.5; x^y; (-8)^(1/3); 2^-1^2; s^3; 2*-3; x/-2; x/-y^2; x^-2
i==7 & x>0; i==7 && x>0; i & 3; i | 8; i & 3 == 3; (i & 3) == 3; i & 3 | 8; i | 1 & 3; x & 3; 1.5 & 3;
-1 & 255; x>0 | y>0
1<<3; i<<2; i>>1; 1<<2+1; 1+1<<2; 1<<2*3; i<<1<<1; 16>>1>>1; 256>>1<<2; 1<<2>>1; (i>>1)>2; i<<1==14; -7>>1;
(-7)>>1
1<<40; 1<<31; 1<<32; 1<<63; 1<<64; h<<3; c>>2; bo<<4; (h & 7)<<2; i<<1>=14; i>>1<=3
!i; !i==0; !(i==0); !x; -!i; !x*y; !x+1; x&&!y; x||!y&&i; x*!y; !bo; !f; -x; -i; -2
f>0; f!=f; f==f; f && 1; f || 0; f ? 1 : 2; f & 1; f<1 || x>0; !(f>0)
x>0 ? 1 : 2; x>0 ? 1 : y>0 ? 2 : 3; x==0 ? 1+1 : 2*3; 1+(x>0 ? 1 : 2); x>0 || y>0 ? 5 : 6; x ? y : s;
bo ? i : j
x>0 || y>0 && i>0; x>0 && y>0 || i>0; (x<y)<2; (x<y)==1; x<=y; x>=y; x!=y; s>0.1; s==0.1; s<=0.1; s==1.5;
i==7; i!=j; bo==1; 2<1+2
1/0; -1/0.; 0/0; i/(i-7); x/f; f/x; x/bo
sqrt(x); log(x); log10(x); log2(x); exp(x); exp(1000); exp(-1000); exp(f); log(f); sqrt(f); log(-f)
sin(y); cos(y); tan(y); asin(x); acos(x); atan(x); asin(y); acos(y); asin(f); acos(f); atan2(x,y);
atan2(i,j); acosh(x); asinh(x); atanh(x); atanh(y); acosh(f); atanh(f)
sinh(y); cosh(y); tanh(x); cbrt(x); expm1(y); log1p(x); exp2(y); hypot(x,y); trunc(x)
pow(x,2); pow(x,0.5); sq(x); fmod(x,2); fmod(x,y); fmod(x,0); int(y); int(s); int(-2.7); sign(x); sign(0);
floor(y); ceil(y); floor(-2.5); round(-2.5); round(2.5); round(y)
min(x,y); max(x,y); min(f,1); max(f,1); max(1,f); min(1,f); fmin(f,1); fmax(f,1); abs(x); abs(l); fabs(x);
abs(-7); abs(h)
TMath::Abs(x); TMath::Sqrt(x); TMath::Log(x); TMath::Log10(x); TMath::Log2(x); TMath::Exp(y);
TMath::Exp(1000.); TMath::Power(x,2); TMath::Power(x,y); TMath::Sq(x)
TMath::Max(x,y); TMath::Min(x,y); TMath::Max(f,1.); TMath::Min(f,1.); TMath::Max(1.,f); TMath::Min(1.,f);
TMath::Range(0.,1.,x)
TMath::ATan2(x,y); TMath::Hypot(x,y); TMath::Sin(y); TMath::Cos(y); TMath::Tan(y); TMath::ASin(x);
TMath::ACos(x); TMath::ATan(x); TMath::SinH(y); TMath::CosH(y); TMath::TanH(x); TMath::ASinH(x);
TMath::ACosH(x); TMath::ATanH(y)
TMath::Pi(); pi; 2*pi; TMath::TwoPi(); TMath::PiOver2(); TMath::PiOver4(); TMath::DegToRad();
TMath::RadToDeg(); TMath::E(); TMath::Sqrt2(); TMath::Ln10(); TMath::LogE(); TMath::Infinity()
TMath::Floor(y); TMath::Ceil(y); TMath::Nint(y); TMath::Nint(2.5); TMath::Nint(3.5); TMath::Nint(-2.5);
TMath::Sign(x,y); TMath::IsNaN(f); TMath::Finite(f); isnan(f); std::pow(x,2); std::abs(x); std::atan2(x,y);
std::hypot(x,y)
a[0]; a[1]; a[5]; a[k]; a[n-1]; a[x]; a[y]; a[1.7]; w[0]; a[Length$(a)-1]; v[k]; a[1]+x; a[1]>2 || x>0;
x>0 ? a[1] : 7; x>0 || a[1]>0; a[k]>0; !(a[k]>0); a[0]>0 ? 1 : 0; a[w[0]]; x[0]
Alt$(a[1],7); Alt$(a[1],-1)+x; Alt$(a[1],y); Alt$(a[1]+1,y); Alt$(a[k],-9); Alt$(x,2); Alt$(a[1],x>0);
Alt$(a[1]*b[1],0)
Sum$(a); Max$(a); Min$(a); Length$(a); Length$(a[0]); Length$(x); Sum$(x); Max$(x); Sum$(a*b); Sum$(a*(b>1));
Sum$(a[1]); Max$(a[1]); Min$(a[1]); Sum$(x*a); Max$(a*(b<3)); Sum$(v); Max$(v); Sum$(v*v); Sum$(w); Max$(w);
Min$(w)
MaxIf$(a,b<3); MinIf$(a,b<3); MaxIf$(a,b<-3); MinIf$(a,b<-3); MaxIf$(a,b); MinIf$(b,a>0); MaxIf$(b,a>1);
MaxIf$(w,a>0)
Sum$(a)/Length$(a); Sum$(a>0)>0; Sum$(Max$(a)); Length$(a>2); Sum$(a+b[0]); Sum$(a)+a[0]; Sum$(a[b]);
Max$(a)==a[0]; Max$(abs(a)); Sum$(a[w]); Max$(a[0]); Sum$(a>0 && b>1); Sum$(!a); Sum$(-a); Sum$(abs(a)<2.5);
Sum$(a>0 ? a : 0); Sum$(a/b); Sum$(sqrt(a)); Sum$(w%2); Sum$(w&1); Sum$(a*Alt$(b[3],2)); Max$(i); Length$(v);
Sum$(1); Max$(a)-Min$(a)
0x10; 0xff & 15; 1e3; .5; 5.; 1e-3*x; 1E3; 1e+2; 9007199254740993; 18446744073709551615; 1.5e-3; 007
u==18446744073709551615; u%1000; l%1000; u&1; l&1; u+1; l+1; u<<1; l<<40; u>>1; l>>1; l|1; l/2; l*2;
l==9007199254740993; u==9007199254740993; u>l
"""

REFUSED = """
- -i; !-i; +i; ~i; true; 1.5f; 10L; x=1; x=>1; x=<1; x//y; x>0 ? y>0 ? 1:2 : 3; sqrt(; (x; x); x y; max(x);
min(x,y,i); std::sqrt(x); std::max(x,y); v[3]
"""


def fill() -> ROOT.TTree:
    """Make the tree in memory."""
    tree = ROOT.TTree("t", "t")
    tree.SetDirectory(ROOT.nullptr)
    buffers = {name: array.array(code, [0]) for name, (_, code) in SCALARS.items()}
    buffers |= {name: array.array(code, [0] * 4) for name, (_, code) in {**LISTS, **FIXED}.items()}
    for name, (leaf, _) in SCALARS.items():
        tree.Branch(name, buffers[name], f"{name}/{leaf}")
    for name, (leaf, _) in LISTS.items():
        tree.Branch(name, buffers[name], f"{name}[n]/{leaf}")
    for name, (leaf, _) in FIXED.items():
        tree.Branch(name, buffers[name], f"{name}[3]/{leaf}")
    tree.buffers = buffers
    for row in ROWS:
        for name, value in {**row, "n": len(row["a"])}.items():
            for place, item in enumerate(value if isinstance(value, list) else [value]):
                buffers[name][place] = item
        tree.Fill()
    return tree


def plain(value: float) -> float | str:
    """Make a double a JSON value that reads back to the same bits."""
    return value if math.isfinite(value) else repr(value)


def evaluate(tree: ROOT.TTree, text: str) -> list | None:
    """Evaluate per entry: the value, None where there is no instance; None for all if ROOT refuses the text."""
    formula = ROOT.TTreeFormula("formula", text, tree)
    if formula.GetNdim() <= 0:
        return None
    values = []
    for entry in range(tree.GetEntries()):
        tree.LoadTree(entry)
        n_instances = formula.GetNdata()
        if n_instances > 1:
            message = f"{text} has {n_instances} values in entry {entry}"
            raise ValueError(message)
        values.append(plain(formula.EvalInstance(0)) if n_instances else None)
    return values


def main() -> None:
    """Evaluate everything and write the table."""
    ROOT.gROOT.SetBatch(True)
    ROOT.gErrorIgnoreLevel = ROOT.kFatal
    tree = fill()
    texts = [text.strip() for line in EXPRESSIONS.splitlines() for text in line.split(";") if text.strip()]
    refused = [text.strip() for line in REFUSED.splitlines() for text in line.split(";") if text.strip()]
    values = {text: evaluate(tree, text) for text in texts}
    for text, value in values.items():
        if value is None:
            message = f"ROOT refuses {text}"
            raise ValueError(message)
    for text in refused:
        if evaluate(tree, text) is not None:
            message = f"ROOT takes {text}"
            raise ValueError(message)
    columns = {}
    for name, (_, code) in {**SCALARS, **LISTS, **FIXED}.items():
        column = [len(row["a"]) if name == "n" else row[name] for row in ROWS]
        if code in "fd":
            # as stored: a float32 branch holds rounded numbers
            column = [[rounded(v, code) for v in c] if isinstance(c, list) else rounded(c, code) for c in column]
        columns[name] = {"type": code, "kind": kind(name), "values": column}
    table = {"root": str(ROOT.__version__), "columns": columns, "values": values, "refused": refused}
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("w", encoding="utf-8") as file:
        file.write("{\n")
        parts = [f'"root": {json.dumps(table["root"])}', f'"refused": {json.dumps(refused)}']
        parts += [
            f'"{key}": {{\n' + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in table[key].items()) + "\n}"
            for key in ("columns", "values")
        ]
        file.write(",\n".join(parts) + "\n}\n")


def rounded(value: float, code: str) -> float | str:
    """Round to the stored precision."""
    return plain(struct.unpack(code, struct.pack(code, value))[0])


def kind(name: str) -> str:
    """Say whether a column holds one value, lists, or arrays of a fixed size."""
    return "scalar" if name in SCALARS else "list" if name in LISTS else "fixed"


if __name__ == "__main__":
    main()
