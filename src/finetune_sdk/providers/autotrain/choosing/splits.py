"""Which files of a dataset hold the rows of a split, told by their names. Pure, no I/O.

`datasets` goes by names where the card says nothing: shards in `data`, else words in the path, else
all files are `train` (hf.co/docs/hub/datasets-file-names-and-splits).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

_KINDS: Mapping[str, int] = MappingProxyType(
    {".jsonl": 1, ".ndjson": 1, ".json": 1, ".csv": 1, ".tsv": 1, ".txt": 1, ".parquet": 3}
)
"""Files of rows, and how many times as much they are as JSON lines: Parquet is packed."""

_PACKED, _UNPACKED = (".gz", ".zst", ".xz", ".bz2"), 5
"""What text comes packed as, and about how many times as much it was."""

_ABOUT = re.compile(
    r".*\.(?:md|py|png|svg)|LICENSE.*|config\.json|dataset_(?:infos?|dict)\.json", re.IGNORECASE
)
_SHARD = re.compile(r"data/([^/]{1,200})-\d{5}-of-\d{5}[^/]*")
_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": ("train", "training"),
        "validation": ("validation", "valid", "dev", "val"),
        "test": ("test", "testing", "eval", "evaluation"),
    }
)
"""The splits that `datasets` tells by words in a path."""

_ALL = "train"


def size(name: str, there: int) -> int:
    """Bytes of a file's rows as JSON lines, about; 0 of what has no known kind."""
    plain, packed = name, 1
    for end in _PACKED:
        if name.endswith(end):
            plain, packed = name.removesuffix(end), _UNPACKED
    return there * packed * _KINDS.get(f".{plain.rpartition('.')[2]}", 0)


def found(names: Iterable[str]) -> Mapping[str, list[str]]:
    """The splits that are there, each with its files."""
    held = [name for name in names if not _is_about(name)]
    shards = [(shard[1], name) for name in held if (shard := _SHARD.fullmatch(name))]
    told = shards or [(split, name) for name in held for split in _told(name)]
    groups: dict[str, list[str]] = {}
    for split, name in told or [(_ALL, name) for name in held]:
        groups.setdefault(split, []).append(name)
    return groups


def wanted(split: str, there: Iterable[str]) -> Sequence[str]:
    """The splits that an expression of `datasets` is made of, as `train[:10%]+test` is."""
    if split == "all":
        return sorted(there)
    return [one.partition("[")[0].strip() for one in split.split("+")]


def _is_about(name: str) -> bool:
    """Whether a file tells of a dataset, or shows something, and has no rows in it."""
    parts = name.split("/")
    return any(part.startswith(".") for part in parts) or _ABOUT.fullmatch(parts[-1]) is not None


def _told(name: str) -> Iterator[str]:
    words = set(re.split(r"[-._ 0-9/]+", name))
    # Settings of a training are no rows, though `datasets` has the word for them.
    if not {"training", "args"} <= words:
        yield from (split for split, known in _WORDS.items() if words.intersection(known))
