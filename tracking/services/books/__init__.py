"""
The proof: every order, trade and position recomputed and compared, here and with the exchange.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from tracking.services.books.check import AtExchange, check_account
from tracking.services.books.records import Record, recorded_check
from tracking.services.books.verdicts import Check, Line, Violation

__all__ = [
    "AtExchange",
    "Check",
    "Line",
    "Record",
    "Violation",
    "check_account",
    "recorded_check",
]
