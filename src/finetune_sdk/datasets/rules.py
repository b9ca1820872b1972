"""What a check holds rows against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from finetune_sdk.types.method import MethodName

Content = Literal["text", "image", "tools"]
RowFormat = Literal["chat", "preference", "kto", "prompts"]

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


@dataclass(frozen=True, kw_only=True)
class RowRules:
    """What the rows are for.

    Attributes:
        format: what a row looks like.
        content: what a message may hold; text always may be there.
        min_rows: fewer rows are an error.
        validation: the rows are measured on, not learned from.
    """

    format: RowFormat = "chat"
    content: frozenset[Content] = frozenset({"text"})
    min_rows: int = 1
    validation: bool = False

    @property
    def purpose(self) -> str:
        """What is done with an assistant's turn, for messages."""
        return "measure" if self.validation else "learn from"
