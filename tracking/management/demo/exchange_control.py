"""The simulated exchange's control end points, over HTTP: its ledger, its switches, its hands."""

from __future__ import annotations

import http.client
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 30.0
USUAL_SUM = "100000"


class ExchangeControlError(Exception):
    """The simulated exchange refused, with its reason; or did not answer."""


class ExchangeControl:
    """One house of the simulated exchanges, seen from outside."""

    def __init__(self, url: str, prefix: str = "/sim") -> None:
        """`prefix` is where its control end points are; the first house's are at `/sim` too."""
        self.url = url
        self._prefix = prefix

    def ask(self, method: str, path: str, terms: Mapping[str, object] | None = None) -> Any:
        """Make one request; return the JSON it is answered with. Raises ExchangeControlError."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=TIMEOUT)
        try:
            connection.request(
                method, f"{self._prefix}/{path}", None if terms is None else json.dumps(terms)
            )
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ExchangeControlError(str(error)) from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ExchangeControlError(answer.get("error", str(answer)))
        return answer

    def is_up(self) -> bool:
        """Say whether it answers."""
        try:
            self.ask("GET", "ledger?summary=1")
        except ExchangeControlError:
            return False
        return True

    def open_account(
        self,
        api_key: str,
        api_secret: str,
        balance: str = USUAL_SUM,
        *,
        balances: Mapping[str, str] | None = None,
    ) -> None:
        """Open an account for these credentials, with this sum or with these balances."""
        what = {"balances": dict(balances)} if balances else {"balance": balance}
        self.ask("POST", "accounts", {"api_key": api_key, "api_secret": api_secret, **what})

    def ledger(self, account: str | None = None) -> Any:
        """Read everything that happened, or what happened on one account."""
        return self.ask("GET", f"ledger?account={account}" if account else "ledger")

    def summary(self) -> Any:
        """Read only the counts of what happened."""
        return self.ask("GET", "ledger?summary=1")

    def submissions(self, account: str) -> dict[str, int]:
        """Read how often each client order id of an account arrived to be placed."""
        return dict(self.ask("GET", f"submissions?account={account}"))

    def act(self, action: str, account: str, **terms: object) -> Any:
        """Do something by hand. Raises ExchangeControlError if the exchange refuses."""
        return self.ask("POST", "act", {"action": action, "account": account, **terms})

    def faults(self, **switches: object) -> Any:
        """Set fault switches (`account`, `profile`, `reset` too)."""
        return self.ask("POST", "faults", switches)

    def configure(self, **settings: object) -> Any:
        """Change what may change while it runs."""
        return self.ask("POST", "config", settings)

    def prices(self) -> dict[str, Decimal]:
        """Read the price of every symbol; moves none."""
        answer = self.ask("POST", "step", {"steps": 0})
        return {symbol: Decimal(price) for symbol, price in answer.items()}

    def freeze_prices(self) -> None:
        """Let no price move any more, so that no resting order fills."""
        self.configure(price_interval=0)
