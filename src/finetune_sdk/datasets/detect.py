"""What rows look like, told by their keys."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from finetune_sdk.datasets.dataset import Dataset
from finetune_sdk.datasets.messages import role_of
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.tools import listed
from finetune_sdk.types.dataset import RowFormat

_LOOKED_AT = 100

_MARKS: tuple[tuple[frozenset[str], RowFormat], ...] = (
    (frozenset({"preferred_output"}), "preference"),
    (frozenset({"non_preferred_output"}), "preference"),
    (frozenset({"chosen", "rejected"}), "preference_trl"),
    (frozenset({"prompt", "completion", "label"}), "kto"),
    (frozenset({"messages"}), "chat"),
    (frozenset({"prompt", "completion"}), "completion"),
    (frozenset({"conversations"}), "sharegpt"),
    (frozenset({"instruction", "output"}), "alpaca"),
    (frozenset({"instruction", "response"}), "alpaca"),
    (frozenset({"prompt"}), "prompts"),
)
"""The keys that tell a row of each format; the first that are all there decide. Pairs come first:
public ones often carry their conversation under `messages` as well."""


def detect(dataset: Dataset) -> RowFormat | None:
    """What the caller has said that the rows look like, or what most of the first ones do.

    Returns:
        None where no row looks like anything known.

    Raises:
        DatasetError: the file itself cannot be read.
    """
    if dataset.format:
        return dataset.format
    rows = (record.row for record in dataset.records() if record.row is not None)
    found: Counter[RowFormat] = Counter()
    for row in islice(rows, _LOOKED_AT):
        if (word := format_of(row)) is not None:
            found[word] += 1
    # Of those that are equally many, the one that comes first.
    return max(found, key=lambda word: found[word], default=None)


def format_of(row: Row) -> RowFormat | None:
    """What a row looks like by its keys; None where they tell nothing."""
    for keys, found in _MARKS:
        if keys <= row.keys():
            return _of_messages(row) if found == "chat" else found
    return None


def _of_messages(row: Row) -> RowFormat:
    """With an answer anywhere it is a conversation, without one it is asked for."""
    answered = any(role_of(message) == "assistant" for message in listed(row["messages"]))
    return "chat" if answered else "prompts"
