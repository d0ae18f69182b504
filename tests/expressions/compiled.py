"""Compile translated expressions in ROOT, all at once, and run them: a task for :class:`hepml.root_process.RootProcess`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.expressions.cpp_functions import CPP_PRELUDE

if TYPE_CHECKING:
    from pathlib import Path

VIEW = """
#include <vector>
template <class T> struct View {
   const T *first;
   std::size_t n;
   std::size_t size() const { return n; }
   T operator[](std::size_t k) const { return first[k]; }
};
using Pointers = std::vector<const void *>;
"""


def run(folder: Path, *, functions: list[list[str]], n_columns: int, n_entries: int) -> bool:
    """Compute ``value`` and ``passed`` by every function for every entry; return whether lists of other lengths met."""
    import ROOT

    code = ["#pragma cling optimize(3)", CPP_PRELUDE, VIEW]
    head = "(std::size_t entry, const Pointers &data, const Pointers &offsets, hepml_expressions::Failure &failure,"
    for number, statements in enumerate(functions):
        code += [
            f"void f{number}{head} double &value, bool &passed)\n{{\n#pragma STDC FP_CONTRACT OFF",
            *statements,
            "}",
        ]
    calls = [
        f"f{n}(entry, data, offsets, failure, values[{n} * {n_entries} + entry], passed[{n} * {n_entries} + entry]);"
        for n in range(len(functions))
    ]
    code += [
        "bool run(const std::vector<unsigned long long> &addresses) {",
        f"hepml_expressions::Failure failure; Pointers data({n_columns}), offsets({n_columns});",
        f"for (int i = 0; i < {n_columns}; ++i) {{ data[i] = reinterpret_cast<const void *>(addresses[i]);",
        f"offsets[i] = reinterpret_cast<const void *>(addresses[{n_columns} + i]); }}",
        f"auto values = reinterpret_cast<double *>(addresses[{2 * n_columns}]);",
        f"auto passed = reinterpret_cast<bool *>(addresses[{2 * n_columns + 1}]);",
        f"for (std::size_t entry = 0; entry < {n_entries}; ++entry) {{",
        *calls,
        "} return failure.found[0]; }",
    ]
    if not ROOT.gInterpreter.Declare("\n".join(code)):
        msg = "the expressions cannot be compiled"
        raise RuntimeError(msg)
    columns = [np.load(folder / f"{what}{n}.npy") for what in ("data", "offsets") for n in range(n_columns)]
    values = np.zeros((len(functions), n_entries))
    passed = np.zeros((len(functions), n_entries), dtype=np.bool_)
    addresses = [array.ctypes.data for array in (*columns, values, passed)]
    failed = bool(ROOT.run(ROOT.std.vector["unsigned long long"](addresses)))
    np.save(folder / "values.npy", values)
    np.save(folder / "passed.npy", passed)
    return failed
