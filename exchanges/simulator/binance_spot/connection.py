"""
One connection of the WebSocket API: its session, its subscriptions, and what it hears.

An account is heard once per connection; subscriptions of several accounts stand beside each other.
Events come as `{"subscriptionId": .., "event": ..}`. What concerns the connection alone has no id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from exchanges.simulator import auth
from exchanges.simulator.binance_spot import frames
from exchanges.simulator.binance_spot.calls import LOGGED_ON, SpotCalls
from exchanges.simulator.call import Asked, Call, Endpoint, Json, Security
from exchanges.simulator.errors import ApiError, invalid_key
from exchanges.simulator.private_socket import TEXT, PrivateSocket
from exchanges.simulator.rest import RestDoor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchanges.simulator.accounts import Account
    from exchanges.simulator.binance_spot.house import SpotExchange

#: session methods cost two
session_endpoint: Final = partial(Endpoint, method="WS", weight=2, security=Security.NONE)


@dataclass(slots=True, kw_only=True, eq=False)
class SpotSocket(PrivateSocket):
    """A socket whose frames name the subscription they belong to."""

    connection: Connection | None = field(default=None)

    def send(self, text: str, key: str) -> None:
        """Wrap an event; `key` is the number of the subscription."""
        self.write(TEXT, f'{{"subscriptionId":{key},"event":{text}}}'.encode())

    def announce_end(self, at: int) -> None:
        """The server is about to close this connection."""
        self.write(TEXT, f'{{"event":{frames.told(frames.SERVER_SHUTDOWN, at)}}}'.encode())

    def expire(self, api_key: str, *, announced: bool) -> None:
        """The account's subscription ends, the connection stays."""
        if self.connection:
            self.connection.end(api_key, announced=announced)


class Connection:
    """What one client has done on its connection."""

    def __init__(
        self,
        house: SpotExchange,
        socket: SpotSocket,
        endpoints: Iterable[Endpoint],
        *,
        tells_limits: bool,
    ) -> None:
        """Nobody has logged on, and nothing is heard."""
        self._house = house
        self._socket = socket
        socket.connection = self
        self._connected = house.clock.now()
        #: the key that has logged on, and since when
        self._session: tuple[str, int] | None = None
        #: keys by number of subscription
        self._heard: dict[int, str] = {}
        self._next = 0
        self._calls = SpotCalls(house, endpoints, self._methods(), tells_limits=tells_limits)
        self._door = RestDoor(self._calls)

    def _methods(self) -> dict[str, Endpoint]:
        handlers = {
            "session.logon": self.log_on,
            "session.status": self.status,
            "session.logout": self.log_out,
            "session.subscriptions": self.subscriptions,
            "userDataStream.subscribe": self.subscribe,
            "userDataStream.subscribe.signature": self.subscribe_signed,
            "userDataStream.unsubscribe": self.unsubscribe,
        }
        return {
            name: session_endpoint(name=name, handler=handler) for name, handler in handlers.items()
        }

    async def reply(self, text: str) -> bytes | None:
        """Answer a request; a lost answer breaks the connection."""
        headers = {LOGGED_ON: self._session[0]} if self._session else {}
        asked = Asked(method="WS", path="/ws-api/v3", body=text, headers=headers)
        reply = await self._door.answer(asked)
        if reply.is_cut:
            self._socket.abort()
            return None
        return reply.body

    def log_on(self, call: Call) -> Json:
        """session.logon, with Ed25519 keys only (-4056)."""
        account = self._signer(call)
        if not isinstance(auth.public_key(account.api_secret), Ed25519PublicKey):
            raise ApiError(-4056, "HMAC_SHA256 API key is not supported.")
        self._session = (account.api_key, self._house.clock.now())
        return self.status(call)

    def status(self, _call: Call) -> Json:
        """session.status."""
        key, since = self._session or (None, None)
        return {
            "apiKey": key,
            "authorizedSince": since,
            "connectedSince": self._connected,
            "returnRateLimits": True,
            "serverTime": self._house.clock.now(),
            "userDataStream": key in self._heard.values(),
        }

    def log_out(self, call: Call) -> Json:
        """session.logout: the session's subscription ends too."""
        if self._session:
            self.end(self._session[0], announced=True)
        self._session = None
        return self.status(call)

    def subscriptions(self, _call: Call) -> list[Json]:
        """session.subscriptions."""
        return [{"subscriptionId": number} for number in self._heard]

    def subscribe(self, _call: Call) -> Json:
        """userDataStream.subscribe: as whoever has logged on."""
        if self._session is None:
            raise invalid_key()
        return self._hear(self._session[0])

    def subscribe_signed(self, call: Call) -> Json:
        """userDataStream.subscribe.signature: no session is needed."""
        return self._hear(self._signer(call).api_key)

    def _signer(self, call: Call) -> Account:
        account = self._calls.signer(call.params)
        if self._house.board.of(account.api_key).invalid_key:
            raise invalid_key()
        return account

    def _hear(self, api_key: str) -> Json:
        if api_key in self._heard.values():
            raise ApiError(-2035, "User Data Stream subscription already active.")
        if self._is_kept_out(api_key):
            self._socket.abort()
            return {}
        number, self._next = self._next, self._next + 1
        self._heard[number] = api_key
        self._house.hub.attach_account(self._socket, api_key, key=str(number))
        return {"subscriptionId": number}

    def _is_kept_out(self, api_key: str) -> bool:
        """Whether a fault of this account alone refuses what others may (`refuse_connect`).

        Whose connection it is shows with the subscription only.
        """
        board = self._house.board
        share = board.of(api_key).refuse_connect
        is_its_own = share != board.of().refuse_connect
        return is_its_own and self._house.connect_chance.random() < share

    def unsubscribe(self, call: Call) -> Json:
        """userDataStream.unsubscribe: one, or all (-2036 if there is none)."""
        number = call.whole("subscriptionId")
        chosen = list(self._heard) if number is None else [number]
        if not chosen or not set(chosen) <= set(self._heard):
            raise ApiError(-2036, "User Data Stream subscription not active.")
        for each in chosen:
            self.end(self._heard[each], announced=True)
        return {}

    def end(self, api_key: str, *, announced: bool) -> None:
        """Hear nothing more of this account; told once if it is announced."""
        for number in [each for each, key in self._heard.items() if key == api_key]:
            del self._heard[number]
            self._house.hub.detach_account(self._socket, api_key)
            if announced:
                ended = frames.told(frames.STREAM_TERMINATED, self._house.clock.now())
                self._socket.send(ended, str(number))
