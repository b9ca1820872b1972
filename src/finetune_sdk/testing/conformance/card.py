"""Who is asked, in plain values that go from one process to another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from finetune_sdk.providers import base
from finetune_sdk.providers.base import FineTuneProvider

MIXINS = tuple(getattr(base, name) for name in base.__all__ if name.startswith("Can"))


@dataclass(frozen=True, kw_only=True)
class Card:
    """A provider as a report tells it.

    Attributes:
        name: the provider's.
        module: of its class.
        kind: its class.
        verbs: names of its mix-ins.
        methods: the hyperparameters that it reads, by method.
        fields: the optional words of `jobs.create` that it takes.
    """

    name: str
    module: str
    kind: str
    verbs: tuple[str, ...]
    methods: dict[str, tuple[str, ...]]
    fields: tuple[str, ...]

    @classmethod
    def of(cls, provider: FineTuneProvider) -> Self:
        """That of an open provider."""
        capabilities = provider.capabilities
        return cls(
            name=provider.name,
            module=type(provider).__module__,
            kind=type(provider).__qualname__,
            verbs=tuple(mixin.__name__ for mixin in MIXINS if isinstance(provider, mixin)),
            methods={
                name.value: tuple(sorted(support.hyperparameters))
                for name, support in sorted(capabilities.methods.items())
            },
            fields=tuple(sorted(capabilities.fields)),
        )

    def plain(self) -> dict[str, Any]:
        """As what any serializer takes."""
        return asdict(self)
