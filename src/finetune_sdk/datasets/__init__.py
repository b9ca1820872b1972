"""Rows to learn from: reading, checking, counting, converting, splitting. Knows no provider."""

from __future__ import annotations

from finetune_sdk.datasets.check import check, check_both
from finetune_sdk.datasets.converting import Conversion, convert
from finetune_sdk.datasets.counting import Counting
from finetune_sdk.datasets.dataset import Dataset, load
from finetune_sdk.datasets.detect import detect
from finetune_sdk.datasets.mend import mend
from finetune_sdk.datasets.read import Row
from finetune_sdk.datasets.rules import EVERYTHING, FORMATS, Content, ImageLimits, RowRules
from finetune_sdk.datasets.sources import Frame, LazyFrame
from finetune_sdk.datasets.split import split
from finetune_sdk.types.dataset import RowFormat

__all__ = [
    "EVERYTHING",
    "FORMATS",
    "Content",
    "Conversion",
    "Counting",
    "Dataset",
    "Frame",
    "ImageLimits",
    "LazyFrame",
    "Row",
    "RowFormat",
    "RowRules",
    "check",
    "check_both",
    "convert",
    "detect",
    "load",
    "mend",
    "split",
]
