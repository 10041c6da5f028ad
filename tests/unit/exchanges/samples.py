"""Real frames and answers, scrubbed, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "data" / "binance"
FRAMES = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("rest_"))


def sample(name: str) -> bytes:
    return (FOLDER / f"{name}.json").read_bytes()


def sample_json(name: str) -> Any:
    return json.loads(sample(name))


def changed(name: str, **order: object) -> bytes:
    """Return the frame `name` with some fields of its order changed (None removes one)."""
    frame = sample_json(name)
    frame["o"].update(order)
    frame["o"] = {key: value for key, value in frame["o"].items() if value is not None}
    return json.dumps(frame).encode()
