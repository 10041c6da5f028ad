"""What ccxt's exceptions mean: status first, then class, and doubt where an order was sent."""

from __future__ import annotations

import pytest
from ccxt.base import errors as theirs

from exchanges import errors as ours
from exchanges.generic_errors import Circumstances, MarketRequired, classify

ASKED, SENT = Circumstances(status=200), Circumstances(status=200, changes_orders=True)
UNSENT = Circumstances(changes_orders=True, has_sent=False)
URL = "okx GET https://www.okx.com/api/v5/trade/order?ordId=1&signature=abcdef {}"


@pytest.mark.parametrize(
    ("error", "given", "expected"),
    [
        (theirs.RateLimitExceeded(), ASKED, ours.RateLimited),
        (theirs.DDoSProtection(), SENT, ours.RateLimited),
        (theirs.ExchangeError(), Circumstances(status=429), ours.RateLimited),
        (theirs.ExchangeNotAvailable(), Circumstances(status=403), ours.RateLimited),
        (theirs.InvalidNonce(), SENT, ours.ClockSkewed),
        (theirs.AuthenticationError(), ASKED, ours.AuthenticationError),
        (theirs.PermissionDenied(), SENT, ours.AuthenticationError),
        (theirs.OrderNotFound(), ASKED, ours.OrderNotFound),
        (theirs.InvalidOrder("EOrder:Unknown order"), SENT, ours.OrderNotFound),
        (theirs.BadSymbol(), ASKED, ours.UnknownSymbol),
        (theirs.InsufficientFunds(), SENT, ours.OrderRefused),
        (theirs.InvalidOrder(), SENT, ours.OrderRefused),
        (theirs.ArgumentsRequired(), UNSENT, ours.OrderRefused),
        (theirs.ArgumentsRequired(), ASKED, MarketRequired),
        (theirs.BadRequest(), ASKED, ours.PermanentError),
        (
            theirs.InvalidOrder(),
            Circumstances(status=502, changes_orders=True),
            ours.OutcomeUnknown,
        ),
        (theirs.DuplicateOrderId(), SENT, ours.OutcomeUnknown),
        (theirs.ExchangeError("a code nobody knows"), ASKED, ours.TransientError),
        (theirs.ExchangeError("a code nobody knows"), SENT, ours.OutcomeUnknown),
        (theirs.RequestTimeout(), SENT, ours.OutcomeUnknown),
        (theirs.NetworkError(), UNSENT, ours.TransientError),
        (theirs.NullResponse(), ASKED, ours.TransientError),
        (KeyError("data"), ASKED, ours.TransientError),
        (TypeError("None"), SENT, ours.OutcomeUnknown),
        (ours.RateLimited(), SENT, ours.RateLimited),
    ],
)
def test_every_failure_is_transient_permanent_or_in_doubt(
    error: Exception, given: Circumstances, expected: type[ours.ExchangeError]
) -> None:
    assert type(classify(error, given)) is expected


def test_a_firewalls_block_is_waited_for() -> None:
    blocked = classify(theirs.ExchangeNotAvailable(), Circumstances(status=403))
    assert isinstance(blocked, ours.RateLimited)
    assert blocked.retry_after == 300
    told = classify(theirs.RateLimitExceeded(), Circumstances(status=429, retry_after=7))
    assert isinstance(told, ours.RateLimited)
    assert told.retry_after == 7


def test_no_url_and_no_secret_is_repeated() -> None:
    text = str(
        classify(
            theirs.ExchangeError(URL + " short-key {}" + "x" * 500),
            Circumstances(secrets=("short-key", "")),
        )
    )
    assert "ExchangeError" in text
    assert not any(part in text for part in ("http", "signature", "short-key"))
    assert len(text) < 300
