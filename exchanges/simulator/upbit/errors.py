"""
Upbit's refusals: an HTTP status, a name, and a text.

Sources: "Errors", "Authentication", "Create Order", "Rate limits".
"""

from __future__ import annotations

from typing import Final

from exchanges.simulator.errors import (
    BAD_REQUEST,
    NOT_FOUND,
    TEAPOT,
    TOO_MANY_REQUESTS,
    UNAUTHORISED,
    ApiError,
)

SERVER_ERROR: Final = 500
TEXTS: Final = {
    "invalid_access_key": "잘못된 엑세스 키입니다.",
    "jwt_verification": "Jwt 토큰 검증에 실패했습니다.",
    "invalid_query_payload": "Jwt의 query를 검증하는데 실패하였습니다.",
    "expired_access_key": "API 키가 만료되었습니다.",
    "out_of_scope": "허용되지 않은 기능입니다.",
    "nonce_used": "이미 요청한 nonce값이 다시 사용되었습니다.",
    "order_not_found": "주문을 찾지 못했습니다.",
    "market_does_not_exist": "존재하지 않는 마켓입니다.",
    "insufficient_funds_bid": "주문가능한 금액이 부족합니다.",
    "insufficient_funds_ask": "주문가능한 수량이 부족합니다.",
    "under_min_total_bid": "최소주문금액 이상으로 주문해주세요.",
    "under_min_total_ask": "최소주문금액 이상으로 주문해주세요.",
    "invalid_price_bid": "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요.",
    "invalid_price_ask": "주문가격 단위를 잘못 입력하셨습니다. 확인 후 시도해주세요.",
    "duplicate_identifier": "이미 사용된 identifier입니다.",
    "too_many_requests": "요청 수 제한을 초과했습니다.",
    "server_error": "서버 오류가 발생했습니다.",
}


def refusal(name: str, status: int = BAD_REQUEST, retry_after: int | None = None) -> ApiError:
    """A refusal with the text that belongs to its name."""
    return ApiError(name, TEXTS.get(name, name), status=status, retry_after=retry_after)


def unauthorised(name: str) -> ApiError:
    """Whoever asks is not believed."""
    return refusal(name, UNAUTHORISED)


def bad_parameter(name: str) -> ApiError:
    """A parameter is missing, or makes no sense."""
    text = f"{name} is missing, {name} does not have a valid value"
    return ApiError("validation_error", text, status=BAD_REQUEST)


def no_such_order() -> ApiError:
    """Nobody knows it."""
    return refusal("order_not_found", NOT_FOUND)


def too_many() -> ApiError:
    """More than a second allows."""
    return refusal("too_many_requests", TOO_MANY_REQUESTS)


def banned(seconds: int) -> ApiError:
    """Who goes on in spite of refusals is blocked for a while."""
    return ApiError("too_many_requests", f"Blocked for {seconds} seconds.", status=TEAPOT)
