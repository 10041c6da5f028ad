"""Which fault switches are in force: for everybody, and for single accounts instead."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from exchanges.simulator.errors import ControlError
from exchanges.simulator.faults import FOR_EVERYBODY, Faults, expand_profile, read_switches

if TYPE_CHECKING:
    from collections.abc import Mapping


class FaultBoard:
    """The switches in force: those for everybody, and what single accounts have instead."""

    def __init__(self, switches: Mapping[str, object] | None = None) -> None:
        """Start with these switches set (a `profile` name may be among them)."""
        self._common = Faults()
        self._own: dict[str, dict[str, Any]] = {}
        self._effective: dict[str, Faults] = {}
        self.set(switches or {})

    def set(self, switches: Mapping[str, object], account: str | None = None) -> None:
        """Set switches for everybody or for one account; nothing is set if one is wrong."""
        wanted = read_switches(expand_profile(switches))
        if account is None:
            base = Faults() if "profile" in switches else self._common
            self._common = replace(base, **wanted)
        elif misplaced := FOR_EVERYBODY & set(wanted):
            text = f"not for one account: {', '.join(sorted(misplaced))}"
            raise ControlError(text)
        else:
            base_own = {} if "profile" in switches else self._own.get(account, {})
            self._own[account] = {**base_own, **wanted}
        self._effective.clear()

    def clear(self, account: str | None = None) -> None:
        """Switch everything off, for one account or for all and everybody."""
        if account is None:
            self._common = Faults()
            self._own.clear()
        else:
            self._own.pop(account, None)
        self._effective.clear()

    def of(self, account: str | None = None) -> Faults:
        """What holds for this account (None: for everybody)."""
        if account is None or account not in self._own:
            return self._common
        found = self._effective.get(account)
        if found is None:
            found = self._effective[account] = replace(self._common, **self._own[account])
        return found


def as_json(faults: Faults) -> dict[str, Any]:
    """Every switch and its state."""
    return asdict(faults)
