"""What one provider alone knows."""

from __future__ import annotations

from typing import ClassVar

from finetune_sdk.types._base import Value


class ProviderOptions(Value):
    """Base of every options class: `provider` names the one that reads it, others pass over."""

    provider: ClassVar[str]
