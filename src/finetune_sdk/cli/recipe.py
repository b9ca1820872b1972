"""A recipe: a YAML or TOML file with the words of `jobs.create`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from finetune_sdk import yaml_text
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.providers import registry
from finetune_sdk.resources import plain
from finetune_sdk.types import (
    DatasetFile,
    HubDataset,
    Job,
    Method,
    MethodName,
    Plan,
    ProviderOptions,
    parse_handle,
)

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient

Where = Callable[[Sequence[str]], str]
"""The place of a word in the text, to be put after the source's name; empty where not known."""


def _nowhere(_: Sequence[str]) -> str:
    return ""


def _typed(method: object) -> object:
    """A table that does not say which method it is means the one that needs no saying."""
    if not isinstance(method, dict):
        return method
    table = cast("dict[str, object]", method)
    return table if "type" in table else {"type": MethodName.SUPERVISED.value, **table}


class Recipe(BaseModel):
    """What `jobs.create` is told.

    Attributes:
        method: a table with its `type`; `supervised` by default.
        training_data: a file, relative to the recipe; or `{id: ...}` of one that the provider has,
            with `split`, `config` or `revision` of one on the Hub.
        options: by provider, what it alone knows; entries for others are passed over.
        allow: codes of findings to live with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str
    training_data: str | DatasetFile | HubDataset
    validation_data: str | DatasetFile | HubDataset | None = None
    method: Annotated[Method | None, BeforeValidator(_typed)] = None
    suffix: str | None = None
    seed: int | None = None
    metadata: dict[str, str] | None = None
    max_cost: float | None = None
    options: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    idempotency_key: str | None = None
    allow: tuple[str, ...] = ()
    strict: bool = True

    def warnings(self, provider: str) -> tuple[str, ...]:
        """What is otherwise at this provider than the file says."""
        del provider
        return ()


def load(path: Path, *, model: str | None = None) -> Recipe:
    """Reads a recipe file, or AutoTrain's own; its paths come out relative to nothing.

    Args:
        path: of the file.
        model: instead of the recipe's own.

    Raises:
        ConfigurationError: it cannot be read, or a word in it is wrong.
    """
    text = _text(path)
    table = _table(path, text)
    recipe = _of_autotrain(path, text, table)
    if recipe is None:
        recipe = of_table(table, source=str(path), where=_lines_of(path, text))
    places = {
        "model": _placed(recipe.model, path) if recipe.model[:2] in ("./", "..") else recipe.model,
        "training_data": _placed(recipe.training_data, path),
        "validation_data": _placed(recipe.validation_data, path),
    }
    if model is not None:
        places["model"] = model
    return recipe.model_copy(update=places)


def of_table(table: Mapping[str, object], *, source: str, where: Where = _nowhere) -> Recipe:
    """A recipe of its words.

    Args:
        table: the words.
        source: what they came from, for messages.
        where: knows the place of each in it.

    Raises:
        ConfigurationError: one of them is wrong; names it and `source`.
    """
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        told = plain.faults(error, Recipe).items()
    raise ConfigurationError("\n".join(f"{source}{where(path)}: {fault}" for path, fault in told))


def create(client: FineTuneClient, recipe: Recipe) -> Job:
    """Creates the recipe's job."""
    job = client.jobs.create(**words(client, recipe))
    told = recipe.warnings(client.provider.name)
    return job.model_copy(update={"warnings": (*told, *job.warnings)})


def plan(client: FineTuneClient, recipe: Recipe) -> Plan:
    """Plans the recipe's job."""
    made = client.jobs.plan(**words(client, recipe))
    told = recipe.warnings(client.provider.name)
    return made.model_copy(update={"warnings": (*told, *made.warnings)})


class Words(TypedDict):
    """The words that `jobs.create` and `jobs.plan` share."""

    model: str | Job
    training_data: str | DatasetFile | HubDataset
    validation_data: str | DatasetFile | HubDataset | None
    method: Method | None
    suffix: str | None
    seed: int | None
    metadata: dict[str, str] | None
    max_cost: float | None
    options: list[ProviderOptions]
    idempotency_key: str | None
    allow: tuple[str, ...]
    strict: bool


def words(client: FineTuneClient, recipe: Recipe) -> Words:
    """The recipe as the client takes it."""
    kind = client.provider.capabilities.options
    return {
        "model": _base(client, recipe.model),
        "training_data": recipe.training_data,
        "validation_data": recipe.validation_data,
        "method": recipe.method,
        "suffix": recipe.suffix,
        "seed": recipe.seed,
        "metadata": recipe.metadata,
        "max_cost": recipe.max_cost,
        "options": options_for(client, recipe.options, kind),
        "idempotency_key": recipe.idempotency_key,
        "allow": recipe.allow,
        "strict": recipe.strict,
    }


def options_for(
    client: FineTuneClient,
    tables: Mapping[str, Mapping[str, object]],
    kind: type[ProviderOptions] | None,
) -> list[ProviderOptions]:
    """The client's own part of the options, typed.

    Raises:
        ConfigurationError: a provider is unknown, or a field or its value is wrong.
    """
    for name in tables:
        if name not in registry.names():
            near = did_you_mean(name, registry.names())
            raise ConfigurationError(f"`options.{name}` names no provider that is installed{near}")
    own = client.provider.name
    if not tables.get(own):
        return []
    if kind is None:
        raise ConfigurationError(f"the provider {own!r} has no options of its own for this")
    try:
        return [kind.model_validate(tables[own])]
    except ValidationError as error:
        raise plain.wrong(error, kind, f"options of {own!r}") from None


def _base(client: FineTuneClient, model: str) -> str | Job:
    try:
        owner = parse_handle(model).owner
    except ValueError:
        return model
    return client.jobs.get(model) if owner == client.profile else model


def _of_autotrain(path: Path, text: str, table: Mapping[str, object]) -> Recipe | None:
    from finetune_sdk.cli import autotrain_recipe

    if path.suffix == ".toml" or not autotrain_recipe.is_one(table):
        return None
    return autotrain_recipe.read(path, text)


def _placed(
    value: str | DatasetFile | HubDataset | None, recipe: Path
) -> str | DatasetFile | HubDataset | None:
    if not isinstance(value, str):
        return value
    return str(recipe.absolute().parent / Path(value).expanduser())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text; save it as UTF-8") from None


def _table(path: Path, text: str) -> dict[str, object]:
    value = _parsed(path, text)
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: holds no words of a job; write `model: ...` and more")
    return cast("dict[str, object]", value)


def _lines_of(path: Path, text: str) -> Where:
    # The parser of TOML tells no lines.
    if path.suffix == ".toml":
        return _nowhere

    def where(keys: Sequence[str]) -> str:
        line = yaml_text.line_of(text, keys)
        return f":{line}" if line else ""

    return where


def _parsed(path: Path, text: str) -> object:
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path}: no valid TOML: {error}") from None
    if path.suffix in (".yaml", ".yml"):
        return yaml_text.read(text, source=str(path))
    raise ConfigurationError(f"{path}: a recipe ends in `.yaml`, `.yml` or `.toml`")
