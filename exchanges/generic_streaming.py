"""
The part of a `ccxt_websocket.CcxtStream` that knows ccxt.pro.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import structlog

from exchanges.errors import PermanentError
from exchanges.generic_errors import Circumstances, classify
from exchanges.generic_errors import ccxt as errors
from exchanges.generic_hearing import Hearing
from exchanges.generic_rest import GenericRest
from exchanges.generic_streamer import streamer_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchanges.adapter import StreamTerms
    from exchanges.errors import ExchangeError

log = structlog.get_logger(__name__)


async def open_streamer(
    exchange: str,
    terms: StreamTerms,
    *,
    hand_over: Callable[[bytes], None],
    miss: Callable[[], None],
) -> tuple[Any, Hearing]:
    """Make an instance of ccxt.pro with the table of markets its REST client has.

    Raises what loading that table raises, and PermanentError for the client of another exchange.
    """
    client = terms.client
    if not isinstance(client, GenericRest) or client.api.exchange != exchange:
        msg = f"a stream of {exchange} needs its own REST client"
        raise PermanentError(msg)

    hearing = Hearing(market_type=terms.market_type, hand_over=hand_over, miss=miss)

    def unreadable(raw: bytes) -> None:
        hand_over(raw)
        miss()

    await asyncio.to_thread(client.markets.all)
    streamer = streamer_of(exchange)(
        client.api,
        ws_url=terms.base_url or "",
        on_unreadable=unreadable,
        on_stranger=hearing.stranger,
    )
    client.api.source.lend(streamer)
    return streamer, hearing


def watching(streamer: Any, hearing: Hearing) -> list[asyncio.Task[None]]:
    """Begin to watch orders, and fills where the exchange tells them apart."""
    tasks = [asyncio.create_task(_watch_orders(streamer, hearing))]
    if streamer.has.get("watchMyTrades"):
        tasks.append(asyncio.create_task(_watch_trades(streamer, hearing)))
    return tasks


def explained(error: BaseException, terms: StreamTerms) -> ExchangeError:
    """Say what ended the watching, without secrets."""
    keys = terms.credentials
    secrets = (keys.api_key, keys.api_secret, keys.api_password)
    return classify(cast("Exception", error), Circumstances(secrets=secrets))


async def _watch_orders(streamer: Any, hearing: Hearing) -> None:
    while True:
        orders = await streamer.watch_orders()
        hearing.orders(orders, streamer.markets, streamer.milliseconds())


async def _watch_trades(streamer: Any, hearing: Hearing) -> None:
    with suppress(errors.NotSupported, errors.ArgumentsRequired):
        while True:
            trades = await streamer.watch_my_trades()
            hearing.trades(trades, streamer.markets)
    # orders are watched all the same, and REST tells their fills
    log.info("stream.fills_not_watched", exchange=streamer.id)
