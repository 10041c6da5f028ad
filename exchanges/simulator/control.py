"""
The control end points under `/sim/`: the oracle, the switches, and what is done by hand.

They are no part of Binance; they bypass keys, signatures, limits and faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from aiohttp import web

from exchanges.simulator import acts, key_terms, ledger, one_shots
from exchanges.simulator.act_terms import account, market
from exchanges.simulator.amounts import parse, plain
from exchanges.simulator.burst import Burst, BurstTerms
from exchanges.simulator.config import LINEAR
from exchanges.simulator.errors import ApiError, ControlError

if TYPE_CHECKING:
    from exchanges.simulator.exchange import SimulatedExchange

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """The answers to `/sim/`."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        """One burst at a time runs beside everything else."""
        self._exchange = exchange
        self._burst: Burst | None = None

    async def ledger(self, request: web.Request) -> Any:
        """GET ledger: everything, one account, or only counts."""
        account = request.query.get("account")
        if request.query.get("summary"):
            return ledger.summary(self._exchange, account)
        return ledger.everything(self._exchange, account)

    async def show_faults(self, request: web.Request) -> Any:
        """GET faults."""
        return one_shots.state(self._exchange, request.query.get("account"))

    async def set_faults(self, request: web.Request) -> Any:
        """POST faults: switches, `account`, `profile`, `reset`."""
        return one_shots.set_faults(self._exchange, await terms_of(request))

    async def open_account(self, request: web.Request) -> Any:
        """POST accounts: `balances` by asset, or `balance` of the settlement asset (linear)."""
        terms = await terms_of(request)
        if not terms.get("api_key") or not terms.get("api_secret"):
            text = "api_key and api_secret are needed"
            raise ControlError(text)
        account = self._exchange.engine.open_account(
            str(terms["api_key"]),
            str(terms["api_secret"]),
            read_balances(self._exchange, terms),
            hedge=bool(terms.get("hedge", False)),
        )
        if account.api_secret != str(terms["api_secret"]):
            text = "this api_key has another secret"
            raise ControlError(text)
        owned = {each.asset: plain(each.total) for each in account.balances.values()}
        first = next(iter(owned.values()), "0")
        return {
            "api_key": account.api_key,
            "balance": first,
            "balances": owned,
            "hedge": account.hedge,
        }

    async def show_permissions(self, request: web.Request) -> Any:
        """GET permissions: what the key of `account` may do."""
        return key_terms.shown(account(self._exchange, request.query).permissions)

    async def set_permissions(self, request: web.Request) -> Any:
        """POST permissions: change what the key of `account` may do."""
        changes = await terms_of(request)
        named = account(self._exchange, changes)
        changes.pop("account")
        named.permissions = key_terms.changed(named.permissions, changes)
        return key_terms.shown(named.permissions)

    async def show_submissions(self, request: web.Request) -> Any:
        """GET submissions: how often orders came to the door, by client order id.

        Of `account`, or of everybody.
        """
        counts, named = self._exchange.submissions, request.query.get("account")
        chosen = counts.values() if named is None else [counts.get(named, Counter())]
        return dict(sum(chosen, Counter[str]()))

    async def act(self, request: web.Request) -> Any:
        """POST act: something done by hand or by the exchange."""
        return acts.act(self._exchange, await terms_of(request))

    async def step(self, request: web.Request) -> Any:
        """POST step: move prices `steps` times."""
        terms = await terms_of(request)
        symbols = (
            [str(terms["symbol"])] if terms.get("symbol") else list(self._exchange.engine.markets)
        )
        for _ in range(int(terms.get("steps", 1))):
            for symbol in symbols:
                market(self._exchange, symbol)
                self._exchange.engine.step(symbol)
        return acts.prices(self._exchange)

    async def price(self, request: web.Request) -> Any:
        """POST price: set a price; `fill` is "part", "all" or "none"."""
        return acts.set_price(self._exchange, await terms_of(request))

    async def configure(self, request: web.Request) -> Any:
        """POST config: change what may change while running."""
        terms = await terms_of(request)
        unknown = sorted(set(terms) - self._exchange.config.changeable)
        if unknown:
            text = f"cannot be changed: {', '.join(unknown)}"
            raise ControlError(text)
        self._exchange.configure(
            {name: typed(self._exchange, name, each) for name, each in terms.items()}
        )
        return self._config()

    async def show_config(self, _request: web.Request) -> Any:
        """GET config."""
        return self._config()

    def _config(self) -> Mapping[str, Any]:
        config = self._exchange.config
        return {name: each for name, each in asdict(config).items() if name in config.changeable}

    async def start_burst(self, request: web.Request) -> Any:
        """POST burst: push fills."""
        if self._burst and self._burst.is_running:
            text = "a burst is running"
            raise ControlError(text)
        self._burst = Burst(
            self._exchange, BurstTerms.read(self._exchange, await terms_of(request))
        )
        self._burst.start()
        return self._burst.report()

    async def show_burst(self, _request: web.Request) -> Any:
        """GET burst."""
        return self._burst.report() if self._burst else {"state": "idle"}

    async def stop_burst(self, _request: web.Request) -> Any:
        """DELETE burst."""
        if self._burst:
            self._burst.stop()
        return await self.show_burst(_request)


def read_balances(
    exchange: SimulatedExchange, terms: Mapping[str, Any]
) -> dict[str, Decimal] | None:
    """What a new account shall own; None if it was not said."""
    named = terms.get("balances")
    if named is None and exchange.config.custody == LINEAR and "balance" in terms:
        named = dict.fromkeys(exchange.config.usual_balances, terms["balance"])
    if named is None:
        return None
    read = {str(asset): parse(str(amount)) for asset, amount in dict(named).items()}
    found = {asset: amount for asset, amount in read.items() if amount is not None}
    if len(found) < len(read) or any(amount < 0 for amount in found.values()):
        text = "a balance must be a number, not below nothing"
        raise ControlError(text)
    return found


def typed(exchange: SimulatedExchange, name: str, value: object) -> object:
    """A setting of the type it has now."""
    now: bool | int | float = getattr(exchange.config, name)
    if isinstance(now, bool) != isinstance(value, bool) or not isinstance(value, int | float):
        text = f"{name}: {value!r} will not do"
        raise ControlError(text)
    return type(now)(value)


async def terms_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request; an empty body is an empty object."""
    body = await request.read()
    try:
        terms = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        text = "the body is no JSON"
        raise ControlError(text) from error
    if not isinstance(terms, dict):
        text = "the body is no JSON object"
        raise ControlError(text)
    return terms


def answering(handler: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    """JSON out; what makes no sense is answered 400 with the reason."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            body, status = await handler(request), 200
        except (ControlError, TypeError, ValueError) as error:
            body, status = {"error": str(error)}, 400
        except ApiError as error:
            body, status = {"error": error.message, "code": error.code}, 400
        text = orjson.dumps(body, default=in_words)
        return web.Response(status=status, body=text, content_type="application/json")

    return answer


def in_words(value: object) -> object:
    """What JSON has no type for."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return list(value) if isinstance(value, set | frozenset) else str(value)


def add_routes(app: web.Application, exchange: SimulatedExchange, prefix: str) -> None:
    """Register the control paths of one house under `prefix`."""
    control = Control(exchange)
    routes: tuple[tuple[str, str, Callable[[web.Request], Awaitable[Any]]], ...] = (
        ("GET", "ledger", control.ledger),
        ("GET", "faults", control.show_faults),
        ("POST", "faults", control.set_faults),
        ("POST", "accounts", control.open_account),
        ("GET", "permissions", control.show_permissions),
        ("POST", "permissions", control.set_permissions),
        ("GET", "submissions", control.show_submissions),
        ("POST", "act", control.act),
        ("POST", "step", control.step),
        ("POST", "price", control.price),
        ("GET", "config", control.show_config),
        ("POST", "config", control.configure),
        ("GET", "burst", control.show_burst),
        ("POST", "burst", control.start_burst),
        ("DELETE", "burst", control.stop_burst),
    )
    for method, name, handler in routes:
        app.router.add_route(method, f"{prefix}/{name}", answering(handler))
