"""Rows of a dataset of the Hub, brought here as JSON lines."""

from __future__ import annotations

import shutil
import tempfile
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from finetune_sdk import datasets
from finetune_sdk.errors import DatasetError, UnsupportedError
from finetune_sdk.providers.autotrain.choosing import cards, splits
from finetune_sdk.providers.autotrain.choosing.rows import parts
from finetune_sdk.providers.autotrain.hub import Hub, repos, stack
from finetune_sdk.providers.autotrain.settings import NAME

_SECONDS = 3600.0
_LINES, _OTHERS = (".jsonl", ".ndjson"), (".json", ".csv", ".tsv", ".parquet")
_PACKED = (".gz", ".zst")


def fetch(hub: Hub, file_id: str, path: Path) -> None:
    """Writes the rows of a split to `path`, each as it lies there.

    Raises:
        NotFoundError: the Hub has no such dataset, or does not show it to this token.
        PermissionDeniedError: its files are given to those alone who were let in.
        UnsupportedError: nobody can tell its files by their names, or read them as rows.
    """
    repo, words = parts(file_id)
    info: Any = hub.ask(
        "read",
        lambda api: api.dataset_info(repo, revision=words.get("revision")),
        what=f"the dataset {repo!r}",
    )
    split, config = words.get("split", "train"), words.get("config")
    names = _files(info, split, config)
    repos.check_names(repo, names)
    with path.open("wb") as target:
        for name in names:
            _bring(hub, info, name, target)


def _files(info: Any, split: str, config: str | None) -> Sequence[str]:
    """The files of the split, all of which can be read.

    Raises:
        UnsupportedError: there are none, or one cannot.
    """
    there = repos.names(info)
    named = cards.files(repos.card(info), there, config=config, split=split)
    # Names tell nothing of a subset.
    found = _told(there, split) if named is None and config is None else named or []
    if not found:
        shown = f"{split} of {config}" if config else split
        raise _stays(info, f"which of its files are `{shown:.80}` is not told by their names")
    strange = next((name for name in found if not _is_rows(name)), None)
    if strange is not None:
        raise _stays(info, f"{strange!r:.120} is in no format that is read here")
    return found


def _told(names: Sequence[str], split: str) -> Sequence[str]:
    """The files of all parts of a split; none where one of them is not there, or cut."""
    there = splits.found(names)
    wanted = splits.wanted(split, there)
    if "[" in split or not there.keys() >= set(wanted):
        return ()
    return [name for one in wanted for name in there[one]]


def _is_rows(name: str) -> bool:
    return PurePosixPath(_plain(name)).suffix in (*_LINES, *_OTHERS)


def _plain(name: str) -> str:
    end = next((end for end in _PACKED if name.endswith(end)), "")
    return name.removesuffix(end)


def _bring(hub: Hub, info: Any, name: str, target: BinaryIO) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = hub.ask(
            "read",
            lambda api: api.hf_hub_download(
                info.id,
                name,
                repo_type="dataset",
                revision=info.sha,
                local_dir=folder,
                tqdm_class=stack.silent(),
            ),
            what=f"the dataset {str(info.id)!r:.120}",
            seconds=_SECONDS,
            largest=None,
        )
        _add(info, name, Path(found), target)


def _add(info: Any, name: str, source: Path, target: BinaryIO) -> None:
    if name.endswith(_LINES):
        # As they are, to the last byte.
        with source.open("rb") as file:
            # Behind other rows, the mark would be part of one.
            if (head := file.read(len(BOM_UTF8))) != BOM_UTF8:
                target.write(head)
            shutil.copyfileobj(file, target)
            _end_line(file, target)
        return
    try:
        target.writelines(line + b"\n" for line in datasets.load(source).lines())
    except DatasetError as error:
        why = str(error).replace(str(source), name)
        raise _stays(info, f"{name!r:.120} cannot be read: {why}") from None


def _end_line(file: BinaryIO, target: BinaryIO) -> None:
    """The last line of a file may have no end, and another file may follow."""
    if file.tell():
        file.seek(-1, 2)
        if file.read(1) != b"\n":
            target.write(b"\n")


def _stays(info: Any, why: str) -> UnsupportedError:
    repo = str(info.id)
    return UnsupportedError(
        f"{NAME}: the rows are the dataset {repo!r:.120} of the Hub, and {why}; they stay there: "
        f"`hf download --repo-type dataset {repo:.120}` brings its files"
    )
