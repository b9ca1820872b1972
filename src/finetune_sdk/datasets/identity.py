"""What makes two rows the same, whatever the order of their keys and whoever looks at them.

The quick look has a row as a struct and the slow one as a dictionary; both give it the same mark,
so that a row is found in another dataset that was held against other rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.json import Decoder

from finetune_sdk.datasets.read import Row, fingerprint
from finetune_sdk.datasets.structs import ChatRow, PairRow, ThumbRow, TrlPairRow

_REMEMBERED = 64
_DECODERS: Mapping[str, Decoder[Any]] = MappingProxyType(
    {
        "messages": Decoder(ChatRow),
        "preferred_output": Decoder(PairRow),
        "chosen": Decoder(TrlPairRow),
        "label": Decoder(ThumbRow),
    }
)
"""By a key that rows of the kind have, and no others."""


def mark_of(row: Row) -> int:
    """The mark of a row that was looked at slowly; it may be good or bad."""
    for key, decoder in _DECODERS.items():
        if key in row:
            return _typed(row, decoder)
    return int.from_bytes(fingerprint(row))


def mark_of_chat(row: ChatRow) -> int:
    """The mark of a conversation."""
    tools = bytes(row.tools)
    if not tools and row.parallel_tool_calls is UNSET:
        return hash(row.messages)
    return hash((row.messages, tools and _sorted(tools), row.parallel_tool_calls))


def _typed(row: Row, decoder: Decoder[Any]) -> int:
    try:
        made = decoder.decode(msgspec.json.encode(row))
    except ValueError:
        return int.from_bytes(fingerprint(row))
    return mark_of_chat(made) if isinstance(made, ChatRow) else hash(made)


# The same functions are listed in row after row.
@lru_cache(_REMEMBERED)
def _sorted(tools: bytes) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(tools), order="sorted")
