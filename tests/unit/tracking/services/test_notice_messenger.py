"""No connection leaves the public Internet, whatever notation the address comes in."""

from __future__ import annotations

import pytest

from tracking.services.notice_messenger import Guard, RefusedError, is_public


@pytest.mark.parametrize("host", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_the_public_internet_is_reached(host: str) -> None:
    assert is_public((host, 443))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "2002:a00:1::",
        "64:ff9b::a00:1",
        "localhost",
    ],
)
def test_nothing_of_our_own_networks_is(host: str) -> None:
    assert not is_public((host, 443))


def test_a_socket_that_is_a_file_is_not_public() -> None:
    assert not is_public("/var/run/docker.sock")


def test_the_guard_looks_at_connections_only() -> None:
    guard = Guard()
    guard("open", ("/etc/hosts", "r", 0))
    guard("socket.connect", (None, ("1.1.1.1", 443)))
    assert not guard.refused

    with pytest.raises(RefusedError):
        guard("socket.connect", (None, ("10.0.0.1", 443)))

    assert guard.refused
