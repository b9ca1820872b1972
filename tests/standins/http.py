"""The HTTP library under the installed `openai`: `httpx2`, or `httpx` below 3.0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finetune_sdk.providers._openai_talk import stack

if TYPE_CHECKING:
    import httpx2 as http
else:
    http = stack.library()

__all__ = ["http"]
