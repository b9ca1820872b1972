"""The HTTP library under the `openai` package: `httpx2` from 3.0 on, `httpx` before."""

from __future__ import annotations

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
    if hasattr(package(), "DefaultHttpx2Client"):
        import httpx2

        return httpx2
    import httpx

    return httpx


def client_class(*, asynchronous: bool = False) -> Any:
    """The package's own HTTP client."""
    kind = "DefaultAsyncHttpx" if asynchronous else "DefaultHttpx"
    openai = package()
    return getattr(openai, f"{kind}2Client", None) or getattr(openai, f"{kind}Client")
