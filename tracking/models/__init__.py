"""What the database keeps. Rows hold facts and constraints; decisions live in `domain`."""

from tracking.domain.findings import AnomalyKind
from tracking.models.accounts import (
    AccountDrain,
    AccountState,
    ExchangeAccount,
    PositionMode,
    Strategy,
    StrategyAccount,
)
from tracking.models.journal import (
    Anomaly,
    EventCounter,
    EventKind,
    OrderEvent,
    StreamEvent,
)
from tracking.models.orders import (
    ClosedOrder,
    FailedOrder,
    OpenOrder,
    OrderRequest,
    RequestAction,
    RequestOutcome,
)
from tracking.models.sessions import OrderTrackingSession, SessionStatus, SymbolSubscription
from tracking.models.trades import (
    Posting,
    PostingKind,
    StrategyPosition,
    Trade,
    TradeExecution,
)

__all__ = [
    "AccountDrain",
    "AccountState",
    "Anomaly",
    "AnomalyKind",
    "ClosedOrder",
    "EventCounter",
    "EventKind",
    "ExchangeAccount",
    "FailedOrder",
    "OpenOrder",
    "OrderEvent",
    "OrderRequest",
    "OrderTrackingSession",
    "PositionMode",
    "Posting",
    "PostingKind",
    "RequestAction",
    "RequestOutcome",
    "SessionStatus",
    "Strategy",
    "StrategyAccount",
    "StrategyPosition",
    "StreamEvent",
    "SymbolSubscription",
    "Trade",
    "TradeExecution",
]
