"""KTO: learn from answers that were marked good or bad, one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from finetune_sdk.providers.local.training import wire
from finetune_sdk.providers.local.training.course import saving
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import trl
from finetune_sdk.providers.local.training.methods.dpo import held_to, needs_copy
from finetune_sdk.providers.local.training.methods.lesson import Counts, Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.rows import encoding as rows
from finetune_sdk.providers.local.training.rows import preferences
from finetune_sdk.providers.local.training.rows.answers import AnswerEncoder
from finetune_sdk.providers.local.training.rows.preferences import Judged
from finetune_sdk.types import DatasetFile

_BALANCED = (1.0, 4 / 3)
"""Weight of all good answers against all bad ones: what the paper advises (its equation 8)."""


class KTOLesson(Lesson):
    """Kahneman-Tversky optimization (arXiv 2402.01306).

    How far the model has moved is told from answers that stand under another row's prompt: the
    row before it in the same batch. So rows are computed two at once at least, and in one order.
    """

    least = 2
    weighs = True

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self._encoder = AnswerEncoder(order.tokenizer, order.teller.warn)
        read = self._read(order.spec.training_file, "training data")
        # TRL takes the rows as they lie; a file may have all good ones first.
        random.Random(order.recipe.seed).shuffle(read)  # noqa: S311 - an order, no secret
        self._train = read
        file = order.spec.validation_file
        self._validation = self._read(file, "validation data") if file else []
        self.rows = len(read)
        self.longest = max(one.longest for one in read)
        names = ("beta", "desirable_weight", "undesirable_weight")
        self._given, reasons = self.words(*names)
        self.reasons = {
            **reasons,
            "reference": held_to(order),
            "order": "shuffled once by the seed: each row is held against its neighbour",
        }
        self._check()

    @classmethod
    def config(cls) -> Any:
        return trl.named("KTOConfig")

    def configuration(self, choices: Choices) -> Any:
        own = wire.answers(self.order.recipe, choices.micro_batch_size)
        return self.arguments(choices, {**own, **self._given})

    def trainer(self, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
        class EncodedTrainer(trl.named("KTOTrainer")):  # type: ignore[misc]
            def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
                return dataset  # the rows are tokens already

        at_once = choices.at_once
        return EncodedTrainer(
            model=model,
            ref_model=self.load(choices) if needs_copy(self.order) else None,
            args=self.configuration(choices),
            train_dataset=trl.dataset(columns(self._train, at_once)),
            eval_dataset=trl.dataset(columns(self._validation, choices.micro_batch_size)),
            processing_class=self.order.tokenizer,
            peft_config=self.adapter(),
            callbacks=callbacks,
        )

    def counts(self) -> Counts:
        return Counts([one.count for one in self._train], [one.count for one in self._validation])

    def encoded(self) -> Iterator[list[int]]:
        return (one.prompt + one.completion for one in self._train)

    def measure(self, trainer: Any) -> dict[str, float] | None:
        return trl.measured(trainer, self.order.recipe.seed) if self._validation else None

    def finish(self, model: Any) -> None:
        saving.stop_at(model, self.order.tokenizer, self._encoder.ends)

    def _check(self) -> None:
        if self.order.recipe.batch_size < self.least:
            raise TrainingFailure(
                "invalid_hyperparameter",
                "`batch_size` is 1, and KTO holds the rows of a batch against each other; give 2 "
                "or more",
            )
        advice = unbalanced(self._train, self._given)
        if advice:
            self.order.teller.warn(advice)

    def _read(self, file: DatasetFile, name: str) -> list[Judged]:
        read = rows.read(self.order.folder.rows(file))
        made = rows.made(read, partial(preferences.judged, encoder=self._encoder), name)
        rows.check_lengths(((one.line, one.longest) for one in made), self.order.limit(), name)
        if len(made) < self.least:
            raise TrainingFailure(
                "too_few_rows", f"the {name} has {len(made)} row(s); KTO needs 2 or more"
            )
        good = sum(one.good for one in made)
        tokens = sum(len(one.completion) for one in made)
        self.order.teller.say(
            f"{name}: {good} good and {len(made) - good} bad answers, {tokens} tokens in them"
        )
        return made


def columns(judged: Sequence[Judged], at_once: int) -> dict[str, list[Any]]:
    """Rows as the columns that TRL's trainer reads.

    Args:
        at_once: rows that are computed at once, by all processes; each gets the answer of the one
            before it in there for comparison, the first gets the last one's.
    """
    return {
        "prompt_ids": [one.prompt for one in judged],
        "completion_ids": [one.completion for one in judged],
        "KL_completion_ids": [
            judged[_neighbour(place, at_once, len(judged))].completion
            for place in range(len(judged))
        ],
        "label": [one.good for one in judged],
    }


def unbalanced(judged: Sequence[Judged], given: dict[str, Any]) -> str | None:
    """What to do where one kind outweighs the other; None where nothing is."""
    good = sum(one.good for one in judged)
    bad = len(judged) - good
    if not good or not bad:
        kind = "good" if good else "bad"
        return f"all answers of the training data are {kind}; KTO learns from the two kinds"
    weights = [given.get(f"{name}_weight", 1.0) for name in ("desirable", "undesirable")]
    share = weights[0] * good / (weights[1] * bad)
    if good == bad or _BALANCED[0] <= round(share, 9) <= round(_BALANCED[1], 9):
        return None
    low, high = (edge * weights[1] * bad / good for edge in _BALANCED)
    return (
        f"{good} good and {bad} bad answers are out of balance for KTO; a `desirable_weight` "
        f"between {low:.3g} and {high:.3g} would make up for it"
    )


def _neighbour(place: int, micro_batch: int, rows: int) -> int:
    start = place - place % micro_batch
    stop = min(start + micro_batch, rows)
    # A last row that is alone in its batch has its neighbour in the batch before.
    return place - 1 if place > start or stop - start == 1 else stop - 1
