"""The HTTP library under the `openai` package: `httpx2` from 3.0 on, `httpx` before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from finetune_sdk.errors import MissingDependencyError


def package() -> Any:
    """The module `openai`.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import openai
    except ImportError:
        raise MissingDependencyError("openai", "openai") from None
    return openai


def library() -> Any:
    """The module `httpx2`, or `httpx` under an older `openai`."""
    if _is_new():
        import httpx2

        return httpx2
    import httpx

    return httpx


def client_class(*, asynchronous: bool = False) -> Any:
    """The package's own HTTP client."""
    library_name = "Httpx2" if _is_new() else "Httpx"
    return getattr(package(), f"Default{'Async' if asynchronous else ''}{library_name}Client")


def open_client(
    http_client: Any,
    key: Callable[[], str],
    *,
    url: str,
    headers: Mapping[str, str],
    organization: str | None = None,
    project: str | None = None,
) -> Any:
    """The package's client, which sends each request once."""
    client = package().OpenAI(
        api_key=key,
        base_url=url,
        default_headers=headers,
        max_retries=0,
        http_client=http_client,
    )
    # Given as None, the package would take them from an environment that is not ours.
    client.organization, client.project = organization, project
    return client


def past_proxies() -> dict[str, Any]:
    """Settings of a client of this machine: a proxy of the environment cannot reach it.

    Of the environment only the proxies are left out, and not its certificates.
    """
    return {"mounts": dict.fromkeys(("http://", "https://", "all://"))}


def _is_new() -> bool:
    # By the version: the last 2.x name the new library's client too, as an extra that they lack.
    return int(package().__version__.partition(".")[0]) >= 3
