"""Enough of Kraken to try the generic adapter: signed REST, and the v2 executions channel."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.integration.exchanges.generic_server import LocalExchange, sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

KEY, SECRET = "kraken-key", base64.b64encode(b"kraken-secret").decode()
TOKEN = "WW91ciBhdXRoZW50aWNhdGlvbiB0b2tlbiBnb2VzIGhlcmUu"

BALANCES = {
    "ZUSD": {"balance": "25435.21", "hold_trade": "8249.76"},
    "XXBT": {"balance": "1.2435", "hold_trade": "0"},
}


def instant() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Kraken(LocalExchange):
    """One account's orders and fills."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.fills: dict[str, dict[str, Any]] = {}
        self.last_nonce = 0

    def place(self, name: str = "", volume: str = "1.25", price: str = "27500.0") -> str:
        """Take an order and tell it whole."""
        order_id = f"ORDER{len(self.orders)}-JIEE7-77TH3F"
        order: dict[str, Any] = dict(sample("kraken/rest_order.json")["result"].popitem()[1])
        order |= {"vol": volume, "cl_ord_id": name, "opentm": time.time()}
        order["descr"] |= {"price": price}
        self.orders[order_id] = order
        told = self._told("pending_new", order_id, "pending_new")
        told |= {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "cum_cost": 0.0}
        told |= {"order_qty": float(volume), "limit_price": float(price), "time_in_force": "GTC"}
        self._push(told)
        self._push(self._told("new", order_id, "new"))
        return order_id

    def fill(self, order_id: str, size: str, price: str) -> None:
        """Fill a part; the order's own end is told apart from its last fill."""
        order = self.orders[order_id]
        filled = Decimal(order["vol_exec"]) + Decimal(size)
        is_whole = filled == Decimal(order["vol"])
        order |= {"vol_exec": str(filled), "price": price}
        order["status"] = "closed" if is_whole else "open"
        trade_id = f"TRADE{len(self.fills)}-33VKH-UCI7BS"
        row: dict[str, Any] = sample("kraken/rest_trade.json")["result"]["trades"].popitem()[1]
        row |= {"ordertxid": order_id, "time": time.time(), "price": price, "vol": size}
        self.fills[trade_id] = row
        status = "filled" if is_whole else "partially_filled"
        told = self._told("trade", order_id, status)
        told |= {"exec_id": trade_id, "trade_id": len(self.fills), "symbol": "BTC/USD"}
        told |= {"side": "buy", "order_type": "limit", "liquidity_ind": "m"}
        told |= {"last_qty": float(size), "last_price": float(price)}
        told |= {"fees": [{"asset": "USD", "qty": 0.15}]}
        self._push(told)
        if is_whole:
            self._push(self._told("filled", order_id, status) | {"cum_qty": float(filled)})

    def cancel(self, order_id: str) -> None:
        """Cancel; neither market nor side nor size is told."""
        order = self.orders[order_id]
        order |= {"status": "canceled", "closetm": time.time(), "reason": "User requested"}
        told = self._told("canceled", order_id, "canceled")
        self._push(told | {"cum_qty": float(order["vol_exec"]), "reason": "User requested"})

    def _told(self, kind: str, order_id: str, status: str) -> dict[str, Any]:
        told: dict[str, Any] = {"order_id": order_id, "exec_type": kind, "order_status": status}
        name = self.orders[order_id]["cl_ord_id"]
        named = {"cl_ord_id": name} if name else {}
        return told | {"timestamp": instant(), "order_userref": 0} | named

    def _push(self, told: dict[str, Any]) -> None:
        self.push_soon({"channel": "executions", "type": "update", "data": [told], "sequence": 8})

    def answer(
        self, method: str, path: str, parameters: dict[str, Any], request: web.Request
    ) -> dict[str, Any]:
        del method
        if path == "/0/public/AssetPairs":
            told: dict[str, Any] = sample("kraken/rest_asset_pairs.json")
            return told
        if path == "/0/public/Ticker":
            return {"error": [], "result": {"XXBTZUSD": {"c": ["27501.0", "0.1"]}}}
        if path == "/0/public/Time":
            return {"error": [], "result": {"unixtime": int(time.time()), "rfc1123": ""}}
        if refusal := self._refused(path, parameters, request):
            return {"error": [refusal]}
        return self._signed(path.removeprefix("/0/private/"), parameters)

    def _refused(self, path: str, parameters: dict[str, Any], request: web.Request) -> str:
        nonce = parameters["nonce"]
        if int(nonce) <= self.last_nonce:
            return "EAPI:Invalid nonce"
        self.last_nonce = int(nonce)
        digest = hashlib.sha256((nonce + urlencode(parameters)).encode()).digest()
        expected = hmac.new(base64.b64decode(SECRET), path.encode() + digest, hashlib.sha512)
        if request.headers["API-Sign"] != base64.b64encode(expected.digest()).decode():
            return "EAPI:Invalid signature"
        return ""

    def _signed(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        results: dict[str, Callable[[], dict[str, Any]]] = {
            "GetWebSocketsToken": lambda: {"token": TOKEN, "expires": 900},
            "OpenOrders": lambda: {"open": self._those(("open",))},
            "ClosedOrders": lambda: {"closed": self._those(("closed", "canceled"))},
            "TradesHistory": lambda: {"trades": self._trades(parameters)},
            "BalanceEx": lambda: dict(BALANCES),
            "AddOrder": lambda: self._added(parameters),
            "AmendOrder": lambda: self._amended(parameters),
            "CancelOrder": lambda: self._cancelled(parameters["txid"]),
        }
        if name != "QueryOrders":
            return {"error": [], "result": results[name]()}
        found = self.orders.get(parameters["txid"])
        if found is None:
            return {"error": ["EOrder:Unknown order"]}
        return {"error": [], "result": {parameters["txid"]: found}}

    def _added(self, told: dict[str, Any]) -> dict[str, Any]:
        order_id = self.place(told["cl_ord_id"], told["volume"], told.get("price", "0"))
        self.orders[order_id]["descr"] |= {"ordertype": told["ordertype"]}
        return {"descr": {"order": ""}, "txid": [order_id]}

    def _amended(self, told: dict[str, Any]) -> dict[str, Any]:
        order = self.orders[told["txid"]]
        order |= {"vol": told["order_qty"]}
        order["descr"] |= {"price": told["limit_price"]}
        return {"amend_id": "TJSMEH-AA67V-YUSQ6O"}

    def _cancelled(self, order_id: str) -> dict[str, Any]:
        self.cancel(order_id)
        return {"count": 1}

    def _those(self, states: tuple[str, ...]) -> dict[str, Any]:
        return {name: order for name, order in self.orders.items() if order["status"] in states}

    def _trades(self, parameters: dict[str, Any]) -> dict[str, Any]:
        begin, end = float(parameters.get("start", 0)), float(parameters.get("end", 1e12))
        rows = [(i, row) for i, row in self.fills.items() if begin <= row["time"] <= end]
        return dict(rows[::-1][:50])

    def reply(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        if message.get("method") == "ping":
            return [{"method": "pong", "req_id": message.get("req_id")}]
        if message["params"]["token"] != TOKEN:
            return [{"method": "subscribe", "success": False, "error": "ESession:Invalid session"}]
        told = {"channel": "executions", "snap_orders": True}
        return [{"method": "subscribe", "result": told, "success": True}]
