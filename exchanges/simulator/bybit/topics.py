"""
What may be subscribed to, and which events a subscription means.

An event is a topic with its category (`order.linear`); the all-in-one topic (`order`) means every
category, and its frames bear its own name. Both forms may not meet in one request. Source: the
private streams' pages of v5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exchanges.simulator.bybit.words import INVERSE, LINEAR, SPOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ORDER: Final = "order"
EXECUTION: Final = "execution"
FAST: Final = "execution.fast"
POSITION: Final = "position"
WALLET: Final = "wallet"
CATEGORIES: Final = (SPOT, LINEAR, INVERSE)
#: topics that exist per category
BY_CATEGORY: Final = (ORDER, EXECUTION, FAST, POSITION)
#: nothing here ever sends these (greeks and protections of options, options themselves)
SILENT: Final = ("greeks", "dcp.future", "dcp.spot", "dcp.option")
CATEGORISED: Final = frozenset(
    f"{topic}.{category}" for topic in BY_CATEGORY for category in (*CATEGORIES, "option")
)
KNOWN: Final = frozenset({*BY_CATEGORY, WALLET, *SILENT}) | CATEGORISED
MOST_TOPICS: Final = 10


def refusal(topics: Sequence[str], subscribed: Iterable[str]) -> str | None:
    """Why a subscription fails, all of it; None if it does not."""
    for topic in topics:
        if topic not in KNOWN:
            return f"error:handler not found,topic:{topic}"
        if topic in subscribed:
            return f"error:already subscribed,topic:{topic}"
    if len(topics) > MOST_TOPICS:
        return f"args size >{MOST_TOPICS}"
    if mixed := sorted({base_of(topic) for topic in topics if topic in CATEGORISED} & {*topics}):
        return f"error:topic conflict,topic:{mixed[0]}"
    return None


def base_of(topic: str) -> str:
    """The all-in-one topic of a categorised one."""
    return topic.rpartition(".")[0]


def events(topics: Iterable[str]) -> dict[str, str]:
    """The events that these topics mean, and the topic each is told under."""
    chosen = set(topics)
    found = {topic: topic for topic in chosen if topic in CATEGORISED or topic == WALLET}
    for topic in BY_CATEGORY:
        if topic in chosen:
            found |= {f"{topic}.{category}": topic for category in CATEGORIES}
    return found


def renamed(text: str, shown: Mapping[str, str]) -> str:
    """A frame under the name its socket subscribed to; any other text as it is."""
    if not text.startswith(BEGINNING):
        return text
    event = text[len(BEGINNING) : text.find('"', len(BEGINNING))]
    topic = shown.get(event, event)
    return text if topic == event else text.replace(event, topic, 1)


#: how every frame of ours begins
BEGINNING: Final = '{"topic":"'
