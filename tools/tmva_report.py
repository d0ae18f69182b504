"""Print how far responses are from TMVA's, of golden files and of trainings, and write the tables into the documentation.

``python -m tools.tmva_report [FOLDER]``, from the project's folder; FOLDER is ``tmva_reference`` of the reference data, by
default below ``HEPML_REFERENCE_DATA``. Exits 1 if a difference is larger than it may be, or if a training agrees that is
listed as one that TMVA itself does not repeat.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hepml.errors import HepmlError
from tests.tmva.golden import Golden, all_golden, compared, reference
from tests.tmva.golden_trainings import GoldenTraining, all_trainings, difference

DOCS = Path(__file__).resolve().parent.parent / "docs"
DOCUMENT, TRAININGS = DOCS / "tmva.md", DOCS / "tmva_training.md"
BEGIN, END = "<!-- made by make tmva-report -->", "<!-- end of what make tmva-report made -->"
JOBS = ("random", "block", "alternate", "expr", "posw", "negw", "multi", "reg")
NOT_YET = "not yet"
NOT_NATIVE = "engine root"


@dataclass(frozen=True)
class Entry:
    """What came of a golden array or training: the largest difference, and whether enough events agree."""

    golden: Golden | GoldenTraining
    largest: float | None
    agreed: bool
    problem: str = ""

    @property
    def text(self) -> str:
        """What stands in the table."""
        if self.largest is None:
            return self.problem or NOT_YET
        number = "0" if self.largest == 0.0 else f"{self.largest:.0e}".replace("e-0", "e-")
        return f"{number} \\*" if self.reason else number

    @property
    def reason(self) -> str:
        """Why the difference says nothing, or ""."""
        return self.golden.exception if isinstance(self.golden, GoldenTraining) else ""


def main() -> int:
    """Print and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=reference())
    folder = parser.parse_args().folder
    if folder is None or not folder.is_dir():
        print("no reference data: give their folder, or set HEPML_REFERENCE_DATA", file=sys.stderr)
        return 2
    entries = [entry_of(folder, golden) for golden in all_golden(folder)]
    write(DOCUMENT, table_of(entries))
    trained = [training_of(folder, training) for training in all_trainings(folder)]
    write(TRAININGS, table_of(trained, "trainings"))
    wrong = [entry for entry in (*entries, *trained) if not entry.agreed]
    for entry in wrong:
        why = "agrees, and is listed as an exception" if entry.reason else f"is more than {entry.golden.limit:g}"
        print(f"{entry.golden.job} {entry.golden.key}: {entry.text} {why}", file=sys.stderr)
    return int(bool(wrong))


def write(document: Path, table: str) -> None:
    """Print a table and put it into a document."""
    print(table)
    document.write_text(replaced(document.read_text(encoding="utf-8"), table, document), encoding="utf-8")


def entry_of(folder: Path, golden: Golden) -> Entry:
    """Compare one array of responses."""
    if not golden.is_read:
        return Entry(golden, None, agreed=True)
    try:
        found = compared(folder, golden)
    except HepmlError as error:
        return Entry(golden, None, agreed=False, problem=type(error).__name__)
    return Entry(golden, float(found.max()), agreed=bool((found <= golden.limit).mean() >= golden.fraction))


def training_of(folder: Path, training: GoldenTraining) -> Entry:
    """Train a method again, and compare its responses."""
    if training.missing(folder):
        return Entry(training, None, agreed=True, problem=NOT_NATIVE)
    try:
        found = difference(folder, training, training.train(folder))
    except HepmlError as error:
        return Entry(training, None, agreed=False, problem=type(error).__name__)
    # an exception that agrees is stale
    agrees = bool(found.max() <= training.limit)
    return Entry(training, float(found.max()), agreed=agrees != bool(training.exception))


def table_of(entries: list[Entry], of: str = "arrays of responses") -> str:
    """Return a Markdown table: a row for each method, a column for each job; members of a boosted method share a row.

    Rows without any difference are left out where they would say nothing but that a method is not trained natively.
    """
    rows: dict[tuple[str, str], dict[str, list[Entry]]] = {}
    for entry in entries:
        name = re.sub(r"_B\d{4}$", "_B0000, ...", entry.golden.key)
        rows.setdefault((entry.golden.kind, name), {}).setdefault(entry.golden.job, []).append(entry)
    lines = ["| kind | method | " + " | ".join(JOBS) + " |", "|---|---|" + "---:|" * len(JOBS)]
    for (kind, name), by_job in sorted(rows.items(), key=lambda row: (row[0][0].lower(), row[0][1].lower())):
        cells = [_worst(by_job[job]).text if job in by_job else "" for job in JOBS]
        if all(cell in {"", NOT_NATIVE} for cell in cells):
            continue
        lines.append(f"| {kind} | {name} | " + " | ".join(cells) + " |")
    lines += ["", *(f"\\* {e.golden.key} ({e.golden.job}): {e.reason}." for e in entries if e.reason)]
    there = [entry for entry in entries if entry.largest is not None]
    lines += ["", f"{len(there)} of {len(entries)} {of}, of {_n_files(there)} weights files."]
    return "\n".join(lines)


def replaced(text: str, table: str, document: Path = DOCUMENT) -> str:
    """Return a document with the table between its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        msg = f"{document} lacks the marks {BEGIN} and {END}"
        raise SystemExit(msg)
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _worst(entries: list[Entry]) -> Entry:
    return max(entries, key=lambda entry: np.inf if entry.largest is None else entry.largest)


def _n_files(entries: list[Entry]) -> int:
    return len({(entry.golden.job, entry.golden.name) for entry in entries})


if __name__ == "__main__":
    raise SystemExit(main())
