"""
From the engine to the sockets: encodes what changed for those who listen.

Nothing is encoded that nobody wants, and frames of one event type keep the order in which things
happened. What is said, and in which words, is the dialect's.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from exchanges.simulator import frames
from exchanges.simulator.amounts import ZERO
from exchanges.simulator.channel import Channel, Frame, Link
from exchanges.simulator.listen_keys import ListenKey, ListenKeys
from exchanges.simulator.private_socket import HALF_OPEN, LIVE, MUTE, PrivateSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from exchanges.simulator.accounts import Account, Position
    from exchanges.simulator.algo import AlgoOrder
    from exchanges.simulator.dialect import Dialect
    from exchanges.simulator.fault_board import FaultBoard
    from exchanges.simulator.orders import Execution, Order

GOING_AWAY = 1001


class StreamHub:
    """Every account's private stream."""

    def __init__(
        self, *, seed: int, clock: Callable[[], int], board: FaultBoard, dialect: Dialect
    ) -> None:
        """`board` says what disturbs whom, `dialect` how changes are worded."""
        self._dialect = dialect
        self.keys = ListenKeys(seed, self._end_key)
        self.sockets: set[PrivateSocket] = set()
        self._seed = seed
        self._clock = clock
        self._board = board
        self._channels: dict[str, Channel] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._hidden = random.Random(f"{seed}:hidden-trade-ids")

    def channel(self, api_key: str) -> Channel:
        """The stream of one account."""
        found = self._channels.get(api_key)
        if found is None:
            found = self._channels[api_key] = Channel(api_key, self._seed, self._board)
        return found

    def order_changed(self, order: Order, kind: str, fill: Execution | None) -> None:
        """Tell the account's sockets of a change of an order."""
        channel = self.channel(order.account.api_key)
        if not channel.links:
            channel.counts.unheard += 1
            return
        is_hidden = fill is not None and self._hidden.random() < channel.faults.hide_trade_ids
        for frame in self._dialect.order_frames(order, kind, fill, channel.wants):
            if fill and is_hidden:
                channel.deliver(self._dialect.without_trade_id(frame, fill))
            else:
                channel.deliver(frame)

    def holdings_changed(
        self, account: Account, position: Position | None, reason: str, change: Decimal = ZERO
    ) -> None:
        """Tell the account's sockets of a change of wallet or position."""
        channel = self.channel(account.api_key)
        if channel.links:
            now = self._clock()
            for frame in self._dialect.holdings_frames(account, position, reason, change, now):
                channel.deliver(frame)

    def algo_changed(self, algo: AlgoOrder) -> None:
        """Tell the account's sockets of a change of a conditional order."""
        channel = self.channel(algo.account.api_key)
        for frame in self._dialect.algo_frames(algo):
            channel.deliver(frame)

    def _end_key(self, key: ListenKey, announced: bool) -> None:  # noqa: FBT001
        channel = self.channel(key.api_key)
        if announced:
            text = frames.listen_key_expired(key.text, self._clock())
            channel.deliver(Frame(event=frames.LISTEN_KEY_EXPIRED, text=text))
        channel.links = [link for link in channel.links if link.key != key.text]

    def start_key(self, api_key: str, lifetime: float) -> str:
        """POST listenKey."""
        return self.keys.start(api_key, lifetime).text

    def close_key(self, api_key: str) -> None:
        """DELETE listenKey: whoever uses it is cut off, whichever worker that is."""
        key = self.keys.drop(api_key)
        if key:
            self.drop([link.socket for link in self.links_of(key)], GOING_AWAY)

    def links_of(self, key: ListenKey) -> list[Link]:
        """The sockets that listen on this key."""
        return [link for link in self.channel(key.api_key).links if link.key == key.text]

    def attach(self, socket: PrivateSocket, key: ListenKey) -> None:
        """Let a socket hear what is sent for this key."""
        if socket.has_key(key):
            return
        socket.keys.append(key)
        channel = self.channel(key.api_key)
        channel.counts.connections += 1
        channel.links.append(Link(socket=socket, key=key.text))
        socket.disturb(wanted_state(channel.faults.mute is True, channel.faults.half_open is True))

    def attach_account(self, socket: PrivateSocket, api_key: str, *, key: str = "") -> None:
        """Let a socket that has proven whose it is hear what is sent to this account.

        One socket may hear the same account of several houses. `key` comes with each of its frames.
        """
        channel = self.channel(api_key)
        if any(link.socket is socket for link in channel.links):
            return
        socket.accounts.append(api_key)
        self.sockets.add(socket)
        channel.counts.connections += 1
        channel.links.append(Link(socket=socket, key=key))
        state = wanted_state(channel.faults.mute is True, channel.faults.half_open is True)
        if state != LIVE:
            socket.disturb(state)

    def detach_account(self, socket: PrivateSocket, api_key: str) -> None:
        """Let a socket hear nothing more of this account; it stays open."""
        socket.accounts.remove(api_key)
        channel = self.channel(api_key)
        channel.links = [link for link in channel.links if link.socket is not socket]

    def expire(self, api_key: str, *, announced: bool) -> None:
        """What lets sockets hear this account is valid no more: a listen key, or subscriptions."""
        self.keys.expire(api_key, announced=announced)
        for link in list(self.channel(api_key).links):
            link.socket.expire(api_key, announced=announced)

    def announce_end(self, accounts: Iterable[str]) -> None:
        """Tell the sockets of these accounts that the server is about to close them."""
        for api_key in accounts:
            for link in self.channel(api_key).links:
                link.socket.announce_end(self._clock())

    def detach(self, socket: PrivateSocket) -> None:
        """A socket is gone."""
        self.sockets.discard(socket)
        for api_key in {*(key.api_key for key in socket.keys), *socket.accounts}:
            channel = self.channel(api_key)
            channel.links = [link for link in channel.links if link.socket is not socket]

    def apply_states(self, accounts: Iterable[str]) -> None:
        """Make the sockets of these accounts mute, half-open or live, as the switches say."""
        for api_key in accounts:
            channel = self.channel(api_key)
            faults = channel.faults
            for link in channel.links:
                link.socket.disturb(wanted_state(bool(faults.mute), bool(faults.half_open)))

    def disturb_current(self, api_key: str, state: str) -> None:
        """Bring the sockets that are open now into this state; reconnecting helps."""
        for link in self.channel(api_key).links:
            link.socket.disturb(state)

    def interrupt(self, accounts: Iterable[str], how: int | str) -> int:
        """Drop every socket of these accounts; `how` is a close code or "abort"."""
        dropped = 0
        for api_key in accounts:
            channel = self.channel(api_key)
            sockets = [link.socket for link in channel.links]
            channel.counts.interruptions += len(sockets)
            dropped += len(sockets)
            self.drop(sockets, how)
        return dropped

    def drop(self, sockets: Iterable[PrivateSocket], how: int | str) -> None:
        """Close these sockets with a code, or cut them."""
        for socket in sockets:
            self.detach(socket)
            if isinstance(how, str):
                socket.abort()
            else:
                self._close_soon(socket, how)

    def _close_soon(self, socket: PrivateSocket, code: int) -> None:
        task = asyncio.get_running_loop().create_task(socket.close(code, "dropped"))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Drop everything."""
        self.keys.close()
        self.drop(list(self.sockets), "abort")
        await asyncio.gather(*self._closing, return_exceptions=True)


def wanted_state(mute: bool, half_open: bool) -> str:  # noqa: FBT001
    """The state of a socket under these switches."""
    if half_open:
        return HALF_OPEN
    return MUTE if mute else LIVE
