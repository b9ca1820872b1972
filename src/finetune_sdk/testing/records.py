"""What a fake was asked, to assert on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from finetune_sdk.datasets import Dataset
from finetune_sdk.testing.verbs import check_verb
from finetune_sdk.types import DeploymentSpec, JobSpec

_SHOWN = 60
"""Characters of one argument in a failing assert."""


@dataclass(frozen=True, repr=False)
class RecordedCall:
    """One call that the provider got.

    Attributes:
        name: of the provider's method, such as `create_job`; `chat` for a request to a deployment.
        arguments: what it was given; a deployment's name and the whole body, for `chat`.
        at: when, by the fake's clock. Two calls at different times may be equal.
    """

    name: str
    arguments: tuple[object, ...]
    at: datetime | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(_short(one) for one in self.arguments)})"


class Calls(list[RecordedCall]):
    """Calls, oldest first."""

    def named(self, *names: str) -> Calls:
        """Those of these names.

        Raises:
            ValueError: no call can have such a name.
        """
        for name in names:
            check_verb(name)
        return Calls(call for call in self if call.name in names)

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [call.name for call in self]

    def __repr__(self) -> str:
        return "[" + ", ".join(map(repr, self)) + "]"


def _told(spec: JobSpec) -> str:
    """What tells one job from another, where it was said."""
    told = spec.model_dump(exclude_none=True, include={"suffix", "seed"}) | spec.metadata
    words = spec.method.model_dump(exclude_none=True, exclude={"type"}) | told
    return ", ".join(f"{name}={word!r}" for name, word in words.items()) or "all by default"


def _short(value: object) -> str:
    if isinstance(value, JobSpec):
        return f"<{value.method.name.value} of {value.model!r}: {_told(value)}>"
    if isinstance(value, DeploymentSpec):
        return f"<{value.name!r} of {value.model!r}>"
    if isinstance(value, Dataset):
        return f"<{value.name!r}>"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
