"""
The proof: every order, trade and position recomputed and compared, here and with the exchange.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from tracking.services.books.check import check_account
from tracking.services.books.verdicts import Check, Line, Violation

__all__ = ["Check", "Line", "Violation", "check_account"]
