"""What a check of the books says: lines, one an invariant, and the violations in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Violations of one invariant that are kept word for word; all are counted.
KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One place where the books are not what they must be; `subject` is an order or a position."""

    invariant: str
    #: market_type:symbol:exchange_order_id, or the position's side in place of the id
    subject: str
    detail: str

    @property
    def key(self) -> str:
        """Name it among the anomalies of its account."""
        return f"{self.invariant}:{self.subject}"[:200]

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.invariant}  {self.subject}  {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One invariant, judged."""

    invariant: str
    says: str
    rows_checked: int
    violations: tuple[Violation, ...] = ()
    #: how many there are; `violations` holds the first of them
    violation_count: int = 0
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write it as `BooksCheck.lines` keeps it."""
        return {
            "invariant": self.invariant,
            "says": self.says,
            "rows_checked": self.rows_checked,
            "violation_count": self.violation_count,
            "violations": [{"subject": v.subject, "detail": v.detail} for v in self.violations],
            "note": self.note,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Line:
        """Read what `to_json` wrote."""
        name = told["invariant"]
        return cls(
            invariant=name,
            says=told["says"],
            rows_checked=told["rows_checked"],
            violation_count=told["violation_count"],
            violations=tuple(Violation(invariant=name, **v) for v in told["violations"]),
            note=told["note"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The books of one account, judged."""

    account_id: int
    lines: tuple[Line, ...]

    @property
    def rows_checked(self) -> int:
        """How many rows were looked at; one that several invariants concern counts for each."""
        return sum(line.rows_checked for line in self.lines)

    @property
    def violations(self) -> list[Violation]:
        """Every violation that was kept."""
        return [violation for line in self.lines for violation in line.violations]

    @property
    def violation_count(self) -> int:
        """How many violations there are."""
        return sum(line.violation_count for line in self.lines)
