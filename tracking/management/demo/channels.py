"""
How the demo's strategies order: in this process, or from outside like anybody's bot.

From outside means over HTTP, as a careful client does it: a signed webhook for each order and the
API for each cancel, repeated with the same key while nobody answers, and now and then sent twice
although somebody did, because clients and networks do that. What was acknowledged is remembered, to
be looked for in the end.
"""

from __future__ import annotations

import hmac
import http.client
import json
import secrets
import threading
import time
import uuid
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import structlog

from exchanges.messages import OrderType
from tracking.models import RequestSource
from tracking.services.order_manager import OrderManager

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from tracking.management.demo.cast import Cast
    from tracking.models import OpenOrder, StrategyAccount
    from tracking.services.order_intents import OrderIntent

log = structlog.get_logger(__name__)

TIMEOUT: Final = 5.0
#: nobody answers for so long: the order is given up, whatever became of it
PATIENCE: Final = 20.0
ASK_AGAIN_AFTER: Final = 0.5
TWICE_CHANCE: Final = 0.05
SERVER_ERRORS: Final = 500
PLACES: Final = Decimal("0.000000000001")


class NotTakenError(Exception):
    """The order was refused where it was handed in, or nobody answered."""


class Channel(Protocol):
    """Where strategies hand in what they want."""

    #: ids of the requests somebody acknowledged
    acknowledged: set[int]

    def place(self, use: StrategyAccount, intent: OrderIntent) -> None:
        """Hand in an order. Raises NotTakenError, or what the way to it raises."""

    def cancel(self, use: StrategyAccount, order: OpenOrder) -> None:
        """Hand in the cancel of an order."""


class Direct:
    """Calls the services of this process."""

    def __init__(self) -> None:
        """Nothing is acknowledged yet."""
        self.acknowledged: set[int] = set()

    def place(self, use: StrategyAccount, intent: OrderIntent) -> None:
        """Place it, and wait for what the exchange says."""
        request = OrderManager(use).execute(
            intent, idempotency_key=new_key(), source=RequestSource.TRADER
        )
        self.acknowledged.add(request.pk)

    def cancel(self, use: StrategyAccount, order: OpenOrder) -> None:
        """Cancel it, and wait for what the exchange says."""
        request = OrderManager(use).cancel(
            order, idempotency_key=new_key(), source=RequestSource.TRADER
        )
        self.acknowledged.add(request.pk)


class Outside:
    """Signed webhooks, and the API."""

    def __init__(self, url: str, cast: Cast, chance: Random) -> None:
        """`url` is where the web process listens."""
        self._address = urlsplit(url).netloc
        self._cast = cast
        self._chance = chance
        self.acknowledged: set[int] = set()

    def place(self, use: StrategyAccount, intent: OrderIntent) -> None:
        """Send the strategy's webhook, sometimes twice at once."""
        slug = use.strategy.slug
        body = json.dumps(webhook_body(use, intent)).encode()
        headers = signed(self._cast.webhook_secrets[slug], body)
        self._hand_in(f"/api/webhook/{slug}", body, headers)

    def cancel(self, use: StrategyAccount, order: OpenOrder) -> None:
        """Ask the API."""
        del use
        headers = {
            "Authorization": f"Token {self._cast.token}",
            "Idempotency-Key": new_key(),
            "Content-Type": "application/json",
        }
        self._hand_in(f"/api/v1/orders/{order.pk}/cancel/", b"{}", headers)

    def _hand_in(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        if self._chance.random() < TWICE_CHANCE:
            other = threading.Thread(target=self._once, args=(path, body, headers), daemon=True)
            other.start()
        deadline = time.monotonic() + PATIENCE
        while not self._is_taken(path, body, headers):
            if time.monotonic() > deadline:
                message = "nobody answered"
                raise NotTakenError(message)
            time.sleep(ASK_AGAIN_AFTER)

    def _is_taken(self, path: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """Send it; False: ask again, with the same key. Raises NotTakenError."""
        status, answer = self._once(path, body, headers)
        if status is None or status >= SERVER_ERRORS:
            return False
        if status >= http.client.BAD_REQUEST:
            message = f"{status}: {answer}"
            raise NotTakenError(message)
        self.acknowledged |= ids_in(answer)
        return True

    def _once(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int | None, Any]:
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT)
        try:
            connection.request("POST", path, body, dict(headers))
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            log.info("trader.unanswered", error=type(error).__name__)
            return None, {}
        finally:
            connection.close()


def ids_in(answer: Mapping[str, Any]) -> set[int]:
    """Read which requests an answer acknowledges."""
    rows = [*answer.get("requests", ()), *answer.get("cancels", ())] or [answer]
    return {int(row["id"]) for row in rows if "id" in row}


def signed(secret: str, body: bytes) -> dict[str, str]:
    """Sign a body as a webhook wants it."""
    timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
    text = f"{timestamp}.{nonce}.".encode() + body
    return {
        "Content-Type": "application/json",
        "X-OrderTrack-Timestamp": timestamp,
        "X-OrderTrack-Nonce": nonce,
        "X-OrderTrack-Signature": hmac.new(secret.encode(), text, sha256).hexdigest(),
        "Idempotency-Key": new_key(),
    }


def webhook_body(use: StrategyAccount, intent: OrderIntent) -> dict[str, object]:
    """Write an order as a webhook takes it, amounts as plain strings."""
    body: dict[str, object] = {
        "account": use.account.name,
        "symbol": intent.symbol,
        "side": intent.side.value.lower(),
        "order_type": intent.order_type.value.lower(),
        "quantity": written(intent.quantity or Decimal(0)),
    }
    if intent.order_type is not OrderType.MARKET and intent.price is not None:
        body["price"] = written(intent.price)
    return body


def written(amount: Decimal) -> str:
    """Write an amount in as many digits as a bot would; a drawn one has sixty."""
    return f"{amount.quantize(PLACES):f}" if amount != amount.quantize(PLACES) else f"{amount:f}"


def new_key() -> str:
    """Return an idempotency key nobody has used."""
    return f"demo-{uuid.uuid4().hex}"
