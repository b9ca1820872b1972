"""Supervised: learn to give the assistant's turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from finetune_sdk.providers.local.training import loss, ranks, wire
from finetune_sdk.providers.local.training.course import saving
from finetune_sdk.providers.local.training.course.sampling import EMPTY
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import trl
from finetune_sdk.providers.local.training.methods.lesson import Counts, Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.rows import encoding as rows
from finetune_sdk.providers.local.training.rows.encoding import Encoder, Example
from finetune_sdk.types import DatasetFile, Supervised, TrainOn


class SupervisedLesson(Lesson):
    """Chat rows, learned as tokens and labels."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self._encoder = encoder_of(order)
        self._limit = order.limit()
        self._train = self._encode(order.spec.training_file, "training data")
        file = order.spec.validation_file
        self._validation = self._encode(file, "validation data") if file else []
        self._batches: list[loss.Batch] = []
        self.rows = len(self._train)
        self.longest = max(len(example.tokens) for example in self._train)
        if _train_on(order) is None:
            self.reasons = {"train_on": "assistant, the default: the assistant's turns"}

    @classmethod
    def config(cls) -> Any:
        return trl.named("SFTConfig")

    def configuration(self, choices: Choices) -> Any:
        return self.arguments(choices, wire.supervised(self.order.recipe))

    def trainer(self, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
        collator = loss.Collator(_padding(self.order.tokenizer))
        self._batches = _batches(self._validation, choices.micro_batch_size, collator)
        empty = -self.rows % choices.at_once if choices.processes > 1 else 0
        examples = [*self._train, *(_nothing(self.order.tokenizer) for _ in range(empty))]
        trainer = loss.trainer(
            model=model,
            args=self.configuration(choices),
            train_dataset=import_module("datasets").Dataset.from_dict(loss.columns(examples)),
            processing_class=self.order.tokenizer,
            data_collator=collator,
            peft_config=self.adapter(),
            callbacks=callbacks,
        )
        setattr(trainer, EMPTY, empty)
        return trainer

    def counts(self) -> Counts:
        return Counts([one.count for one in self._train], [one.count for one in self._validation])

    def encoded(self) -> Iterator[list[int]]:
        return (example.tokens for example in self._train)

    def measure(self, trainer: Any) -> dict[str, float] | None:
        if not self._batches:
            return None
        score = _evaluate(trainer.model, self._batches)
        return {"loss": score.mean, "token_accuracy": score.right / max(score.labelled, 1)}

    def finish(self, model: Any) -> None:
        saving.stop_at(model, self.order.tokenizer, self._encoder.ends)

    def _encode(self, file: DatasetFile, name: str) -> list[Example]:
        read = rows.read(self.order.folder.rows(file))
        examples, empty = rows.encode_all(read, self._encoder, limit=self._limit, name=name)
        teller = self.order.teller
        if empty:
            teller.warn(f"{empty} row(s) of the {name} have nothing to learn and are left out")
        tokens = sum(len(example.tokens) for example in examples)
        learned = sum(example.learned for example in examples)
        teller.say(
            f"{name}: {len(examples)} rows, {tokens} tokens, "
            f"{learned} of them ({learned / tokens:.0%}) carry loss"
        )
        return examples


def encoder_of(order: Order) -> Encoder:
    """What turns the rows of a job into tokens and labels."""
    return Encoder(order.tokenizer, _train_on(order) or "assistant", order.teller.warn)


def _train_on(order: Order) -> TrainOn | None:
    method = order.spec.method
    return method.train_on if isinstance(method, Supervised) else None


def _padding(tokenizer: Any) -> int:
    # Which token it is does not matter: it is masked and carries no label.
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(token for token in ids if token is not None)


def _nothing(tokenizer: Any) -> Example:
    """A row from which nothing is learned."""
    return Example(line=0, tokens=[_padding(tokenizer)], labels=[rows.IGNORED])


def _evaluate(model: Any, batches: Sequence[loss.Batch]) -> loss.Score:
    """Measures the rows, of which each process takes a part."""
    part = batches[ranks.rank() :: ranks.world()]
    score = loss.evaluate(model, part)
    if len(part) * ranks.world() < len(batches):
        # Where the model's weights are spread over all, all must compute as often.
        loss.evaluate(model, batches[:1])
    return loss.Score(*map(sum, zip(*ranks.gather(score), strict=True)))


def _batches(examples: Sequence[Example], size: int, collator: loss.Collator) -> list[loss.Batch]:
    ordered = sorted(examples, key=lambda example: len(example.tokens))
    dicts = [{"input_ids": one.tokens, "labels": one.labels} for one in ordered]
    return [collator(dicts[start : start + size]) for start in range(0, len(dicts), size)]
