"""The names that a fake's calls have."""

from __future__ import annotations

import inspect
from functools import cache

from finetune_sdk.near import did_you_mean
from finetune_sdk.providers import base

CHAT = "chat"
"""The name of a request to a deployment, among those of a provider's methods."""


@cache
def verbs() -> frozenset[str]:
    """Every method of a provider, those beyond the core included, and `chat`."""
    kinds = [kind for _, kind in inspect.getmembers(base, inspect.isclass)]
    # What a provider is told and gives is of other rooms.
    interface = [kind for kind in kinds if kind.__module__.startswith(base.__name__)]
    methods = [inspect.getmembers(kind, inspect.isfunction) for kind in interface]
    return frozenset({CHAT, *(name for some in methods for name, _ in some if name[0] != "_")})


def check_verb(name: str) -> None:
    """A test that asks for a slip of the pen would pass, whatever the code under test does.

    Raises:
        ValueError: no call has this name.
    """
    if name not in verbs():
        raise ValueError(
            f"there is no call {name!r}{did_you_mean(name, verbs())}; it is a method of a "
            f"provider: {', '.join(sorted(verbs()))}"
        )
