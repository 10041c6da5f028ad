"""
What staff books by hand: a holding that came or went, and no fill and no list told of it.

It is the residual's, as anything that no strategy did. On spot it moves an asset (`BTC`), elsewhere
a market (`BTC/USDT:USDT`); the drift that asked for it is closed by the next sync.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from exchanges.messages import MarketType, PositionSide
from tracking.domain.market_terms import terms_of
from tracking.models import PostingKind, RepairAction, StrategyPosition
from tracking.services import postings
from tracking.services.payloads import plain, position_payload
from tracking.services.position_entries import PositionKey
from tracking.services.postings import NewPosting
from tracking.services.repairs import RepairRefusedError, done, repairing

if TYPE_CHECKING:
    from decimal import Decimal

    from tracking.models import ExchangeAccount, Repair
    from tracking.services.payloads import Payload
    from tracking.services.repairs import Actor

#: What a person can know to have happened; anything else the exchange tells.
BY_HAND: Final = frozenset({PostingKind.CORRECTION, PostingKind.TRANSFER, PostingKind.DUST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What moved: so much more (or less) of an asset on spot, of a market elsewhere."""

    kind: PostingKind
    #: `BTC` on spot, `BTC/USDT:USDT` elsewhere
    symbol: str
    quantity: Decimal
    position_side: PositionSide = PositionSide.NET


def book_posting(
    account: ExchangeAccount, movement: Movement, *, actor: Actor, reason: str
) -> Repair:
    """Book a movement nobody else tells of, now, in the residual. Raises RepairRefusedError."""
    with repairing(account.pk, RepairAction.BOOK_POSTING, actor, reason) as deed:
        _may_be_booked(deed.account, movement)
        posting = _posting(deed.account, movement)
        key = posting.position or PositionKey(None, "", "", "")
        deed.subject = f"{movement.kind} {movement.symbol} {plain(movement.quantity)}"
        deed.before = _state(deed.account, key)
        _, deed.moves = postings.write(deed.account, [posting], deed.journal)
        deed.after = {"posting": posting.key, **_state(deed.account, key)}
    return done(deed)


def _may_be_booked(account: ExchangeAccount, movement: Movement) -> None:
    terms = terms_of(movement.symbol)
    is_spot = account.market_type == MarketType.SPOT.value
    refusals = {
        "the account's books are not open yet": account.baseline_at is None,
        "only a CORRECTION, a TRANSFER or DUST is booked by hand": movement.kind not in BY_HAND,
        "nothing would move": not movement.quantity,
        "on spot name the asset that moved, like BTC": is_spot and bool(terms.quote),
        "name the market that moved, like BTC/USDT:USDT": not is_spot and not terms.quote,
        "on spot there is one side": is_spot and movement.position_side is not PositionSide.NET,
    }
    for refusal, holds in refusals.items():
        if holds:
            raise RepairRefusedError(refusal)


def _posting(account: ExchangeAccount, movement: Movement) -> NewPosting:
    key, now = f"repair:{uuid.uuid4().hex}", timezone.now()
    if account.market_type == MarketType.SPOT.value:
        return postings.of_asset(
            movement.symbol, movement.quantity, key=key, kind=movement.kind, posted_at=now
        )
    market_type, side = account.market_type, movement.position_side.value
    return NewPosting(
        key=key,
        kind=movement.kind,
        market_type=market_type,
        symbol=movement.symbol,
        quantity=movement.quantity,
        posted_at=now,
        position=PositionKey(None, market_type, movement.symbol, side),
    )


def _state(account: ExchangeAccount, key: PositionKey) -> dict[str, Payload | None]:
    row = StrategyPosition.objects.filter(account=account, **key._asdict()).first()
    return {"position": position_payload(row) if row else None}
