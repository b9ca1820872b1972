"""A fake provider whose jobs outlive a command, as those of a real account do."""

from __future__ import annotations

from typing import ClassVar, Self

from finetune_sdk.providers.base import ProviderSettings
from finetune_sdk.testing import FakeProvider


class AccountProvider(FakeProvider):
    """Each command opens the same one.

    Attributes:
        shared: what `open` gives.
    """

    name: ClassVar[str] = "account"
    shared: ClassVar[FakeProvider]

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> FakeProvider:
        return cls.shared

    @classmethod
    def anew(cls) -> Self:
        """An empty account."""
        made = cls(replies={"Hello?": "Good \x1b[31mday."}, cost=5.0)
        cls.shared = made
        return made
