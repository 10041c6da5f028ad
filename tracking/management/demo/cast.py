"""Who plays in the demo: one person, two simulated accounts at each house, three strategies."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from knox.models import AuthToken

from exchanges.errors import TransientError
from tracking.models import ExchangeAccount, Strategy, StrategyAccount, Webhook, WebhookKind
from tracking.services import webhook_issue
from tracking.services.baseline import ensure_baseline
from tracking.services.key_checks import check_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracking.management.demo.theatre import House, Theatre

USERNAME = "demo"
PASSWORD_BYTES = 9
ACCOUNTS = ("main", "second")
STRATEGIES = ("grid", "momentum", "rebalance")
#: seconds for which an exchange with faults is asked to open an account's books
PATIENCE = 30.0
ASK_AGAIN_AFTER = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The rows of the demo, and how to log in."""

    user_id: int
    username: str
    password: str
    #: of the API, for the one who listens
    token: str
    accounts: tuple[ExchangeAccount, ...]
    uses: tuple[StrategyAccount, ...]
    #: what each strategy's webhook is signed with, by its slug
    webhook_secrets: Mapping[str, str]

    @property
    def api_keys(self) -> dict[int, str]:
        """The API key of each account, by row id."""
        return {account.pk: account.api_key for account in self.accounts}


def assemble(theatre: Theatre, *, password: str | None = None) -> Cast:
    """Create everybody, at the exchange as well, and open the accounts' books.

    Raises ExchangeControlError or ExchangeError if the exchange does not play along.
    """
    password = password or secrets.token_urlsafe(PASSWORD_BYTES)
    user = get_user_model().objects.create_superuser(USERNAME, password=password)
    _, token = AuthToken.objects.create(user)
    accounts = tuple(
        open_account(theatre, house, user.pk, named(name, house, theatre))
        for house in theatre.houses
        for name in ACCOUNTS
    )
    strategies = [
        Strategy.objects.create(user=user, name=name, slug=f"demo-{name}") for name in STRATEGIES
    ]
    uses = tuple(
        StrategyAccount.objects.create(
            strategy=strategy,
            account=account,
            token=f"d{number:02d}{place}a",
            max_orders_per_minute=None,
        )
        for number, account in enumerate(accounts)
        for place, strategy in enumerate(strategies)
    )
    return Cast(
        user_id=user.pk,
        username=USERNAME,
        password=password,
        token=token,
        accounts=accounts,
        uses=uses,
        webhook_secrets={strategy.slug: open_webhook(strategy) for strategy in strategies},
    )


def open_webhook(strategy: Strategy) -> str:
    """Let a strategy be ordered for from outside; return what to sign with."""
    webhook = Webhook(
        strategy=strategy, name="demo", kind=WebhookKind.HMAC.value, max_orders_per_minute=None
    )
    return webhook_issue.issue(webhook)


def named(name: str, house: House, theatre: Theatre) -> str:
    """Name an account; where several houses play, by its house too."""
    if len(theatre.houses) == 1:
        return name
    return f"{house.exchange.lower()}-{house.market_type.value.lower()}-{name}"


def open_account(theatre: Theatre, house: House, user_id: int, name: str) -> ExchangeAccount:
    """Open a simulated account at the exchange and here, its books opened and its key checked."""
    api_key, api_secret = f"demo-key-{name}", secrets.token_hex(32)
    theatre.control(house).open_account(api_key, api_secret, balances=house.balances)
    account = ExchangeAccount.objects.create(
        user_id=user_id,
        name=name,
        exchange=house.exchange,
        market_type=house.market_type.value,
        simulated=True,
        api_key=api_key,
        api_secret=api_secret,
    )
    opened = _opened(account)
    check_key(opened.pk)
    return opened


def _opened(account: ExchangeAccount) -> ExchangeAccount:
    """Open its books; an exchange that has faults is asked again for a while."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return ensure_baseline(account)
        except TransientError as error:
            wait = error.retry_after or ASK_AGAIN_AFTER
            if time.monotonic() + wait > deadline:
                raise
            time.sleep(wait)
