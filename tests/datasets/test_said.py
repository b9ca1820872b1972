"""What a check says of a row, to the last word.

A line of `said.jsonl` is a row, what it is held against, and all that is said of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.datasets import EVERYTHING, ImageLimits, RowRules, load
from tests.datasets.samples import judged as check

LINES = Path(__file__).with_name("said.jsonl").read_text(encoding="utf-8").splitlines()
# A row alone has one label.
ALONE = "one_label"


@pytest.mark.parametrize("line", LINES, ids=range(1, len(LINES) + 1))
def test_a_row_is_told_all_that_is_wrong_with_it(line: str) -> None:
    case: dict[str, Any] = json.loads(line)
    limits = case.get("images")
    rules = RowRules(
        format=case["format"],
        content=frozenset(case.get("content", EVERYTHING)),
        images=ImageLimits(**limits) if limits else None,
    )
    found = check(load([case["row"]]), rules=rules).findings
    told = [[one.code, one.pointer, one.message] for one in found if one.code != ALONE]
    assert told == case["said"]
