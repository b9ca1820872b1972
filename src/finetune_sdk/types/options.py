"""What one provider alone knows."""

from __future__ import annotations

from typing import ClassVar

from finetune_sdk.types._base import Value


class ProviderOptions(Value):
    """Base of every options class.

    Attributes:
        provider: names the one that reads it; others pass over.
        programs: fields that say what is run: no config file may say them, as it may be somebody
            else's.
    """

    provider: ClassVar[str]
    programs: ClassVar[frozenset[str]] = frozenset()
