"""Enough of OKX v5 to try the generic adapter: signed REST, and the private orders channel."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.integration.exchanges.generic_server import LocalExchange, sample

if TYPE_CHECKING:
    from aiohttp import web

KEY, SECRET, PASSPHRASE = "okx-key", "okx-secret", "okx passphrase"
UNKNOWN = {"code": "51603", "data": [], "msg": "Order does not exist"}


def signature(text: str) -> str:
    return base64.b64encode(
        hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()
    ).decode()


class Okx(LocalExchange):
    """One account's orders and fills."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.fills: list[dict[str, Any]] = []
        #: how far its clock is ahead of ours; requests of another time are refused
        self.ahead_ms = 0
        self.page = 100

    def now(self) -> str:
        return str(time.time_ns() // 1_000_000 + self.ahead_ms)

    def place(self, **terms: str) -> dict[str, Any]:
        """Take an order, by hand or by REST."""
        order: dict[str, Any] = dict(sample("okx/ws_order__live.json")["data"][0])
        order |= {"ordId": str(7_000_000 + len(self.orders)), "cTime": self.now()}
        order |= terms | {"uTime": order["cTime"]}
        self.orders[order["ordId"]] = order
        self.tell(order)
        return order

    def fill(self, order: dict[str, Any], size: str, price: str, *, silent: bool = False) -> None:
        """Fill a part of an order."""
        filled = Decimal(order["accFillSz"]) + Decimal(size)
        row: dict[str, Any] = dict(sample("okx/rest_fill.json")["data"][0])
        trade_id, at = str(9_000 + len(self.fills)), self.now()
        row |= {key: order[key] for key in ("ordId", "instId", "instType", "clOrdId", "side")}
        row |= {"tradeId": trade_id, "fillSz": size, "fillPx": price, "fillTime": at, "ts": at}
        row |= {"fee": "-0.01", "feeCcy": "USDT", "billId": trade_id}
        self.fills.append(row)
        is_whole = filled == Decimal(order["sz"])
        order |= {
            "accFillSz": str(filled),
            "avgPx": self._average(order["ordId"]),
            "state": "filled" if is_whole else "partially_filled",
            "tradeId": trade_id,
            "fillSz": size,
            "fillPx": price,
            "fillTime": at,
            "uTime": at,
            "execType": "T",
            "fillFee": "-0.01",
            "fillFeeCcy": "USDT",
        }
        if not silent:
            self.tell(order)

    def _average(self, order_id: str) -> str:
        rows = [row for row in self.fills if row["ordId"] == order_id]
        sizes = [Decimal(row["fillSz"]) for row in rows]
        value = sum(size * Decimal(row["fillPx"]) for size, row in zip(sizes, rows, strict=True))
        return str(value / sum(sizes))

    def cancel(self, order: dict[str, Any], *, silent: bool = False) -> None:
        """Cancel an order; the fields of its last fill are not told again."""
        order |= {"state": "canceled", "uTime": self.now(), "tradeId": "", "fillSz": "0"}
        order |= {"fillPx": "", "fillTime": "", "fillFee": "0", "cancelSource": "1"}
        if not silent:
            self.tell(order)

    def tell(self, order: dict[str, Any]) -> None:
        arg = {"channel": "orders", "instType": "ANY", "uid": "614488474791936"}
        self.push_soon({"arg": arg, "data": [order]})

    def answer(
        self, method: str, path: str, parameters: dict[str, Any], request: web.Request
    ) -> dict[str, Any]:
        if path.startswith("/api/v5/public/time"):
            return {"code": "0", "data": [{"ts": self.now()}], "msg": ""}
        if path == "/api/v5/public/instruments":
            rows = sample("okx/rest_instruments.json")["data"]
            kind = parameters["instType"]
            return {"code": "0", "msg": "", "data": [r for r in rows if r["instType"] == kind]}
        if path == "/api/v5/market/candles":
            minute = int(parameters["before"]) + 1 if "before" in parameters else 0
            row = [str(minute), "1", "3", "1", "2.5", "9", "9", "9", "1"]
            return {"code": "0", "msg": "", "data": [row]}
        return self._refused(request) or self._signed(method, path, parameters)

    def _refused(self, request: web.Request) -> dict[str, Any] | None:
        headers = request.headers
        if headers.get("OK-ACCESS-PASSPHRASE") != PASSPHRASE:
            return {"code": "50105", "data": [], "msg": "OK-ACCESS-PASSPHRASE incorrect."}
        told = headers["OK-ACCESS-TIMESTAMP"].replace("Z", "+00:00")
        at = datetime.fromisoformat(told).timestamp() * 1000
        if abs(at - int(self.now())) > 30_000:
            return {"code": "50102", "data": [], "msg": "Timestamp request expired"}
        return None

    def _signed(self, method: str, path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        name = path.removeprefix("/api/v5/")
        if name == "trade/order" and method == "GET":
            found = self._find(parameters)
            return {"code": "0", "data": [found], "msg": ""} if found else UNKNOWN
        if name in ("trade/order", "trade/batch-orders"):
            return self._placed(parameters)
        if name == "trade/cancel-order":
            return self._cancelled(parameters)
        if name == "account/balance":
            return self._balance()
        if name == "account/positions":
            return self._positions()
        lists = {
            "trade/orders-pending": self._orders(("live", "partially_filled"), parameters),
            "trade/orders-history": self._orders(("filled", "canceled"), parameters),
            "trade/fills-history": self._fills(parameters),
            "trade/fills": self._fills(parameters),
            "account/config": [{"posMode": "net_mode", "acctLv": "2"}],
        }
        return {"code": "0", "data": lists[name], "msg": ""}

    def _find(self, parameters: dict[str, Any]) -> dict[str, Any] | None:
        for order in self.orders.values():
            if order["ordId"] == parameters.get("ordId"):
                return order
            if order["clOrdId"] and order["clOrdId"] == parameters.get("clOrdId"):
                return order
        return None

    def _placed(self, told: dict[str, Any]) -> dict[str, Any]:
        kept = ("instId", "side", "ordType", "px", "sz", "clOrdId", "tdMode")
        order = self.place(**{key: str(told[key]) for key in kept if key in told})
        answer = {"clOrdId": order["clOrdId"], "ordId": order["ordId"], "sCode": "0"}
        return {"code": "0", "data": [answer | {"sMsg": "", "tag": ""}], "msg": ""}

    def _cancelled(self, told: dict[str, Any]) -> dict[str, Any]:
        order = self._find(told)
        if order is None or order["state"] in ("filled", "canceled"):
            row = {"clOrdId": "", "ordId": told.get("ordId", ""), "sCode": "51400"}
            row |= {"sMsg": "Cancellation failed as the order does not exist."}
            return {"code": "1", "data": [row], "msg": "All operations failed"}
        self.cancel(order)
        row = {"clOrdId": order["clOrdId"], "ordId": order["ordId"], "sCode": "0", "sMsg": ""}
        return {"code": "0", "data": [row], "msg": ""}

    def _moved(self, kind: str) -> tuple[Decimal, Decimal]:
        """How much was bought, and what was paid for it."""
        rows = [row for row in self.fills if row["instType"] == kind]
        sizes = [Decimal(row["fillSz"]) for row in rows]
        paid = [s * Decimal(row["fillPx"]) for s, row in zip(sizes, rows, strict=True)]
        return sum(sizes, Decimal(0)), sum(paid, Decimal("0.01") * len(rows))

    def _balance(self) -> dict[str, Any]:
        told: dict[str, Any] = sample("okx/rest_balance.json")
        bought, paid = self._moved("SPOT")
        usdt, btc = told["data"][0]["details"]
        for row, change in ((usdt, -paid), (btc, bought)):
            total = str(Decimal(row["cashBal"]) + change)
            row |= {"cashBal": total, "eq": total}
            row |= {"availBal": str(Decimal(total) - Decimal(row["frozenBal"]))}
            row |= {"availEq": row["availBal"]}
        return told

    def _positions(self) -> dict[str, Any]:
        told: dict[str, Any] = sample("okx/rest_positions.json")
        bought, _ = self._moved("SWAP")
        told["data"][0]["pos"] = str(Decimal(told["data"][0]["pos"]) + bought)
        return told

    def _orders(self, states: tuple[str, ...], parameters: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = parameters.get("instId")
        rows = [o for o in self.orders.values() if o["state"] in states]
        return [o for o in rows if wanted in (None, o["instId"])]

    def _fills(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """The newest first, as OKX does."""
        begin, end = (int(parameters.get(key, bound)) for key, bound in _BOUNDS)
        rows = [r for r in self.fills if begin <= int(r["ts"]) <= end]
        rows = [r for r in rows if parameters.get("ordId") in (None, r["ordId"])]
        return rows[::-1][: self.page]

    def reply(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        if message["op"] == "login":
            arg = message["args"][0]
            expected = signature(arg["timestamp"] + "GET" + "/users/self/verify")
            if (arg["apiKey"], arg["passphrase"], arg["sign"]) == (KEY, PASSPHRASE, expected):
                return [{"event": "login", "code": "0", "msg": "", "connId": "a4d3ae55"}]
            return [{"event": "error", "code": "60009", "msg": "Login failed.", "connId": "a4"}]
        return [{"event": "subscribe", "arg": message["args"][0], "connId": "a4d3ae55"}]


_BOUNDS = (("begin", 0), ("end", 1 << 60))
