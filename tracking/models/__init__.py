"""What the database keeps. Rows hold facts and constraints; decisions live in `domain`."""

from tracking.domain.findings import AnomalyKind
from tracking.models.accounts import (
    AccountDrain,
    AccountState,
    ExchangeAccount,
    PositionMode,
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
from tracking.models.notices import Notice, NoticeChannel, NoticeKind
from tracking.models.orders import ClosedOrder, OpenOrder
from tracking.models.positions import Posting, PostingKind, StrategyPosition
from tracking.models.requests import (
    UNRESOLVED,
    FailedOrder,
    Halt,
    OrderRequest,
    RequestAction,
    RequestInReview,
    RequestOutcome,
    RequestSource,
)
from tracking.models.sessions import OrderTrackingSession, SessionStatus, SymbolSubscription
from tracking.models.strategies import (
    Strategy,
    StrategyAccount,
    Webhook,
    WebhookDelivery,
    WebhookKind,
)
from tracking.models.trades import Trade, TradeExecution

__all__ = [
    "UNRESOLVED",
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
    "Halt",
    "MarketTerms",
    "Notice",
    "NoticeChannel",
    "NoticeKind",
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
    "RequestInReview",
    "RequestOutcome",
    "RequestSource",
    "SessionStatus",
    "Strategy",
    "StrategyAccount",
    "StrategyPosition",
    "StreamEvent",
    "StreamQuality",
    "SymbolSubscription",
    "Trade",
    "TradeExecution",
    "Webhook",
    "WebhookDelivery",
    "WebhookKind",
]
