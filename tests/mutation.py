"""
Says how many mutants of the domain the unit tests killed, after `mutmut run`. See `make mutants`.

A mutant under which a test runs for ever is noticed as well. Exit code 1 below the score promised.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

STATS = Path("mutants/mutmut-cicd-stats.json")
PROMISED = 0.85


def main() -> int:
    """Print the figures of the last run; 0 if the score is kept."""
    stats: dict[str, int] = json.loads(STATS.read_text())
    total = stats["total"]
    killed = stats["killed"] + stats["timeout"]
    score = killed / total
    sys.stdout.write(f"{total} mutants: {killed} killed, {total - killed} survived: {score:.1%}\n")
    return int(score < PROMISED)


if __name__ == "__main__":
    sys.exit(main())
