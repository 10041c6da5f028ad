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
from tracking.models.books import (
    BooksCheck,
    CheckState,
    MarketTerms,
    Repair,
    RepairAction,
)
from tracking.models.evidence import OrderEvidence, StreamQuality
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
from tracking.models.positions import Posting, PostingKind, StrategyPosition
from tracking.models.sessions import OrderTrackingSession, SessionStatus, SymbolSubscription
from tracking.models.trades import Trade, TradeExecution

__all__ = [
    "AccountDrain",
    "AccountState",
    "Anomaly",
    "AnomalyKind",
    "BooksCheck",
    "CheckState",
    "ClosedOrder",
    "EventCounter",
    "EventKind",
    "ExchangeAccount",
    "FailedOrder",
    "MarketTerms",
    "OpenOrder",
    "OrderEvent",
    "OrderEvidence",
    "OrderRequest",
    "OrderTrackingSession",
    "PositionMode",
    "Posting",
    "PostingKind",
    "Repair",
    "RepairAction",
    "RequestAction",
    "RequestOutcome",
    "SessionStatus",
    "Strategy",
    "StrategyAccount",
    "StrategyPosition",
    "StreamEvent",
    "StreamQuality",
    "SymbolSubscription",
    "Trade",
    "TradeExecution",
]
