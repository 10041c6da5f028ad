"""The admin: sessions first, facts to look at, accounts to edit. Importing it registers all."""

from tracking.admin import (
    accounts,
    books,
    evidence,
    halts,
    journal,
    limits,
    notices,
    orders,
    repairs,
    requests,
    reviews,
    sessions,
    trades,
    webhooks,
)

__all__ = [
    "accounts",
    "books",
    "evidence",
    "halts",
    "journal",
    "limits",
    "notices",
    "orders",
    "repairs",
    "requests",
    "reviews",
    "sessions",
    "trades",
    "webhooks",
]
