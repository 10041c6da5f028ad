"""The proof, for tests of anything that writes: afterwards the books must be clean."""

from __future__ import annotations

from tracking.services.books import Check, check_account


def assert_clean(account_id: int, *, with_exchange: bool = False) -> Check:
    """Fail with every violation of the account's books. Needs `transactional_db`."""
    check = check_account(account_id, with_exchange=with_exchange)
    assert not check.violation_count, "\n".join(map(str, check.violations))
    return check
