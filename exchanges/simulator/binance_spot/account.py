"""What an account owns on spot: balances, free and locked, and what it pays for trading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.simulator import checks
from exchanges.simulator.amounts import plain
from exchanges.simulator.binance_spot.frames import eight
from exchanges.simulator.binance_spot.house import spot_endpoint

if TYPE_CHECKING:
    from exchanges.simulator.call import Call, Endpoint, Json


def account(call: Call) -> Json:
    """GET account: every asset, or those that are not zero."""
    config = call.exchange.config
    is_short = checks.flag(call.params, "omitZeroBalances")
    rates = {"maker": plain(config.maker_fee), "taker": plain(config.taker_fee)}
    return {
        "makerCommission": int(config.maker_fee * 10_000),
        "takerCommission": int(config.taker_fee * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {**rates, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.exchange.clock.now(),
        "accountType": "SPOT",
        "balances": [
            {"asset": each.asset, "free": eight(each.free), "locked": eight(each.held)}
            for each in call.account.balances.values()
            if each.total or not is_short
        ],
        "permissions": ["SPOT"],
        "uid": 354_937_868,
    }


def commission(call: Call) -> Json:
    """GET account/commission of a symbol."""
    market, config = checks.market_of(call.exchange, call.params), call.exchange.config
    nothing = dict.fromkeys(("maker", "taker", "buyer", "seller"), "0.00000000")
    rates = {"maker": eight(config.maker_fee), "taker": eight(config.taker_fee)}
    return {
        "symbol": market.rules.symbol,
        "standardCommission": {**nothing, **rates},
        "specialCommission": nothing,
        "taxCommission": nothing,
        "discount": {
            "enabledForAccount": bool(call.account.fee_asset),
            "enabledForSymbol": True,
            "discountAsset": "BNB",
            "discount": "0.75000000",
        },
    }


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    return [
        spot_endpoint(method="GET", name="account", handler=account, weight=20),
        spot_endpoint(method="GET", name="account/commission", handler=commission, weight=20),
    ]
