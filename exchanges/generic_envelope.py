"""
What ccxt says of an order, a fill or a position, as plain JSON that can be kept and read again.

Policy: ccxt's unified values are kept whole, the exchange's own words (`info`) within, beside the
exchange's id of the market, because unified symbols alone do not tell it. Numbers are text: ccxt
is run with number=str, and whatever float is left in `info` is written as its shortest text.
Where ccxt is known to be wrong it is put right here, once for streams and REST.

@FEAT:order-tracking @COMP:exchange @TYPE:core
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from exchanges.wire import Fields

#: deeper than any exchange nests; what lies below is dropped
_DEPTH: Final = 12
#: where exchanges keep our id while ccxt looks elsewhere (Kraken's stream: order_userref)
_OUR_ID: Final = ("cl_ord_id",)
#: where exchanges tell what was filled in all while ccxt does not look (Kraken's stream)
_FILLED: Final = ("cum_qty",)
_NEGATIVE_FEE: Final = "fillFee"
#: what an incomplete update may change of an order that is known whole
_PROGRESS: Final = (
    *("status", "average", "timestamp", "datetime"),
    *("lastUpdateTimestamp", "lastTradeTimestamp"),
)


def of_order(unified: Mapping[str, object], symbol_id: str, *, at: int = 0) -> Fields:
    """Enclose an order. `at`: its time in milliseconds, should it tell none itself."""
    order = _plain_object(unified)
    info = _object(order.get("info"))
    name = _first(info, _OUR_ID) or order.get("clientOrderId")
    order["clientOrderId"] = None if name in ("", "0") else name
    if (filled := _first(info, _FILLED)) is not None:
        order |= {"filled": str(filled), "remaining": None}
    return {"symbolId": symbol_id, "order": order} | ({"at": at} if at else {})


def of_trade(unified: Mapping[str, object], symbol_id: str) -> Fields:
    """Enclose a fill.

    OKX tells a cost as a negative number. ccxt turns that round for its trade list, and not for
    its stream, where the field is `fillFee`.
    """
    trade = _plain_object(unified)
    info = _object(trade.get("info"))
    if isinstance(told := info.get(_NEGATIVE_FEE), str) and told:
        asset = info.get("fillFeeCcy")
        trade |= {"fee": {"cost": _turned_round(told), "currency": asset}, "fees": []}
    return {"symbolId": symbol_id, "trade": trade}


def of_position(unified: Mapping[str, object], symbol_id: str) -> Fields:
    """Enclose a position."""
    return {"symbolId": symbol_id, "position": _plain_object(unified)}


def text(envelope: Fields) -> bytes:
    """Write it canonically: the same words are the same bytes."""
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()


def completed(update: Mapping[str, object], whole: Mapping[str, object]) -> dict[str, object]:
    """Complete an update that tells only what has changed by the order as it was known.

    Kraken's stream names neither market, side nor size when an order ends.
    """
    told = {key: update[key] for key in _PROGRESS if update.get(key) is not None}
    info = {**_object(whole.get("info")), **_object(update.get("info"))}
    return {**whole, **told, "info": info}


def is_whole(unified: Mapping[str, object]) -> bool:
    """Tell whether an order says what it is about, and not only what has changed."""
    return all(unified.get(key) for key in ("id", "symbol", "side", "amount"))


def _first(info: Fields, keys: tuple[str, ...]) -> object:
    return next((info[key] for key in keys if info.get(key) not in (None, "")), None)


def _turned_round(number: str) -> str:
    if number.startswith("-"):
        return number[1:]
    return f"-{number}" if number.strip("0.") else number


def _object(value: object) -> Fields:
    return cast("Fields", value) if isinstance(value, dict) else {}


def _plain_object(value: Mapping[str, object]) -> Fields:
    return {str(key): _plain(part, _DEPTH) for key, part in value.items()}


def _plain(value: object, depth: int) -> object:
    if value is None or isinstance(value, str | bool | int):
        return value
    if depth and isinstance(value, Mapping):
        return {str(key): _plain(part, depth - 1) for key, part in value.items()}
    if depth and isinstance(value, list | tuple):
        return [_plain(part, depth - 1) for part in value]
    return None if isinstance(value, Mapping | list | tuple) else str(value)
