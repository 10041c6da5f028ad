"""Where folding again begins and what is right of the checkpoints then; and some edges."""

from __future__ import annotations

from decimal import Decimal

import pytest

from exchanges.messages import Side
from tests.unit.tracking.domain.builders import at
from tracking.domain.market_terms import terms_of
from tracking.domain.positions import (
    Checkpoints,
    Fill,
    Movement,
    PositionState,
    apply,
    can_extend,
    fold_key,
    posting_key,
    restart_from,
    rewound,
)


def point(key: str) -> PositionState:
    return PositionState(quantity=Decimal(7), folded_key=key)


BOTH = Checkpoints(base=point("3"), candidate=point("6"))


@pytest.mark.parametrize(
    ("start", "left"),
    [
        pytest.param(PositionState(), Checkpoints(), id="from zero none is left"),
        pytest.param(
            point("3"), Checkpoints(base=point("3"), candidate=point("3")), id="the later is wrong"
        ),
        pytest.param(BOTH.candidate, BOTH, id="both come before it"),
        pytest.param(point("9"), BOTH, id="it begins at the head"),
    ],
)
def test_folding_again_drops_the_checkpoints_after_its_start(
    start: PositionState, left: Checkpoints
) -> None:
    assert rewound(BOTH, start) == left


@pytest.mark.parametrize(
    ("earliest", "start"),
    [("7", "6"), ("6", "3"), ("4", "3"), ("3", "opening"), ("1", "opening")],
)
def test_folding_again_starts_before_the_earliest_change(earliest: str, start: str) -> None:
    assert restart_from(BOTH, earliest, point("opening")).folded_key == start


def test_an_entry_already_folded_extends_nothing() -> None:
    held = point("5")

    assert can_extend(held, [Movement(key="6"), Movement(key="7")])
    assert not can_extend(held, [Movement(key="6"), Movement(key="5")])


def test_amounts_in_no_named_asset_are_in_the_settlement_asset() -> None:
    movement = Movement(key="1", funding=Decimal(3), fee=Decimal(2))

    after = apply(PositionState(), movement, terms_of("BTC/USDT:USDT"))

    assert (after.funding, after.fees, after.unvalued) == (Decimal(3), Decimal(2), {})


def test_keys_are_written_the_same_for_ever() -> None:
    assert fold_key(at(0.25), "7", "10", "BUY", 2) == "001795348800250|0017|00210|BUY|00002"
    assert posting_key(at(0.25), "funding:1") == "001795348800250|~funding:1"


def test_a_coin_paid_on_futures_is_not_worth_the_price_of_the_contract() -> None:
    fill = Fill(
        key="1",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        commission=Decimal("0.5"),
        commission_asset="BTC",
    )

    after = apply(PositionState(), fill, terms_of("BTC/USDT:USDT"))

    assert (after.fees, after.unvalued) == (Decimal(0), {"BTC": Decimal("0.5")})
