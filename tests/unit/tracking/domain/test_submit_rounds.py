"""When nobody's knowing a submit proves that it was not accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tracking.domain.submit_rounds import (
    ENOUGH,
    FIRST,
    LAST,
    SPAN,
    SUBMIT_MAY_ARRIVE,
    Round,
    Stretch,
    Weighed,
    bounded,
    weigh,
)

SENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEADLINE = SUBMIT_MAY_ARRIVE.total_seconds()


def at(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


def asked(
    seconds: float, alive: tuple[float, float] | None = None, *, is_negative: bool = True
) -> Round:
    """Give a round so many seconds after the send, with what a stream was proven to live then."""
    stream = Stretch(since=at(alive[0]), until=at(alive[1])) if alive else None
    return Round(asked_at=at(seconds), is_negative=is_negative, stream=stream)


def judged(*rounds: Round) -> Weighed:
    return weigh(rounds, SENT)


def test_a_submit_is_absent_after_the_deadline_where_a_stream_lived_all_the_time() -> None:
    early = [asked(s, (-60, s)) for s in (1, 2, 5, 10)]

    assert not judged(*early).is_absent
    weighed = judged(*early, asked(30, (-60, 30)))

    assert (weighed.is_absent, weighed.count, weighed.missing) == (True, 5, "")


def test_nothing_is_concluded_while_it_may_still_arrive() -> None:
    rounds = [asked(s, (-60, s)) for s in (1, 5, 10, 15, 20, DEADLINE - 1)]

    assert judged(*rounds) == Weighed(is_absent=False, count=0, missing="it may still arrive")


def test_nothing_is_concluded_without_a_stream_however_often_nobody_knew_it() -> None:
    weighed = judged(*(asked(s) for s in range(0, 600, 10)))

    assert not weighed.is_absent
    assert weighed.missing == "no stream was alive when it could not arrive any more"
    assert not weighed.is_nearly_proven


def test_a_stream_that_fell_silent_before_the_deadline_proves_nothing() -> None:
    assert not judged(*(asked(s, (-60, DEADLINE - 1)) for s in (1, 2, 5, 10, 30, 40))).is_absent


def test_a_sign_of_life_after_the_deadline_proves_the_connection_from_its_beginning() -> None:
    silent = [asked(s, (-60, 20)) for s in (1, 5, 30)]

    weighed = judged(*silent, asked(40, (-60, 40)))

    assert (weighed.is_absent, weighed.count) == (True, 4)


def test_what_was_asked_before_a_break_does_not_count() -> None:
    before = [asked(s, (-60, s)) for s in (1, 2, 5, 10)]

    weighed = judged(*before, asked(30, (20, 30)), asked(32, (20, 32)))

    assert (weighed.is_absent, weighed.count, weighed.is_nearly_proven) == (False, 2, True)
    after = [asked(s, (20, s)) for s in (30, 32, 40)]
    assert judged(*before, *after).is_absent


def test_a_stream_that_began_after_the_deadline_proves_by_what_is_asked_since() -> None:
    deaf = [asked(s) for s in (1, 2, 5, 10, 30, 40)]

    assert not judged(*deaf, asked(50, (45, 45))).is_absent
    assert judged(*deaf, *(asked(s, (45, 45)) for s in (50, 55, 60))).is_absent


def test_a_break_after_the_deadline_starts_nothing_anew() -> None:
    """Streams that drop every few seconds: nothing could come in while they were away."""
    rounds = [asked(s, (s - 1, s - 1)) for s in (1, 2, 5, 10, 30, 32, 34, 36, 38)]

    assert not judged(*rounds).is_absent
    assert judged(*rounds, asked(40, (39, 39))).is_absent


def test_answers_too_close_together_are_not_enough() -> None:
    close = [asked(30 + s, (-60, 30 + s)) for s in range(int(SPAN.total_seconds()))]

    weighed = judged(*close)

    assert len(close) > ENOUGH
    assert (weighed.is_absent, weighed.is_nearly_proven) == (False, True)
    assert judged(*close, asked(40, (-60, 40))).is_absent


@pytest.mark.parametrize("unanswered", [1, 2])
def test_a_round_that_somebody_did_not_answer_does_not_count(unanswered: int) -> None:
    told = [asked(s, (-60, s)) for s in (5, 10, 30)]
    rounds = [asked(r.asked_at.second, (-60, 30), is_negative=False) for r in told[:unanswered]]

    assert not judged(*rounds, *told[unanswered:]).is_absent


def test_the_last_one_that_counts_was_asked_after_the_deadline() -> None:
    early = [asked(s, (-60, 30)) for s in (1, 5, 20)]

    assert not judged(*early, asked(30, (-60, 30), is_negative=False)).is_absent
    assert judged(*early, asked(30, (-60, 30))).is_absent


def test_a_round_is_read_as_it_was_written() -> None:
    told = Round(
        asked_at=at(1),
        is_negative=True,
        order="not found",
        open_orders="not among 3",
        trades="none of it",
        stream=Stretch(since=at(-60), until=at(0)),
    )

    assert Round.from_json(told.to_json()) == told
    assert Round.from_json(asked(2).to_json()) == asked(2)


def test_the_first_and_the_last_rounds_are_kept() -> None:
    rounds = [asked(s) for s in range(100)]

    kept = bounded(rounds)

    assert kept == [*rounds[:FIRST], *rounds[-LAST:]]
    assert bounded(kept[:3]) == kept[:3]


def test_what_was_proven_long_ago_is_forgotten_with_its_round_and_proven_again() -> None:
    rounds = [asked(s, (s - 1, s - 1)) for s in range(30, 30 + 2 * (FIRST + LAST + 5), 2)]

    assert weigh(bounded(rounds), SENT).is_absent
