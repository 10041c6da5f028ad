"""Keys, times and signatures of REST."""

from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from exchanges.simulator.accounts import Account
from exchanges.simulator.bybit import auth
from exchanges.simulator.call import Asked
from exchanges.simulator.errors import ApiError

NOW = 1_658_384_314_791
ANN = Account(api_key="XXXXXXXXXX", api_secret="ann-secret", rules={})
#: of "Integration Guidance": what a GET signs after timestamp, key and window
QUERY = "category=option&symbol=BTC-29JUL22-25000-C"


def asked(stamp: int = NOW, changes: dict[str, str] | None = None) -> Asked:
    text = f"{stamp}XXXXXXXXXX5000{QUERY}"
    headers = {
        auth.KEY: "XXXXXXXXXX",
        auth.TIMESTAMP: str(stamp),
        auth.WINDOW: "5000",
        auth.SIGNATURE: hmac.new(b"ann-secret", text.encode(), sha256).hexdigest(),
        **(changes or {}),
    }
    return Asked(method="GET", path="/v5/x", query=QUERY, headers=headers)


def check(request: Asked) -> Account:
    return auth.check(request, {"XXXXXXXXXX": ANN}, NOW)


@pytest.mark.parametrize("stamp", [NOW, NOW - 5_000, NOW + 999])
def test_a_signed_request_in_time_is_the_accounts(stamp: int) -> None:
    assert check(asked(stamp)) is ANN


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (asked(NOW - 5_001), 10002),
        (asked(NOW + 1_000), 10002),
        (asked(changes={auth.KEY: "nobody"}), 10003),
        (asked(changes={auth.KEY: ""}), 10003),
        (asked(changes={auth.SIGNATURE: "0" * 64}), 10004),
        (asked(changes={auth.SIGNATURE: "é"}), 10004),
        (asked(changes={auth.WINDOW: "6000"}), 10004),
        (asked(changes={auth.TIMESTAMP: ""}), 10001),
    ],
)
def test_anything_else_has_its_code(request_: Asked, code: int) -> None:
    with pytest.raises(ApiError) as refused:
        check(request_)
    assert (refused.value.code, refused.value.status) == (code, 200)
