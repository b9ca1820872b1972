"""What a check holds rows against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from finetune_sdk.types.dataset import RowFormat
from finetune_sdk.types.method import MethodName

Content = Literal["text", "image", "tools", "weight", "name"]
"""What a message may hold: text always may be there; `weight` and `name` are its keys."""

EVERYTHING: frozenset[Content] = frozenset({"text", "image", "tools", "weight", "name"})

FORMATS: Mapping[MethodName, RowFormat] = MappingProxyType(
    {
        MethodName.SUPERVISED: "chat",
        MethodName.DPO: "preference",
        MethodName.ORPO: "preference",
        MethodName.KTO: "kto",
        MethodName.REWARD: "preference",
        MethodName.REINFORCEMENT: "prompts",
    }
)
"""The rows that each method learns from."""

SPELLINGS: Mapping[RowFormat, RowFormat] = MappingProxyType({"preference_trl": "preference"})
"""Formats that are another spelling of one of `FORMATS`, and say the same."""


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    """How many images a row may have, and how large.

    Attributes:
        per_row: images in a row.
        bytes: of one image that is embedded; what lies at an address is not fetched.
        rows: rows with images in the dataset.
    """

    per_row: int
    bytes: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class RowRules:
    """What the rows are for.

    Attributes:
        format: what a row has to say, one of `FORMATS`; a spelling of it is as good.
        content: what a message may hold; text always may be there.
        min_rows: fewer rows are an error.
        images: how many there may be; None is no limit.
        validation: the rows are measured on, not learned from.
        provider: whom the rows are for; None holds them against what any provider wants.
        allowed: codes of findings that the caller has decided to live with: warnings, then.
    """

    format: RowFormat = "chat"
    content: frozenset[Content] = frozenset({"text", "weight", "name"})
    min_rows: int = 1
    images: ImageLimits | None = None
    validation: bool = False
    provider: str | None = None
    allowed: frozenset[str] = frozenset()

    @property
    def purpose(self) -> str:
        """What is done with an assistant's turn, for messages."""
        return "measure" if self.validation else "learn from"
