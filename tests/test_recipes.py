"""The recipes that the quickstart learns from: short, well formed, and fairly split."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.testing import FakeProvider

RECIPES = Path(__file__).parent.parent / "examples" / "recipes"
LEAST = {"train": 150, "validation": 30, "test": 40}


def rows(split: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECIPES / f"{split}.jsonl").read_text().splitlines()]


def words(row: dict[str, Any]) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", row["messages"][1]["content"].lower()))


@pytest.mark.parametrize("split", LEAST)
def test_the_rows_are_faultless_and_enough(split: str) -> None:
    report = FineTuneClient(FakeProvider()).datasets.check(RECIPES / f"{split}.jsonl")
    assert report.findings == ()
    assert report.rows >= LEAST[split]


@pytest.mark.parametrize("split", LEAST)
def test_every_name_stands_in_its_recipe(split: str) -> None:
    for row in rows(split):
        _, question, answer = row["messages"]
        names = json.loads(answer["content"])
        assert answer["content"] == json.dumps(names)
        assert all(name in question["content"].lower() for name in names)


def test_no_recipe_is_a_near_copy_of_another() -> None:
    every = [words(row) for split in LEAST for row in rows(split)]
    nearest = max(len(a & b) / len(a | b) for a, b in itertools.combinations(every, 2))
    assert nearest < 0.5


def test_part_of_what_is_asked_was_never_seen() -> None:
    seen = {n for row in rows("train") for n in json.loads(row["messages"][2]["content"])}
    asked = {n for row in rows("test") for n in json.loads(row["messages"][2]["content"])}
    assert len(asked - seen) / len(asked) > 0.15
