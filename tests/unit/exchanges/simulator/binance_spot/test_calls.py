"""What is signed on the WebSocket API, checked against Binance's published example."""

from __future__ import annotations

import pytest

from exchanges.simulator.accounts import Account
from exchanges.simulator.auth import check_payload
from exchanges.simulator.binance_spot.calls import as_text, id_of, payload_of, read
from exchanges.simulator.errors import ApiError

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
SIGNATURE = "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
PARAMS = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01000000",
    "price": "52000.00",
    "recvWindow": "100",
    "timestamp": "1645423376532",
    "apiKey": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
    "signature": SIGNATURE,
}


def test_the_published_example_passes_in_any_order() -> None:
    account = Account(api_key="key", api_secret=SECRET, rules={})
    check_payload(account, payload_of(PARAMS), SIGNATURE)
    check_payload(account, payload_of(dict(reversed(PARAMS.items()))), SIGNATURE)
    with pytest.raises(ApiError, match="Signature for this request is not valid"):
        check_payload(account, payload_of({**PARAMS, "price": "52000.0"}), SIGNATURE)


def test_parameters_are_signed_as_they_were_sent() -> None:
    sent = read('{"id": "a", "params": {"price": 52000.10, "limit": 5, "flag": true}}')
    assert {name: as_text(value) for name, value in sent["params"].items()} == {
        "price": "52000.10",
        "limit": "5",
        "flag": "true",
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [('{"id": 7}', 7), ('{"id": "x"}', "x"), ('{"id": [1]}', None), ("no", None)],
)
def test_an_answer_carries_the_id_as_far_as_there_is_one(text: str, number: object) -> None:
    assert id_of(text) == number
