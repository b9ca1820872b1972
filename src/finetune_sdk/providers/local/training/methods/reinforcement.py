"""Reinforcement: the model answers a prompt several times, and learns from the better answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from itertools import chain, cycle, islice
from typing import Any

from finetune_sdk.providers.local.jobs.records import Created
from finetune_sdk.providers.local.training import rewarding, wire
from finetune_sdk.providers.local.training.course import saving
from finetune_sdk.providers.local.training.hardware import Choices
from finetune_sdk.providers.local.training.methods import trl
from finetune_sdk.providers.local.training.methods.lesson import Counts, Lesson
from finetune_sdk.providers.local.training.order import Order
from finetune_sdk.providers.local.training.rewarding import Reward
from finetune_sdk.providers.local.training.rows import encoding as rows
from finetune_sdk.providers.local.training.rows import prompts
from finetune_sdk.providers.local.training.rows.answers import AnswerEncoder
from finetune_sdk.providers.local.training.rows.prompts import Prompt
from finetune_sdk.types import DatasetFile, Reinforcement

_LONGEST_ANSWER = 512
"""Tokens of an answer at most, where nobody says and the model can read so many: TRL's default."""


class ReinforcementLesson(Lesson):
    """Group relative policy optimization (arXiv 2402.03300)."""

    def __init__(self, order: Order) -> None:
        super().__init__(order)
        method = order.spec.method
        assert isinstance(method, Reinforcement)  # noqa: S101 - told apart by its name
        self._method = method
        self._encoder = AnswerEncoder(order.tokenizer, order.teller.warn)
        self._train = self._read(order.spec.training_file, "training data")
        file = order.spec.validation_file
        self._validation = self._read(file, "validation data") if file else []
        self._rewards = self._all_rewards()
        # Of the ways that TRL has, this one alone takes the mean of what is computed at once.
        self.weighs = order.options.trl.get("loss_type") == "bnpo"
        self._given, reasons = self.words("temperature", "beta")
        self._generations = method.num_generations or _default("num_generations")
        self._answer, why_answer = self._longest_answer()
        self.rows = len(self._train)
        longest = max(one.tokens for one in self._train)
        self.longest = self._generations * (longest + self._answer)
        self.reasons = {**reasons, **self._open(why_answer)}

    @classmethod
    def config(cls) -> Any:
        return trl.named("GRPOConfig")

    def load(self, choices: Choices) -> Any:
        model = super().load(choices)
        if not isinstance(self._train[0].row.get("prompt"), str):
            self._encoder.learn_end()
        # TRL samples until one of the tokens that the model says end a text.
        saving.stop_at(model, self.order.tokenizer, self._encoder.ends)
        return model

    def configuration(self, choices: Choices) -> Any:
        own = {
            **wire.reinforcement(self.order.recipe, choices, self._generations),
            **self._given,
            "max_completion_length": self._answer,
            "reward_weights": self._weights(),
        }
        return self.arguments(choices, own)

    def trainer(self, model: Any, choices: Choices, callbacks: list[Any]) -> Any:
        return _trainer_class()(
            model=model,
            reward_funcs=[self._function(name) for name in self._rewards],
            args=self.configuration(choices),
            train_dataset=trl.dataset(_columns(self._train, 0)),
            eval_dataset=trl.dataset(_columns(self._validation, len(self._train))),
            processing_class=self.order.tokenizer,
            peft_config=self.adapter(),
            callbacks=callbacks,
        )

    def counts(self) -> Counts:
        return Counts([one.count for one in self._train], [one.count for one in self._validation])

    def encoded(self) -> Iterator[list[int]]:
        encode = self.order.tokenizer.encode
        return (encode(one.text, add_special_tokens=False) for one in self._train)

    def cells(self) -> list[int]:
        return [self._generations * (one.tokens + self._answer) for one in self._train]

    def measure(self, trainer: Any) -> dict[str, float] | None:
        return trl.measured(trainer, self.order.recipe.seed) if self._validation else None

    def score(self, numbers: Mapping[str, float]) -> float:
        # The loss of this method says nothing: it is about nil by construction.
        return numbers["reward"]

    def finish(self, model: Any) -> None:
        saving.stop_at(model, self.order.tokenizer, self._encoder.ends)

    def _read(self, file: DatasetFile, name: str) -> list[Prompt]:
        read = rows.read(self.order.folder.rows(file))
        make = partial(prompts.prompt, encoder=self._encoder, grader=self._method.grader)
        made = rows.made(read, make, name)
        # An answer needs room after its prompt: a token at least, or as many as were asked for.
        room = self._method.max_completion_length or 1
        lengths = ((one.line, one.tokens + room) for one in made)
        with_answer = f"{name}, with {room} for the answer (`max_completion_length`),"
        rows.check_lengths(lengths, self.order.limit(), with_answer)
        self.order.teller.say(f"{name}: {len(made)} prompts, {sum(m.tokens for m in made)} tokens")
        return made

    def _longest_answer(self) -> tuple[int, str]:
        given = self._method.max_completion_length
        if given:
            return given, ""
        longest = max(one.tokens for one in [*self._train, *self._validation])
        room = self.order.limit() - longest
        if room >= _LONGEST_ANSWER:
            return _LONGEST_ANSWER, f"{_LONGEST_ANSWER}, TRL's default"
        return room, f"{room}, what is left of {self.order.limit()} tokens after the longest prompt"

    def _open(self, why_answer: str) -> dict[str, str]:
        """Words for what the method leaves open, and what a batch is."""
        batch = self.order.recipe.batch_size
        words = {"answers": f"{batch * self._generations} a step: {self._generations} to a prompt"}
        if self._method.num_generations is None:
            words["num_generations"] = f"{self._generations}, TRL's default"
        if why_answer:
            words["max_completion_length"] = why_answer
        if self.rows % batch:
            words["last_batch"] = (
                f"filled up with prompts from the start of the pass: {self.rows} rows make no "
                f"whole number of batches of {batch}"
            )
        return words

    def _all_rewards(self) -> dict[str, Reward]:
        grader = self._method.grader
        created = Created.of(self.order.folder)
        folder = created.modules if created else None
        given = rewarding.named(one.row for one in [*self._train, *self._validation])
        named = rewarding.functions(self._method.rewards, folder, given)
        return {**({grader.name: rewarding.graded(grader)} if grader else {}), **named}

    def _weights(self) -> list[float]:
        given = self._method.reward_weights or (1.0,) * len(self._method.rewards)
        return [*([1.0] if self._method.grader else []), *given]

    def _function(self, name: str) -> Any:
        """A reward as TRL calls it; the rows are ours, TRL knows their numbers."""
        reward, read = self._rewards[name], [*self._train, *self._validation]

        def function(completions: list[str], prompts: list[str], row: list[int], **_: Any) -> Any:
            return reward(completions, prompts, [read[number].row for number in row])

        function.__name__ = name.replace(":", ".")
        return function


def _trainer_class() -> Any:
    class PromptTrainer(trl.named("GRPOTrainer")):  # type: ignore[misc]
        def _tokenize_prompts(self, prompts: list[str]) -> Any:
            # The texts have all their special tokens.
            ids = [self._tokenizer.encode(text, add_special_tokens=False) for text in prompts]
            return ids, None, {}

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            rounds = self.num_iterations * self.args.steps_per_generation
            batch = self.args.generation_batch_size // self.num_generations
            size = len(self.train_dataset if dataset is None else dataset)
            return Turns(size, batch, self.num_generations, rounds, self.args.seed)

        def _track_num_input_tokens(self, inputs: Any) -> None:
            """TRL counts them itself, and transformers would warn at each step."""

    return PromptTrainer


class Turns:
    """Which prompt comes when: batch after batch, in an order drawn anew for each pass.

    TRL's own sampler leaves out the prompts that fill no batch.

    Args:
        batch: prompts of an optimizer step.
        answers: to each prompt.
        rounds: times that a batch is drawn, since TRL takes it in as many parts.
    """

    def __init__(self, rows: int, batch: int, answers: int, rounds: int, seed: int) -> None:
        self._rows, self._batch = rows, batch
        self._answers, self._rounds = answers, rounds
        self.generator: Any = import_module("torch").Generator().manual_seed(seed)

    def __len__(self) -> int:
        batches = math.ceil(self._rows / self._batch)
        return batches * self._batch * self._answers * self._rounds

    def __iter__(self) -> Iterator[int]:
        torch = import_module("torch")
        order: list[int] = torch.randperm(self._rows, generator=self.generator).tolist()
        filled = list(islice(cycle(order), math.ceil(len(order) / self._batch) * self._batch))
        for start in range(0, len(filled), self._batch):
            batch = filled[start : start + self._batch]
            answered = [row for row in batch for _ in range(self._answers)]
            yield from chain.from_iterable([answered] * self._rounds)


def _columns(read: Sequence[Prompt], first: int) -> dict[str, list[Any]]:
    return {
        "prompt": [one.text for one in read],
        "row": list(range(first, first + len(read))),
    }


def _default(name: str) -> Any:
    return ReinforcementLesson.config().__dataclass_fields__[name].default
