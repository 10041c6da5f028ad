"""The admin: sessions first, facts to look at, accounts to edit. Importing it registers all."""

from tracking.admin import accounts, evidence, journal, orders, repairs, sessions, trades

__all__ = ["accounts", "evidence", "journal", "orders", "repairs", "sessions", "trades"]
