"""How a model learns: the methods and their hyperparameters."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from finetune_sdk.types._base import Value

TrainOn = Literal["assistant", "all"]


class MethodName(StrEnum):
    """The field's names of what a job can do."""

    SUPERVISED = "supervised"
    DPO = "dpo"
    ORPO = "orpo"
    KTO = "kto"
    REWARD = "reward"
    REINFORCEMENT = "reinforcement"


class Lora(Value):
    """Low-rank adapters: small matrices are trained, the base model stays as it is.

    Attributes:
        rank: inner dimension of the adapters.
        alpha: scale; the update is multiplied by `alpha / rank`.
        dropout: share of adapter inputs that are dropped while training, 0 to 1.
        target_modules: names of the layers that get adapters; `"all-linear"` is every linear
            layer but the output head.
    """

    rank: Annotated[int, Field(ge=1)] = 16
    alpha: Annotated[int, Field(ge=1)] = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"


class Supervised(Value):
    """Learn to give the assistant's turns. A field left at None is the provider's choice.

    Attributes:
        epochs: passes over the training data; a fraction is a part of a pass.
        batch_size: rows per optimizer step.
        learning_rate: peak learning rate, absolute.
        learning_rate_multiplier: factor on the provider's own rate. Never turned into
            `learning_rate` or back; both may be given, each provider reads its own.
        lora: adapters: True (or None where the provider uses them by default), False for all
            weights, or a `Lora` to say how.
        max_length: tokens per row at most. A longer row is an error, never cut in silence.
        train_on: `"assistant"` learns the assistant's turns only, `"all"` every token.
    """

    type: Literal["supervised"] = "supervised"
    epochs: Annotated[float, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None = None
    lora: Lora | bool | None = None
    max_length: Annotated[int, Field(ge=1)] | None = None
    train_on: TrainOn | None = None

    @property
    def name(self) -> MethodName:
        return MethodName(self.type)

    def given(self) -> frozenset[str]:
        """Names of the hyperparameters that the caller has set."""
        dumped = self.model_dump(exclude_none=True, exclude={"type"})
        return frozenset(dumped)


Method = Supervised
"""A method of any kind; it becomes a union, told apart by `type`, with the second one."""
