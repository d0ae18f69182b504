"""The event loop of the PyROOT reader: what runs inside the process that :mod:`hepml.root_process` started.

The code that comes in was written by :mod:`hepml.expressions.cpp`. File, tree and branch names reach ROOT as the strings
that they are, never as code.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import (
    BranchNotFoundError,
    BranchTypeError,
    FileUnreadableError,
    InvalidInputError,
    RootProcessError,
)
from hepml.expressions.cpp_functions import CPP_PRELUDE
from hepml.readers.root_given import declarations, map_columns

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_loop"]

# what RDataFrame calls a type, the name that C++ takes, and NumPy's
_TYPES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("bool", "Bool_t"), ("bool", "b1")),
    **dict.fromkeys(("char", "Char_t"), ("char", "i1")),
    **dict.fromkeys(("signed char", "int8_t", "Int8_t"), ("signed char", "i1")),
    **dict.fromkeys(("unsigned char", "UChar_t", "uint8_t", "UInt8_t"), ("unsigned char", "u1")),
    **dict.fromkeys(("short", "Short_t", "int16_t"), ("short", "i2")),
    **dict.fromkeys(("unsigned short", "UShort_t", "uint16_t"), ("unsigned short", "u2")),
    **dict.fromkeys(("int", "Int_t", "int32_t"), ("int", "i4")),
    **dict.fromkeys(("unsigned int", "UInt_t", "uint32_t"), ("unsigned int", "u4")),
    **dict.fromkeys(("long", "Long_t"), ("long", "i8")),
    **dict.fromkeys(("unsigned long", "ULong_t"), ("unsigned long", "u8")),
    "int64_t": ("std::int64_t", "i8"),
    "uint64_t": ("std::uint64_t", "u8"),
    **dict.fromkeys(("long long", "Long64_t"), ("long long", "i8")),
    **dict.fromkeys(("unsigned long long", "ULong64_t"), ("unsigned long long", "u8")),
    **dict.fromkeys(("float", "Float_t"), ("float", "f4")),
    **dict.fromkeys(("double", "Double_t"), ("double", "f8")),
}
_LIST = re.compile(r"(?:ROOT::)?(?:VecOps::)?(?:RVec|vector|array)<([^,<>]*[^,<> ]) *(?:,[^<>]*)?>")
_OUTPUT_TYPES = {"b1": "bool", "f4": "float", "f8": "double", "i8": "long long", "u8": "unsigned long long"}
_ERROR_LINE = re.compile(rb"^(?:Sys)?Error in <.*", re.MULTILINE)
_LEAF_LIST = re.compile(rb"The branch (.*) was created using a leaf list")

# compiled code by its text: files of one sample share it
_COMPILED: dict[str, str] = {}


def run_loop(
    folder: Path,
    *,
    path: str,
    tree: str,
    is_rntuple: bool,
    columns: list[dict[str, Any]],
    given: list[dict[str, Any]],
    body: str,
    outputs: list[str],
    n_entries: int,
    is_part: bool,
    threads: int,
) -> list[int]:
    """Compute columns for the entries of a tree, and leave them in the folder as ``0.npy``, ``1.npy``, ...

    Parameters
    ----------
    folder : pathlib.Path
        Where the arrays go.
    path, tree : str
        File and tree.
    is_rntuple : bool
        Whether the tree is an RNTuple.
    columns : list of dict
        ``name``, ``variable``, ``dtype`` and ``is_list`` of the branches that ROOT reads.
    given : list of dict
        The same of the columns that :mod:`hepml.readers.root_given` wrote into the folder.
    body : str
        Code for one entry: it fills ``o0[entry]``, ``o1[entry]``, ...
    outputs : list of str
        Type of each array.
    n_entries : int
        Entries that are computed, from the first.
    is_part : bool
        Whether the tree has more.
    threads : int
        Threads of ROOT's event loop. Each entry is written to its own place, so the order does not depend on them.

    Returns
    -------
    list of int
        What ``hepml_expressions::Failure`` found.

    Raises
    ------
    BranchNotFoundError, BranchTypeError
        If ROOT sees no such branch, or another type than expected.
    FileUnreadableError
        If ROOT reports an error, or does not give every entry once.
    """
    import ROOT  # type: ignore[import-not-found,import-untyped,unused-ignore]

    _use_threads(ROOT, threads)
    printed = _log_size(folder)
    # a name of our own: ROOT reads wildcards and options out of a path
    if "://" not in path:
        link = folder / "input.root"
        link.unlink(missing_ok=True)
        link.symlink_to(path)
        path = str(link)
    frame = _opened(ROOT, tree, path, n_entries if is_part else None)
    known = {str(name) for name in frame.GetColumnNames()}
    if not is_rntuple:
        columns = [{**column, "name": _with_leaf(column["name"], known)} for column in columns]
    types = [_cpp_type(frame, column, known, f"{tree} of {path}") for column in columns]
    for number in range(len(outputs)):
        # the arrays of the file before may still be looked at: they keep their own contents
        (folder / f"{number}.npy").unlink(missing_ok=True)
    arrays = [
        np.lib.format.open_memmap(folder / f"{number}.npy", mode="w+", dtype=dtype, shape=(n_entries,))
        for number, dtype in enumerate(outputs)
    ]
    seen = np.zeros(n_entries, dtype=np.uint8)
    found = np.zeros(5, dtype=np.uint64)
    variables = [f"{cpp} &{column['variable']}" for cpp, column in zip(types, columns, strict=True)]
    code = _function(variables, given, outputs, body, by_task=not is_rntuple)
    function = _compiled(ROOT, code)
    names = ROOT.std.vector["std::string"]([column["name"] for column in columns])
    # mapped until the loop is over
    inputs = map_columns(given, folder)
    addresses = [array.ctypes.data for array in (*arrays, seen, found, *inputs)]
    try:
        n_outside = function(
            ROOT.RDF.AsRNode(frame), names, ROOT.std.vector["unsigned long long"](addresses), n_entries
        )
    except Exception as error:  # what C++ throws arrives as several types
        _check_log(folder, printed)
        reason = (str(error).strip() or repr(error)).splitlines()[-1].strip()
        msg = f"ROOT cannot read it: {reason:.500}. The file may be truncated or damaged"
        raise FileUnreadableError(msg) from error
    _check_log(folder, printed)
    n_seen = int(np.count_nonzero(seen == 1))
    if n_outside or n_seen != n_entries:
        msg = f"ROOT gives {n_seen} of the {n_entries} entries of {tree} once, and {n_outside} others"
        raise FileUnreadableError(msg)
    for array in arrays:
        array.flush()
    return [int(number) for number in found]


def _use_threads(root: Any, threads: int) -> None:
    """Set the threads of the event loop, also where the process had others before."""
    if threads != (root.GetThreadPoolSize() if root.IsImplicitMTEnabled() else 1):
        root.DisableImplicitMT()
        if threads > 1:
            root.EnableImplicitMT(threads)


def _opened(root: Any, tree: str, path: str, n_entries: int | None) -> Any:
    try:
        return _frame(root, tree, path, n_entries)
    except Exception as error:  # what C++ throws arrives as several types
        reason = (str(error).strip() or repr(error)).splitlines()[-1].strip()
        if path.startswith(("http://", "https://")):
            msg = (
                f"ROOT cannot open it, perhaps because its pip wheel reads nothing from the web: use 'reader: uproot' "
                f"({reason:.300})"
            )
            raise InvalidInputError(msg) from error
        msg = f"ROOT cannot open it: {reason:.500}"
        raise FileUnreadableError(msg) from error


def _frame(root: Any, tree: str, path: str, n_entries: int | None) -> Any:
    if n_entries is None:
        return root.RDataFrame(tree, path)
    # Range() would allow one thread only
    dataset = root.RDF.Experimental.RDatasetSpec().AddSample(("sample", tree, path)).WithGlobalRange((0, n_entries))
    return root.RDataFrame(dataset)


def _with_leaf(name: str, known: set[str]) -> str:
    """Return ``branch.leaf`` for a branch whose only leaf has another name, which ROOT does not find by the branch."""
    leaves = [column for column in known if column.startswith(f"{name}.")]
    return leaves[0] if len(leaves) == 1 else name


def _cpp_type(frame: Any, column: dict[str, Any], known: set[str], where: str) -> str:
    name = column["name"]
    if name not in known:
        msg = f"ROOT sees no branch {name!r} in {where}"
        raise BranchNotFoundError(msg)
    stated = str(frame.GetColumnType(name))
    bare = stated.replace("std::", "")
    inside = _LIST.fullmatch(bare)
    cpp, dtype = _TYPES.get(inside[1] if inside else bare, ("", ""))
    if dtype != column["dtype"] or bool(inside) != column["is_list"]:
        expected = f"{'a list of ' if column['is_list'] else ''}{column['dtype']}"
        msg = f"ROOT reads branch {name!r} as {stated}, which is not the {expected} that the file describes"
        raise BranchTypeError(msg)
    return f"ROOT::RVec<{cpp}>" if inside else cpp


def _compiled(root: Any, code: str) -> Any:
    if not _COMPILED:
        _declare(root, "#include <ROOT/RDataFrame.hxx>\n#include <atomic>\n" + CPP_PRELUDE)
    if code not in _COMPILED:
        name = f"hepml_loop_{len(_COMPILED)}"
        _declare(root, f"#pragma cling optimize(3)\nnamespace {name} {{\n{code}\n}}")
        _COMPILED[code] = name
    function = getattr(root, _COMPILED[code]).run
    function.__release_gil__ = True
    return function


def _declare(root: Any, code: str) -> None:
    if not root.gInterpreter.Declare(code):
        msg = "ROOT could not compile the translated expressions"
        raise RootProcessError(msg)


def _function(
    variables: list[str], given: list[dict[str, Any]], outputs: list[str], body: str, *, by_task: bool
) -> str:
    pointers = [f"auto o{n} = reinterpret_cast<{_OUTPUT_TYPES[t]} *>(addresses[{n}]);" for n, t in enumerate(outputs)]
    arguments = "".join(f", const {variable}" for variable in variables)
    n_outputs = len(outputs)
    once, for_each = declarations(given, n_outputs + 2)
    if by_task:
        # with threads, ROOT's own rdfentry_ counts in the order of the work: the start of each task tells the entry
        define = """
   std::vector<ULong64_t> next(64 * node.GetNSlots(), 0);
   auto loop = node.DefinePerSample("hepml_task", [&next](unsigned int slot, const ROOT::RDF::RSampleInfo &task) {
      next[64 * slot] = task.EntryRange().first;
      return 0;
   });"""
        entry, kind, column = "next[64 * slot]++", "int", "hepml_task"
    else:
        define = "auto loop = node;"
        entry, kind, column = "task", "ULong64_t", "rdfentry_"
    return f"""
unsigned long long run(ROOT::RDF::RNode node, const std::vector<std::string> &names,
                       const std::vector<unsigned long long> &addresses, unsigned long long n_entries)
{{
#pragma STDC FP_CONTRACT OFF
   hepml_expressions::Failure failure;
   std::atomic<unsigned long long> n_outside{{0}};
   {" ".join(pointers)}
   auto seen = reinterpret_cast<unsigned char *>(addresses[{n_outputs}]);
   auto found = reinterpret_cast<unsigned long long *>(addresses[{n_outputs + 1}]);
   {once}
   {define}
   std::vector<std::string> inputs{{"{column}"}};
   inputs.insert(inputs.end(), names.begin(), names.end());
   loop.ForeachSlot([&](unsigned int slot, {kind} task{arguments}) {{
      const unsigned long long entry = {entry};
      if (entry >= n_entries || seen[entry]) {{ ++n_outside; return; }}
      seen[entry] = 1;
{for_each}
{body}
   }}, inputs);
   for (int i = 0; i < 5; ++i) found[i] = failure.found[i];
   return n_outside;
}}"""


def _log_size(folder: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    log = folder / "log.txt"
    return log.stat().st_size if log.is_file() else 0


def _check_log(folder: Path, start: int) -> None:
    """Raise if ROOT reported an error: it goes on after one, with zeros for what it could not read."""
    if _log_size(folder) <= start:
        return
    with (folder / "log.txt").open("rb") as log:
        log.seek(start)
        text = log.read()
    if branch := _LEAF_LIST.search(text):
        msg = (
            f"ROOT cannot read branch {branch[1].decode(errors='replace')!r}: it was written as a leaf list whose leaf has "
            f"another name. Use 'reader: uproot'"
        )
        raise BranchTypeError(msg)
    if line := _ERROR_LINE.search(text):
        msg = f"ROOT reports: {line[0].decode(errors='replace'):.500}. The file may be truncated or damaged"
        raise FileUnreadableError(msg)
