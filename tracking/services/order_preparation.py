"""
A request brought to what its market takes, before anything is attempted.

Asks the exchange where that is needed (prices and balances), so never inside a transaction; tables
of markets and prices are kept by the process, so that most orders ask nothing. What the market's
own steps changed is told in words. What the market cannot take is refused here, and never sent.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Final

from exchanges import registry
from exchanges.errors import PermanentError, TransientError
from exchanges.messages import MarketType, PositionSide
from exchanges.questions import NewOrder
from exchanges.refusals import RefusalKind
from tracking.services import clients, contract_terms, order_worth
from tracking.services.order_amounts import Amount, Desk, NotReckonedError, amount_of
from tracking.services.order_intents import CONDITIONAL, InvalidOrderError, OrderIntent
from tracking.services.order_limits import only_reduces
from tracking.services.payloads import plain
from tracking.services.refusals import Refusal, refusal_of

if TYPE_CHECKING:
    from exchanges.questions import Market
    from tracking.models import ExchangeAccount, OrderRequest, StrategyAccount
    from tracking.services.payloads import Json

ZERO = Decimal(0)
#: no exchange takes finer amounts of money
FINEST_MONEY: Final = Decimal("0.00000001")
#: what the column holds
MOST_WORTH: Final = Decimal("1E+20")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An order as it is to be sent, what it is worth, and what was changed to bring it there."""

    order: NewOrder
    #: what was asked for, as it is sent
    intent: OrderIntent
    changes: tuple[str, ...]
    #: in `notional_asset`; None: nobody knows a price
    notional: Decimal | None
    notional_asset: str

    @property
    def terms(self) -> dict[str, Json]:
        """What is sent, as JSON; `order_of` reads it."""
        return {**self.intent.body(), "changes": list(self.changes)}


def prepare(
    account: ExchangeAccount, use: StrategyAccount, request: OrderRequest
) -> Prepared | Refusal:
    """Bring a request to what its market takes, or refuse it.

    Raises TransientError if the exchange could not be asked now.
    """
    try:
        clients.require_active(account)
        intent = OrderIntent.from_body(request.body)
        return _prepared(account, use, intent, request)
    except clients.AccountNotActiveError as error:
        return Refusal(kind=RefusalKind.HALTED, reason=str(error))
    except NotReckonedError as error:
        return error.refusal
    except InvalidOrderError as error:
        # what was reckoned from amounts that each made sense
        return Refusal(kind=RefusalKind.OTHER, reason=str(error))
    except PermanentError as error:
        return refusal_of(error)


def intent_of(request: OrderRequest) -> OrderIntent:
    """Give what was sent for a request that was attempted, from its terms."""
    terms = request.terms or request.body
    return OrderIntent.from_body(
        {name: told for name, told in terms.items() if name not in {"changes", "waited"}}
    )


def order_of(account: ExchangeAccount, request: OrderRequest) -> NewOrder:
    """Give the order of a request that was attempted, from its terms. Raises ExchangeError."""
    clients.require_active(account)
    intent = intent_of(request)
    client = clients.rest_client(account)
    market = client.markets.market_of(MarketType(account.market_type), intent.symbol)
    return _new_order(market, intent, request.client_order_id or "")


def _prepared(
    account: ExchangeAccount, use: StrategyAccount, intent: OrderIntent, request: OrderRequest
) -> Prepared:
    client_order_id = request.client_order_id or ""
    client = clients.rest_client(account)
    market = client.markets.market_of(MarketType(account.market_type), intent.symbol)
    contract_terms.learn(account.exchange, client.markets)
    facts = registry.facts(account.exchange, account.market_type)
    changes: list[str] = []
    priced = replace(
        intent,
        price=_price(market, intent.price, "price", changes),
        stop_price=_price(market, intent.stop_price, "stop price", changes),
    )
    draft = _new_order(market, priced, client_order_id)
    desk = Desk(use=use, client=client, market=market, facts=facts, intent=priced)
    _require_offered(desk)
    amount = _rounded(market, amount_of(desk, draft), changes)
    sized = replace(
        priced, quantity=amount.quantity, quote_quantity=amount.quote_quantity, percent=None
    )
    is_limited = not only_reduces(draft) and order_worth.is_limited(use, request)
    worth = _worth(desk, amount, is_needed=is_limited)
    order = _new_order(market, sized, client_order_id)
    _require_enough(market, order, worth)
    if is_limited and amount.quantity is not None:
        worth = desk.most_worth(amount.quantity)
        require_possible(market, worth)
    return Prepared(
        order=order,
        intent=sized,
        changes=tuple(changes),
        notional=worth,
        notional_asset=market.quote,
    )


def _new_order(market: Market, intent: OrderIntent, client_order_id: str) -> NewOrder:
    return NewOrder(
        market_type=market.market_type,
        symbol_id=market.symbol_id,
        client_order_id=client_order_id,
        side=intent.side,
        order_type=intent.order_type,
        quantity=intent.quantity or ZERO,
        quote_quantity=intent.quote_quantity,
        price=intent.price,
        stop_price=intent.stop_price,
        time_in_force=intent.time_in_force,
        position_side=intent.position_side,
        reduce_only=intent.reduce_only,
    )


def _require_offered(desk: Desk) -> None:
    intent, is_spot = desk.intent, desk.market.market_type is MarketType.SPOT
    kind = intent.order_type
    if kind in CONDITIONAL and kind not in desk.facts.conditional_types:
        reason = f"{desk.facts.name} takes no {kind} orders from us in this market"
        raise NotReckonedError(RefusalKind.NOT_OFFERED, reason)
    if is_spot and intent.reduce_only:
        raise NotReckonedError(RefusalKind.NOT_OFFERED, "on spot nothing is reduce-only")
    if is_spot and intent.position_side is not PositionSide.NET:
        raise NotReckonedError(RefusalKind.POSITION_SIDE, "on spot there are no position sides")


def _price(market: Market, asked: Decimal | None, name: str, changes: list[str]) -> Decimal | None:
    if asked is None:
        return None
    step = market.price_step_at(asked)
    price = to_step(asked, step, ROUND_HALF_EVEN)
    if price <= 0:
        reason = f"{name} {plain(asked)} is less than the market's step of {plain(step)}"
        raise NotReckonedError(RefusalKind.WRONG_STEP, reason)
    if price != asked:
        changes.append(
            f"{name} {plain(asked)} was rounded to {plain(price)}, by a step of {plain(step)}"
        )
    return price


def _rounded(market: Market, asked: Amount, changes: list[str]) -> Amount:
    """Round an amount down to the market's steps; nothing may be left of it."""
    changes += asked.changes
    if asked.quote_quantity is not None:
        step = max(market.price_step, FINEST_MONEY)
        money = _down("quote quantity", asked.quote_quantity, step, changes)
        return Amount(quote_quantity=money)
    step, told = market.quantity_step, asked.quantity or ZERO
    quantity = _down("quantity", told, step, changes)
    if quantity < market.minimum_quantity:
        reason = (
            f"quantity {plain(quantity)} is below the market's minimum of "
            f"{plain(market.minimum_quantity)}"
        )
        raise NotReckonedError(RefusalKind.BELOW_MINIMUM, reason)
    return Amount(quantity=quantity)


def _down(name: str, asked: Decimal, step: Decimal, changes: list[str]) -> Decimal:
    amount = to_step(asked, step, ROUND_DOWN)
    if amount <= 0:
        reason = f"{name} {_shown(asked)} is less than the market's step of {plain(step)}"
        raise NotReckonedError(RefusalKind.BELOW_MINIMUM, reason)
    if amount != asked:
        changes.append(
            f"{name} {_shown(asked)} was rounded down to {plain(amount)}, "
            f"by a step of {plain(step)}"
        )
    return amount


def _shown(amount: Decimal) -> str:
    """Write an amount in no more digits than anybody reads."""
    places = Decimal(1).scaleb(-18)
    return plain(amount.quantize(places)) if amount >= places else f"{amount:.3e}"


def to_step(amount: Decimal, step: Decimal, rounding: str) -> Decimal:
    """Bring an amount to a multiple of a step."""
    return (amount / step).quantize(Decimal(1), rounding=rounding) * step


def _worth(desk: Desk, amount: Amount, *, is_needed: bool) -> Decimal | None:
    """Say what is sent is worth; a price nobody tells now holds up no order that needs none."""
    if amount.quote_quantity is not None:
        return amount.quote_quantity
    try:
        return desk.worth(amount.quantity or ZERO)
    except TransientError:
        if is_needed:
            raise
        return None


def require_possible(market: Market, worth: Decimal | None) -> None:
    """Raise NotReckonedError for what is worth more than any market takes."""
    if worth is not None and worth >= MOST_WORTH:
        reason = f"worth {worth:.3e} {market.quote}, more than any market takes"
        raise NotReckonedError(RefusalKind.ABOVE_MAXIMUM, reason)


def _require_enough(market: Market, order: NewOrder, worth: Decimal | None) -> None:
    """Refuse what is worth less than the market takes; what only reduces may be."""
    require_possible(market, worth)
    least = market.minimum_notional
    if least is None or worth is None or worth >= least or only_reduces(order):
        return
    reason = (
        f"worth {plain(worth)} {market.quote}, below the market's minimum of "
        f"{plain(least)} {market.quote}"
    )
    raise NotReckonedError(RefusalKind.BELOW_MINIMUM, reason)
