"""What a stream's state may be taken for: from its connection to its last sign of life, alive."""

from __future__ import annotations

from exchanges.stream_state import StreamState


def test_a_frame_before_the_connection_counts_is_no_life_of_the_one_before() -> None:
    state = StreamState(session_id="s")
    state.note_connected()
    alive_until = state.last_ping_at

    state.note_greeted()

    assert (state.frames, state.last_ping_at) == (1, alive_until)
    assert state.last_event_at is not None
    connected_at = state.note_connected()
    assert state.last_ping_at == connected_at


def test_a_snapshot_is_a_copy() -> None:
    state = StreamState(session_id="s")
    state.note_connected()
    copy = state.snapshot()

    state.note_heard(is_event=True)

    assert copy.frames == 0
    assert copy.last_ping_at == copy.connected_at
