"""What Resource Manager refuses -> our errors; by status and code, never by words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune_sdk.errors import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    Effect,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
)
from finetune_sdk.providers._openai_wire.values import text
from finetune_sdk.providers.azure_openai.settings import NAME
from finetune_sdk.transport import redact

BUSY = "RequestConflict"
"""The account is at another operation: one at a time."""

_KINDS: Mapping[int, type[ProviderError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ServerError,
    409: ConflictError,
    412: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}
_QUOTA = frozenset({"InsufficientQuota", "QuotaExceeded", "InsufficientResources"})
_OF_RESOURCE = frozenset(
    {"ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound", "ParentResourceNotFound"}
)
_ADVICE: Mapping[type[ProviderError], str] = {
    QuotaExceededError: "; ask for more in the portal under Quotas, say a smaller `capacity` or "
    "another `sku`, or delete a deployment that nobody needs",
    PermissionDeniedError: "; a role that trains may not deploy: it takes Foundry Owner, Cognitive "
    "Services OpenAI Contributor, or any role with "
    "`Microsoft.CognitiveServices/accounts/deployments/write`, on this resource",
}
_WHERE = "; look at `subscription_id`, `resource_group` and `account`"
_WHO = "; look at `management_url`, and for a proxy on the way"


def refusal(
    status: int,
    code: str | None,
    words: str,
    *,
    headers: Mapping[str, str],
    wait: float | None,
) -> ProviderError:
    """The error of an answer that is not a good one.

    Args:
        status: of the answer.
        code: Azure's own.
        words: likewise.
        headers: with names in lower case.
        wait: seconds that it asks for.
    """
    kind = _kind(status, code)
    advice = _WHERE if code in _OF_RESOURCE else _ADVICE.get(kind, "")
    if kind is NotFoundError and code is None:
        advice = f", and not as Resource Manager does{_WHO}"
    return kind(
        f"{NAME}: Resource Manager answered {status}: {redact(words[:1000]).rstrip('. ')}{advice}",
        provider=NAME,
        code=code and redact(code),
        status_code=status,
        request_id=redact(text(headers.get("x-ms-request-id")) or "") or None,
        effect=_effect(status),
        retry_after=wait,
    )


def lost(error: Exception, *, place: str, left: bool) -> ConnectionFailedError:
    """No answer at all.

    Args:
        left: the request may have reached the service.
    """
    hint = "" if left else "; look at the network, and at `cloud` or `management_url`"
    return ConnectionFailedError(
        redact(f"{NAME}: no answer from {place}: {str(error)[:300] or type(error).__name__}{hint}"),
        provider=NAME,
        effect="unknown" if left else "none",
    )


def unreadable(why: str, *, place: str) -> ResponseDecodeError:
    """An answer that is a good one by its status alone."""
    return ResponseDecodeError(
        redact(f"{NAME}: the answer of {place} cannot be read ({why}){_WHO}"),
        provider=NAME,
        effect="unknown",
    )


def busy() -> ConflictError:
    """The account is at another operation."""
    return ConflictError(
        f"{NAME}: the resource is at another operation, and does one at a time; nothing was "
        "changed, try it again later",
        provider=NAME,
        code=BUSY,
        status_code=409,
        retryable=True,
    )


def parts(error: Any) -> tuple[str | None, str]:
    """Code and words of one of the package's errors."""
    said = getattr(error, "error", None)
    code, words = text(getattr(said, "code", None)), text(getattr(said, "message", None))
    return code, words or text(getattr(error, "message", None)) or type(error).__name__


def of_resource(code: str | None, words: str) -> bool:
    """What is not there is the resource itself, and so nothing is known of a deployment.

    Neither is it by an answer without a code, which is none of Resource Manager's.
    """
    return code is None or (code in _OF_RESOURCE and "/deployments/" not in words)


def _kind(status: int, code: str | None) -> type[ProviderError]:
    if code in _QUOTA:
        return QuotaExceededError
    return _KINDS.get(status, ServerError if status >= 500 else ProviderError)


def _effect(status: int) -> Effect:
    refused = 400 <= status < 500 and status not in (408, 425)
    return "none" if refused else "unknown"
