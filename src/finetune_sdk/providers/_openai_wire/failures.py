"""What went wrong -> our errors, by status and by the vendor's own code; words come last."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from finetune_sdk.errors import (
    AuthenticationError,
    ConnectionFailedError,
    Effect,
    FineTuneError,
    InvalidRequestError,
    ProviderError,
    QuotaExceededError,
    ResponseDecodeError,
    SunsetError,
)
from finetune_sdk.providers._openai_wire.requests import Answer, Request
from finetune_sdk.providers._openai_wire.values import Table, parse_object, shown, table, text
from finetune_sdk.transport import statuses
from finetune_sdk.transport.redaction import redact
from finetune_sdk.transport.waits import asked_wait

BASE_URL = "base_url"
"""What most call their address."""

NOT_READY = "file_not_ready"
NO_METADATA = "metadata_not_accepted"
"""Our codes of two refusals that mean: not created; mend it and send it again."""

QUOTA = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "quota_exceeded",
        "access_terminated",
    }
)
_DAILY = frozenset({"daily_rate_limit_exceeded"})
_ENDED = frozenset(
    {
        "fine_tuning_deprecated",
        "fine_tuning_disabled",
        "fine_tuning_not_available",
        "fine_tuning_unavailable",
        "model_deprecated",
        "model_shutdown",
        "model_not_available_for_fine_tuning",
    }
)
# The API's words for the end were not seen yet; these are those of its announcements. Each is
# plain words with bounded gaps, so linear.
_ENDED_WORDS = re.compile(
    r"no longer (?:be )?(?:available|supported|possible|accept|create|offer)|deprecated|sunset"
    r"|(?:been|is) shut ?down|has been retired|wound down",
    re.IGNORECASE,
)
_ITSELF = re.compile(r"\bmodels?\b|fine.?tun|\bgpt-|\bo[0-9]-", re.IGNORECASE)
_NOT_READY_WORDS = re.compile(
    r"not (?:yet )?(?:ready|finished|processed|been processed)|still (?:being )?process",
    re.IGNORECASE,
)


def failure_of(
    answer: Answer,
    request: Request,
    *,
    provider: str,
    place: str,
    key: str,
    now: datetime,
    word: str = BASE_URL,
) -> FineTuneError:
    """The error of an answer that is not a good one.

    Args:
        answer: its status is not 2xx.
        request: what it answers.
        provider: its name.
        place: the address, for messages.
        key: where the credential is from, for messages.
        now: the wall clock, for waits that name a moment.
        word: what the address is called where it is set.
    """
    said = _said(answer)
    if 300 <= answer.status < 400:
        return _redirected(answer, request, provider, place, word)
    if request.use == "create" and _ended(answer, said):
        return SunsetError(f"{provider} takes no such job any more: {_words(said, answer)}")
    kind = _kind(answer, said)
    keywords: dict[str, Any] = {}
    if issubclass(kind, InvalidRequestError):
        keywords["param"] = text(said.get("param"))
    wait = asked_wait(answer.headers, now=now) if answer.status in (429, 503) else None
    return kind(
        f"{provider} answered {answer.status}: {_words(said, answer)}"
        f"{_advice(kind, wait, key)}{_slip(answer, said, place, word)}",
        provider=provider,
        code=_code(said, request),
        status_code=answer.status,
        request_id=_request_id(answer),
        retryable=_retryable(kind, said),
        effect=effect_of(answer, request),
        retry_after=wait,
        **keywords,
    )


def effect_of(answer: Answer, request: Request) -> Effect:
    """What the request may have done, by its answer."""
    return statuses.effect_of(request.use, answer.status, own=bool(_said(answer)))


def lost(
    request: Request,
    *,
    provider: str,
    place: str,
    why: str,
    arrived: bool,
    word: str = BASE_URL,
) -> ConnectionFailedError:
    """No answer at all.

    Args:
        why: in words.
        arrived: the request may have reached the service.
        word: what the address is called where it is set.
    """
    unsure = arrived and request.use != "read"
    hint = "" if arrived else f"; look at the network, at a proxy, and at `{word}`"
    return ConnectionFailedError(
        redact(f"{provider}: no answer from {place}: {why}{hint}"),
        provider=provider,
        effect="unknown" if unsure else "none",
    )


def unreadable(
    answer: Answer | None, request: Request, *, provider: str, why: str
) -> ResponseDecodeError:
    """A good status, and nothing that can be read.

    Args:
        answer: None where it was not read on, as it would not be at a further try.
        why: in words.
    """
    return ResponseDecodeError(
        redact(f"{provider}: the answer cannot be read: {why}"),
        provider=provider,
        status_code=answer.status if answer else None,
        request_id=_request_id(answer) if answer else None,
        retryable=answer is not None,
        effect="none" if request.use == "read" else "unknown",
    )


def _request_id(answer: Answer) -> str | None:
    # The second is Azure's.
    names = ("x-request-id", "apim-request-id")
    return next(filter(None, (text(answer.headers.get(name)) for name in names)), None)


def _said(answer: Answer) -> Table:
    """The error object of an answer; empty where it is not in the vendor's shape."""
    found = table((parse_object(answer.body) or {}).get("error"))
    return found if text(found.get("message")) or text(found.get("code")) else {}


def _kind(answer: Answer, said: Table) -> type[ProviderError]:
    if text(said.get("code")) in QUOTA or text(said.get("type")) in QUOTA:
        return QuotaExceededError
    return statuses.kind_of(answer.status)


def _retryable(kind: type[ProviderError], said: Table) -> bool | None:
    # A day's limit is full again tomorrow, and no wait of ours is so long.
    return False if text(said.get("code")) in _DAILY else kind.retryable_by_default


def _code(said: Table, request: Request) -> str | None:
    """The vendor's code, or ours for two refusals that can be mended."""
    words, param = text(said.get("message")) or "", text(said.get("param")) or ""
    if request.use == "create" and _NOT_READY_WORDS.search(words) and "file" in words.lower():
        return NOT_READY
    if request.use == "create" and (param == "metadata" or "'metadata'" in words):
        return NO_METADATA
    return text(said.get("code")) or text(said.get("type"))


def _ended(answer: Answer, said: Table) -> bool:
    if answer.status not in (400, 403, 404, 410):
        return False
    if text(said.get("code")) in _ENDED:
        return True
    # Of a field of the request it may say the same, and mean that field alone.
    of_model = (text(said.get("param")) or "model") == "model"
    words = text(said.get("message")) or ""
    return of_model and bool(_ENDED_WORDS.search(words) and _ITSELF.search(words))


def _words(said: Table, answer: Answer) -> str:
    # Cut first: a message may be a megabyte, and is only searched for secrets then.
    words = text(said.get("message")) or text(said.get("code")) or shown(answer.body)
    return redact(words[:1000]).rstrip(". ")


def _slip(answer: Answer, said: Table, place: str, word: str) -> str:
    # The commonest one with own servers; theirs say 404 or 405 to every path then.
    lost = answer.status == 405 or (answer.status == 404 and not said)
    return "" if not lost or place.endswith("/v1") else f"; should `{word}` end in `/v1`?"


def _advice(kind: type[ProviderError], wait: float | None, key: str) -> str:
    if wait is not None:
        return f"; it asks to wait {wait:g} s"
    if kind is AuthenticationError:
        return f"; look at the key, which is from {key}"
    if kind is QuotaExceededError:
        return "; raise the limit or pay the bill at the provider, waiting does not mend it"
    return ""


def _redirected(
    answer: Answer, request: Request, provider: str, place: str, word: str
) -> ProviderError:
    return ProviderError(
        f"{place} answered {answer.status} and points elsewhere, and a key is sent to no other "
        f"place; if it has moved, set `{word}`",
        provider=provider,
        code="redirected",
        status_code=answer.status,
        effect="none" if request.use == "read" else "unknown",
    )
