"""Rows as they lie on the Hub: ours, and those of a dataset that was there before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl

from finetune_sdk.errors import DatasetFileError, FineTuneError, NotFoundError
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
        DatasetFileError: the Hub has no such dataset, or does not show it to this token.
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
    split = words.get("split", "train")
    return Rows(
        repo=repo,
        revision=str(info.sha),
        config=words.get("config"),
        split=split,
        bytes=_bytes(sizes, split),
        columns=_columns(hub, info, sizes, words),
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
            f"{' and no '.join(missing)}; it has {', '.join(f'`{one}`' for one in rows.columns)}. "
            "Say which is which by `options=[AutoTrainOptions(columns={...})]`, or rename them; "
            "nothing was started",
            code="missing_column",
        )
    return None


def _bytes(sizes: Mapping[str, int], split: str) -> int | None:
    """Of the split's files. Parquet is packed, so that there are about three times as many."""
    total = 0
    for name, size in sizes.items():
        if _is_of(name, split) and name.endswith((".jsonl", ".json", ".csv", ".parquet")):
            total += size * (3 if name.endswith(".parquet") else 1)
    return total or None


def _is_of(name: str, split: str) -> bool:
    stem = name.rpartition("/")[2]
    return stem.startswith(split) or f"/{split}/" in f"/{name}"


def _columns(
    hub: Hub, info: Any, sizes: Mapping[str, int], words: Mapping[str, str]
) -> tuple[str, ...] | None:
    if declared := _declared(info, words.get("config")):
        return declared
    split = words.get("split", "train")
    files = [
        name
        for name, size in sizes.items()
        if _is_of(name, split) and name.endswith((".jsonl", ".csv")) and size <= _LOOKED_INTO
    ]
    if not files:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = hub.ask(
                "read",
                lambda api: api.hf_hub_download(
                    info.id, files[0], repo_type="dataset", revision=info.sha, local_dir=folder
                ),
                what=f"the dataset {info.id!r}",
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
    with path.open(encoding="utf-8", errors="replace") as file:
        line = file.readline(1024 * 1024)
    if path.suffix == ".csv":
        return tuple(name.strip().strip('"') for name in line.rstrip("\r\n").split(","))
    try:
        row: object = json.loads(line)
    except ValueError:
        return None
    return tuple(cast("dict[str, object]", row)) if isinstance(row, dict) else None
