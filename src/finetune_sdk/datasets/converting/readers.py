"""A row of any format as one of the four that are judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from finetune_sdk.datasets.converting import alpaca, completion, sharegpt
from finetune_sdk.datasets.converting.places import Turned
from finetune_sdk.datasets.read import Row
from finetune_sdk.types.dataset import RowFormat

Reader = Callable[[Row], Turned]

_READERS: Mapping[RowFormat, Reader] = MappingProxyType(
    {"sharegpt": sharegpt.read, "alpaca": alpaca.read, "completion": completion.read}
)
_BASES: Mapping[RowFormat, RowFormat] = MappingProxyType(
    {**dict.fromkeys(_READERS, "chat"), "preference_trl": "preference"}
)
FOREIGN: frozenset[RowFormat] = frozenset(_READERS)
"""The formats that are read as another one."""


def base_of(source: RowFormat) -> RowFormat:
    """The format that judges rows of `source`: `chat`, `preference`, `kto` or `prompts`."""
    return _BASES.get(source, source)


def reader(source: RowFormat) -> Reader:
    """What reads a row of `source` as one of its base format; no row makes it raise.

    A row that lacks the key of its format is given as it is. Both spellings of a pair are judged as
    they are.
    """
    return _READERS.get(source, _as_it_is)


def _as_it_is(row: Row) -> Turned:
    return Turned(row, _same)


def _same(pointer: str) -> str:
    return pointer
