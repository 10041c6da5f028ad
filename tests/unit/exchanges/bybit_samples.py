"""Bybit's documented frames and answers, and variations of them, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "data" / "bybit"
FRAMES = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("rest_"))


def sample(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def sample_json(name: str) -> Any:
    return json.loads(sample(name))


def result(name: str) -> Any:
    return sample_json(name)["result"]


def changed(name: str, **row: object) -> bytes:
    """Return the frame `name` with some fields of its first row changed (None removes one)."""
    frame = sample_json(name)
    first = frame["data"][0] | row
    frame["data"][0] = {key: value for key, value in first.items() if value is not None}
    return json.dumps(frame).encode()


def market_type_of(name: str) -> str:
    """Say which market type's stream a sample belongs to."""
    if "spot" in name or "wallet" in name:
        return "SPOT"
    return "COIN_FUTURES" if "inverse" in name else "FUTURES"
