"""
How many notices become how many messages: what is too much for a minute is summed up in one.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tracking.models import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracking.models import Notice

#: messages of one round
AT_ONCE: Final = 20
#: titles a sum quotes
QUOTED: Final = 20
#: whatever matters more keeps a message of its own
_RANK: Final = {
    kind.value: rank
    for rank, kind in enumerate(
        (
            NoticeKind.TEST,
            NoticeKind.UNKNOWN,
            NoticeKind.KEY_EXPIRING,
            NoticeKind.STREAM_DOWN,
            NoticeKind.DRIFT,
            NoticeKind.FAILURE,
            NoticeKind.FILL,
        )
    )
}
_WORDS: Final = {
    NoticeKind.UNKNOWN.value: ("unknown outcome", "unknown outcomes"),
    NoticeKind.KEY_EXPIRING.value: ("word about a key", "words about keys"),
    NoticeKind.STREAM_DOWN.value: ("word about a stream", "words about streams"),
    NoticeKind.DRIFT.value: ("difference", "differences"),
    NoticeKind.FAILURE.value: ("failure", "failures"),
    NoticeKind.FILL.value: ("fill", "fills"),
    NoticeKind.TEST.value: ("test", "tests"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One message, and the notices it tells."""

    title: str
    text: str
    ids: tuple[int, ...]


def plan(notices: Sequence[Notice], room: int) -> list[Planned]:
    """Make at most `room` messages, at least 1, of all notices; the last one sums up the rest."""
    room = min(room, AT_ONCE)
    ranked = sorted(notices, key=lambda notice: (_RANK[notice.kind], notice.pk))
    alone = ranked if len(ranked) <= room else ranked[: room - 1]
    messages = [Planned(title=n.title, text=n.text, ids=(n.pk,)) for n in alone]
    rest = ranked[len(alone) :]
    return [*messages, _summed(rest)] if rest else messages


def _summed(notices: Sequence[Notice]) -> Planned:
    counts = Counter(notice.kind for notice in notices)
    words = ", ".join(f"{n} more {_WORDS[kind][n != 1]}" for kind, n in counts.items())
    lines = [notice.title for notice in notices[:QUOTED]]
    if more := len(notices) - len(lines):
        lines.append(f"and {more} more")
    return Planned(title=words, text="\n".join(lines), ids=tuple(n.pk for n in notices))
