"""Which files a dataset's card names for a split. Pure, no I/O.

The head of `README.md` may have `configs`, a table for each subset, with `data_files`: a pattern,
several, or a list of tables with `split` and `path` (hf.co/docs/hub/datasets-manual-configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

_DEFAULT, _TRAIN = "default", "train"
_SIGNS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def files(
    card: Mapping[str, object], names: Sequence[str], *, config: str | None, split: str
) -> list[str] | None:
    """The files of a split in the order of the card; None where it does not say.

    Args:
        card: what it says for programs.
        names: of the files that are there.
        config: the subset; None is the one that is read where none is named.
        split: the rows of it.
    """
    subset = _subset([*_tables(card.get("configs"))], config)
    told = subset.get("data_files")
    if told is None:
        return None
    folder = str(subset.get("data_dir") or "").strip("/")
    wanted = [f"{folder}/{one}" if folder else one for one in _paths(told, split)]
    return [name for one in wanted for name in names if _pattern(one).fullmatch(name)]


def _subset(subsets: Sequence[Mapping[str, object]], config: str | None) -> Mapping[str, object]:
    """The subset of that name, or the one that is read without a name; empty where none is."""
    if config is None and len(subsets) == 1:
        return subsets[0]
    for one in subsets:
        name = one.get("config_name", _DEFAULT)
        if name == (config or _DEFAULT) or (config is None and one.get("default") is True):
            return one
    return {}


def _paths(told: object, split: str) -> Iterator[str]:
    if isinstance(told, str):
        yield from (told,) if split == _TRAIN else ()
        return
    several = cast("list[object]", told) if isinstance(told, list) else []
    for one in several:
        if isinstance(one, str) and split == _TRAIN:
            yield one
    for table in _tables(several):
        if table.get("split") == split:
            yield from _strings(table.get("path"))


def _strings(value: object) -> Iterator[str]:
    several = cast("list[object]", value) if isinstance(value, list) else [value]
    return (one for one in several if isinstance(one, str))


def _tables(value: object) -> Iterator[Mapping[str, object]]:
    several: Iterable[object] = cast("list[object]", value) if isinstance(value, list) else ()
    return (cast("Mapping[str, object]", one) for one in several if isinstance(one, Mapping))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", path.removeprefix("./"))
    return re.compile("".join(_SIGNS.get(part, re.escape(part)) for part in parts))
