"""Who the client is, whatever the client says."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from django.test import RequestFactory

from tracking.api.client_origin import client_certificate, client_ip

if TYPE_CHECKING:
    from pytest_django import Settings

CLIENT, SPOOFED = "203.0.113.7", "198.51.100.1"


def seen(settings: Settings, *, proxies: int, peer: str, forwarded: str = "") -> str:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return str(client_ip(RequestFactory().post("/", REMOTE_ADDR=peer, headers=headers)))


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        pytest.param(0, CLIENT, "", CLIENT, id="no proxy"),
        pytest.param(0, "127.0.0.1", SPOOFED, "127.0.0.1", id="no proxy, a header all the same"),
        pytest.param(1, "127.0.0.1", CLIENT, CLIENT, id="one proxy"),
        pytest.param(1, "127.0.0.1", f"{SPOOFED}, {CLIENT}", CLIENT, id="the client wrote some"),
        pytest.param(2, "127.0.0.1", f"{SPOOFED}, {CLIENT}, 10.0.0.1", CLIENT, id="two proxies"),
        pytest.param(2, "127.0.0.1", CLIENT, "None", id="fewer entries than proxies"),
        pytest.param(1, "127.0.0.1", "", "None", id="a proxy that tells nothing"),
        pytest.param(1, "127.0.0.1", "not an address", "None", id="nonsense"),
        pytest.param(1, CLIENT, SPOOFED, CLIENT, id="somebody went around the proxy"),
        pytest.param(1, "", CLIENT, CLIENT, id="a Unix socket"),
        pytest.param(0, f"::ffff:{CLIENT}", "", CLIENT, id="IPv4 on an IPv6 socket"),
    ],
)
def test_the_client_is_counted_from_the_right(
    settings: Settings, proxies: int, peer: str, forwarded: str, expected: str
) -> None:
    assert seen(settings, proxies=proxies, peer=peer, forwarded=forwarded) == expected


@pytest.mark.parametrize(
    ("proxies", "peer", "expected"),
    [
        (1, "127.0.0.1", "TradingView Webhooks"),
        (0, "127.0.0.1", ""),
        (1, CLIENT, ""),
    ],
)
def test_a_certificate_is_told_by_our_proxy_only(
    settings: Settings, proxies: int, peer: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().post(
        "/", REMOTE_ADDR=peer, headers={"X-Client-Cert-CN": "TradingView Webhooks"}
    )

    assert client_certificate(request) == expected


def test_the_networks_of_the_proxy_can_be_set(settings: Settings) -> None:
    settings.TRUSTED_PROXY_ADDRESSES = ["172.16.0.0/12"]

    assert seen(settings, proxies=1, peer="172.18.0.2", forwarded=CLIENT) == CLIENT
    assert ip_address(seen(settings, proxies=1, peer="127.0.0.1", forwarded=CLIENT)).is_loopback
