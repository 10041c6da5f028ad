"""One account's stream under a lease: the socket, its session row, and what it hands on."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from exchanges import registry
from tracking.management.streams.inbox_writer import Received
from tracking.models import SessionStatus
from tracking.services import clients, leases, order_tracking, sessions, stream_quality
from tracking.services.inbox import Frame
from tracking.services.sessions import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from exchanges.messages import StreamGap
    from exchanges.stream_state import StreamState
    from exchanges.streams import Stream
    from tracking.management.streams.inbox_writer import InboxWriter
    from tracking.models import ExchangeAccount


class AccountStream:
    """Takes what a `PrivateStream` hands over. Its `on_*` run in the stream's thread: no I/O."""

    def __init__(
        self,
        account: ExchangeAccount,
        *,
        epoch: int,
        writer: InboxWriter,
        notice: Callable[[Callable[[], Any]], None],
    ) -> None:
        """`notice` takes work that needs the database, and does it in another thread."""
        self.account_id, self.epoch = account.pk, epoch
        self.exchange, self.market_type = account.exchange, account.market_type
        self.session_id = uuid.uuid4()
        self._account, self._writer, self._notice = account, writer, notice
        self._owner = ""
        self._events = 0
        self.stream: Stream | None = None

    def start(self, owner: str) -> None:
        """Begin the session and connect."""
        self._owner = owner
        sessions.close_left_open(self.account_id, self.epoch)
        self._begin_session()
        url = clients.base_url(self._account)
        self.stream = registry.stream_for(
            self.exchange,
            self.market_type,
            session_id=str(self.session_id),
            credentials=clients.credentials(self._account),
            client=clients.rest_client(self._account),
            handler=self,
            base_url=url.replace("http", "ws", 1) if url else None,
        )
        self.stream.start()

    def _begin_session(self) -> None:
        order_tracking.create_session(
            session_id=self.session_id,
            account_id=self.account_id,
            market_type=self.market_type,
            owner=self._owner,
            epoch=self.epoch,
        )

    def stop(self, reason: str) -> None:
        """Disconnect and end the session."""
        reconnects = 0
        if self.stream is not None:
            self.stream.stop()
            reconnects = self.stream.state.reconnects
        sessions.note_status(
            self.session_id,
            self.epoch,
            SessionStatus.DISCONNECTED,
            reason=reason,
            reconnects=reconnects,
            ended=True,
        )

    def on_frame(self, raw: bytes, received_at: datetime) -> None:
        """Queue a frame for the inbox."""
        self._events += 1
        self._writer.put(
            Received(
                exchange=self.exchange,
                frame=Frame(
                    account_id=self.account_id,
                    market_type=self.market_type,
                    session_id=self.session_id,
                    epoch=self.epoch,
                    raw=raw.decode("utf-8", "replace"),
                    received_at=received_at,
                ),
            )
        )

    def on_gap(self, gap: StreamGap) -> None:
        """Ask for a reconciliation: messages may have been missed until now."""
        del gap
        self._notice(self._reconcile)

    def _reconcile(self) -> None:
        order_tracking.request_full_sync(self.account_id)
        stream_quality.note_gap(self.account_id)
        self._writer.ask_to_sync(self.account_id)

    def on_state(self, state: StreamState) -> None:
        """Tell a change of status."""
        status = SessionStatus(state.status.value)
        self._notice(lambda: self._note(status, state))

    def _note(self, status: SessionStatus, state: StreamState) -> None:
        if self._noted(status, state) or status is not SessionStatus.CONNECTED:
            return
        if leases.is_current(self.account_id, self.epoch):
            # its session was ended as stale while the exchange was away: it lives again
            self.session_id = uuid.uuid4()
            self._begin_session()
            self._noted(status, state)

    def _noted(self, status: SessionStatus, state: StreamState) -> bool:
        return sessions.note_status(
            self.session_id,
            self.epoch,
            status,
            reason=state.reason,
            reconnects=state.reconnects,
            connected_at=state.connected_at,
        )

    def pulse(self) -> Pulse | None:
        """Give the stream's signs of life, if it has begun."""
        if self.stream is None:
            return None
        state = self.stream.state
        return Pulse(
            session_id=self.session_id,
            epoch=self.epoch,
            connected_at=state.connected_at,
            last_ping=state.last_ping_at,
            last_event_at=state.last_event_at,
            frame_count=state.frames,
            event_count=self._events,
        )
