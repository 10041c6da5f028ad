"""
What a journal event is worth telling, in plain words and exact amounts.

Fills are told per order: the newest `trade` event has the sums of all its fills, the inferred ones
included, so an order that fills in five pieces between two looks is one notice, and a fill that was
inferred first and itemised later is not told twice. `Told.key` names the thing, not the event.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from exchanges.messages import PositionSide
from tracking.domain import key_rules
from tracking.domain.refusals import in_words
from tracking.models import AnomalyKind, EventKind, NoticeKind, OrderEvent, RequestOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: the only events that are ever told
TOLD_OF: Final = tuple(
    kind.value
    for kind in (
        EventKind.TRADE,
        EventKind.ORDER_REJECTED,
        EventKind.ORDER_REQUEST,
        EventKind.ANOMALY,
    )
)
_OUTCOMES: Final = {
    RequestOutcome.REJECTED: (NoticeKind.FAILURE, "Refused by the exchange"),
    RequestOutcome.FAILED: (NoticeKind.FAILURE, "Refused"),
    RequestOutcome.NOT_ACCEPTED: (NoticeKind.FAILURE, "Not accepted"),
    RequestOutcome.UNKNOWN: (NoticeKind.UNKNOWN, "Outcome unknown"),
    RequestOutcome.NEEDS_REVIEW: (NoticeKind.UNKNOWN, "Needs review"),
}
_ANOMALIES: Final = {
    AnomalyKind.DRIFT: (NoticeKind.DRIFT, "Books and exchange differ"),
    AnomalyKind.BOOKS: (NoticeKind.DRIFT, "A check of the books failed"),
    AnomalyKind.AUTH_FAILED: (NoticeKind.KEY_EXPIRING, "The key is refused by the exchange"),
    AnomalyKind.KEY_PERMISSIONS: (NoticeKind.KEY_EXPIRING, "About the key"),
}
_LINE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing to tell; the same kind and key are told to a channel once."""

    kind: NoticeKind
    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a user calls their accounts and strategies, and why requests were refused, by id."""

    accounts: Mapping[int, str]
    strategies: Mapping[int, str]
    refusals: Mapping[int, str] = field(default_factory=dict)

    def place(self, payload: Mapping[str, Any], account_id: int) -> str:
        """Say where something happened."""
        account = f"account {self.accounts.get(account_id, account_id)}"
        strategy = self.strategies.get(payload.get("strategy_account") or 0)
        return f"{account}, strategy {strategy}" if strategy else account


def told_of(events: Iterable[OrderEvent], names: Names) -> list[Told]:
    """Give what a stretch of the journal is worth telling, in its order."""
    told: dict[tuple[object, ...], Told] = {}
    for event in events:
        match EventKind(event.kind):
            case EventKind.TRADE:
                # the newest one of an order speaks for it
                told[_order_of(event)] = _filled(event, names)
            case EventKind.ORDER_REJECTED:
                one = _rejected(event, names)
                told.setdefault((one.kind, one.key), one)
            case EventKind.ORDER_REQUEST if event.payload.get("outcome") in _OUTCOMES:
                # it knows better than the end of its order why that was refused
                one = _asked(event, names)
                told[one.kind, one.key] = one
            case EventKind.ANOMALY if _is_news(event.payload):
                one = _noticed(event, names)
                told[one.kind, one.key] = one
            case _:
                pass
    return list(told.values())


def _order_of(event: OrderEvent) -> tuple[object, ...]:
    payload = event.payload
    named = ("market_type", "symbol", "id_space", "exchange_order_id")
    return (event.account_id, *(payload[name] for name in named))


def _filled(event: OrderEvent, names: Names) -> Told:
    trade = event.payload
    filled, average = trade["filled_quantity"], trade["average_price"]
    market = ":".join(trade[name] for name in ("market_type", "symbol", "id_space"))
    count = trade["execution_count"]
    facts = [
        f"{names.place(trade, event.account_id)}, order {trade['exchange_order_id']}",
        f"filled {filled} in {count} fill{'' if count == 1 else 's'}, average price {average}",
        *(f"commission {paid} {asset}" for asset, paid in (trade["commissions"] or {}).items()),
        f"realized PnL {trade['realized_pnl']}",
        _at(trade["last_executed_at"]),
    ]
    return Told(
        kind=NoticeKind.FILL,
        key=_cut(f"{filled}:{event.account_id}:{market}:{trade['exchange_order_id']}"),
        title=_cut(f"Filled: {_side(trade)} {filled} {trade['symbol']} at {average}"),
        text="; ".join(facts),
    )


def _rejected(event: OrderEvent, names: Names) -> Told:
    order = event.payload["order"]
    name = order["client_order_id"] or order["exchange_order_id"]
    facts = (
        f"{names.place(order, event.account_id)}, order {name}",
        event.payload.get("reason") or "the exchange gives no reason",
        _at(event.created_at.isoformat()),
    )
    return Told(
        kind=NoticeKind.FAILURE,
        key=_cut(f"order:{event.account_id}:{name}"),
        title=_cut(f"Refused by the exchange: {_wanted(order)}"),
        text="; ".join(facts),
    )


def _asked(event: OrderEvent, names: Names) -> Told:
    request = event.payload
    kind, words = _OUTCOMES[request["outcome"]]
    terms = {"symbol": event.symbol, **request.get("terms", {})}
    action = request.get("action", "PLACE")
    what = _wanted(terms) if action == "PLACE" else f"{action.lower()} of an order, {event.symbol}"
    facts = (
        f"{names.place(request, event.account_id)}, request {request['id']}",
        _reason(request, names),
        _at(event.created_at.isoformat()),
    )
    return Told(
        kind=kind,
        key=_cut(_request_key(event, kind, action)),
        title=_cut(f"{words}: {what}"),
        text="; ".join(facts),
    )


def _reason(request: Mapping[str, Any], names: Names) -> str:
    """Say in a trader's words what was refused, and behind them what the exchange said."""
    detail = str(request.get("detail") or "")
    kind = names.refusals.get(request["id"])
    return in_words(kind, detail) if kind else detail or "no reason is known"


def _request_key(event: OrderEvent, kind: NoticeKind, action: str) -> str:
    """A refused order is told once, though both its request and the order itself end."""
    client_order_id = event.payload.get("client_order_id")
    if kind is NoticeKind.FAILURE and action == "PLACE" and client_order_id:
        return f"order:{event.account_id}:{client_order_id}"
    return f"request:{event.payload['id']}:{event.payload['outcome']}"


def _is_news(anomaly: Mapping[str, Any]) -> bool:
    """Whether an anomaly has opened that is told; the end of a key is told by the clock."""
    is_end_of_key = key_rules.EXPIRES in anomaly["key"]
    return anomaly["kind"] in _ANOMALIES and not anomaly["closed_at"] and not is_end_of_key


def _noticed(event: OrderEvent, names: Names) -> Told:
    anomaly = event.payload
    kind, words = _ANOMALIES[anomaly["kind"]]
    where = names.place(anomaly, event.account_id)
    detail = anomaly["detail"]
    said = detail.get("text") or "; ".join(f"{name}: {value}" for name, value in detail.items())
    return Told(
        kind=kind,
        key=f"anomaly:{anomaly['id']}",
        title=_cut(f"{words}: {where}"),
        text="; ".join((where, anomaly["key"], said, _at(anomaly["opened_at"]))),
    )


def _wanted(terms: Mapping[str, Any]) -> str:
    """Write an order as its words and amounts, as far as they are known."""
    amount = terms.get("quantity") or terms.get("quote_quantity") or terms.get("percent")
    known = (_side(terms), terms.get("order_type"), amount, terms.get("symbol"))
    price = terms.get("price")
    return " ".join(str(word) for word in known if word) + (f" at {price}" if price else "")


def _side(terms: Mapping[str, Any]) -> str:
    held = terms.get("position_side")
    is_sided = held not in {None, "", PositionSide.NET.value}
    return f"{terms.get('side', '')} {held}" if is_sided else str(terms.get("side", ""))


def _at(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else "time unknown"


def _cut(line: str) -> str:
    return line[:_LINE]
