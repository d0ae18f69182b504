"""Tables of what a ROOT file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hepml.readers import BranchSummary, FileSummary

__all__ = ["inspection_headline", "inspection_tables"]


def inspection_headline(summary: FileSummary) -> str:
    """Return one line about a file: path, size, compression, number of trees."""
    size = "" if summary.size is None else f", {_bytes(summary.size)}"
    return f"{summary.path}{size}, compression {summary.compression}, {len(summary.trees)} tree(s)"


def inspection_tables(summary: FileSummary) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return title, header and rows of a table for each tree of a file."""
    tables = []
    for tree in summary.trees:
        with_statistics = any(branch.statistics for branch in tree.branches)
        header = ["branch", "type", "bytes", "compressed"]
        if with_statistics:
            header += ["min", "max", "mean", "NaN", "inf", "remarks"]
        rows = [_row(branch, with_statistics=with_statistics) for branch in tree.branches]
        tables.append(
            (f"{tree.name} ({tree.kind}): {tree.n_entries} entries, {len(tree.branches)} branches", header, rows)
        )
    return tables


def _row(branch: BranchSummary, *, with_statistics: bool) -> list[str]:
    shape = "" if branch.shape in {"scalar", "jagged"} else f" ({branch.shape})"
    row = [branch.name, branch.typename + shape, _bytes(branch.uncompressed_bytes), _bytes(branch.compressed_bytes)]
    if not with_statistics:
        return row
    found = branch.statistics
    if found is None:
        return [*row, "", "", "", "", "", ""]
    remarks = [f"{count} times {value:g}: a sentinel?" for value, count in found.sentinels.items()]
    if found.constant:
        remarks.append("constant")
    return [
        *row,
        f"{found.minimum:.6g}",
        f"{found.maximum:.6g}",
        f"{found.mean:.6g}",
        str(found.n_nan),
        str(found.n_infinite),
        "; ".join(remarks),
    ]


def _bytes(number: int | None) -> str:
    if number is None:
        return "?"
    size = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.4g} {unit}"
        size /= 1000
    return ""
