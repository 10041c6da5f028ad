"""
The one wallet of a unified account over REST: its balances, and what moved them.

A house keeps the money of its own market type; an account that exists in several has one wallet in
Bybit's eyes. So balances are summed, and the log is that of all houses, read from their engines'
own books. A trade of spot moves two assets or three and has a row for each. Source: "Get Wallet
Balance", "Get Transaction Log" of v5.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.amounts import ZERO, plain, rounded
from exchanges.simulator.bybit import holdings, ids, paging, rest_orders, rows, terms, words
from exchanges.simulator.bybit.endpoints import private
from exchanges.simulator.bybit.errors import refusal
from exchanges.simulator.contract_custody import LinearCustody

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exchanges.simulator.accounts import Account, Income
    from exchanges.simulator.call import Call, Endpoint, Json
    from exchanges.simulator.exchange import SimulatedExchange
    from exchanges.simulator.orders import Execution

USUAL: Final = 20
UNIFIED: Final = "UNIFIED"
ROW: Final = "log"
#: what every row has, empty where it does not apply
EMPTY: Final = (
    "symbol", "side", "funding", "orderLinkId", "orderId", "fee", "feeRate", "size", "qty",
    "tradePrice", "tradeId", "cashFlow", "cashBalance", "bonusChange", "extraFees", "transSubType",
)  # fmt: skip
#: why there was a fill, where it was no order's
FILLS: Final[Mapping[str, str]] = {
    "BustTrade": "LIQUIDATION",
    "AdlTrade": "ADL",
    "Delivery": "DELIVERY",
    "Settle": "DELIVERY",
}
#: what came, and what went
COMES_AND_GOES: Final[Mapping[str, tuple[str, str]]] = {
    "FUNDING_FEE": ("SETTLEMENT", "SETTLEMENT"),
    "DUST": ("CURRENCY_BUY", "CURRENCY_SELL"),
}
TRANSFERS: Final = ("TRANSFER_IN", "TRANSFER_OUT")


class WalletEndpoints:
    """The wallet of an account, whichever houses it is in."""

    def __init__(self, houses: Iterable[SimulatedExchange]) -> None:
        """`houses` are those that are open."""
        self._houses = list(houses)

    def balance(self, call: Call) -> Json:
        """GET account/wallet-balance: only the unified account exists."""
        check_unified(terms.required(call.params, "accountType"))
        wanted = set(filter(None, call.params.get("coin", "").split(",")))
        row = holdings.wallet_row(
            (house.market_type, balance)
            for house, account in self._kept(call)
            for balance in account.balances.values()
            if not wanted or balance.asset in wanted
        )
        for house, account in self._kept(call):
            if isinstance(house.engine.custody, LinearCustody):
                reckon_margin(row, house.engine.custody, account, house.config.leverage)
        return {"list": [row]}

    def log(self, call: Call) -> Json:
        """GET account/transaction-log, newest first."""
        check_unified(call.params.get("accountType", UNIFIED))
        start, end = paging.window(call)
        end, category = min(end, call.cutoff), call.params.get("category", "")
        found = [
            row
            for house, account in self._kept(call)
            if category in {"", words.CATEGORY[house.market_type]}
            for row in logged(house.market_type, account, start, end)
            if fits(row, call)
        ]
        found.sort(key=lambda row: int(row["transactionTime"]), reverse=True)
        shown, cursor = paging.page(
            call,
            found,
            name=lambda row: f"{row['id']}.{row['currency']}",
            usual=USUAL,
            most=rest_orders.MOST,
        )
        return {"list": list(shown), "nextPageCursor": cursor}

    def _kept(self, call: Call) -> Iterator[tuple[SimulatedExchange, Account]]:
        for house in self._houses:
            account = house.accounts.get(call.account.api_key)
            if account:
                yield house, account

    def endpoints(self) -> list[Endpoint]:
        """What this module serves."""
        return [
            private("account/wallet-balance", "GET", self.balance),
            private("account/transaction-log", "GET", self.log),
        ]


def reckon_margin(row: Json, custody: LinearCustody, account: Account, leverage: int) -> None:
    """Tell of each coin what positions have gained, and what they and orders want as margin."""
    for coin in row["coin"]:
        balance = account.balances.get(coin["coin"])
        if balance is None:
            continue
        gained = rounded(custody.unrealized(account, balance.asset))
        exposed = custody.exposure(account, balance.asset)
        coin["unrealisedPnl"] = plain(gained)
        coin["equity"] = plain(Decimal(coin["equity"]) + gained)
        coin["totalOrderIM"] = plain(rounded(balance.held / leverage))
        coin["totalPositionIM"] = plain(rounded((exposed - balance.held) / leverage))


def check_unified(account_type: str) -> None:
    """Refuse every other account."""
    if account_type != UNIFIED:
        text = "accountType only support UNIFIED."
        raise refusal(10001, text)


def fits(row: Json, call: Call) -> bool:
    """Whether a row is of the asked currency and type, if any is."""
    asked = {name: call.params.get(name, "") for name in ("currency", "type")}
    return all(value in {"", row[name]} for name, value in asked.items())


def logged(house: str, account: Account, start: int, end: int) -> Iterator[Json]:
    """What moved what a house keeps of the wallet, from a time to another."""
    fills = account.executions
    low = bisect_left(fills, start, key=lambda fill: fill.time)
    high = bisect_left(fills, end + 1, key=lambda fill: fill.time)
    for number, fill in enumerate(fills[low:high], start=low):
        name = ids.make(house, f"{ROW}:{account.api_key}", fill.order.symbol, number)
        for asset, flow in flows(house, fill).items():
            yield fill_row(house, fill, name, asset, flow)
    for income in account.incomes:
        if start <= income.time <= end:
            yield income_row(house, account, income)


def flows(house: str, fill: Execution) -> dict[str, Decimal]:
    """What a fill moved of each asset, its commission aside."""
    rules, sign = fill.order.rules, fill.order.sign
    if words.CATEGORY[house] != words.SPOT:
        return {rules.settlement: fill.realized_pnl}
    moved = defaultdict(lambda: ZERO, {fill.commission_asset: ZERO})
    moved[rules.base] += fill.quantity * sign
    moved[rules.quote] -= fill.quantity * fill.price * sign
    return moved


def fill_row(house: str, fill: Execution, name: str, asset: str, flow: Decimal) -> Json:
    """What a fill made of one asset."""
    order = fill.order
    fee = fill.commission if asset == fill.commission_asset else ZERO
    is_spot = words.CATEGORY[house] == words.SPOT
    return log_row(
        house,
        name,
        fill.time,
        type=FILLS.get(words.cause_of(order).exec_type, "TRADE"),
        symbol=order.symbol,
        currency=asset,
        fee=plain(fee),
        cashFlow=plain(flow),
        change=plain(flow - fee),
        qty=plain(flow if is_spot else fill.quantity),
        tradePrice=plain(fill.price),
        tradeId=rows.trade_id(house, fill),
        orderId=rows.order_id(house, order),
        orderLinkId=words.link_id(order),
        side=words.SIDES[order.terms.side],
    )


def income_row(house: str, account: Account, income: Income) -> Json:
    """A movement that is no fill."""
    is_funding = income.kind == "FUNDING_FEE"
    came, went = COMES_AND_GOES.get(income.kind, TRANSFERS)
    return log_row(
        house,
        holdings.income_id(house, account, income),
        income.time,
        type=came if income.amount > 0 else went,
        symbol=income.symbol,
        currency=income.asset,
        side="None",
        fee="0",
        funding=plain(income.amount) if is_funding else "",
        cashFlow="0" if is_funding else plain(income.amount),
        change=plain(income.amount),
    )


def log_row(house: str, row_id: str, at: int, **told: str) -> dict[str, Any]:
    """A row of the log; what does not apply is empty."""
    return {
        **dict.fromkeys(EMPTY, ""),
        "id": row_id,
        "category": words.CATEGORY[house],
        "transactionTime": str(at),
        **told,
    }
