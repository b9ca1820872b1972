"""Rows to learn from: reading, checking, splitting. Knows formats, and no provider."""

from __future__ import annotations

from finetune_sdk.datasets.check import check
from finetune_sdk.datasets.dataset import Dataset, load
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import FORMATS, Content, RowFormat, RowRules
from finetune_sdk.datasets.split import split

__all__ = [
    "FORMATS",
    "Content",
    "Dataset",
    "Row",
    "RowFormat",
    "RowRules",
    "check",
    "load",
    "split",
]
