"""A minute of guided fuzzing, beginning with every sample frame we have."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from exchanges import generic_envelope as envelope
from exchanges import registry
from tests.fuzz import BY_CCXT
from tests.unit.exchanges.test_generic_answers import ORDER, TRADE

DATA = Path(__file__).parents[1] / "data"
SECONDS = 60
#: far fewer than a slow machine manages
LEAST_RUNS = 20_000


@pytest.mark.long
def test_no_frame_makes_a_parser_stumble(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="there is no atheris for this platform")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds()):
        (corpus / f"{number}").write_bytes(seed)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz.parsers",
            f"-max_total_time={SECONDS}",
            "-max_len=4096",
            "-timeout=5",
            f"-artifact_prefix={tmp_path}/",
            str(corpus),
        ],
        cwd=DATA.parents[1],
        capture_output=True,
        text=True,
        timeout=SECONDS * 4,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs
    assert int(runs[1]) > LEAST_RUNS


def seeds() -> list[bytes]:
    """Every sample frame, as a frame of each market type of its exchange."""
    targets = [
        (name, market_type)
        for name in (*registry.names(), BY_CCXT)
        for market_type in sorted(registry.adapter(name).market_types)
    ]
    return [
        bytes([number]) + frame
        for number, (name, _) in enumerate(targets)
        for frame in samples(name)
    ]


def samples(name: str) -> list[bytes]:
    """Sample frames of an exchange; where ccxt reads them they come to us as it wrote them."""
    if name == BY_CCXT:
        enclosed = (envelope.of_order(ORDER, "BTC-USDT"), envelope.of_trade(TRADE, "BTC-USDT"))
        return [envelope.text(each) for each in enclosed]
    return [path.read_bytes() for path in sorted((DATA / name.lower()).rglob("*.json"))]
