"""List the skipped tests of a run by reason, and fail when a reason is not one that is expected.

Of ``tools/check_skips.py RESULTS.xml tests/expected_skips.txt`` the first is what ``pytest --junitxml`` writes; the
second holds one regular expression a line (``#`` starts a comment), each to match a whole reason.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

from defusedxml import ElementTree


def main() -> int:
    """Print the table; exit 1 on a reason that nothing expects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("expected", type=Path)
    arguments = parser.parse_args()
    reasons = skip_reasons(arguments.results.read_text())
    patterns = expected_patterns(arguments.expected.read_text())
    unexpected = [reason for reason in reasons if not any(pattern.fullmatch(reason) for pattern in patterns)]
    print(f"{sum(reasons.values())} skipped")
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        print(f"{count:6d}  {reason}{'   <- not in ' + str(arguments.expected) if reason in unexpected else ''}")
    return int(bool(unexpected))


def skip_reasons(junit_xml: str) -> Counter[str]:
    """Count the skipped tests of a JUnit report by reason; expected failures are not skips."""
    skipped = ElementTree.fromstring(junit_xml).iter("skipped")
    return Counter(element.get("message", "") for element in skipped if element.get("type") == "pytest.skip")


def expected_patterns(text: str) -> list[re.Pattern[str]]:
    """Compile the patterns of an expected-skips file."""
    lines = (line.strip() for line in text.splitlines())
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    sys.exit(main())
