"""
Field kinds the models share: exact amounts, enum choices, encrypted and compressed text.

Secrets are encrypted with MultiFernet under the keys of `ENCRYPTION_KEYS` (newest first). A wrong
key is an error; the ciphertext is never handed out in place of the secret, which is what
django-fernet-encrypted-fields 0.4 does.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

if TYPE_CHECKING:
    from enum import StrEnum

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.expressions import Expression


class SecretUnreadableError(Exception):
    """A stored secret cannot be decrypted: ENCRYPTION_KEYS lacks the key it was written with."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(self.__doc__)


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """Give (value, label) pairs; Django 5.2 cannot take a plain enum (it calls it)."""
    return [(member.value, member.value.replace("_", " ").lower()) for member in enum]


def any_of(field: str, enum: type[StrEnum]) -> models.Q:
    """Give the check that a column holds a member of the enum, as plain values for migrations."""
    return models.Q(**{f"{field}__in": [member.value for member in enum]})


def amount_field(**options: Any) -> models.DecimalField[Any, Any]:
    """Give a column for a price or a quantity: numeric(38,18), exact."""
    return models.DecimalField(max_digits=38, decimal_places=18, **options)


def quote_field(**options: Any) -> models.DecimalField[Any, Any]:
    """Give a column for an exact sum of price times quantity: numeric(76,36)."""
    return models.DecimalField(max_digits=76, decimal_places=36, **options)


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """Give the cipher of the configured keys."""
    keys = tuple(settings.ENCRYPTION_KEYS)
    if not keys:
        message = "set ENCRYPTION_KEYS to at least one Fernet key"
        raise ImproperlyConfigured(message)
    return _fernet(keys)


def rotate(token: str) -> str:
    """Re-encrypt a stored token under the newest key. Raises SecretUnreadableError."""
    try:
        return cipher().rotate(token.encode()).decode()
    except InvalidToken:
        raise SecretUnreadableError from None


class EncryptedTextField(models.TextField[str, str]):
    """Text that is ciphertext in the database and plain in Python."""

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Encrypt on the way in."""
        if value is None or hasattr(value, "resolve_expression"):
            return super().get_db_prep_save(value, connection)
        return cipher().encrypt(str(value).encode()).decode()

    def from_db_value(
        self, value: str | None, _expression: Expression, _connection: BaseDatabaseWrapper
    ) -> str | None:
        """Decrypt on the way out. Raises SecretUnreadableError."""
        if value is None:
            return None
        try:
            return cipher().decrypt(value.encode()).decode()
        except InvalidToken:
            raise SecretUnreadableError from None


def compressed(text: str) -> bytes:
    """Compress text as `CompressedTextField` keeps it; level 1, because it is on the hot path."""
    return zlib.compress(text.encode(), 1)


def decompressed(stored: bytes | memoryview) -> str:
    """Give back what `compressed` was given."""
    return zlib.decompress(stored).decode()


class CompressedTextField(models.BinaryField[str, str]):
    """Text that is deflated in the database and plain in Python."""

    def get_db_prep_value(
        self,
        value: Any,
        connection: BaseDatabaseWrapper,
        prepared: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> Any:
        """Compress on the way in."""
        stored = compressed(value) if isinstance(value, str) else value
        return super().get_db_prep_value(stored, connection, prepared)

    def from_db_value(
        self, value: memoryview | None, _expression: Expression, _connection: BaseDatabaseWrapper
    ) -> str | None:
        """Decompress on the way out."""
        return None if value is None else decompressed(value)
