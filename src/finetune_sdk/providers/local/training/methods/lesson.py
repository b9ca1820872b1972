"""What a method is: rows that are read and checked, a trainer of TRL for them, and a measure."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from finetune_sdk.providers.local.training import owned, parting, wire
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import fitting
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.rows.counts import Count


class Counts(NamedTuple):
    """The tokens of each row that is learned from, and of each that is measured on."""

    training: Sequence[Count]
    validation: Sequence[Count]


class Lesson(ABC):
    """The rows of one job, and how its method learns from them.

    Attributes:
        rows: number of rows that are learned from.
        longest: tokens that a row adds to what is computed at once, at most.
        texts: so many texts are computed for a row.
        least: rows that must be computed at once.
        weighs: its loss is a mean over the rows that are computed at once, however many.
        reasons: a line of words for what the method chose for the caller, by name.
    """

    rows: int
    longest: int
    texts: int = 1
    least: int = 1
    weighs: bool = False
    reasons: Mapping[str, str] = {}

    def __init__(self, order: Order) -> None:
        self.order = order

    def load(self, choices: Choices) -> Any:
        """The base model.

        Raises:
            TrainingFailure: its weights are not whole, or it lacks a layer that is asked for.
        """
        kind = import_module("transformers").AutoModelForCausalLM
        model = fitting.loaded(kind, self.order.base, **self.loading(choices))
        fitting.check_layers(model, self.order.recipe.lora)
        return model

    def loading(self, choices: Choices) -> dict[str, Any]:
        """Keywords of `from_pretrained`: the type of the base model's weights, the attention."""
        # What is trained stays in float32; a frozen base model may have the precision of the sums.
        name = choices.precision if self.order.recipe.lora else "float32"
        attention = self.order.options.attention
        given = {"attn_implementation": attention} if attention else {}
        return {"dtype": getattr(import_module("torch"), name), **given}

    @classmethod
    @abstractmethod
    def config(cls) -> Any:
        """TRL's configuration class of the method.

        Raises:
            TrainingFailure: the installed TRL has none.
        """

    @abstractmethod
    def configuration(self, choices: Choices) -> Any:
        """What the trainer is told: an object of that class.

        Raises:
            TrainingFailure: `LocalOptions.trl` has a field that the class lacks, or that is ours.
        """

    @abstractmethod
    def trainer(self, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
        """A trainer of transformers, ready to train.

        Raises:
            TrainingFailure: an option is unknown.
        """

    @abstractmethod
    def counts(self) -> Counts:
        """What the rows have of tokens."""

    @abstractmethod
    def encoded(self) -> Iterator[list[int]]:
        """The tokens of what is computed for the rows that are learned from, text after text."""

    def cells(self) -> list[int]:
        """Tokens that each row adds to what is computed at once, at most, padding aside."""
        return [
            # The texts of a row have its prompt in common, and each an answer of its own.
            self.texts * (count.total - (count.trained or 0)) + (count.trained or 0)
            for count in self.counts().training
        ]

    def measure(self, trainer: Any) -> dict[str, float] | None:  # noqa: ARG002 - for methods
        """The numbers on the validation rows, `loss` among them; None where there are no rows."""
        return None

    def score(self, numbers: Mapping[str, float]) -> float:
        """What checkpoints are compared by: more is better."""
        return -numbers["loss"]

    def finish(self, model: Any) -> None:  # noqa: B027 - most methods have nothing to add
        """The last touch on the model before it is saved."""

    def arguments(self, choices: Choices, own: Mapping[str, object]) -> Any:
        """An object of TRL's configuration class.

        Args:
            choices: what was chosen for the machine.
            own: keywords of this method.

        Raises:
            TrainingFailure: `LocalOptions.trl` has a field that the class lacks, or that is ours.
        """
        kind, given = self.config(), self.order.options.trl
        owned.check_fields(given, kind)
        output = self.order.folder.checkpoints
        common = wire.arguments(self.order.recipe, choices, rows=self.rows, output=output)
        made = kind(**{**common, **own, **given})
        parting.allow(choices)
        return made

    def words(self, *names: str) -> tuple[dict[str, object], dict[str, str]]:
        """The method's own hyperparameters as keywords, and a line of words for each left open.

        Args:
            names: hyperparameters that TRL calls by the same name.
        """
        given = {name: getattr(self.order.spec.method, name) for name in names}
        own = {field.name: field.default for field in dataclasses.fields(self.config())}
        reasons = {
            name: "off, TRL's default" if own[name] is None else f"{own[name]}, TRL's default"
            for name, value in given.items()
            if value is None
        }
        return {name: value for name, value in given.items() if value is not None}, reasons

    def adapter(self, task: str = "CAUSAL_LM") -> Any:
        """The adapter's configuration; None trains all weights."""
        lora = self.order.recipe.lora
        keywords = wire.lora_config(lora, task) if lora else None
        return import_module("peft").LoraConfig(**keywords) if keywords else None
