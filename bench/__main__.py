"""
`python -m bench`: everything in one run, on servers of its own, in a folder that is then deleted.

Figures go to stdout, what is being done to stderr. With --json the last line of stdout is one
object. Exit: 0 measured, and the books equal; 1 books differ; 3 something could not run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = {
    "a": "the limit: the canonical transaction by pgbench",
    "b": "ours: latency at 20/s and 200/s, then saturation",
    "c": "the naive variant: a task for each fill",
    "d": "200/s with the exchange's limits enforced, on one account and on four",
    "f": "reading one frame",
    "g": "webhooks: 20/s until the order is on the wire, and 100 at once",
    "e": "200 private streams in one process on one core",
}
COULD_NOT_RUN = 3
#: what an operator has configured must neither be measured nor touched
FOREIGN = (
    "CELERY_BROKER_URL",
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "FLOWER_BASIC_AUTH",
    "REDIS_URL",
    "REDIS_URL_FILE",
    "SIMULATOR_URL",
)


def main() -> int:
    """Measure what was asked for."""
    options = read_options()
    with own_folder(keep=options.keep) as folder:
        prepare_environment(folder)
        # reads the environment as it is imported
        from bench.run import CouldNotRunError, run  # noqa: PLC0415

        try:
            return run(folder, set(options.only), options.seconds, as_json=options.json)
        except CouldNotRunError as error:
            print(f"The benchmark could not run: {error}", file=sys.stderr)
            return COULD_NOT_RUN


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parts = "; ".join(f"{name}: {what}" for name, what in PARTS.items())
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--keep", action="store_true", help="leave logs and data behind")
    parser.add_argument("--only", type=_parts, default=list(PARTS), metavar="a,b", help=parts)
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="how long saturation lasts, about"
    )
    return parser.parse_args()


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(PARTS):
        message = f"no such part: {', '.join(sorted(unknown))}"
        raise argparse.ArgumentTypeError(message)
    return names


@contextmanager
def own_folder(*, keep: bool) -> Iterator[Path]:
    """Give a folder for this run alone."""
    folder = Path(tempfile.mkdtemp(prefix="order-track-bench-"))
    try:
        yield folder
    finally:
        if keep:
            print(f"logs and data are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def prepare_environment(folder: Path) -> None:
    """Forget how this installation is configured: defaults, and data in `folder`."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "ordertrack.settings",
        "ENV_FILE": os.devnull,
        "VAR_DIR": str(folder),
        "LOG_DIR": str(folder / "logs"),
        "LOG_FORMAT": "json",
        "GENERATE_SECRETS": "on",
        "DEBUG": "off",
        "HTTPS": "off",
    }


if __name__ == "__main__":
    sys.exit(main())
