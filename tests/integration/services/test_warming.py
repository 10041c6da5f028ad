"""A worker has its tables of markets before the first order comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchanges.markets import Markets
from tests.factories import ExchangeAccountFactory
from tracking.services import clients, warming

if TYPE_CHECKING:
    import pytest

    from tracking.models import ExchangeAccount


def test_the_tables_of_all_tracked_accounts_are_loaded_once_each(
    account: ExchangeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    ExchangeAccountFactory.create(state="DISABLED", market_type="SPOT")
    ExchangeAccountFactory.create(user=account.user)
    unheard_of = ExchangeAccountFactory.create(exchange="AAA_UNHEARD_OF")
    loaded: list[Markets] = []

    def load(markets: Markets) -> None:
        loaded.append(markets)

    monkeypatch.setattr(Markets, "all", load)

    warming.begin().join(30)

    assert loaded == [clients.rest_client(account).markets]
    unheard_of.delete()
