"""What a status of HTTP says that is no good one: which error, and what the request may have done.

3xx                      ProviderError         effect unknown, but for a read
4xx                      by `KINDS`            effect none: it was refused
408, 409, 425, 5xx       by `KINDS`, and else  effect unknown, but for a read
                         ServerError
429                      RateLimitError        none in the service's own shape, else unknown
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from finetune_sdk.errors import (
    AuthenticationError,
    ConflictError,
    Effect,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from finetune_sdk.transport.policy import Use

KINDS: Mapping[int, type[ProviderError]] = MappingProxyType(
    {
        400: InvalidRequestError,
        401: AuthenticationError,
        402: QuotaExceededError,
        403: PermissionDeniedError,
        404: NotFoundError,
        408: ServerError,
        409: ConflictError,
        410: NotFoundError,
        413: InvalidRequestError,
        422: InvalidRequestError,
        425: ServerError,
        429: RateLimitError,
    }
)
_UNDECIDED = (408, 409, 425)


def kind_of(status: int) -> type[ProviderError]:
    """The error of a status that is no good one."""
    return KINDS.get(status, ServerError if status >= 500 else ProviderError)


def effect_of(use: Use, status: int, *, own: bool) -> Effect:
    """What a request that was answered so may have done.

    Args:
        use: what the request was for.
        status: no good one.
        own: the answer is in the service's own shape; else it may be of whatever stands in
            between, which may have passed the request on.
    """
    if use == "read" or (status == 429 and own):
        return "none"
    refused = 400 <= status < 500 and status not in (429, *_UNDECIDED)
    return "none" if refused else "unknown"
