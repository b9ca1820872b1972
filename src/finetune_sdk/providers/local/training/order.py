"""What a job asks for, read from its folder, and the base model that it asks it of."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from finetune_sdk.errors import UnsupportedError
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created
from finetune_sdk.providers.local.jobs.team import Team
from finetune_sdk.providers.local.models import weights
from finetune_sdk.providers.local.options import LocalOptions, Parallel
from finetune_sdk.providers.local.training import ranks
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.recipe import Recipe, recipe
from finetune_sdk.types import JobSpec


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
    """What was asked for, and the base model that it was asked of.

    Attributes:
        processes: that train together.
        parallel: how they keep the model, where that was settled when the job was made.
    """

    folder: JobFolder
    spec: JobSpec
    options: LocalOptions
    recipe: Recipe
    teller: Teller
    base: Path
    tokenizer: Any
    processes: int = 1
    parallel: Parallel | None = None

    def limit(self) -> int:
        """Tokens that a row may have: by the method, the model and its tokenizer."""
        config = import_module("transformers").AutoConfig.from_pretrained(
            self.base, trust_remote_code=False
        )
        context: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
        # A tokenizer without a limit of its own gives a number of thirty digits.
        limits: list[int | None] = [
            self.recipe.max_length,
            context,
            self.tokenizer.model_max_length,
        ]
        return min(limit for limit in limits if limit is not None)


def read_order(folder: JobFolder) -> Order:
    """Reads the job's folder, and fetches the base model where it is not here yet.

    Raises:
        TrainingFailure: an option is wrong.
        FineTuneError: the base model cannot be had.
    """
    spec = folder.spec()
    options = options_of(spec)
    teller = Teller(folder)
    base = _fetch(folder, spec, teller)
    tokenizer = read_tokenizer(base, options)
    team = Team.of(folder)
    return Order(
        folder,
        spec,
        options,
        recipe(spec, options),
        teller,
        base,
        tokenizer,
        processes=ranks.world(),
        parallel=team.parallel if team else None,
    )


def read_tokenizer(folder: Path, options: LocalOptions) -> Any:
    """The tokenizer in a model's folder, with the chat template that the job asks for.

    Raises:
        UnsupportedError: it needs code of its own.
    """
    _check_code(folder / "tokenizer_config.json")
    auto = import_module("transformers").AutoTokenizer
    found = auto.from_pretrained(folder, trust_remote_code=False)
    if options.chat_template:
        found.chat_template = options.chat_template
    return found


def _check_code(config: Path) -> None:
    try:
        content: object = json.loads(config.read_bytes())
    except (OSError, ValueError):  # transformers tells what it makes of it
        return
    if isinstance(content, dict) and "auto_map" in content:
        raise UnsupportedError(
            f"the tokenizer in {str(config.parent)!r} brings code of its own (`auto_map` in its "
            "tokenizer_config.json), and `trust_remote_code` is off here and cannot be switched "
            "on; choose a model that transformers knows by itself"
        )


def options_of(spec: JobSpec) -> LocalOptions:
    """The options of a job.

    Raises:
        TrainingFailure: one is wrong.
    """
    try:
        return LocalOptions.model_validate(spec.options)
    except ValidationError as error:
        raise TrainingFailure("invalid_option", str(error)) from error


def _fetch(folder: JobFolder, spec: JobSpec, teller: Teller) -> Path:
    found = weights.find(spec.model, folder.home, os.environ)
    if found.note:
        teller.warn(found.note)
    base = weights.fetch(found, folder.home, teller.say)
    teller.say(f"the base model is {spec.model}, from {base}")
    return base
