"""One running exchange: engine, streams, limits, faults and counters, held together."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from exchanges.simulator.algo import AlgoDesk
from exchanges.simulator.binance_dialect import FuturesDialect
from exchanges.simulator.clock import Clock
from exchanges.simulator.contract_custody import LinearCustody
from exchanges.simulator.engine import Engine
from exchanges.simulator.errors import ControlError
from exchanges.simulator.fault_board import FaultBoard
from exchanges.simulator.faults import STRIKES
from exchanges.simulator.hub import StreamHub
from exchanges.simulator.limits import Limits
from exchanges.simulator.private_socket import HALF_OPEN, MUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.config import SimulatorConfig
    from exchanges.simulator.dialect import Dialect
    from exchanges.simulator.orders import Order

#: how often `drop_every` and `now_and_then` are looked at
TICK: Final = 0.25
#: seconds a ban of `now_and_then` lasts
SHORT_BAN: Final = 3.0
HALF: Final = 0.5
#: how a socket is dropped: with a close code, or cut
WAYS_TO_DROP: Final[tuple[int | str, ...]] = (1001, 1012, "abort")


class SimulatedExchange:
    """Everything the HTTP layer needs, and nothing of HTTP."""

    def __init__(
        self,
        *,
        seed: int,
        config: SimulatorConfig,
        faults: Mapping[str, object] | None = None,
        dialect: Dialect | None = None,
        market_type: str = "FUTURES",
    ) -> None:
        """One RNG per concern, all from `seed`; the words are Binance futures' unless told."""
        self.dialect = dialect or FuturesDialect()
        self.market_type = market_type
        self.config = config
        self.seed = seed
        self.clock = Clock()
        self.board = FaultBoard(faults)
        self.hub = StreamHub(
            seed=seed, clock=self.clock.now, board=self.board, dialect=self.dialect
        )
        self.engine = Engine(config, seed=seed, clock=self.clock.now, sink=self.hub)
        self.algo = AlgoDesk(self.engine, self.hub.algo_changed)
        self.limits = Limits(lambda: self.config)
        self.rest_chance = random.Random(f"{seed}:rest")
        self.id_chance = random.Random(f"{seed}:client-ids")
        self.requests: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        #: by API key: how often orders of each client order id came to the door
        self.submissions: dict[str, Counter[str]] = {}
        self.connect_chance = random.Random(f"{seed}:handshakes")
        self._drop_chance = random.Random(f"{seed}:drops")
        #: houses that share the position mode of an account with this one
        self.kin: tuple[SimulatedExchange, ...] = ()
        self._next_strike: dict[tuple[str, str], float] = {}
        self.obey()

    @property
    def accounts(self) -> dict[str, Account]:
        """All accounts by API key."""
        return self.engine.accounts

    def same_in_kin(self, account: Account) -> list[Account]:
        """The account, and those with its key in the houses that share its position mode."""
        found = [house.accounts.get(account.api_key) for house in self.kin]
        return [account, *(each for each in found if each)]

    def note_submissions(self, api_key: str, client_order_ids: Iterable[str]) -> None:
        """Orders have come to the door, whatever becomes of them there."""
        self.submissions.setdefault(api_key, Counter()).update(client_order_ids)

    def find_order(self, account: Account, symbol: str, order_id: str) -> Order | None:
        """The order with the id that this exchange shows."""
        number = self.dialect.number_of(order_id)
        return None if number is None else account.orders.get((symbol, number))

    def obey(self) -> None:
        """Let those switches act that are not looked at where they matter."""
        faults = self.board.of()
        self.clock.skew_ms = faults.clock_skew_ms
        for market in self.engine.markets.values():
            market.thinness = faults.thin_book

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Change what may be changed while running."""
        self.config = self.engine.config = replace(self.config, **changes)

    async def run_prices(self) -> None:
        """Move every price every `price_interval` seconds, for ever."""
        while True:
            await asyncio.sleep(self.config.price_interval or TICK)
            if self.config.price_interval:
                for symbol in self.engine.markets:
                    self.engine.step(symbol)

    async def run_strikes(self) -> None:
        """Do what `drop_every` and `now_and_then` say, for ever."""
        while True:
            await asyncio.sleep(TICK)
            for api_key in self.accounts:
                faults = self.board.of(api_key)
                if self._is_due(api_key, "drop", faults.drop_every):
                    self.hub.interrupt([api_key], self._drop_chance.choice(WAYS_TO_DROP))
                for name in STRIKES:
                    if self._is_due(api_key, name, faults.now_and_then.get(name, 0.0)):
                        self._strike(api_key, name)

    def _is_due(self, api_key: str, name: str, every: float) -> bool:
        """Whether something happens now that happens about every so many seconds (0: never)."""
        if not every:
            self._next_strike.pop((api_key, name), None)
            return False
        now = asyncio.get_running_loop().time()
        due = self._next_strike.get((api_key, name))
        if due is None or now >= due:
            self._next_strike[api_key, name] = now + every * self._drop_chance.uniform(0.5, 1.5)
        return due is not None and now >= due

    def _strike(self, api_key: str, name: str) -> None:
        if name == "ban":
            self.limits.impose(SHORT_BAN)
        elif name == "expire_listen_key":
            self.hub.expire(api_key, announced=self._drop_chance.random() < HALF)
        else:
            self.hub.disturb_current(api_key, MUTE if name == "mute" else HALF_OPEN)

    @property
    def margins(self) -> LinearCustody:
        """What positions are worth and need. Raises ControlError in spot, which has none."""
        custody = self.engine.custody
        if isinstance(custody, LinearCustody):
            return custody
        text = "there are no positions in spot"
        raise ControlError(text)
