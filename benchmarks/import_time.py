"""How long ``hepml --help`` and ``import hepml`` take: medians over fresh interpreters, beside an empty one.

The goal is 0.3 s for the help. Usage: ``python benchmarks/import_time.py [--repeat N]``.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import hepml": [sys.executable, "-c", "import hepml"],
    "hepml --help": [sys.executable, "-m", "hepml", "--help"],
    "hepml train --help": [sys.executable, "-m", "hepml", "train", "--help"],
}


def main() -> None:
    """Print median and spread of the wall time of each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    repeat = parser.parse_args().repeat
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    # interleaved, so that a busy moment of the machine hits all of them; the first round warms the file cache
    for round_number in range(repeat + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    for name, values in seconds.items():
        low, high = min(values), max(values)
        print(f"{name:20s} median {statistics.median(values):.3f} s   ({low:.3f} to {high:.3f}, {repeat} repetitions)")


if __name__ == "__main__":
    main()
