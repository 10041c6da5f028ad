"""
Client order ids of ours say whose they are.

Eighteen of `[a-z0-9]` after the exchange's prefix: five for the strategy account, one check
character, twelve random. The order row is authoritative for ownership; the token decides only when
no row exists (a database restored from a backup, an order placed a moment before a crash).
"""

from __future__ import annotations

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
TOKEN_LENGTH = 5
RANDOM_LENGTH = 12
LENGTH = TOKEN_LENGTH + 1 + RANDOM_LENGTH


def check_character(token: str, random_part: str) -> str:
    """Weigh each character by its place, so that a typing error or a swap does not fit."""
    text = token + random_part
    total = sum(place * ALPHABET.index(char) for place, char in enumerate(text, start=1))
    return ALPHABET[total % len(ALPHABET)]


def compose(token: str, random_part: str, *, prefix: str = "") -> str:
    """Write a client order id. Raises ValueError for parts of the wrong length or alphabet."""
    if len(token) != TOKEN_LENGTH or len(random_part) != RANDOM_LENGTH:
        message = f"expected {TOKEN_LENGTH} and {RANDOM_LENGTH} characters"
        raise ValueError(message)
    return f"{prefix}{token}{check_character(token, random_part)}{random_part}"


def owner_token(client_order_id: str | None, *, prefix: str = "") -> str | None:
    """Give the strategy account's token of an id we made; None for anyone else's."""
    if not client_order_id or not client_order_id.startswith(prefix):
        return None
    text = client_order_id[len(prefix) :]
    if len(text) != LENGTH or any(char not in ALPHABET for char in text):
        return None
    token, check, random_part = text[:TOKEN_LENGTH], text[TOKEN_LENGTH], text[TOKEN_LENGTH + 1 :]
    return token if check == check_character(token, random_part) else None
