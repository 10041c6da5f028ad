"""
The inbox: frames as they came, their secrets struck out, and who is working through them.

Note [The drain claim]
~~~~~~~~~~~~~~~~~~~~~~
One drain an account. A claim lasts 3 s on the database's clock and is renewed each round. Whoever
brings frames sets `wanted` in the same commit as the rows and need not wake anybody while a claim
is held: the holder can only let go with `UPDATE ... WHERE NOT wanted`, which waits for that commit
and then finds it has to look again. A holder that dies is replaced by the sweep after 3 s.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from exchanges.redaction import redacted
from tracking.models import StreamEvent
from tracking.models.fields import compressed, decompressed
from tracking.services import bulk_rows, statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from tracking.services.statements import Statement

_RECEIVED = (
    "account_id",
    "market_type",
    "session_id",
    "epoch",
    "raw",
    "received_at",
    "attempts",
    "error",
)
_RECEIVE = f"""
    INSERT INTO tracking_streamevent ({", ".join(_RECEIVED)})
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""  # noqa: S608 - names of our own
#: so many frames are inserted one by one, more by COPY
FEW = 12
_CLAIM = """
    INSERT INTO tracking_accountdrain (account_id, owner, until, wanted)
    VALUES (%s, %s, clock_timestamp() + interval '3 seconds', false)
    ON CONFLICT (account_id) DO UPDATE
    SET owner = EXCLUDED.owner, until = EXCLUDED.until, wanted = false
    WHERE tracking_accountdrain.until IS NULL
       OR tracking_accountdrain.until < clock_timestamp()
    RETURNING account_id
"""
_WANT = """
    UPDATE tracking_accountdrain SET wanted = true
    WHERE account_id = ANY(%s) AND until > clock_timestamp()
    RETURNING account_id
"""
_WAITING = """
    SELECT id, market_type, raw, received_at, attempts FROM tracking_streamevent
    WHERE account_id = %s AND processed_at IS NULL AND quarantined_at IS NULL AND id > %s
    ORDER BY id LIMIT %s
"""
_RENEW = """
    UPDATE tracking_accountdrain
    SET until = clock_timestamp() + interval '3 seconds', wanted = false
    WHERE account_id = %s AND owner = %s
    RETURNING account_id
"""
_LET_GO = """
    UPDATE tracking_accountdrain SET owner = '', until = NULL
    WHERE account_id = %s AND owner = %s AND (NOT wanted OR %s)
    RETURNING account_id
"""
#: A claim that a crash of the database takes back would have run out in seconds: not worth a flush.
_LIGHTLY: Statement = ("SET LOCAL synchronous_commit TO off", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame about orders, as it came off a socket."""

    account_id: int
    market_type: str
    session_id: UUID | None
    epoch: int
    raw: str
    received_at: datetime


def receive(frames: Sequence[Frame]) -> set[int]:
    """Commit frames; return the accounts nobody is draining, who need a wake-up."""
    rows = [_row(frame) for frame in frames]
    accounts = {frame.account_id for frame in frames}
    want: Statement = (_WANT, [sorted(accounts)])
    if len(rows) <= FEW:
        # one round trip: a frame that comes alone should not wait for four
        busy = statements.run([*((_RECEIVE, row) for row in rows), want])
    else:
        with transaction.atomic(durable=True):
            bulk_rows.copy_lines(StreamEvent, _RECEIVED, map(bulk_rows.line, rows))
            busy = statements.run([want])
    return accounts - {account_id for (account_id,) in busy}


def _row(frame: Frame) -> tuple[object, ...]:
    return (
        frame.account_id,
        frame.market_type,
        frame.session_id,
        frame.epoch,
        compressed(redacted(frame.raw.replace("\x00", "\ufffd"))),
        frame.received_at,
        0,
        "",
    )


def claim(account_id: int, owner: str) -> bool:
    """Take the account's drain, or leave word with its holder. See Note [The drain claim]."""
    for _ in range(2):
        if statements.run([_LIGHTLY, (_CLAIM, [account_id, owner])]):
            return True
        if statements.run([_LIGHTLY, (_WANT, [[account_id]])]):
            return False
    return False


def renew(account_id: int, owner: str) -> bool:
    """Keep the drain for another round; False if someone else has taken it."""
    return bool(statements.run([_LIGHTLY, (_RENEW, [account_id, owner])]))


def let_go(account_id: int, owner: str, *, even_if_wanted: bool = False) -> bool:
    """Give the drain back; False if something came in meanwhile and it is still held."""
    return bool(statements.run([_LIGHTLY, (_LET_GO, [account_id, owner, even_if_wanted])]))


class WaitingFrame(NamedTuple):
    """What a drain reads of an unprocessed frame."""

    pk: int
    market_type: str
    raw: str
    received_at: datetime
    attempts: int


def waiting(account_id: int, limit: int, *, after: int = 0) -> list[WaitingFrame]:
    """Read an account's oldest unprocessed frames, or the oldest after one."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [account_id, after, limit])
        rows = cursor.fetchall()
    return [
        WaitingFrame(pk, market_type, decompressed(raw), received_at, attempts)
        for pk, market_type, raw, received_at, attempts in rows
    ]


def accounts_waiting() -> list[int]:
    """Name the accounts that have unprocessed frames."""
    rows = StreamEvent.objects.filter(processed_at__isnull=True, quarantined_at__isnull=True)
    return list(rows.order_by("account_id").values_list("account_id", flat=True).distinct())


def processed(event_ids: Sequence[int], now: datetime) -> list[Statement]:
    """Note that frames have become books; for the emitter's transaction."""
    if not event_ids:
        return []
    mark = "UPDATE tracking_streamevent SET processed_at = %s WHERE id = ANY(%s)"
    return [(mark, [now, list(event_ids)])]


def note_failure(event_ids: Sequence[int], error: str) -> None:
    """Count a failed attempt; it survives the rollback of the work."""
    StreamEvent.objects.filter(pk__in=event_ids).update(
        attempts=F("attempts") + 1, error=redacted(error)[:300]
    )


def quarantine(event_ids: Sequence[int], error: str) -> None:
    """Set frames aside for a person; the rest of the inbox goes on."""
    StreamEvent.objects.filter(pk__in=event_ids).update(
        quarantined_at=timezone.now(), error=redacted(error)[:300]
    )
