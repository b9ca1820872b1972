"""A fake provider whose jobs outlive a command, as those of a real account do.

It also keeps files on this machine, which nobody needs.
"""

from __future__ import annotations

from typing import ClassVar, Self

from finetune_sdk.errors import ConflictError
from finetune_sdk.providers.base import CanClean, ProviderSettings
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Leftover


class AccountProvider(FakeProvider, CanClean):
    """Each command opens the same one.

    Attributes:
        shared: what `open` gives.
        leftovers: what nobody needs.
        used: paths that have come into use since.
    """

    name: ClassVar[str] = "account"
    shared: ClassVar[FakeProvider]
    leftovers: list[Leftover]
    used: set[str]

    def list_leftovers(self) -> list[Leftover]:
        return list(self.leftovers)

    def delete_leftover(self, leftover: Leftover, /) -> None:
        if leftover.path in self.used:
            raise ConflictError(f"{leftover.path} is in use now", provider=self.name)
        self.leftovers.remove(leftover)

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> FakeProvider:
        return cls.shared

    @classmethod
    def anew(cls) -> Self:
        """An empty account."""
        made = cls(replies={"Hello?": "Good \x1b[31mday."}, cost=5.0)
        made.leftovers, made.used = [], set()
        AccountProvider.shared = made
        return made
