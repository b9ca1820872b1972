"""One training, from the job's folder to the model's folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from finetune_sdk.providers.local import uploads, weights
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training import hardware, loss, rows, saving, wire
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.reporting import Reporter, callback, not_a_number
from finetune_sdk.providers.local.training.rows import Encoder, Example
from finetune_sdk.types import DatasetFile, JobSpec


class Teller:
    """Says each warning once: as an event, and in the job's warnings."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self.warnings: list[str] = []
        created = Created.of(folder)
        self._said = set(created.notes) if created else set[str]()

    def say(self, message: str) -> None:
        """Something that is under way."""
        self._folder.tell(message)

    def warn(self, message: str) -> None:
        """Something that the caller should know."""
        if message not in self._said:
            self._said.add(message)
            self.warnings.append(message)
            self._folder.tell(message, type="warning", level="warning")


@dataclass(frozen=True)
class Order:
    """What was asked for, and the base model that it was asked of."""

    folder: JobFolder
    spec: JobSpec
    options: LocalOptions
    recipe: wire.Recipe
    teller: Teller
    base: Path
    tokenizer: Any


@dataclass(frozen=True)
class Data:
    """The rows of a job, ready to be learned and measured.

    Attributes:
        ends: the tokens that end the assistant's turns.
    """

    train: list[Example]
    validation: list[Example]
    ends: frozenset[str]


def train(folder: JobFolder) -> int:
    """Trains as the folder's spec says; gives the number of tokens that were seen.

    Raises:
        TrainingFailure: a reason that is understood; others come as they are.
    """
    order = _read_order(folder)
    data = _read_data(order)
    choices = _choose(order, data)
    trainer, reporter = _trainer(order, data, choices)
    _learn(order, data, trainer)
    return reporter.tokens


def _read_order(folder: JobFolder) -> Order:
    spec = folder.spec()
    options = _options(spec)
    teller = Teller(folder)
    base = _fetch(folder, spec, teller)
    tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(base)
    if options.chat_template:
        tokenizer.chat_template = options.chat_template
    return Order(folder, spec, options, wire.recipe(spec, options), teller, base, tokenizer)


def _options(spec: JobSpec) -> LocalOptions:
    try:
        options = LocalOptions.model_validate(spec.options)
    except ValidationError as error:
        raise TrainingFailure("invalid_option", str(error)) from error
    fields = dataclasses.fields(import_module("trl").SFTConfig)
    wire.check_fields(options.trl, {field.name for field in fields})
    return options


def _fetch(folder: JobFolder, spec: JobSpec, teller: Teller) -> Path:
    found = weights.find(spec.model, folder.home, os.environ)
    if found.note:
        teller.warn(found.note)
    base = weights.fetch(found, folder.home, teller.say)
    teller.say(f"the base model is {spec.model}, from {base}")
    return base


def _read_data(order: Order) -> Data:
    encoder = Encoder(order.tokenizer, order.recipe.train_on, order.teller.warn)
    limit = _limit(order)
    train = _encode(order, order.spec.training_file, encoder, limit, "training data")
    file = order.spec.validation_file
    validation = _encode(order, file, encoder, limit, "validation data") if file else []
    return Data(train, validation, frozenset(encoder.ends))


def _encode(
    order: Order, file: DatasetFile, encoder: Encoder, limit: int, name: str
) -> list[Example]:
    path = uploads.path_of(file, order.folder.home)
    examples, empty = rows.encode_all(rows.read(path), encoder, limit=limit, name=name)
    if empty:
        order.teller.warn(f"{empty} row(s) of the {name} have nothing to learn and are left out")
    tokens = sum(len(example.tokens) for example in examples)
    learned = sum(example.learned for example in examples)
    order.teller.say(
        f"{name}: {len(examples)} rows, {tokens} tokens, "
        f"{learned} of them ({learned / tokens:.0%}) carry loss"
    )
    return examples


def _limit(order: Order) -> int:
    config = import_module("transformers").AutoConfig.from_pretrained(order.base)
    context: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    # A tokenizer without a limit of its own gives a number of thirty digits.
    limits: list[int | None] = [order.recipe.max_length, context, order.tokenizer.model_max_length]
    return min(limit for limit in limits if limit is not None)


def _choose(order: Order, data: Data) -> hardware.Choices:
    choices = hardware.choose(
        hardware.look(os.environ),
        order.options,
        batch_size=order.recipe.batch_size,
        rows=len(data.train),
        longest=max(len(example.tokens) for example in data.train),
    )
    settings = {**order.recipe.reasons, **choices.reasons}
    order.folder.write("choices", {"settings": settings, "warnings": order.teller.warnings})
    words = "the settings for this job and this machine are chosen; `jobs.get` shows them"
    order.folder.tell(words, type="settings", data=dict(settings))
    return choices


def _trainer(order: Order, data: Data, choices: hardware.Choices) -> tuple[Any, Reporter]:
    import_module("torch").set_num_threads(choices.threads)
    model = _model(order, choices)
    collator = loss.Collator(_padding(order.tokenizer))
    batches = _batches(data.validation, choices.micro_batch_size, collator)
    reporter = Reporter(
        order.folder,
        epochs=order.recipe.epochs,
        validate=(lambda: loss.evaluate(trainer.model, batches)) if batches else None,
    )
    try:
        trainer = loss.trainer(
            model=model,
            args=_arguments(order, choices, len(data.train)),
            train_dataset=import_module("datasets").Dataset.from_dict(loss.columns(data.train)),
            processing_class=order.tokenizer,
            data_collator=collator,
            peft_config=_adapter(order),
            callbacks=[callback(reporter)],
        )
    except (ValueError, TypeError) as error:
        raise TrainingFailure("invalid_hyperparameter", f"TRL refuses: {error}") from error
    trainer.remove_callback(import_module("transformers").PrinterCallback)
    return trainer, reporter


def _model(order: Order, choices: hardware.Choices) -> Any:
    # What is trained stays in float32; a frozen base model may have the precision of the sums.
    precision = choices.precision if order.recipe.lora else "float32"
    return import_module("transformers").AutoModelForCausalLM.from_pretrained(
        order.base,
        dtype=getattr(import_module("torch"), precision),
        use_safetensors=True,
        trust_remote_code=False,
    )


def _arguments(order: Order, choices: hardware.Choices, count: int) -> Any:
    keywords = wire.sft_config(
        order.recipe, choices, order.options, rows=count, output=order.folder.checkpoints
    )
    return import_module("trl").SFTConfig(**keywords)


def _adapter(order: Order) -> Any:
    lora = order.recipe.lora
    return import_module("peft").LoraConfig(**wire.lora_config(lora)) if lora else None


def _padding(tokenizer: Any) -> int:
    # Which token it is does not matter: it is masked and carries no label.
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(token for token in ids if token is not None)


def _batches(examples: Sequence[Example], size: int, collator: loss.Collator) -> list[loss.Batch]:
    ordered = sorted(examples, key=lambda example: len(example.tokens))
    dicts = [{"input_ids": one.tokens, "labels": one.labels} for one in ordered]
    return [collator(dicts[start : start + size]) for start in range(0, len(dicts), size)]


def _learn(order: Order, data: Data, trainer: Any) -> None:
    config = import_module("transformers").AutoConfig.from_pretrained(order.base)
    trainer.train()
    if not saving.is_finite(trainer.model):
        raise not_a_number(trainer.state.global_step)
    # Switched off for the training; a model that is served without it is slow.
    trainer.model.config.use_cache = getattr(config, "use_cache", True)
    saving.stop_at(trainer.model, order.tokenizer, data.ends)
    saving.save(trainer.model, order.tokenizer, order.folder.model)
    order.folder.tell(f"the model is in {order.folder.model}", type="model")
