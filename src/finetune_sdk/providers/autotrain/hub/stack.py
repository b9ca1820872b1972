"""What of `huggingface_hub` its own types do not show: its HTTP library and its client."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def utils() -> Any:
    """The module with `httpx` (`httpx2` under 2.x, its older self under 1.x) and `get_session`."""
    return import_module("huggingface_hub.utils")


def library() -> Any:
    """The HTTP library under the package."""
    return utils().httpx


def silent() -> Any:
    """A class of progress bars that draw nothing: only the command line draws."""
    base: Any = utils().tqdm

    def init(self: Any, *arguments: Any, **words: Any) -> None:
        base.__init__(self, *arguments, **{**words, "disable": True})

    return type("Silent", (base,), {"__init__": init})
