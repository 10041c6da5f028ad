"""The exchange of the service tests, for the scenarios; `scenario` adds what their stories need."""

from tests.integration.services.conftest import (
    account,
    exchange,
    manager,
    simulator,
    strategy_account,
)

__all__ = ["account", "exchange", "manager", "simulator", "strategy_account"]
