"""
Pages of lists, and the cursors that lead from one to the next.

A cursor is opaque and comes URL-encoded; it names the last row shown, so that rows added meanwhile
shift nothing. The last page has an empty one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, unquote

from exchanges.simulator.bybit.errors import bad_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exchanges.simulator.call import Call

Row = TypeVar("Row")


def page(
    call: Call,
    found: Sequence[Row],
    *,
    name: Callable[[Row], str],
    usual: int,
    most: int,
) -> tuple[Sequence[Row], str]:
    """The asked page of what was found, and the cursor of the next one."""
    limit, start = limit_of(call, usual, most), first_of(call, found, name)
    shown = found[start : start + limit]
    if start + limit >= len(found) or not shown:
        return shown, ""
    return shown, quote(f"after={name(shown[-1])}", safe="")


def limit_of(call: Call, usual: int, most: int) -> int:
    """How many rows a page has."""
    text = call.params.get("limit") or str(usual)
    if not text.isdecimal() or not int(text):
        text = "limit invalid"
        raise bad_parameter(text)
    return min(int(text), most)


def first_of(call: Call, found: Sequence[Row], name: Callable[[Row], str]) -> int:
    """Where the asked page begins; some clients encode what is encoded already."""
    cursor = call.params.get("cursor", "")
    if not cursor:
        return 0
    last = unquote(cursor).removeprefix("after=")
    for index, each in enumerate(found):
        if name(each) == last:
            return index + 1
    text = "cursor invalid"
    raise bad_parameter(text)


def whole(call: Call, name: str) -> int | None:
    """A parameter that is a whole number, if it was sent."""
    text = call.params.get(name, "")
    if not text:
        return None
    if not text.isdecimal():
        text = f"{name} invalid"
        raise bad_parameter(text)
    return int(text)


def window(call: Call) -> tuple[int, int]:
    """The asked span of time: at most seven days, and the last seven if none is named."""
    span, now = call.exchange.config.query_window_ms, call.exchange.clock.now()
    start, end = whole(call, "startTime"), whole(call, "endTime")
    if start is None and end is None:
        return now - span, now
    if start is None:
        return (end or now) - span, end or now
    if end is None:
        return start, start + span
    if end < start or end - start > span:
        text = "The time range between startTime and endTime cannot exceed 7 days."
        raise bad_parameter(text)
    return start, end


def answer(category: str, rows: Sequence[Any], cursor: str) -> dict[str, Any]:
    """A page as it is answered."""
    return {"category": category, "list": list(rows), "nextPageCursor": cursor}
