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
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training import hardware, loss, rows, saving, wire
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.reporting import Reporter, callback, not_a_number
from finetune_sdk.providers.local.training.rows import Encoder, Example
from finetune_sdk.types import DatasetFile, JobSpec


class Teller:
    """Says each thing once: as an event, and again in the job's warnings."""

    def __init__(self, folder: JobFolder) -> None:
        self._folder = folder
        self.warnings: list[str] = []

    def say(self, message: str) -> None:
        """Something that is under way."""
        self._folder.tell(message)

    def warn(self, message: str) -> None:
        """Something that the caller should know."""
        if message not in self.warnings:
            self.warnings.append(message)
            self._folder.tell(message, type="warning", level="warning")


@dataclass(frozen=True)
class Data:
    """The rows of a job, ready to be learned and measured."""

    train: list[Example]
    validation: list[Example]
    ends: frozenset[str]


@dataclass(frozen=True)
class Plan:
    """All that is settled before the first step."""

    base: Path
    recipe: wire.Recipe
    choices: hardware.Choices
    data: Data
    config: dict[str, object]


def train(folder: JobFolder) -> int:
    """Trains as the folder's spec says; gives the number of tokens that were seen.

    Raises:
        TrainingFailure: a reason that is understood; others come as they are.
    """
    teller = Teller(folder)
    spec = folder.spec()
    options = _options(spec)
    base, tokenizer = _base(folder, spec, options, teller)
    plan = _plan(folder, spec, options, base, tokenizer, teller)
    return _learn(folder, plan, tokenizer)


def _options(spec: JobSpec) -> LocalOptions:
    try:
        options = LocalOptions.model_validate(spec.options)
    except ValidationError as error:
        raise TrainingFailure("invalid_option", str(error)) from error
    fields = dataclasses.fields(import_module("trl").SFTConfig)
    wire.check_fields(options.trl, {field.name for field in fields})
    return options


def _base(
    folder: JobFolder, spec: JobSpec, options: LocalOptions, teller: Teller
) -> tuple[Path, Any]:
    found = weights.find(spec.model, folder.home, os.environ)
    if found.note:
        teller.warn(found.note)
    base = weights.fetch(found, folder.home, teller.say)
    teller.say(f"the base model is {spec.model}, from {base}")
    tokenizer = import_module("transformers").AutoTokenizer.from_pretrained(base)
    if options.chat_template:
        tokenizer.chat_template = options.chat_template
    return base, tokenizer


def _plan(
    folder: JobFolder,
    spec: JobSpec,
    options: LocalOptions,
    base: Path,
    tokenizer: Any,
    teller: Teller,
) -> Plan:
    recipe = wire.recipe(spec, options)
    data = _data(folder, spec, recipe, base, tokenizer, teller)
    machine = hardware.look(os.environ)
    choices = hardware.choose(
        machine,
        options,
        batch_size=recipe.batch_size,
        rows=len(data.train),
        longest=max(len(example.tokens) for example in data.train),
    )
    config = wire.sft_config(
        recipe,
        choices,
        options,
        rows=len(data.train),
        cpu=machine.device == "cpu",
        output=folder.checkpoints,
    )
    settings = {**recipe.reasons, **choices.reasons}
    folder.write("choices", {"settings": settings, "warnings": teller.warnings})
    words = "; ".join(f"{name}: {value}" for name, value in settings.items())
    folder.tell(f"chosen for this job and this machine: {words}", type="settings")
    return Plan(base, recipe, choices, data, config)


def _data(
    folder: JobFolder,
    spec: JobSpec,
    recipe: wire.Recipe,
    base: Path,
    tokenizer: Any,
    teller: Teller,
) -> Data:
    encoder = Encoder(tokenizer, recipe.train_on, teller.warn)
    limit = _limit(recipe, base, tokenizer)
    train = _encode(folder, spec.training_file, encoder, limit, "training data", teller)
    validation: list[Example] = []
    if spec.validation_file is not None:
        validation = _encode(
            folder, spec.validation_file, encoder, limit, "validation data", teller
        )
    return Data(train, validation, frozenset(encoder.ends))


def _encode(
    folder: JobFolder,
    file: DatasetFile,
    encoder: Encoder,
    limit: int,
    name: str,
    teller: Teller,
) -> list[Example]:
    path = uploads.path_of(file, folder.home)
    examples, empty = rows.encode_all(rows.read(path), encoder, limit=limit, name=name)
    if empty:
        teller.warn(f"{empty} row(s) of the {name} have nothing to learn and are left out")
    tokens = sum(len(example.tokens) for example in examples)
    learned = sum(example.learned for example in examples)
    teller.say(
        f"{name}: {len(examples)} rows, {tokens} tokens, "
        f"{learned} of them ({learned / tokens:.0%}) carry loss"
    )
    return examples


def _limit(recipe: wire.Recipe, base: Path, tokenizer: Any) -> int:
    config = import_module("transformers").AutoConfig.from_pretrained(base).get_text_config()
    # Tokenizers without a limit of their own give a number with thirty digits.
    limits = [
        recipe.max_length,
        getattr(config, "max_position_embeddings", None),
        tokenizer.model_max_length,
    ]
    return min(limit for limit in limits if limit is not None)


def _learn(folder: JobFolder, plan: Plan, tokenizer: Any) -> int:
    import_module("torch").set_num_threads(plan.choices.threads)
    trainer, reporter = _trainer(folder, plan, tokenizer)
    use_cache = trainer.model.config.use_cache
    trainer.train()
    if not saving.is_finite(trainer.model):
        raise not_a_number(trainer.state.global_step)
    # Switched off for the training, and a served model without it is slow.
    trainer.model.config.use_cache = use_cache
    saving.stop_at(trainer.model, tokenizer, plan.data.ends)
    saving.save(trainer.model, tokenizer, folder.model)
    folder.tell(f"the model is in {folder.model}", type="model")
    return reporter.tokens


def _trainer(folder: JobFolder, plan: Plan, tokenizer: Any) -> tuple[Any, Reporter]:
    model = _model(plan)
    collator = loss.Collator(_padding(tokenizer))
    batches = _batches(plan.data.validation, plan.choices.micro_batch_size, collator)
    reporter = Reporter(
        folder,
        epochs=plan.recipe.epochs,
        validate=(lambda: loss.evaluate(trainer.model, batches)) if batches else None,
    )
    try:
        trainer = loss.trainer(
            model=model,
            args=_arguments(plan),
            train_dataset=import_module("datasets").Dataset.from_dict(
                loss.columns(plan.data.train)
            ),
            processing_class=tokenizer,
            data_collator=collator,
            peft_config=_adapter(plan),
            callbacks=[callback(reporter)],
        )
    except ValueError as error:
        raise TrainingFailure("invalid_hyperparameter", f"TRL refuses: {error}") from error
    trainer.remove_callback(import_module("transformers").PrinterCallback)
    return trainer, reporter


def _model(plan: Plan) -> Any:
    # What is trained stays in float32; a frozen base model may have the precision of the sums.
    precision = plan.choices.precision if plan.recipe.lora else "float32"
    return import_module("transformers").AutoModelForCausalLM.from_pretrained(
        plan.base,
        dtype=getattr(import_module("torch"), precision),
        use_safetensors=True,
        trust_remote_code=False,
    )


def _arguments(plan: Plan) -> Any:
    try:
        return import_module("trl").SFTConfig(**plan.config)
    except (ValueError, TypeError) as error:
        raise TrainingFailure("invalid_hyperparameter", f"TRL refuses: {error}") from error


def _adapter(plan: Plan) -> Any:
    lora = plan.recipe.lora
    return import_module("peft").LoraConfig(**wire.lora_config(lora)) if lora else None


def _padding(tokenizer: Any) -> int:
    # Which token it is does not matter: it is masked and carries no label.
    ids = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(token for token in ids if token is not None)


def _batches(examples: Sequence[Example], size: int, collator: loss.Collator) -> list[loss.Batch]:
    ordered = sorted(examples, key=lambda example: len(example.tokens))
    dicts = [{"input_ids": one.tokens, "labels": one.labels} for one in ordered]
    return [collator(dicts[start : start + size]) for start in range(0, len(dicts), size)]
