"""
Room under an account's limit of open orders.

The exchange counts every order that rests, whoever placed it; so do we, and with them those of ours
whose answer is not known yet.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracking.models import OpenOrder

if TYPE_CHECKING:
    from tracking.models import ExchangeAccount


def room(account: ExchangeAccount) -> int | None:
    """How many more orders an account may have open; None: it has no limit."""
    if account.max_open_orders is None:
        return None
    return max(0, account.max_open_orders - OpenOrder.objects.filter(account=account).count())
