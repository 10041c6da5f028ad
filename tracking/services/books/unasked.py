"""
Orders that bear a client order id of ours, and that no request asked for.

They were sent by a system that has our keys and not our rows: a database restored from a backup, a
second installation, somebody who copied an id.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q

from exchanges import registry
from tracking.domain import client_ids
from tracking.models import (
    ClosedOrder,
    ExchangeAccount,
    OpenOrder,
    OrderRequest,
    RequestAction,
    StrategyAccount,
)
from tracking.services.books.theirs import OrderKey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Unasked:
    """What an account's uses put their names to, beside what was asked for."""

    def __init__(self, account: ExchangeAccount) -> None:
        """Read the names of the account's uses."""
        self._account = account
        self._prefix = registry.adapter(account.exchange).client_order_ids.prefix
        uses = StrategyAccount.objects.filter(account=account)
        self._tokens = set(uses.values_list("token", flat=True))

    def named(self, client_order_ids: Mapping[OrderKey, str]) -> dict[OrderKey, str]:
        """Keep the orders whose id is one of ours: a use's token with its check character."""
        return {
            key: name
            for key, name in client_order_ids.items()
            if client_ids.owner_token(name, prefix=self._prefix) in self._tokens
        }

    def booked(self, since: datetime) -> dict[OrderKey, str]:
        """Give the orders booked since then that bear an id of ours and were not placed here."""
        if not self._tokens:
            return {}
        ours = Q()
        for token in self._tokens:
            ours |= Q(client_order_id__startswith=self._prefix + token)
        found: dict[OrderKey, str] = {}
        for model in (OpenOrder, ClosedOrder):
            rows = model.objects.filter(
                ours,
                account=self._account,
                placed_by_us=False,
                exchange_order_id__isnull=False,
                created_at__gt=since,
            )
            columns = rows.values_list(*OrderKey._fields, "client_order_id")
            found |= {OrderKey(*key): name for *key, name in columns}
        return self.named(found)

    def without_request(self, named: Mapping[OrderKey, str]) -> dict[OrderKey, str]:
        """Keep the orders that no request asked for."""
        requests = OrderRequest.objects.filter(
            account=self._account,
            action=RequestAction.PLACE.value,
            client_order_id__in=set(named.values()),
        )
        asked = set(requests.values_list("client_order_id", flat=True))
        return {key: name for key, name in named.items() if name not in asked}
