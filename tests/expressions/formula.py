"""Evaluate expressions by ROOT's TTreeFormula: a task for :class:`hepml.root_process.RootProcess`."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

# by NumPy's type: TTree's leaf, and Python's array
LEAVES = {
    "b1": ("O", "B"), "i1": ("B", "b"), "u1": ("b", "B"), "i2": ("S", "h"), "u2": ("s", "H"), "i4": ("I", "i"),
    "u4": ("i", "I"), "i8": ("L", "q"), "u8": ("l", "Q"), "f4": ("F", "f"), "f8": ("D", "d"),
}  # fmt: skip


def run(folder: Path, *, names: list[str], texts: list[str]) -> list[str]:
    """Save the value of each text for each entry, NaN where there is none; return the texts that ROOT refuses."""
    import ROOT

    ROOT.gErrorIgnoreLevel = ROOT.kFatal
    columns = [np.load(folder / f"data{number}.npy") for number in range(len(names))]
    offsets = [np.load(folder / f"offsets{number}.npy") for number in range(len(names))]
    n_entries = max(len(column) for column, ends in zip(columns, offsets, strict=True) if not len(ends))
    tree = ROOT.TTree("t", "t")
    tree.SetDirectory(ROOT.nullptr)
    buffers = {}
    for name, column, ends in zip(names, columns, offsets, strict=True):
        leaf, code = LEAVES[column.dtype.str[1:]]
        longest = int(np.diff(ends).max()) if len(ends) else 1
        buffers[name] = array.array(code, [0] * longest)
        tree.Branch(name, buffers[name], f"{name}{'[n]' if len(ends) else ''}/{leaf}")
    for entry in range(n_entries):
        for name, column, ends in zip(names, columns, offsets, strict=True):
            inside = column[ends[entry] : ends[entry + 1]] if len(ends) else column[entry : entry + 1]
            for place, value in enumerate(inside.tolist()):
                buffers[name][place] = value
        tree.Fill()
    values = np.full((len(texts), n_entries), np.nan)
    refused = []
    for number, text in enumerate(texts):
        formula = ROOT.TTreeFormula("formula", text, tree)
        if formula.GetNdim() <= 0:
            refused.append(text)
            continue
        for entry in range(n_entries):
            # all branches: in "c ? x : y" of lists it reads those only that the first element needs, and takes for the
            # others' what is left of an earlier entry
            tree.GetEntry(entry)
            n_instances = formula.GetNdata()
            if n_instances > 1:
                msg = f"{text} has {n_instances} values in entry {entry}"
                raise ValueError(msg)
            if n_instances:
                values[number, entry] = formula.EvalInstance(0)
    np.save(folder / "values.npy", values)
    return refused
