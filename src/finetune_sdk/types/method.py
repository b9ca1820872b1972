"""How a model learns: the methods and their hyperparameters."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from finetune_sdk.types._base import Value
from finetune_sdk.types.grader import Grader

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


class BaseMethod(Value):
    """What all methods share. A field left at None is the provider's choice.

    Attributes:
        epochs: passes over the training data; a fraction is a part of a pass.
        batch_size: rows per optimizer step.
        learning_rate: peak learning rate, absolute.
        learning_rate_multiplier: factor on the provider's own rate. Never turned into
            `learning_rate` or back; both may be given, each provider reads its own.
        lora: adapters: True (or None where the provider uses them by default), False for all
            weights, or a `Lora` to say how.
        max_length: tokens per row at most. A longer row is an error, never cut in silence.
    """

    NAME: ClassVar[MethodName]

    epochs: Annotated[float, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None = None
    lora: Lora | bool | None = None
    max_length: Annotated[int, Field(ge=1)] | None = None

    @property
    def name(self) -> MethodName:
        return self.NAME

    def given(self) -> frozenset[str]:
        """Names of the hyperparameters that the caller has set."""
        dumped = self.model_dump(exclude_none=True, exclude={"type"})
        return frozenset(name for name, value in dumped.items() if value != ())


class Supervised(BaseMethod):
    """Learn to give the assistant's turns. A field left at None is the provider's choice.

    Attributes:
        train_on: `"assistant"` learns the assistant's turns only, `"all"` every token.
    """

    NAME: ClassVar[MethodName] = MethodName.SUPERVISED

    type: Literal["supervised"] = "supervised"
    train_on: TrainOn | None = None


class DPO(BaseMethod):
    """Direct preference optimization (arXiv 2305.18290): learn to prefer one answer to another.

    Attributes:
        beta: how hard the model is held to the base model's words; more is harder.
    """

    NAME: ClassVar[MethodName] = MethodName.DPO

    type: Literal["dpo"] = "dpo"
    beta: Annotated[float, Field(gt=0)] | None = None


class ORPO(BaseMethod):
    """Odds-ratio preference optimization (arXiv 2403.07691): learn answers and preferences at once.

    Attributes:
        beta: weight of the preference beside the answer (lambda in the paper).
    """

    NAME: ClassVar[MethodName] = MethodName.ORPO

    type: Literal["orpo"] = "orpo"
    beta: Annotated[float, Field(gt=0)] | None = None


class KTO(BaseMethod):
    """Kahneman-Tversky optimization (arXiv 2402.01306): learn from answers marked good or bad.

    Attributes:
        beta: how hard the model is held to the base model's words; more is harder.
        desirable_weight: weight of the losses of good answers.
        undesirable_weight: weight of the losses of bad answers.
    """

    NAME: ClassVar[MethodName] = MethodName.KTO

    type: Literal["kto"] = "kto"
    beta: Annotated[float, Field(gt=0)] | None = None
    desirable_weight: Annotated[float, Field(gt=0)] | None = None
    undesirable_weight: Annotated[float, Field(gt=0)] | None = None


class Reward(BaseMethod):
    """Learn to score answers (Bradley-Terry): what comes out is a reward model, not a chat model.

    Attributes:
        center_rewards_coefficient: pulls the scores towards a mean of zero (arXiv 2312.09244).
    """

    NAME: ClassVar[MethodName] = MethodName.REWARD

    type: Literal["reward"] = "reward"
    center_rewards_coefficient: Annotated[float, Field(gt=0)] | None = None


class Reinforcement(BaseMethod):
    """Learn from graded answers of one's own: the model writes several, the better ones count more.

    Attributes:
        grader: how an answer is graded, said in data.
        rewards: Python functions by dotted name, `"package.module:function"`, each as
            `function(completions: list[str], **fields) -> list[float]`: a finite number for each
            answer. `fields` has `prompts`, the texts that were answered, and every other field of
            the rows by its name; all are lists as long as `completions`. One that raises or gives
            anything else ends the job.
        reward_weights: a weight for each of `rewards`; 1 by default.
        num_generations: answers to each prompt that are compared.
        max_completion_length: tokens of an answer at most.
        temperature: of the sampling.
        beta: weight of the distance to the base model; 0 leaves it out.
        reasoning_effort: how long a reasoning model thinks while it learns.
        compute_multiplier: factor on the provider's own effort of exploring.
        eval_interval: steps between two measurements of the validation rows.
        eval_samples: answers to each validation row at a measurement.
    """

    NAME: ClassVar[MethodName] = MethodName.REINFORCEMENT

    type: Literal["reinforcement"] = "reinforcement"
    grader: Grader | None = None
    rewards: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")], ...] = ()
    reward_weights: tuple[float, ...] = ()
    num_generations: Annotated[int, Field(ge=2)] | None = None
    max_completion_length: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(gt=0)] | None = None
    beta: Annotated[float, Field(ge=0)] | None = None
    reasoning_effort: Literal["default", "low", "medium", "high"] | None = None
    compute_multiplier: Annotated[float, Field(gt=0)] | None = None
    eval_interval: Annotated[int, Field(ge=1)] | None = None
    eval_samples: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _has_what_to_learn_from(self) -> Self:
        if self.grader is None and not self.rewards:
            raise ValueError("give a `grader`, or `rewards` as names like 'my_rewards:exact'")
        if self.reward_weights and len(self.reward_weights) != len(self.rewards):
            raise ValueError(
                f"`reward_weights` has {len(self.reward_weights)} entries for "
                f"{len(self.rewards)} of `rewards`; give one for each"
            )
        return self


Method = Annotated[
    Supervised | DPO | ORPO | KTO | Reward | Reinforcement, Field(discriminator="type")
]
"""A method of any kind, told apart by `type`."""
