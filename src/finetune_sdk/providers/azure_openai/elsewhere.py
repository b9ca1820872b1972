"""A token goes to Resource Manager and nowhere else, whatever an answer names as next address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from finetune_sdk.errors import ProviderError
from finetune_sdk.providers.azure_openai.settings import NAME


def is_elsewhere(url: str, place: str) -> bool:
    """It is not at the address that tokens may go to."""
    try:
        here, there = urlsplit(place), urlsplit(url)
    except ValueError:
        return True
    return (there.scheme, there.netloc.lower()) != (here.scheme, here.netloc.lower())


def guard(place: str) -> Any:
    """A policy of azure-core that stops requests to other addresses, as of a page of a list."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    kind: Any = SansIOHTTPPolicy

    class Guard(kind):  # type: ignore[misc]
        def on_request(self, request: Any) -> None:
            if is_elsewhere(request.http_request.url, place):
                raise ProviderError(
                    f"{NAME}: {place} points elsewhere, and a token is sent to no other place",
                    provider=NAME,
                    code="redirected",
                )

    return Guard()
