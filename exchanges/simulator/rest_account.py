"""What an account owns over REST: positions, balances, and how it holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.simulator import checks
from exchanges.simulator.amounts import ZERO, plain, rounded, trimmed
from exchanges.simulator.call import Call, Endpoint, Json
from exchanges.simulator.contract_custody import coins
from exchanges.simulator.frames import ACCOUNT_ALIAS

if TYPE_CHECKING:
    from decimal import Decimal

    from exchanges.simulator.accounts import Position
    from exchanges.simulator.market import Market


def position_risk(call: Call) -> list[Json]:
    """GET v3/positionRisk: only symbols with a position or open orders."""
    wanted = call.params.get("symbol") or None
    if wanted:
        checks.market_of(call.exchange, call.params)
    with_orders = {order.symbol for order in call.account.open.values()}
    return [
        risk_row(
            position, call.exchange.engine.markets[position.symbol], call.exchange.config.leverage
        )
        for position in sorted(known_positions(call), key=lambda each: (each.symbol, each.side))
        if wanted in {None, position.symbol}
        and (position.quantity or position.symbol in with_orders)
    ]


def known_positions(call: Call) -> list[Position]:
    """The account's positions, with flat ones for symbols that only have orders."""
    sides = ("LONG", "SHORT") if call.account.hedge else ("BOTH",)
    for order in list(call.account.open.values()):
        for side in sides:
            call.account.position(order.symbol, side)
    return list(call.account.positions.values())


def position_risk_v2(call: Call) -> list[Json]:
    """GET v2/positionRisk: every symbol, with leverage and margin type."""
    sides = ("LONG", "SHORT") if call.account.hedge else ("BOTH",)
    leverage = call.exchange.config.leverage
    wanted = call.params.get("symbol") or None
    return [
        risk_row(call.account.position(symbol, side), market, leverage)
        | {"leverage": str(leverage), "marginType": "cross", "isAutoAddMargin": "false"}
        for symbol, market in call.exchange.engine.markets.items()
        for side in sides
        if wanted in {None, symbol}
    ]


def risk_row(position: Position, market: Market, leverage: int) -> Json:
    """One position with its value at the market's price."""
    notional = notional_of(position, market)
    margin = plain(rounded(abs(notional) / leverage))
    entry = trimmed(rounded(position.entry_price))
    return {
        "symbol": position.symbol,
        "positionSide": position.side,
        "positionAmt": plain(position.quantity.quantize(market.rules.quantity_step)),
        "entryPrice": entry,
        "breakEvenPrice": entry,
        "markPrice": plain(market.price),
        "unRealizedProfit": plain(rounded(position.result(market.price))),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": plain(notional),
        "marginAsset": market.rules.settlement,
        "isolatedWallet": "0",
        "initialMargin": margin,
        "maintMargin": "0",
        "positionInitialMargin": margin,
        "openOrderInitialMargin": "0",
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": position.updated,
    }


def notional_of(position: Position, market: Market) -> Decimal:
    """What a position is worth at the market's price, in its settlement asset; short: negative."""
    if not market.rules.contract_size:
        return position.quantity * market.price
    return coins(market.rules, market.price, position.quantity)


def balance(call: Call) -> list[Json]:
    """GET balance: one row for each asset of the wallet."""
    return [balance_row(call, asset) for asset in call.account.balances]


def balance_row(call: Call, asset: str) -> Json:
    """One asset of the wallet."""
    wallet = plain(call.account.balance(asset).total)
    margins = call.exchange.margins
    free = plain(max(ZERO, rounded(margins.available(call.account, asset))))
    return {
        "accountAlias": ACCOUNT_ALIAS,
        "asset": asset,
        "balance": wallet,
        "crossWalletBalance": wallet,
        "crossUnPnl": plain(rounded(margins.unrealized(call.account, asset))),
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "withdrawAvailable": free,
        "marginAvailable": True,
        "updateTime": call.exchange.clock.now(),
    }


def account(call: Call) -> Json:
    """GET v3/account; the totals are those of the first asset, which is all there usually is."""
    assets = [asset_row(call, asset) for asset in call.account.balances]
    first = {name: each for name, each in assets[0].items() if name not in {"asset", "updateTime"}}
    totals = {f"total{name[0].upper()}{name[1:]}": each for name, each in first.items()}
    totals["availableBalance"] = totals.pop("totalAvailableBalance")
    totals["maxWithdrawAmount"] = totals.pop("totalMaxWithdrawAmount")
    return {**totals, "assets": assets, "positions": position_risk(call)}


def asset_row(call: Call, asset: str) -> Json:
    """One asset of the wallet with its margins."""
    margins, wallet = call.exchange.margins, call.account.balance(asset).total
    profit = rounded(margins.unrealized(call.account, asset))
    margin = rounded(margins.exposure(call.account, asset) / call.exchange.config.leverage)
    free = plain(max(ZERO, wallet + profit - margin))
    return {
        "asset": asset,
        "walletBalance": plain(wallet),
        "unrealizedProfit": plain(profit),
        "marginBalance": plain(wallet + profit),
        "maintMargin": "0",
        "initialMargin": plain(margin),
        "positionInitialMargin": plain(margin),
        "openOrderInitialMargin": "0",
        "crossWalletBalance": plain(wallet),
        "crossUnPnl": plain(profit),
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "updateTime": call.exchange.clock.now(),
    }


def position_mode(call: Call) -> Json:
    """GET positionSide/dual."""
    return {"dualSidePosition": call.account.hedge}


def change_position_mode(call: Call) -> Json:
    """POST positionSide/dual: not with open orders (-4067) or positions (-4068)."""
    wanted = checks.required(call.params, "dualSidePosition").lower() == "true"
    checks.change_position_mode(call.exchange, call.account, hedge=wanted)
    return {"code": 200, "msg": "success"}


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    mode = "positionSide/dual"
    return [
        Endpoint(name="positionRisk", version="v3", method="GET", handler=position_risk, weight=5),
        Endpoint(
            name="positionRisk", version="v2", method="GET", handler=position_risk_v2, weight=5
        ),
        Endpoint(name="balance", version="v3", method="GET", handler=balance, weight=5),
        Endpoint(name="balance", version="v2", method="GET", handler=balance, weight=5),
        Endpoint(name="account", version="v3", method="GET", handler=account, weight=5),
        Endpoint(name="account", version="v2", method="GET", handler=account, weight=5),
        Endpoint(name=mode, method="GET", handler=position_mode, weight=30),
        Endpoint(name=mode, method="POST", handler=change_position_mode),
    ]
