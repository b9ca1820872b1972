"""What the tests of the stand-in do again and again with OpenAI's package."""

from __future__ import annotations

from typing import Any

import openai

from tests.standins.http import http
from tests.standins.openai import OpenAIService
from tests.standins.openai.inprocess import InProcess

BASE = "gpt-4o-mini-2024-07-18"
ROWS = b'{"messages": []}\n' * 12


def upload(client: openai.OpenAI, rows: bytes = ROWS, name: str = "rows.jsonl") -> str:
    return client.files.create(file=(name, rows), purpose="fine-tune").id


def start(client: openai.OpenAI, **more: Any) -> str:
    if "training_file" not in more:
        more["training_file"] = upload(client)
    return client.fine_tuning.jobs.create(model=BASE, **more).id


def in_process(service: OpenAIService) -> openai.OpenAI:
    """A client that needs no socket; it follows redirects, as OpenAI's own does."""
    transport = http.Client(transport=InProcess(service), follow_redirects=True)
    return openai.OpenAI(
        api_key=service.key, base_url=service.url, max_retries=0, http_client=transport
    )


def refused(error: openai.APIStatusError) -> tuple[int, str | None, str | None]:
    return error.status_code, error.code, error.param
