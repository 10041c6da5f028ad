"""The exchange of the service tests, for the stream worker's own."""

from tests.integration.services.conftest import (
    account,
    exchange,
    simulator,
    strategy_account,
    weight_limit,
)

__all__ = ["account", "exchange", "simulator", "strategy_account", "weight_limit"]
