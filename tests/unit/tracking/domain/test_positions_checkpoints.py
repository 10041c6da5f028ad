"""Where folding again begins, and what is still right of the checkpoints then."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tracking.domain.market_terms import terms_of
from tracking.domain.positions import (
    Checkpoints,
    Movement,
    PositionState,
    apply,
    can_extend,
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
