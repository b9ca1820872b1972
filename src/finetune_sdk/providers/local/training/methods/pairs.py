"""What the methods share that learn from pairs: a better and a worse answer to a prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from finetune_sdk.providers.local.training import wire
from finetune_sdk.providers.local.training.course import saving
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import trl
from finetune_sdk.providers.local.training.methods.lesson import Counts, Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.rows import encoding as rows
from finetune_sdk.providers.local.training.rows import preferences
from finetune_sdk.providers.local.training.rows.answers import AnswerEncoder
from finetune_sdk.providers.local.training.rows.preferences import Pair
from finetune_sdk.types import DatasetFile


class PairLesson(Lesson):
    """Rows with two answers.

    Attributes:
        own: hyperparameters of the method that TRL calls by the same name.
    """

    own: tuple[str, ...] = ("beta",)
    texts = 2
    weighs = True

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self._encoder = AnswerEncoder(order.tokenizer, order.teller.warn)
        self._train = self._read(order.spec.training_file, "training data")
        file = order.spec.validation_file
        self._validation = self._read(file, "validation data") if file else []
        self.rows = len(self._train)
        # Both answers are computed at once, each with its prompt.
        self.longest = self.texts * max(one.longest for one in self._train)
        self._given, self.reasons = self.words(*self.own)

    def columns(self, pairs: Sequence[Pair]) -> dict[str, list[Any]]:
        """Pairs as the columns that TRL's trainer reads; `length` is what they are grouped by."""
        return {
            "prompt_ids": [one.prompt for one in pairs],
            "chosen_ids": [one.chosen for one in pairs],
            "rejected_ids": [one.rejected for one in pairs],
            "length": [one.longest for one in pairs],
        }

    def counts(self) -> Counts:
        return Counts([one.count for one in self._train], [one.count for one in self._validation])

    def encoded(self) -> Iterator[list[int]]:
        return (one.prompt + answer for one in self._train for answer in (one.chosen, one.rejected))

    def measure(self, trainer: Any) -> dict[str, float] | None:
        return trl.measured(trainer, self.order.recipe.seed) if self._validation else None

    def finish(self, model: Any) -> None:
        saving.stop_at(model, self.order.tokenizer, self._encoder.ends)

    def configuration(self, choices: Choices) -> Any:
        at_once = trl.whole_batches(len(self._validation), choices.micro_batch_size)
        return self.arguments(choices, {**wire.pairs(self.order.recipe, at_once), **self._given})

    def settings(self, choices: Choices) -> dict[str, Any]:
        """Keywords that the trainers for pairs share."""
        return {
            "args": self.configuration(choices),
            "train_dataset": trl.dataset(self.columns(self._train)),
            "eval_dataset": trl.dataset(self.columns(self._validation)),
            "processing_class": self.order.tokenizer,
        }

    def _read(self, file: DatasetFile, name: str) -> list[Pair]:
        read = rows.read(self.order.folder.rows(file))
        pairs = rows.made(read, partial(preferences.pair, encoder=self._encoder), name)
        rows.check_lengths(((one.line, one.longest) for one in pairs), self.order.limit(), name)
        same = sum(one.says_nothing for one in pairs)
        if same:
            self.order.teller.warn(
                f"{same} row(s) of the {name} have the same answer twice: nothing is to be "
                "preferred in them"
            )
        tokens = sum(len(one.chosen) + len(one.rejected) for one in pairs)
        self.order.teller.say(f"{name}: {len(pairs)} pairs, {tokens} tokens in their answers")
        return pairs
