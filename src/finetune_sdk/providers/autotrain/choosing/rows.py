"""Rows as they lie on the Hub: ours, and those of a dataset that was there before."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from finetune_sdk.errors import DatasetFileError, FineTuneError, NotFoundError
from finetune_sdk.providers.autotrain.choosing import splits
from finetune_sdk.providers.autotrain.hub import Hub, repos
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import NOT_SENT, DatasetFile

PREFIX = "finetune-"
"""Of the names of our datasets: others of the namespace are left alone."""

ROWS = "rows.jsonl"
"""The file of a dataset that was made here; the data viewer of the Hub reads it, too."""

_LOOKED_INTO = 20 * 1024 * 1024
"""Bytes of a file that is fetched to see its columns."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Where rows lie.

    Attributes:
        repo: a dataset of the Hub.
        revision: its commit.
        file: of a dataset that was made here; None lets `datasets` find them.
        config: the subset, else.
        split: the part of it, else.
        bytes: of the rows, where known.
        columns: their names, where they could be looked at.
    """

    repo: str
    revision: str
    file: str | None = None
    config: str | None = None
    split: str = "train"
    bytes: int | None = None
    columns: tuple[str, ...] | None = None

    def told(self) -> dict[str, str | None]:
        """As the program in the container takes it."""
        if self.file is not None:
            return {"repo": self.repo, "file": self.file, "revision": self.revision}
        return {
            "repo": self.repo,
            "config": self.config,
            "split": self.split,
            "revision": self.revision,
        }


def look(hub: Hub, file: DatasetFile) -> Rows | None:
    """The rows of a file, pinned to the commit that is there now; None for what is not sent yet.

    Raises:
        DatasetFileError: the Hub has no such dataset, or does not show it to this token; or there
            are no such rows in it.
    """
    if file.id == NOT_SENT.id:
        return None
    repo, words = parts(file.id)
    try:
        info: Any = hub.ask(
            "read",
            lambda api: api.dataset_info(repo, revision=words.get("revision"), files_metadata=True),
            what=f"the dataset {repo!r}",
        )
    except NotFoundError as error:
        raise DatasetFileError(str(error), code=error.code) from None
    sizes = repos.sizes(info)
    if ROWS in sizes and made_here(file.id):
        return Rows(repo=repo, revision=str(info.sha), file=ROWS, bytes=sizes[ROWS])
    held = _held(info, list(sizes), words)
    # Of several files the first may be that of another subset.
    seen = held if len(held) == 1 or not _is_free(info, words) else ()
    return Rows(
        repo=repo,
        revision=str(info.sha),
        config=words.get("config"),
        split=words.get("split", "train"),
        bytes=sum(splits.size(name, sizes[name]) for name in held) or None,
        columns=_declared(info, words.get("config")) or _seen(hub, info, _readable(seen, sizes)),
    )


def made_here(file_id: str) -> bool:
    """Whether a dataset has the name of one of ours, whoever's it is."""
    repo, words = parts(file_id)
    return not words and repo.rpartition("/")[2].startswith(PREFIX)


def parts(file_id: str) -> tuple[str, Mapping[str, str]]:
    """The dataset of a file's id, and what else it says: `alice/rows?split=test`."""
    repo, _, query = file_id.partition("?")
    return repo, dict(parse_qsl(query))


def check_columns(rows: Rows, wanted: Sequence[str]) -> str | None:
    """Holds the columns against those that the job reads; gives a warning where nobody can see.

    Raises:
        DatasetFileError: one is missing.
    """
    if rows.file is not None:
        return None
    if rows.columns is None:
        return (
            f"the columns of {rows.repo!r} could not be looked at; the job needs "
            f"{', '.join(f'`{name}`' for name in wanted)}"
        )
    missing = [f"`{name}`" for name in wanted if name not in rows.columns]
    if missing:
        raise DatasetFileError(
            f"{NAME}: the dataset {rows.repo!r} ({rows.split}) has no column "
            f"{' and no '.join(missing)}; it has {repos.told(rows.columns)}. "
            "Say which is which by `options=[AutoTrainOptions(columns={...})]`, or rename them; "
            "nothing was started",
            code="missing_column",
        )
    return None


def _held(info: Any, names: Sequence[str], words: Mapping[str, str]) -> tuple[str, ...]:
    """The files of the split, as far as their names tell.

    Raises:
        DatasetFileError: there are none.
    """
    split, there = words.get("split", "train"), splits.found(names)
    if not there and "configs" not in repos.card(info):
        raise DatasetFileError(
            f"{NAME}: the dataset {str(info.id)!r:.120} has no files of rows at its commit "
            f"{str(info.sha)[:7]}; nothing was started",
            code="no_rows",
        )
    wanted = splits.wanted(split, there)
    if not _is_free(info, words) and (missing := [one for one in wanted if one not in there]):
        raise DatasetFileError(
            f"{NAME}: the dataset {str(info.id)!r:.120} has no split {missing[0]!r:.80}; by the "
            f"names of its files it has {repos.told(sorted(there))}. Say one of them, as in "
            f"`split={min(there)!r:.80}`; nothing was started",
            code="no_split",
        )
    return tuple(name for one in wanted for name in there.get(one, ()))


def _is_free(info: Any, words: Mapping[str, str]) -> bool:
    """Whether the split may have other files than names tell: those of a subset, or of the card."""
    return "config" in words or "configs" in repos.card(info)


def _readable(held: Sequence[str], sizes: Mapping[str, int]) -> str | None:
    """A file whose first line tells the columns."""
    lines = (".jsonl", ".ndjson", ".csv")
    fit = (name for name in held if name.endswith(lines) and sizes[name] <= _LOOKED_INTO)
    return next(fit, None)


def _seen(hub: Hub, info: Any, name: str | None) -> tuple[str, ...] | None:
    if name is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = hub.ask(
                "read",
                lambda api: api.hf_hub_download(
                    info.id, name, repo_type="dataset", revision=info.sha, local_dir=folder
                ),
                what=f"the dataset {str(info.id)!r:.120}",
                largest=None,
            )
        except FineTuneError:
            return None
        return _first(Path(path))


def _declared(info: Any, config: str | None) -> tuple[str, ...] | None:
    """The columns that the dataset's card tells of."""
    about = repos.card(info).get("dataset_info")
    several = cast("list[object]", about) if isinstance(about, list) else [about]
    tables = [cast("Mapping[str, object]", one) for one in several if isinstance(one, Mapping)]
    for one in tables:
        features = one.get("features")
        if config in (None, one.get("config_name")) and isinstance(features, list):
            return _names(cast("list[object]", features))
    return None


def _names(features: Sequence[object]) -> tuple[str, ...] | None:
    tables = [cast("Mapping[str, object]", one) for one in features if isinstance(one, Mapping)]
    found = [table.get("name") for table in tables]
    return tuple(name for name in found if isinstance(name, str)) or None


def _first(path: Path) -> tuple[str, ...] | None:
    """The columns of the first row of a file."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            if path.suffix == ".csv":
                return tuple(next(csv.reader(file), ())) or None
            row: object = json.loads(file.readline(1024 * 1024))
        except (ValueError, RecursionError, csv.Error):
            return None
    return tuple(cast("dict[str, object]", row)) if isinstance(row, dict) else None
