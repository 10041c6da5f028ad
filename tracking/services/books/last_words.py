"""
RE-8: the last word told about each open order is that order, key by key.

@FEAT:order-tracking @COMP:service @TYPE:core
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.db import connection

from tracking.models import OpenOrder
from tracking.services.payloads import Payload, order_payload
from tracking.services.row_reads import read

if TYPE_CHECKING:
    from tracking.services.books.moment import Found, Moment

#: says when we first wrote it down, nothing about the order
_OURS = "created_at"
#: the newest word about an order, in the journal as it is read by order
_LAST_WORDS = """
    SELECT o.id, (
        SELECT payload->'order' FROM tracking_orderevent AS e
        WHERE e.account_id = o.account_id AND e.symbol = o.symbol AND e.kind = 'pending_order'
          AND e.exchange_order_id IN (coalesce(o.exchange_order_id, ''), '')
          AND (e.exchange_order_id <> '' OR e.client_order_id = o.client_order_id)
        ORDER BY seq DESC LIMIT 1)
    FROM tracking_openorder AS o WHERE o.account_id = %(account)s
"""


def last_words(moment: Moment) -> Found:
    """Compare every open order with what was last told of it."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_WORDS, moment.parameters)
        told = {pk: json.loads(text) for pk, text in cursor.fetchall() if text is not None}
    rows = read(OpenOrder, "account_id = %s", [moment.account.pk])
    wrong = [(_subject(row), text) for row in rows if (text := _difference(row, told.get(row.pk)))]
    return len(rows), wrong


def _subject(row: OpenOrder) -> str:
    return f"{row.market_type}:{row.symbol}:{row.exchange_order_id or row.client_order_id}"


def _difference(row: OpenOrder, told: Payload | None) -> str:
    if told is None:
        return "was never told of"
    now = order_payload(row)
    return "; ".join(
        f"{key} is {now[key]}, told as {told.get(key)}"
        for key in now
        if key in told and key != _OURS and now[key] != told[key]
    )
