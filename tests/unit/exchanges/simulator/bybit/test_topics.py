"""Topics mean events, and frames bear the name that was subscribed to."""

from __future__ import annotations

import pytest

from exchanges.simulator.bybit import topics


def test_an_all_in_one_topic_means_every_category_under_its_own_name() -> None:
    assert topics.events({"order"}) == {
        "order.spot": "order", "order.linear": "order", "order.inverse": "order"
    }  # fmt: skip
    assert topics.events({"order.linear", "wallet", "greeks"}) == {
        "order.linear": "order.linear", "wallet": "wallet"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"topic":"order.linear","data":[]}', '{"topic":"order","data":[]}'),
        ('{"topic":"wallet","data":[]}', '{"topic":"wallet","data":[]}'),
        ("no JSON at all", "no JSON at all"),
        ('{"topic":"', '{"topic":"'),
    ],
)
def test_frames_are_renamed_and_other_texts_are_not(text: str, shown: str) -> None:
    assert topics.renamed(text, {"order.linear": "order"}) == shown
