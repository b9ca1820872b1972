"""The words of a sweep, and what became of it at a fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finetune_sdk import Sweep
from finetune_sdk.testing import FakeProvider

ROWS: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"What comes after {number}?"},
            {"role": "assistant", "content": f"{number + 1}."},
        ]
    }
    for number in range(12)
]
RATES = [1e-5, 2e-5, 3e-5]


def call(**words: Any) -> dict[str, Any]:
    """The words of one sweep over three rates."""
    over = {} if {"grid", "trials"} & words.keys() else {"grid": {"learning_rate": RATES}}
    return {"model": "base", "training_data": ROWS, "progress": False, **over, **words}


def statuses(sweep: Sweep) -> list[str]:
    return [one.status for one in sweep.trials]


def count(fake: FakeProvider, name: str) -> int:
    """Calls of that name that the provider got."""
    return sum(one.name == name for one in fake.calls)
