from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from exchanges.connection import ConnectionEndedError, dial
from exchanges.stream_credential import Door
from tests.integration.exchanges.raw_server import RawServer, answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def dial_ws(url: str) -> None:
    dial(Door(url=url.replace("http", "ws", 1)), 2, 0.1)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (answers("403 Forbidden", b"<html>"), "handshake refused with HTTP 403"),
        (answers("302 Found", b"", "Location: ws://127.0.0.1:1/"), "WebSocketException"),
        (answers("200 OK", b"hello"), "handshake refused with HTTP 200"),
        (lambda connection: connection.sendall(b"nonsense\r\n\r\n"), ""),
        (lambda connection: connection.close(), ""),
    ],
)
def test_what_is_no_handshake_ends_the_attempt(
    script: Callable[[socket.socket], None], reason: str
) -> None:
    with RawServer(script) as server, pytest.raises(ConnectionEndedError) as caught:
        dial_ws(server.url)

    assert str(caught.value).startswith(reason)
    assert caught.value.__context__ is None


def test_nobody_there_ends_the_attempt() -> None:
    with pytest.raises(ConnectionEndedError, match="refused"):
        dial_ws("http://127.0.0.1:1")


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    port, thread = _tls_server(tmp_path)

    with pytest.raises(ConnectionEndedError, match="SSLCertVerificationError"):
        dial(Door(url=f"wss://127.0.0.1:{port}/"), 2, 0.1)
    thread.join(5)


def test_a_certificate_somebody_vouches_for_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, thread = _tls_server(tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "certificate.pem"))

    # the handshake below TLS is refused: that it was heard at all is what counts
    with pytest.raises(ConnectionEndedError, match="HTTP 418"):
        dial(Door(url=f"wss://127.0.0.1:{port}/"), 2, 0.1)
    thread.join(5)


def _tls_server(folder: Path) -> tuple[int, threading.Thread]:
    _write_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            connection, _ = listener.accept()
        with connection:
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(4096)
                    secure.sendall(b"HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listener.getsockname()[1], thread


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
