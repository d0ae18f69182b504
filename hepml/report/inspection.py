"""Tables of what a ROOT file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.data.quality import COARSE

if TYPE_CHECKING:
    from hepml.readers import BranchStatistics, BranchSummary, FileSummary

__all__ = ["inspection_headline", "inspection_remarks", "inspection_tables"]

# a double changes by this much at most where float32 has its full precision
_ROUNDING = 2.0**-24


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


def inspection_remarks(summary: FileSummary) -> list[str]:
    """Return lines about the trees of a file: how they differ from earlier files, and events that are there twice."""
    lines = []
    for tree in summary.trees:
        lines += [f"{tree.name}: {difference}" for difference in tree.differences]
        repeated = tree.repeated
        if repeated is None or not repeated.n_in_file + repeated.n_in_earlier_files:
            continue
        names = ":".join(repeated.identity)
        if repeated.n_in_file:
            lines.append(f"{tree.name}: {repeated.n_in_file} entries repeat the {names} of an earlier entry")
        if repeated.n_in_earlier_files:
            lines.append(
                f"{tree.name}: {repeated.n_in_earlier_files} entries have the {names} of an entry of an earlier file "
                f"(a file that is there twice, or samples that number their events alike)"
            )
        lines += [
            f"  {item.identity}: entry {item.entry}, first entry {item.first_entry} of {item.first_file}"
            for item in repeated.examples
        ]
    return lines


def _row(branch: BranchSummary, *, with_statistics: bool) -> list[str]:
    shape = "" if branch.shape in {"scalar", "jagged"} else f" ({branch.shape})"
    if branch.members:
        shape = f" (use {', '.join(branch.members)})"
    row = [branch.name, branch.typename + shape, _bytes(branch.uncompressed_bytes), _bytes(branch.compressed_bytes)]
    if not with_statistics:
        return row
    found = branch.statistics
    if found is None:
        return [*row, "", "", "", "", "", ""]
    remarks = [f"{count} times {value:g}: a sentinel?" for value, count in found.sentinels.items()]
    if found.constant:
        remarks.append("constant")
    remarks += _float32_remarks(found)
    if found.lengths is not None:
        lengths = found.lengths
        remarks.append(f"{lengths.minimum:g} to {lengths.maximum:g} an entry, mean {lengths.mean:.3g}")
    return [
        *row,
        f"{found.minimum:.6g}",
        f"{found.maximum:.6g}",
        f"{found.mean:.6g}",
        str(found.n_nan),
        str(found.n_infinite),
        "; ".join(remarks),
    ]


def _float32_remarks(found: BranchStatistics) -> list[str]:
    """Say what a feature would lose, but not the usual rounding of every double."""
    remarks = []
    if found.n_beyond_float32:
        remarks.append(f"{found.n_beyond_float32} values are beyond float32")
    if found.resolution > COARSE:
        remarks.append(
            f"{found.n_rounded} values change in float32, which divides their range in steps of {found.resolution:.2g} of it"
        )
    elif found.n_rounded and ("int" in found.dtype or found.largest_change > _ROUNDING):
        remarks.append(f"{found.n_rounded} values change in float32, by up to {found.largest_change:.2g} of themselves")
    return remarks


def _bytes(number: int | None) -> str:
    if number is None:
        return "?"
    size = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.4g} {unit}"
        size /= 1000
    return ""
