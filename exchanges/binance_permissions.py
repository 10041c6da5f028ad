"""
What an API key of Binance may do: one question to the host of spot, whatever the key trades.

Policy: that host's wallet endpoints (/sapi) are counted apart from those that trade, so they have
a budget of their own. `tradingAuthorityExpirationTime` is there only for keys that are not bound
to an address; a key without it does not expire.

Source: Wallet "Get API Key Permission".

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.adapter import Limits, Rate
from exchanges.errors import MalformedMessage
from exchanges.messages import MarketType
from exchanges.questions import KeyPermissions
from exchanges.wire import an_object, flag, moment

if TYPE_CHECKING:
    from exchanges.wire import Fields

#: 12,000 of an address in a minute for each endpoint; by the second, for then the budget is there
#: at once, and a key that was just entered need not wait for its check
LIMITS: Final = Limits(address=Rate(limit=200, period=1))
_EXPIRY: Final = "tradingAuthorityExpirationTime"


def permissions(answer: object, market_type: MarketType) -> KeyPermissions:
    """Read what the key may do in one kind of market. Raises MalformedMessage."""
    fields = an_object(answer)
    trades = "enableSpotAndMarginTrading" if market_type is MarketType.SPOT else "enableFutures"
    for name in (trades, "enableWithdrawals", "ipRestrict"):
        if name not in fields:
            msg = f"{name}: not told"
            raise MalformedMessage(msg)
    return KeyPermissions(
        can_trade=flag(fields, trades),
        can_withdraw=flag(fields, "enableWithdrawals"),
        can_transfer=_can_transfer(fields),
        is_ip_bound=flag(fields, "ipRestrict"),
        expires_at=moment(fields, _EXPIRY) if fields.get(_EXPIRY) else None,
    )


def _can_transfer(fields: Fields) -> bool:
    """Tell whether money can leave for another account or another wallet."""
    return flag(fields, "enableInternalTransfer") or flag(fields, "permitsUniversalTransfer")
