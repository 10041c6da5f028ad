"""
Whose orders we track: accounts at exchanges.

The account row is also the lock of its books: whoever writes orders, executions or positions of an
account first locks this row (`FOR NO KEY UPDATE`, so that inserts that refer to it do not wait).
The drain claim is a row of its own, because it changes while the books are locked.

@FEAT:order-tracking @COMP:model @TYPE:core
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from exchanges import registry
from exchanges.errors import PermanentError
from exchanges.messages import MarketType
from tracking.models.fields import EncryptedTextField, any_of, choices


class AccountState(StrEnum):
    """Whether an account is tracked."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    AUTH_FAILED = "AUTH_FAILED"


class PositionMode(StrEnum):
    """Whether an account keeps one net position a symbol, or a long and a short one."""

    ONE_WAY = "ONE_WAY"
    HEDGE = "HEDGE"


class ExchangeAccount(models.Model):
    """One set of credentials of one user for one market type, and the lease of its streamer.

    Whoever trades spot and futures with one key has two rows: wallets, streams, holdings and
    books are apart at the exchanges too.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exchange_accounts"
    )
    name = models.CharField(max_length=64)
    #: a name that `exchanges.registry` knows
    exchange = models.CharField(max_length=32)
    market_type = models.CharField(
        max_length=16, choices=choices(MarketType), default=MarketType.FUTURES.value
    )
    #: goes to SIMULATOR_URL instead of the real exchange
    simulated = models.BooleanField(default=False)
    api_key = EncryptedTextField()
    api_secret = EncryptedTextField()
    #: the third secret some exchanges ask for (OKX: the passphrase)
    api_password = EncryptedTextField(blank=True, default="")
    #: read from the exchange when the books are opened
    position_mode = models.CharField(
        max_length=8, choices=choices(PositionMode), default=PositionMode.ONE_WAY.value
    )
    #: what the exchange says the key may do, and what we warn of; see `services.key_checks`
    permissions = models.JSONField(default=dict, blank=True)
    keys_checked_at = models.DateTimeField(null=True, blank=True)
    #: the key may not trade, or nobody wants it to: everything is tracked, nothing is sent
    tracking_only = models.BooleanField(default=False, db_default=False)
    #: the exchange's limit of open orders; above it orders of strategies that queue wait for room
    max_open_orders = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(
        max_length=16, choices=choices(AccountState), default=AccountState.ACTIVE.value
    )
    state_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    #: exchange time of the opening holdings; executions up to it are history and move no position
    baseline_at = models.DateTimeField(null=True, blank=True)

    lease_owner = models.CharField(max_length=100, blank=True)
    #: fences session rows and key actions: grows with every change of owner
    lease_epoch = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    reconnect_requested_at = models.DateTimeField(null=True, blank=True)
    #: when the last listen key was extended or made
    listen_key_refreshed_at = models.DateTimeField(null=True, blank=True)

    next_sync_at = models.DateTimeField(null=True, blank=True)
    #: when the unfiltered lists are read again; NULL asks for it now
    next_full_sync_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    #: exchange time up to which the account's traded symbols were looked through
    income_checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "name"], name="account_name_per_user"),
            models.CheckConstraint(
                condition=any_of("market_type", MarketType), name="account_market_type"
            ),
            models.CheckConstraint(condition=any_of("state", AccountState), name="account_state"),
            models.CheckConstraint(
                condition=any_of("position_mode", PositionMode), name="account_position_mode"
            ),
        ]
        indexes: ClassVar = [
            # the due-accounts query of sync runs every few seconds and only ever wants these
            models.Index(
                fields=["next_sync_at"],
                condition=Q(state=AccountState.ACTIVE.value),
                name="account_due_for_sync",
            ),
        ]

    def __str__(self) -> str:
        """Name the account without any of its secrets."""
        return f"{self.name} ({self.exchange})"

    def clean(self) -> None:
        """Refuse what no adapter can follow. Raises ValidationError, by field."""
        super().clean()
        if not self.exchange:
            return
        try:
            offered = registry.adapter(self.exchange).market_types
        except PermanentError as error:
            raise ValidationError({"exchange": str(error)}) from error
        names = ", ".join(sorted(offered))
        is_spot = self.market_type == MarketType.SPOT.value
        is_ours = self.exchange in registry.names()
        refusals = {
            ("market_type", f"this exchange has no such markets; it has {names}"): (
                self.market_type not in offered
            ),
            ("position_mode", "on spot there are no sides to keep apart"): (
                is_spot and self.position_mode == PositionMode.HEDGE.value
            ),
            ("simulated", "the simulator does not speak for this exchange"): (
                self.simulated and not is_ours
            ),
        }
        if told := {field: text for (field, text), holds in refusals.items() if holds}:
            raise ValidationError(told)
        self._refuse_to_move()

    def _refuse_to_move(self) -> None:
        """Open books are those of one market at one exchange."""
        opened = ExchangeAccount.objects.filter(pk=self.pk, baseline_at__isnull=False)
        for row in opened.values("exchange", "market_type"):
            moved = [name for name, value in row.items() if getattr(self, name) != value]
            if moved:
                message = "the books are open: add another account for another market"
                raise ValidationError(dict.fromkeys(moved, message))


class AccountDrain(models.Model):
    """Who is working through an account's inbox. Claimed for 3 s, renewed each round."""

    account = models.OneToOneField(
        ExchangeAccount, on_delete=models.CASCADE, primary_key=True, related_name="drain"
    )
    owner = models.CharField(max_length=64, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    #: something came in while the drain was held: the holder looks again before letting go
    wanted = models.BooleanField(default=False)

    def __str__(self) -> str:
        """Name the account and the holder."""
        return f"drain of account {self.account_id} by {self.owner or 'nobody'}"
