"""What a request to the Hub that failed comes to, as one of our errors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    Effect,
    FineTuneError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
)
from finetune_sdk.providers.autotrain.hub import stack
from finetune_sdk.providers.autotrain.hub.hook import (
    ElsewhereError,
    OverdueError,
    RepeatedError,
    TooLargeError,
)
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import redact
from finetune_sdk.transport.losses import NEVER_LEFT
from finetune_sdk.transport.waits import asked_wait

_SHOWN = 300

_KINDS: Mapping[int, type[ProviderError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: QuotaExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
}
_ADVICE: Mapping[int, str] = {
    401: "make a token that may write at https://huggingface.co/settings/tokens and set HF_TOKEN",
    402: "the namespace has no credit: add some at https://huggingface.co/settings/billing, or "
    "name another `namespace`; nothing was started",
    403: "the token may not do this: it needs the role `write`, or, fine-grained, the permission "
    "for this namespace",
}


class Asked(NamedTuple):
    """What was asked.

    Attributes:
        what: in words, for messages, such as `the job '687f'`.
        place: the Hub's address.
        now: by the wall clock.
    """

    what: str
    place: str
    now: datetime


def failure_of(error: Exception, asked: Asked) -> FineTuneError:
    """Our error for whatever came out of the package."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return ConfigurationError(
            f"{NAME}: HF_HUB_OFFLINE is set, so the Hub is not asked; take it out of the "
            "environment to train there"
        )
    if isinstance(error, HfHubHTTPError):
        response: Any = error.response
        if response is not None:
            return _refusal(error, response, asked)
    return _lost(error, asked)


def _refusal(error: Any, response: Any, asked: Asked) -> ProviderError:
    status = int(response.status_code)
    headers = {str(k).lower(): str(v) for k, v in dict(response.headers).items()}
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    words = _words(error, headers)
    if isinstance(error, GatedRepoError):
        return _said(PermissionDeniedError, 403, f"{asked.what} is gated: {words}", headers)
    if isinstance(error, RepositoryNotFoundError):
        told = (
            f"the Hub has no {asked.what.removeprefix('the ')}, or does not show it to this token"
        )
        return _said(NotFoundError, status, told, headers)
    kind = ServerError if status >= 500 or status == 408 else _KINDS.get(status)
    advice = f"; {_ADVICE[status]}" if status in _ADVICE else ""
    return _said(
        kind or ProviderError,
        status,
        f"{asked.what}: the Hub answers {status}, {words}{advice}",
        headers,
        effect=_effect(status, headers),
        retry_after=_wait(headers, asked.now) if status in (429, 503) else None,
    )


def _effect(status: int, headers: Mapping[str, str]) -> Effect:
    """What the refused request may have done: a gateway refuses after the Hub has done it."""
    own = 400 <= status < 500 and status not in (408, 409, 425, 429)
    return "none" if own or (status == 429 and "ratelimit" in headers) else "unknown"


def _said(
    kind: type[ProviderError],
    status: int,
    words: str,
    headers: Mapping[str, str],
    *,
    effect: Effect = "none",
    retry_after: float | None = None,
) -> ProviderError:
    return kind(
        f"{NAME}: {redact(words)}",
        provider=NAME,
        code=headers.get("x-error-code"),
        status_code=status,
        request_id=headers.get("x-request-id"),
        effect=effect,
        retry_after=retry_after,
    )


def _words(error: Any, headers: Mapping[str, str]) -> str:
    told = headers.get("x-error-message") or getattr(error, "server_message", None) or ""
    plain = " ".join(str(told).split())
    return plain[:_SHOWN].rstrip(".") or "and says no more"


def _wait(headers: Mapping[str, str], now: datetime) -> float | None:
    if (asked := asked_wait(headers, now=now)) is not None:
        return asked
    limit = stack.utils().parse_ratelimit_headers(headers)
    return None if limit is None else float(limit.reset_in_seconds)


def _lost(error: Exception, asked: Asked) -> ProviderError:
    """There was no answer, or none that can be read."""
    httpx, name = stack.library(), type(error).__name__
    if isinstance(error, ElsewhereError):
        return ProviderError(
            f"{NAME}: {asked.what}: the Hub sends the request on to {str(error)!r:.80}, where it "
            "is not sent: only `endpoint` gets the token and what is written",
            provider=NAME,
            code="redirected",
            effect="unknown",
        )
    if isinstance(error, TooLargeError):
        return ResponseDecodeError(
            f"{NAME}: {asked.what}: the answer is larger than any that is asked for",
            provider=NAME,
            retryable=False,
            effect="unknown",
        )
    if isinstance(error, RepeatedError):
        return ConnectionFailedError(
            f"{NAME}: {asked.what}: {asked.place} cannot be reached, or gives no answer; check the "
            "network, and `endpoint` where you have set it",
            provider=NAME,
            code="no_answer",
            effect="unknown",
        )
    if isinstance(error, httpx.HTTPError | httpx.StreamError | OverdueError | OSError):
        left = name not in NEVER_LEFT
        words = "did not answer in time" if left else "cannot be reached"
        return ConnectionFailedError(
            f"{NAME}: {asked.what}: {asked.place} {words} ({name}); check the network, and "
            "`endpoint` where you have set it",
            provider=NAME,
            code="timeout" if left else "unreachable",
            effect="unknown" if left else "none",
        )
    return ResponseDecodeError(
        f"{NAME}: {asked.what}: the Hub's answer cannot be read ({name}: "
        f"{redact(str(error))[:_SHOWN]})",
        provider=NAME,
        effect="unknown",
    )
