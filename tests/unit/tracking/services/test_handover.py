"""Work handed over is done by another thread, and never makes anybody wait."""

from __future__ import annotations

import threading

from tracking.services.handover import Handover

PATIENCE = 5


def test_what_is_handed_over_is_done_in_turn_by_another_thread() -> None:
    done: list[tuple[int, int]] = []
    finished = threading.Event()

    def work(piece: int) -> None:
        done.append((piece, threading.get_ident()))
        if piece == 2:
            finished.set()

    handover = Handover(work, name="test", limit=10)
    assert all(handover.give(piece) for piece in range(3))

    assert finished.wait(PATIENCE)
    assert [piece for piece, _ in done] == [0, 1, 2]
    assert threading.get_ident() not in {thread for _, thread in done}


def test_what_does_not_fit_is_dropped_at_once() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def work(_piece: int) -> None:
        begun.set()
        may_end.wait(PATIENCE)

    handover = Handover(work, name="test", limit=1)
    assert handover.give(1)
    assert begun.wait(PATIENCE)
    assert handover.give(2)

    assert not handover.give(3)
    may_end.set()


def test_a_failure_ends_nothing() -> None:
    finished = threading.Event()

    def work(piece: int) -> None:
        if piece == 0:
            raise ConnectionError
        finished.set()

    handover = Handover(work, name="test", limit=10)
    handover.give(0)
    handover.give(1)

    assert finished.wait(PATIENCE)
