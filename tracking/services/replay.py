"""
The proof that the books follow from what was heard: an account's inbox, replayed from nothing.

Frames and kept answers go, in the order they came, through the reader, the merge and the writer
the live books were made by, into a scratch schema; then both are laid side by side. No exchange is
asked, nothing is published, and no live row can be touched (see `scratch_schema`).

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from exchanges.errors import ExchangeError
from tracking.models import (
    ExchangeAccount,
    MarketTerms,
    OrderEvidence,
    StrategyAccount,
    StreamEvent,
)
from tracking.selectors import SECRETS
from tracking.services import kept_answers, replay_books
from tracking.services.event_emitter import Emission, lock_account, write_books
from tracking.services.inbox import WaitingFrame
from tracking.services.inbox_groups import group_by_order
from tracking.services.journal import Journal
from tracking.services.order_records import Gathered
from tracking.services.replay_window import look
from tracking.services.scratch_schema import scratch_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from django.db.models import Model

    from tracking.services.payloads import Json
    from tracking.services.replay_books import Books, Key
    from tracking.services.replay_window import Item, Window

#: so many frames and answers are merged in one transaction
BITE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that came out otherwise."""

    kind: str
    key: str
    #: the column, or "" where one side has no such row
    column: str
    live: Json
    replayed: Json


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What was replayed, and how it differs from the books."""

    frames: int = 0
    answers: int = 0
    #: frames and answers that cannot be read any more
    unreadable: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    #: orders that were not compared, by reason
    skipped: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    #: the scratch schema, where it was kept
    schema: str = ""

    def as_json(self) -> dict[str, Any]:
        """Write it for programs."""
        return asdict(self)


def replay(account_id: int, since: datetime, *, keep: bool = False) -> Replayed:
    """Replay an account's inbox since a moment and compare. Raises ScratchUnavailableError."""
    account = ExchangeAccount.objects.defer(*SECRETS).get(pk=account_id)
    window = look(account, since)
    name = f"replay_{uuid.uuid4().hex[:12]}"
    result = Replayed(skipped=window.skipped, schema=name if keep else "")
    with scratch_schema(name, keep=keep) as live:
        _seed(account_id, live)
        for bite in _bites(window.items):
            _replay(account, window, bite, live, result)
        replayed = replay_books.read_all(account_id)
    result.compared = {kind: len(rows) for kind, rows in window.live.kinds()}
    result.differences = list(differences(window.live, replayed))
    return result


def _bites(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + BITE] for start in range(0, len(items), BITE))


def _seed(account_id: int, live: str) -> None:
    """Copy what merging reads besides the books: the account without its keys, owners, markets."""
    _copy(ExchangeAccount, live, "id = %s", [account_id], blank=SECRETS)
    _copy(StrategyAccount, live, "account_id = %s", [account_id])
    _copy(MarketTerms, live, "true", [])


def _copy(
    model: type[Model], live: str, where: str, values: list[Any], blank: Sequence[str] = ()
) -> None:
    table = model._meta.db_table
    fields = model._meta.concrete_fields
    columns = ", ".join(f'"{f.column}"' for f in fields)
    taken = ", ".join("''" if f.name in blank else f'"{f.column}"' for f in fields)
    source = f'SELECT {taken} FROM "{live}"."{table}" WHERE {where}'  # noqa: S608 - our own names
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{table}" ({columns}) {source}', values)


def _replay(
    account: ExchangeAccount, window: Window, bite: Sequence[Item], live: str, result: Replayed
) -> None:
    heard = _heard(account, window, bite, live, result)
    told = _told(account, bite, live, result)
    gathered = [g for g in (*heard, *told) if g.identity and g.identity not in window.outside]
    with transaction.atomic(durable=True):
        locked = lock_account(account.pk)
        journal = Journal(locked.user_id, locked.pk, bite[-1].at)
        journal.write(after=write_books(locked, journal, gathered, Emission()))


def _heard(
    account: ExchangeAccount, window: Window, bite: Sequence[Item], live: str, result: Replayed
) -> list[Gathered]:
    frames = [
        WaitingFrame(row.pk, row.market_type, row.raw, row.received_at, row.attempts)
        for row in _rows(StreamEvent, live, [item.pk for item in bite if not item.is_answer])
    ]
    groups, _ignorable, bad = group_by_order(account, frames, window.symbols)
    result.frames += len(frames)
    result.unreadable += len(bad)
    return [group.gathered for group in groups]


def _told(
    account: ExchangeAccount, bite: Sequence[Item], live: str, result: Replayed
) -> list[Gathered]:
    found: list[Gathered] = []
    for row in _rows(OrderEvidence, live, [item.pk for item in bite if item.is_answer]):
        result.answers += 1
        try:
            answers = kept_answers.read(account.exchange, row)
        except ExchangeError:
            result.unreadable += 1
            continue
        found += [
            Gathered(
                market_type=row.market_type,
                symbol=row.symbol,
                id_space=row.id_space,
                exchange_order_id=row.exchange_order_id,
                client_order_id=row.client_order_id,
                evidence=evidence,
            )
            for evidence in answers
        ]
    return found


def _rows(model: Any, live: str, pks: list[int]) -> Iterable[Any]:
    """Read rows of the live schema, which is not on the search path, in their order."""
    table = model._meta.db_table
    select = f'SELECT * FROM "{live}"."{table}" WHERE id = ANY(%s)'  # noqa: S608 - our own names
    found = {row.pk: row for row in model.objects.raw(select, [pks])}
    return [found[pk] for pk in pks if pk in found]


def differences(live: Books, replayed: Books) -> Iterator[Difference]:
    """Tell what differs, row by row and column by column."""
    theirs = dict(replayed.kinds())
    for kind, ours in live.kinds():
        for key in sorted({*ours, *theirs[kind]}, key=str):
            yield from _compared(kind, key, ours.get(key), theirs[kind].get(key))


def _compared(
    kind: str, key: Key, live: dict[str, Json] | None, replayed: dict[str, Json] | None
) -> Iterator[Difference]:
    name = ":".join(str(part) for part in key if part is not None)
    if live is None or replayed is None:
        yield Difference(kind=kind, key=name, column="", live=live, replayed=replayed)
        return
    for column, value in live.items():
        if value != replayed[column]:
            yield Difference(
                kind=kind, key=name, column=column, live=value, replayed=replayed[column]
            )
