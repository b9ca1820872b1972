"""Every fault that a dataset can have, by its stable code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from finetune_sdk.datasets.codes.code import Code
from finetune_sdk.datasets.codes.lessons import IMAGES, LESSONS, TEXTS
from finetune_sdk.datasets.codes.reading import READING
from finetune_sdk.datasets.codes.shapes import MESSAGES, ROWS, TOOLS

TOPICS: Mapping[str, Mapping[str, Code]] = MappingProxyType(
    {
        "The file and its lines": READING,
        "Rows": ROWS,
        "Messages": MESSAGES,
        "Tools": TOOLS,
        "What is learned": LESSONS,
        "Images": IMAGES,
        "What stands in the text": TEXTS,
    }
)
"""The codes by what they speak of, in the order of the documents."""

CODES: Mapping[str, Code] = MappingProxyType(
    {name: code for topic in TOPICS.values() for name, code in topic.items()}
)

__all__ = ["CODES", "TOPICS", "Code"]
