"""Listen keys over REST: an API key is enough, nothing is signed."""

from __future__ import annotations

from exchanges.simulator.call import Call, Endpoint, Json, Security


def start_listen_key(call: Call) -> Json:
    """POST listenKey: the same key while one is active."""
    lifetime = call.exchange.config.listen_key_lifetime
    return {"listenKey": call.exchange.hub.start_key(call.account.api_key, lifetime)}


def extend_listen_key(call: Call) -> Json:
    """PUT listenKey (-1125 if there is none)."""
    lifetime = call.exchange.config.listen_key_lifetime
    return {"listenKey": call.exchange.hub.keys.extend(call.account.api_key, lifetime).text}


def close_listen_key(call: Call) -> Json:
    """DELETE listenKey: cuts off everybody who uses it."""
    call.exchange.hub.close_key(call.account.api_key)
    return {}


def endpoints() -> list[Endpoint]:
    """What this module serves."""
    key = Security.KEY
    return [
        Endpoint(name="listenKey", method="POST", handler=start_listen_key, security=key),
        Endpoint(name="listenKey", method="PUT", handler=extend_listen_key, security=key),
        Endpoint(name="listenKey", method="DELETE", handler=close_listen_key, security=key),
    ]
