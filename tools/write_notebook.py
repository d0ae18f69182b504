"""Execute a notebook and keep it with its outputs: ``.venv/bin/python tools/write_notebook.py NOTEBOOK.ipynb``.

What differs from one execution to the next (times, numbers of cells, the kernel's version) is taken out, so that a notebook
changes only where its results do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def main() -> int:
    """Execute in the notebook's folder and write it back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    path = parser.parse_args().notebook
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    for number, cell in enumerate(notebook.cells):
        cell.metadata = {}
        cell.id = f"cell-{number}"
        for output in cell.get("outputs", []):
            # what has a page needs no text, which may name the folder of the day
            if "text/html" in output.get("data", {}):
                output.data.pop("text/plain", None)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    nbformat.write(notebook, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
