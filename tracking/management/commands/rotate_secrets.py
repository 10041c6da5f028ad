"""`manage.py rotate_secrets`: after a new key was put in front of ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tracking.models.fields import SecretUnreadableError
from tracking.services.secrets import rotate_secrets


class Command(BaseCommand):
    """Re-encrypt all stored API secrets under the first of ENCRYPTION_KEYS."""

    help = "Re-encrypt all stored API secrets under the first of ENCRYPTION_KEYS."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Rotate, and say how many rows were."""
        try:
            count = rotate_secrets()
        except SecretUnreadableError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{count} row(s) re-encrypted; older keys may be removed now")
