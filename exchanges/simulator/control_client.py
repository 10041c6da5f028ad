"""Speaking to a house's control end points over HTTP: its ledger, its switches, its hands."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from exchanges.simulator.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 30.0
OK = 200


class ControlClient:
    """One house, seen from outside."""

    def __init__(self, url: str, prefix: str) -> None:
        """`url` is the server's, `prefix` where the house's control end points begin."""
        self.url = url
        self._prefix = prefix

    def ask(self, method: str, path: str, terms: Mapping[str, object] | None = None) -> Any:
        """One control request. Raises `ControlError` with the reason of a refusal."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT)
        try:
            body = None if terms is None else json.dumps(terms)
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != OK:
            raise ControlError(answer.get("error", str(answer)))
        return answer

    def account(
        self,
        api_key: str,
        api_secret: str,
        balance: str = "100000",
        *,
        hedge: bool = False,
        balances: Mapping[str, str] | None = None,
    ) -> Any:
        """Create an account, or find the one with this key.

        `balance` is for houses of linear contracts, `balances` (by asset) for all; without it
        other houses give what is usual.
        """
        terms = {
            "api_key": api_key,
            "api_secret": api_secret,
            "balance": balance,
            "hedge": hedge,
            **({"balances": dict(balances)} if balances is not None else {}),
        }
        return self.ask("POST", f"{self._prefix}/accounts", terms)

    def faults(self, **switches: object) -> Any:
        """Set switches (`account`, `profile` and `reset` too); returns what holds."""
        return self.ask("POST", f"{self._prefix}/faults", switches)

    def ledger(self, account: str | None = None, *, summary: bool = False) -> Any:
        """The oracle."""
        chosen = {"account": account, "summary": "1" if summary else None}
        query = urlencode({name: value for name, value in chosen.items() if value})
        return self.ask("GET", f"{self._prefix}/ledger?{query}")

    def permissions(self, account: str, **changes: object) -> Any:
        """What the key of an account may do (`can_trade`, `can_withdraw`, ...); changed first."""
        if changes:
            return self.ask("POST", f"{self._prefix}/permissions", {"account": account, **changes})
        return self.ask("GET", f"{self._prefix}/permissions?{urlencode({'account': account})}")

    def submissions(self, account: str | None = None) -> dict[str, int]:
        """How often orders of each client order id have come to the door."""
        query = urlencode({} if account is None else {"account": account})
        found: dict[str, int] = self.ask("GET", f"{self._prefix}/submissions?{query}")
        return found

    def act(self, **terms: object) -> Any:
        """Do something by hand (`action`, `account`, ...)."""
        return self.ask("POST", f"{self._prefix}/act", terms)

    def step(self, steps: int = 1, symbol: str | None = None) -> Any:
        """Move prices."""
        return self.ask("POST", f"{self._prefix}/step", {"steps": steps, "symbol": symbol})

    def price(self, symbol: str, price: str, fill: str = "part") -> Any:
        """Set a price."""
        return self.ask(
            "POST", f"{self._prefix}/price", {"symbol": symbol, "price": price, "fill": fill}
        )

    def configure(self, **settings: object) -> Any:
        """Change what may change while it runs."""
        return self.ask("POST", f"{self._prefix}/config", settings)

    def burst(self, **terms: object) -> Any:
        """Push fills (no terms: how far the burst has come)."""
        return self.ask("POST" if terms else "GET", f"{self._prefix}/burst", terms or None)
