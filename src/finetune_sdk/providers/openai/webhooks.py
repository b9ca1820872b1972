"""Webhooks: signed words about jobs (Standard Webhooks, checked by the `openai` package)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune_sdk.errors import AuthenticationError, ConfigurationError, ResponseDecodeError
from finetune_sdk.providers._openai_wire.jobs import status_of
from finetune_sdk.providers._openai_wire.values import Table, moment, parse_object, table, text
from finetune_sdk.providers.openai.settings import NAME
from finetune_sdk.types import WebhookEvent
from finetune_sdk.types.handle import is_id

_PREFIX = "fine_tuning.job."


def parse(
    client: Any, secret: str | None, payload: bytes, headers: Mapping[str, str]
) -> WebhookEvent:
    """What a signed request says.

    Args:
        client: of the `openai` package.
        secret: that the signature is checked by.
        payload: the body, byte by byte as it came.
        headers: of the request.

    Raises:
        AuthenticationError: the signature is wrong, old or missing.
        ConfigurationError: there is no secret.
        ResponseDecodeError: it is signed, and speaks of no job.
    """
    if not secret:
        raise ConfigurationError(
            "there is no secret to check a webhook by; set OPENAI_WEBHOOK_SECRET, or give "
            "`OpenAIProvider(webhook_secret=...)`"
        )
    try:
        client.webhooks.verify_signature(payload, headers, secret=secret)
    except Exception as error:  # noqa: BLE001 - of the package, and of Python for odd headers
        why = type(error).__name__
    else:
        return _event(parse_object(payload) or {})
    raise AuthenticationError(
        f"{NAME}: the webhook is not signed by the provider ({why}); answer it with 400, and look "
        "at the secret if all of them are refused",
        provider=NAME,
    )


def _event(found: Table) -> WebhookEvent:
    kind, job_id = text(found.get("type")) or "", text(table(found.get("data")).get("id"))
    if not kind.startswith(_PREFIX) or job_id is None or not is_id(job_id):
        raise ResponseDecodeError(
            f"{NAME}: the webhook of the type {kind!r:.80} speaks of no fine-tuning job",
            provider=NAME,
            retryable=False,
        )
    return WebhookEvent(
        id=text(found.get("id")) or job_id,
        provider=NAME,
        job_id=job_id,
        status=status_of(kind.removeprefix(_PREFIX))[0],
        type=kind,
        created_at=moment(found.get("created_at")),
    )
