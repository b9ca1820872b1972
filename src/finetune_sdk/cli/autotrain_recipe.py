"""AutoTrain's configuration file as a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from finetune_sdk import yaml_text
from finetune_sdk.autotrain import COLUMNS, TASK_OF, AutoTrainSpec, LocalSplit, Words, words
from finetune_sdk.cli.recipe import Recipe
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.types import HubDataset

_MARKS = ("task", "base_model")
_ENDINGS = (".csv", ".jsonl")
"""In AutoTrain's own order: the first one that is there."""

OWNER = "autotrain"


class AutoTrainRecipe(Recipe):
    """A recipe that was AutoTrain's own file.

    Attributes:
        notes: what is otherwise than the file says, wherever it is trained.
        lost: what is otherwise at another provider than AutoTrain.
    """

    notes: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    def warnings(self, provider: str) -> tuple[str, ...]:
        return self.notes if provider == OWNER else (*self.notes, *self.lost)


def is_one(table: Mapping[str, object]) -> bool:
    """The words are those of AutoTrain's configuration file."""
    return all(mark in table for mark in _MARKS)


def read(path: Path, text: str) -> AutoTrainRecipe:
    """The recipe of such a file; its folders are relative to the file.

    What a provider cannot do of it becomes a warning: the file was not written for it.

    Raises:
        ConfigurationError: a word is wrong, or the rows are not there or called otherwise.
        UnsupportedError: it trains no language model.
    """
    spec = AutoTrainSpec.from_yaml(text, source=str(path))
    folder = path.absolute().parent / Path(spec.data.path).expanduser()
    said = words(spec, local=folder.exists() or not spec.data.on_hub)
    _refuse_columns(said, path, text)
    return AutoTrainRecipe(
        model=said.model,
        training_data=_rows(said.training_data, path),
        validation_data=_rows(said.validation_data, path) if said.validation_data else None,
        method=said.method,
        suffix=said.suffix,
        seed=said.seed,
        options=said.options,
        strict=False,
        notes=said.notes,
        lost=said.lost,
    )


def _rows(source: HubDataset | LocalSplit, path: Path) -> str | HubDataset:
    if isinstance(source, HubDataset):
        return source
    place = path.absolute().parent / Path(source.folder).expanduser()
    if place.is_file():
        return str(place)
    found = [place / f"{source.split}{ending}" for ending in _ENDINGS]
    there = next((file for file in found if file.is_file()), None)
    if there is None:
        raise ConfigurationError(
            f"{path}: `data.path` is {source.folder!r}: there is neither "
            f"{' nor '.join(str(file) for file in found)}; a dataset of the Hub is "
            "written `owner/name`"
        )
    return str(there)


def _refuse_columns(said: Words, path: Path, text: str) -> None:
    """Rows of this machine are read by the names that everybody gives their columns."""
    if said.columns is None or isinstance(said.training_data, HubDataset):
        return
    usual = COLUMNS[said.method.name]
    wrong = {word: column for word, column in said.columns.items() if usual.get(word) != column}
    word, column = next(iter(wrong.items()))
    line = yaml_text.line_of(text, ("data", "column_mapping", word))
    wanted = f"rename it to `{usual[word]}`" if word in usual else "leave it out"
    raise ConfigurationError(
        f"{path}:{line}: `data.column_mapping.{word}` is {column!r}: {wanted}, in the rows and "
        f"here; `{TASK_OF[said.method.name]}` reads rows here as `finetune data check` knows them"
    )
