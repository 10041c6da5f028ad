"""
Refusals in words a trader understands: what it is, and what to do about it.

The words are ours and the same for every exchange. What the exchange itself said, and its code, go
behind them: they help whoever looks a code up, but nobody has to.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from exchanges.refusals import RefusalKind

#: as long as a reason may be where it is kept
LONGEST: Final = 300


class Words(NamedTuple):
    """One sentence that says what happened, and one that says what helps."""

    what: str
    advice: str


_WORDS: Final = {
    RefusalKind.INSUFFICIENT_FUNDS: Words(
        "Insufficient funds: the account has too little free balance or margin for this order.",
        "Order less, free margin by closing or cancelling something, or add funds.",
    ),
    RefusalKind.BELOW_MINIMUM: Words(
        "Below the minimum: the market takes no order of so little.",
        "Order more; rounding down to the market's step may have made it less than you asked for.",
    ),
    RefusalKind.ABOVE_MAXIMUM: Words(
        "Above the maximum: the market takes no order, or allows no position, of so much.",
        "Split it into smaller orders, or lower the leverage.",
    ),
    RefusalKind.WRONG_STEP: Words(
        "Wrong step: the price or quantity is no multiple of the market's step.",
        "Retry it: amounts are rounded by the market's steps as they are now.",
    ),
    RefusalKind.PRICE_OUT_OF_BAND: Words(
        "Price out of band: the exchange takes no price so far from the market.",
        "Choose a price nearer to the market's.",
    ),
    RefusalKind.WOULD_TRIGGER: Words(
        "Would trigger at once: the market is already beyond the stop price.",
        "Choose a stop price on the other side of the market, or send a market order.",
    ),
    RefusalKind.WOULD_TAKE: Words(
        "Post-only would take: the order would have been filled at once instead of resting.",
        "Choose a price further from the market, or leave out post-only.",
    ),
    RefusalKind.NOTHING_TO_REDUCE: Words(
        "Nothing to reduce: there is no position that this reduce-only order could make smaller.",
        "Look at the position; it may be closed already. Leave out reduce-only to open a new one.",
    ),
    RefusalKind.POSITION_SIDE: Words(
        "Wrong position side: it does not fit the account's position mode.",
        "Name LONG or SHORT for an account in hedge mode, and neither in one-way mode.",
    ),
    RefusalKind.TOO_MANY_ORDERS: Words(
        "Too many open orders: the exchange allows no more of them.",
        "Cancel some, or let orders of this strategy wait for room.",
    ),
    RefusalKind.MARKET_CLOSED: Words(
        "Market closed: nothing is traded there at the moment.",
        "Retry when the market is open again.",
    ),
    RefusalKind.UNKNOWN_MARKET: Words(
        "Unknown market: the account's exchange has no market of this name.",
        "Check the symbol and which market the account trades (BTC/USDT, BTC/USDT:USDT).",
    ),
    RefusalKind.DUPLICATE: Words(
        "Duplicate: the exchange already has an order with this client order id.",
        "Look for the order before you order again.",
    ),
    RefusalKind.NO_PERMISSION: Words(
        "No permission: the API key is not allowed to do this.",
        "Allow trading for the key, or its use from this server's address, at the exchange.",
    ),
    RefusalKind.RATE_LIMITED: Words(
        "Rate limited: the exchange takes no more requests from us for the moment.",
        "Retry in a minute.",
    ),
    RefusalKind.EXCHANGE_DOWN: Words(
        "Exchange not available: it could not be asked, and the order was not placed.",
        "Retry when the exchange answers again.",
    ),
    RefusalKind.NOT_OFFERED: Words(
        "Not offered: this exchange or market has no such order.",
        "Choose another order type, time in force or way to give the amount.",
    ),
    RefusalKind.NOT_ACCEPTED: Words(
        "Not accepted: the exchange does not have the order, as asking it has proved.",
        "Nothing was placed; retry it if it is still wanted.",
    ),
    RefusalKind.HALTED: Words(
        "Halted: new orders are stopped for this account or for all.",
        "Find out why, lift the halt, then retry.",
    ),
    RefusalKind.OVER_LIMIT: Words(
        "Over a limit: the order goes beyond what the strategy may do on this account.",
        "Order less or later, or raise the strategy's limit.",
    ),
    RefusalKind.SYMBOL_NOT_ALLOWED: Words(
        "Symbol not allowed: the strategy may not trade this market.",
        "Add the symbol to those the strategy may trade on this account.",
    ),
    RefusalKind.TOO_OLD: Words(
        "Too old: the request could not be sent while it was still wanted.",
        "Retry it if it is still wanted at today's price.",
    ),
    RefusalKind.TRACKING_ONLY: Words(
        "Tracking only: the account's orders are watched, none are placed.",
        "Give the account a key that may trade.",
    ),
    RefusalKind.WITHDRAWN: Words(
        "Withdrawn: the order was taken back before it was sent.",
        "Nothing to do; retry it if it is wanted after all.",
    ),
    RefusalKind.OTHER: Words(
        "Refused: for a reason of the exchange's own.",
        "Look at the exchange's words, change what they name, and retry.",
    ),
}


def words(kind: RefusalKind | str) -> Words:
    """Give the words for a kind of refusal."""
    return _WORDS[RefusalKind(kind)]


def in_words(kind: RefusalKind | str, told: str = "", code: str = "") -> str:
    """Say what happened, what helps, and behind it what was told in detail.

    `told`: the exchange's or a check's own words, free of secrets as errors of `exchanges` are.
    Never longer than LONGEST: their end gives way.
    """
    what, advice = words(kind)
    source = ": ".join(filter(None, (code, told)))
    text = f"{what} {advice}" + (f" ({source})" if source else "")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]}…" + (")" if source else "")
