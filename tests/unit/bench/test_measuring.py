from __future__ import annotations

import os
import subprocess
import sys
import time

from bench.children import cpu_seconds
from bench.stage import Usage
from bench.transaction import NAMES, pgbench_script


def test_the_script_of_the_limit_is_five_statements_in_one_transaction() -> None:
    lines = pgbench_script().splitlines()

    begin, commit = lines.index("BEGIN;"), lines.index("COMMIT;")
    assert commit - begin == 6
    assert all(f":{name}" in pgbench_script() for name in NAMES)
    assert "{{" not in pgbench_script()


def test_the_time_of_children_that_have_ended_counts() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    before = cpu_seconds({"us": os.getpid()})["us"]

    subprocess.run([sys.executable, "-c", burn], check=True)

    assert cpu_seconds({"us": os.getpid()})["us"] - before >= 0.15


def test_what_was_used_is_the_difference_of_two_readings() -> None:
    now = time.monotonic()
    before = Usage(at=now, cpu={"worker": 1.0}, requests=5, weight=50, too_many_requests=0)
    after = Usage(at=now + 2, cpu={"worker": 1.5}, requests=9, weight=90, too_many_requests=1)

    used = after - before

    assert (used.requests, used.weight, used.too_many_requests) == (4, 40, 1)
    assert used.cpu_ms_per_fill(100) == {"worker": 5.0}
