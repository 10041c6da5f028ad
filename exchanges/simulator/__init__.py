"""
Exchanges in a box: their protocols over real HTTP and sockets, with a ledger as oracle.

It shares nothing with our adapters but the protocol: it never imports `exchanges.messages`, so
that it cannot be shaped to our own mistakes. From the socket inwards: `server` (and `thread`, for
tests) holds `exchange` houses behind the `fronts`; `rest` and its end points, `connections` and
`hub` speak to clients in the words of a `dialect`; `engine` takes orders, `matching` lets them meet
on `market` and `book`, and a `custody` (linear, inverse, spot) says what they hold and move;
`accounts` keep what came of it; `ledger` tells.

Control: GET /sim/ledger, POST /sim/accounts, GET and POST /sim/faults, POST /sim/act, POST
/sim/step, POST /sim/price, GET and POST /sim/config, POST, GET and DELETE /sim/burst.

Fault switches: lose, lose_trade_frames, repeat, reorder, hide_trade_ids, delay_ms, delay, mute,
half_open, refuse_connect, drop_every, now_and_then, rest_latency_ms, rest_status, rest_empty,
rest_garbage, accept_but_lose_answer, refuse_and_lose_answer, stale_rest_ms, not_found_window_ms,
invalid_key, clock_skew_ms, thin_book; once: disconnect, expire_listen_key, ban.
docs/simulator.md explains them.

@FEAT:order-tracking @COMP:exchange @TYPE:integration
"""
