"""`manage.py explain ORDER`: the whole life of one order, and why it is what it is."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from tracking.management.account_choice import add_one_account_option, chosen_account
from tracking.management.printing import Printer
from tracking.services.explain import explain
from tracking.services.order_search import find_orders

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from tracking.services.life import Entry, Life
    from tracking.services.order_search import OrderKey
    from tracking.services.payloads import Json

_HEADS = ("time", "what", "by", "told", "took")
_EXECUTION = ("exchange_trade_id", "side", "execution_quantity", "execution_price", "commission")
_ORDER = ("table", "status", "filled_quantity", "quantity", "version", "verified")
_POSITION = ("strategy_account", "position_side", "quantity", "average_price", "realized_pnl")


class Command(BaseCommand):
    """Tell the life of an order in the order of time."""

    help = "Tell what was heard, asked, answered, booked and sent of one order, in order of time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the order and how to tell it."""
        parser.add_argument(
            "order", help="the exchange's id, the client order id, or market:symbol:id"
        )
        add_one_account_option(parser, purpose="where several orders fit")
        parser.add_argument("--raw", action="store_true", help="show frames and answers as sent")
        parser.add_argument("--json", action="store_true", help="for programs; always with raw")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find the one order and tell its life."""
        life = explain(_the_one(options["order"], options["account"]))
        if options["json"]:
            self.stdout.write(json.dumps(life.as_json(), indent=2, ensure_ascii=False))
            return
        printer = Printer(self.stdout)
        _tell_entries(printer, life, raw=options["raw"])
        _tell_books(printer, life)


def _the_one(name: str, account: str | None) -> OrderKey:
    found = find_orders(name, chosen_account(account).pk if account else None)
    if not found:
        message = f"no order is known as {name!r}"
        raise CommandError(message)
    if len(found) > 1:
        named = "\n".join(f"  --account {key.account_id} {key.label}" for key in found)
        message = f"{len(found)} orders are known as {name!r}; name one of them:\n{named}"
        raise CommandError(message)
    return found[0]


def _tell_entries(printer: Printer, life: Life, *, raw: bool) -> None:
    title = f"account {life.key.account_id}, {life.key.label}"
    if raw:
        printer.line(title)
        for entry in life.entries:
            printer.line("  ".join(["", *filter(None, _cells(entry))]))
            if entry.raw:
                printer.line(_indented(entry.raw))
        return
    printer.table(title, _HEADS, [_cells(entry) for entry in life.entries])


def _cells(entry: Entry) -> tuple[str, ...]:
    at = f"{entry.at:%Y-%m-%d %H:%M:%S}.{entry.at.microsecond // 1000:03d}"
    return at, entry.kind, entry.source, entry.text, _latency(entry.details)


def _latency(details: dict[str, Json]) -> str:
    steps = ("received_after_ms", "booked_after_ms", "after_ms")
    took = [
        f"{name.removesuffix('_ms').replace('_', ' ')} {details[name]} ms"
        for name in steps
        if name in details
    ]
    return ", ".join(took)


def _indented(raw: str) -> str:
    # a frame that was cut off is shown as it came
    with suppress(ValueError):
        raw = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    return "\n".join(f"      {line}" for line in raw.splitlines())


def _tell_books(printer: Printer, life: Life) -> None:
    books: Any = life.books
    order = [books["order"]] if books["order"] else []
    _tell(printer, "the order now", _ORDER, order)
    fills = [row | {"seen": _seen(row)} for row in books["executions"]]
    _tell(printer, "its fills", (*_EXECUTION, "seen"), fills)
    _tell(printer, "positions they moved", _POSITION, books["positions"])


def _seen(row: dict[str, Any]) -> str:
    verified = f"verified {row['verified_at'] or ''}".rstrip() if row["verified"] else "unverified"
    voided = f", voided {row['voided_at']}" if row["voided"] else ""
    return f"first by {row['source']} {row['created_at']}, {verified}{voided}"


def _tell(printer: Printer, title: str, heads: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    cells = [["" if row[head] is None else str(row[head]) for head in heads] for row in rows]
    printer.table(title if rows else f"{title}: none", heads, cells)
