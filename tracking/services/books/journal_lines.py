"""
What was told of each order, against the order and against what was told before.

The journal is the history of the books: each committed change of an order is one event of it. An
order of ours is told of before the exchange has given it an id, so it is known by its client order
id here; every other by its identity.

OL-5 and RE-7: what filled never shrinks, versions grow by one, the exchange's time does not go back
while nothing fills. RE-5: an end stands. RE-4: each version is told once. RE-8: the last word about
an order, open or ended, is the order; a user's numbers have no hole (old ones may have been
pruned). RE-9, as far as rows can show it: nothing is told to anybody but the account's user.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection

from tracking.domain.states import SUCCESSORS, TERMINAL
from tracking.services.books.moment import Statement

if TYPE_CHECKING:
    from tracking.services.books.moment import Found, Moment

_ENDS = ", ".join(f"'{status.value}'" for status in sorted(TERMINAL))
_TURNS = ", ".join(
    f"('{before.value}', '{after.value}')"
    for before in sorted(TERMINAL)
    for after in sorted(SUCCESSORS[before] & TERMINAL)
)
#: every event about an order, with the one before it
_TOLD = f"""
    WITH told AS (
        SELECT seq, kind, payload->>'action' AS action,
            o->>'market_type' AS market_type, o->>'symbol' AS symbol,
            o->>'exchange_order_id' AS exchange_order_id,
            o->>'client_order_id' AS client_order_id, o->>'id_space' AS id_space,
            o->>'side' AS side, o->>'quantity' AS quantity, o->>'price' AS price,
            o->>'status' AS status, o->>'status' IN ({_ENDS}) AS is_end,
            (o->>'version')::int AS version,
            (o->>'filled_quantity')::numeric AS filled,
            (o->>'exchange_updated_at')::timestamptz AS updated_at,
            CASE WHEN (o->>'placed_by_us')::bool AND o->>'client_order_id' IS NOT NULL
                 THEN ARRAY['ours', o->>'market_type', o->>'client_order_id']
                 ELSE ARRAY[o->>'market_type', o->>'symbol', o->>'id_space',
                            o->>'exchange_order_id'] END AS identity
        FROM tracking_orderevent, LATERAL (SELECT payload->'order' AS o) AS parts
        WHERE account_id = %(account)s AND kind IN (
            'pending_order', 'order_filled', 'order_cancelled', 'order_rejected', 'order_expired')
    ), turns AS MATERIALIZED (
        SELECT *, lag(version) OVER past AS version_before, lag(filled) OVER past AS filled_before,
            lag(updated_at) OVER past AS updated_before, lag(status) OVER past AS status_before,
            lag(is_end) OVER past AS was_end
        FROM told WINDOW past AS (PARTITION BY identity ORDER BY seq)
    )
"""  # noqa: S608 - names of our own
_SUBJECT = "market_type || ':' || symbol || ':' || coalesce(exchange_order_id, client_order_id, '')"
_EVENTS = """
    SELECT count(*) FROM tracking_orderevent WHERE account_id = %(account)s AND kind IN (
        'pending_order', 'order_filled', 'order_cancelled', 'order_rejected', 'order_expired')
"""
#: whether events of the user were pruned: then an order's first event may not be its first word
_IS_PRUNED = "(SELECT min(seq) FROM tracking_orderevent WHERE user_id = %(user)s) > 1"

_MONOTONE = f"""
    SELECT 'monotone', {_SUBJECT}, 'event ' || seq || ': ' || CASE
        WHEN filled < filled_before
        THEN 'filled ' || trim_scale(filled) || ' after ' || trim_scale(filled_before)
        WHEN version_before IS NULL THEN 'the first word is version ' || version
        WHEN version < version_before OR version > version_before + 1
        THEN 'version ' || version || ' after ' || version_before
        ELSE 'the exchange''s time went back to ' || updated_at || ' from ' || updated_before END
    FROM turns
    WHERE filled < filled_before
       OR (version_before IS NULL AND version <> 1 AND NOT {_IS_PRUNED})
       OR version < version_before
       OR (version > version_before + 1 AND NOT was_end)
       OR (filled = filled_before AND updated_at < updated_before)
"""  # noqa: S608 - names of our own
#: an order that had ended works again only if its end was false, and somebody was told
_STICKY = f"""
    SELECT 'sticky', {_SUBJECT}, 'event ' || seq || ': ' || status || ' after ' || status_before
    FROM turns
    WHERE was_end AND status <> status_before
      AND NOT (is_end AND (status_before, status) IN (VALUES {_TURNS}))
      AND NOT EXISTS (
        SELECT FROM tracking_anomaly AS seen
        WHERE seen.account_id = %(account)s AND seen.kind IN ('FALSE_FAILURE', 'FALSE_ABSENCE')
          AND seen.key IN (left(turns.market_type || ':' || turns.symbol || ':'
                                || turns.exchange_order_id, 200),
                           left(turns.market_type || ':' || turns.symbol || ':'
                                || turns.client_order_id, 200)))
"""  # noqa: S608 - names of our own
_TOLD_ONCE = f"""
    SELECT 'told once', max({_SUBJECT}),
        'version ' || version || ' was told ' || count(*) || ' times'
    FROM turns WHERE kind = 'pending_order'
    GROUP BY identity, version, action HAVING count(*) > 1
"""  # noqa: S608 - names of our own
#: told as open and never told to have gone
_NO_GHOSTS = f"""
    SELECT 'no ghosts', {_SUBJECT},
        'event ' || seq || ': told as open (' || status || '), but it is not'
    FROM (SELECT DISTINCT ON (identity) * FROM turns WHERE kind = 'pending_order'
          ORDER BY identity, seq DESC) AS last_words
    WHERE action = 'upsert' AND NOT EXISTS (
        SELECT FROM tracking_openorder AS o
        WHERE o.account_id = %(account)s AND o.market_type = last_words.market_type
          AND o.symbol = last_words.symbol AND (
            o.exchange_order_id = last_words.exchange_order_id
            OR (o.placed_by_us AND o.client_order_id = last_words.client_order_id)))
"""  # noqa: S608 - names of our own
#: an order that ended, beside the last that was told of it; prices are null, quantities never
_ENDED = f"""
    SELECT 'ended', {_SUBJECT}, concat_ws('; ', 'event ' || seq || ': told as ' || told_side || ' '
        || told_status || ', closed as ' || side || ' ' || status,
        CASE WHEN quantity <> told_quantity
             THEN 'quantity ' || trim_scale(quantity) || ', told ' || trim_scale(told_quantity) END,
        CASE WHEN price IS DISTINCT FROM told_price
             THEN 'price ' || coalesce(trim_scale(price)::text, 'none') || ', told '
                  || coalesce(trim_scale(told_price)::text, 'none') END,
        CASE WHEN client_order_id IS DISTINCT FROM told_client_order_id
             THEN 'client order id ' || coalesce(client_order_id, 'none') || ', told '
                  || coalesce(told_client_order_id, 'none') END)
    FROM (SELECT DISTINCT ON (identity) seq, is_end, market_type, symbol, id_space,
              exchange_order_id, side AS told_side, status AS told_status,
              quantity::numeric AS told_quantity, price::numeric AS told_price,
              client_order_id AS told_client_order_id
          FROM turns ORDER BY identity, seq DESC) AS last_words
    JOIN (SELECT market_type, symbol, id_space, exchange_order_id, client_order_id, side, status,
              quantity, price
          FROM tracking_closedorder WHERE account_id = %(account)s) AS closed
        USING (market_type, symbol, id_space, exchange_order_id)
    WHERE is_end AND ((told_side, told_status) <> (side, status)
       OR told_quantity IS NOT NULL
          AND (told_quantity, told_price, told_client_order_id)
              IS DISTINCT FROM (quantity, price, client_order_id))
"""  # noqa: S608 - names of our own
#: taking the journal apart costs more than every question about it: they are asked together
_ALL = " UNION ALL ".join(
    f"SELECT * FROM ({part}) AS part"  # noqa: S608 - likewise
    for part in (_MONOTONE, _STICKY, _TOLD_ONCE, _NO_GHOSTS, _ENDED)
)


@dataclass(frozen=True, slots=True)
class _Part:
    """One question of those that are asked together."""

    name: str

    def __call__(self, moment: Moment) -> Found:
        """Give its share of the answers."""
        rows, wrong = moment.once("journal", _read)
        return rows, [(subject, detail) for name, subject, detail in wrong if name == self.name]


def _read(moment: Moment) -> tuple[int, list[tuple[str, str, str]]]:
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, moment.parameters)
        (rows,) = cursor.fetchone()
        cursor.execute(f"{_TOLD} {_ALL}", moment.parameters)
        return rows, list(cursor.fetchall())


MONOTONE: Final = _Part("monotone")
STICKY: Final = _Part("sticky")
TOLD_ONCE: Final = _Part("told once")
NO_GHOSTS: Final = _Part("no ghosts")
ENDED: Final = _Part("ended")
UNBROKEN: Final = Statement(
    count="SELECT count(*) FROM tracking_orderevent WHERE user_id = %(user)s",
    finds="""
    SELECT 'user ' || %(user)s, text FROM (
        SELECT 'no event ' || seq + 1
            || CASE WHEN next > seq + 2 THEN ' to ' || next - 1 ELSE '' END AS text
        FROM (SELECT seq, lead(seq) OVER (ORDER BY seq) AS next
              FROM tracking_orderevent WHERE user_id = %(user)s) AS numbers
        WHERE next > seq + 1
        UNION ALL
        SELECT 'the last event is ' || coalesce(max(seq), 0) || ', the counter says ' || (
            SELECT coalesce(max(seq), 0) FROM tracking_eventcounter WHERE user_id = %(user)s)
        FROM tracking_orderevent WHERE user_id = %(user)s
        HAVING max(seq) <> (
            SELECT coalesce(max(seq), 0) FROM tracking_eventcounter WHERE user_id = %(user)s)
    ) AS holes
    """,
)
TO_ITS_USER: Final = Statement(
    count="SELECT count(*) FROM tracking_orderevent WHERE account_id = %(account)s",
    finds="""
    SELECT 'event ' || seq, 'of this account was told to user ' || user_id
    FROM tracking_orderevent WHERE account_id = %(account)s AND user_id <> %(user)s
    """,
)
