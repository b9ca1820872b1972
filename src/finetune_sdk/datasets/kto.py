"""The format `kto`: an answer that was marked good or bad.

A row is `{"prompt": ..., "completion": ..., "label": true}`, as TRL spells it.
"""

from __future__ import annotations

from collections.abc import Iterator

from finetune_sdk.datasets.faults import Fault, shown
from finetune_sdk.datasets.keys import key_faults
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import RowRules
from finetune_sdk.datasets.tools import row_tool_faults
from finetune_sdk.datasets.turns import spoken_faults

_WANTED = ("prompt", "completion", "label")
_KNOWN = (*_WANTED, "tools", "parallel_tool_calls")


def row_faults(row: Row, rules: RowRules) -> Iterator[Fault]:
    """All that is wrong with one row."""
    yield from key_faults(row, wanted=_WANTED, known=_KNOWN, kind="a KTO row")
    yield from row_tool_faults(row, rules)
    yield from spoken_faults(row, "prompt", ("completion",), rules)
    if not isinstance(row.get("label", True), bool):
        text = f"`label` is {shown(row['label'])}, neither true nor false"
        yield Fault("bad_label", "/label", text)
