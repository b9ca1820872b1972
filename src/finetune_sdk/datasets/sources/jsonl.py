"""JSONL that is packed."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from finetune_sdk.datasets.lines import TextLines
from finetune_sdk.datasets.sources.unpack import unpacked


@dataclass(frozen=True)
class PackedLines(TextLines):
    """Lines of a packed file, unpacked anew each time."""

    path: Path

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        with unpacked(self.path) as file:
            yield cast("BinaryIO", file)
