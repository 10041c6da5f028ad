"""Tables on terminals, plain lines elsewhere: what is piped has no frames and no colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence


class Printer:
    """Writes to a command's output."""

    def __init__(self, stdout: Any) -> None:
        """`stdout`: what Django gives a command, or any text stream."""
        self._out = stdout
        self._is_terminal = bool(getattr(stdout, "isatty", lambda: False)())

    def line(self, text: str = "") -> None:
        """Write one line."""
        self._out.write(f"{text}\n")

    def table(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows under a title; on a terminal with frames."""
        if not self._is_terminal or not rows:
            self.line(title)
            for row in rows:
                self.line("  ".join(["", *filter(None, row)]))
            return
        table = Table(*heads, title=title, title_justify="left")
        for row in rows:
            table.add_row(*map(Text, row))
        Console(file=getattr(self._out, "_out", self._out)).print(table)
