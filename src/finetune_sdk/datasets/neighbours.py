"""Near-duplicates of one check: looked for as long as that does not take all the time."""

from __future__ import annotations

from finetune_sdk.datasets.batches import Batch
from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.near import NearDuplicates, text_of
from finetune_sdk.datasets.read import examine

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of rows up to which near-duplicates are looked for unasked: it takes ten times as long as
all other checks together."""

_NOTE = (
    "near-duplicates were not looked for, since there are more than 16 MiB of rows: ask with "
    "`near_duplicates=True`, or `--near-duplicates`"
)


class Neighbours:
    """Compares each row with those before.

    Attributes:
        faults: the lines of near-duplicates.
        notes: that it was given up.

    Args:
        size: bytes that there are, at least.
        asked: the caller wants it, however long it takes.
    """

    def __init__(self, size: int, *, asked: bool) -> None:
        self.faults: list[tuple[int, Fault]] = []
        self.notes: tuple[str, ...] = ()
        self._left = MOST_BYTES
        self._asked = asked
        self._near: NearDuplicates | None = NearDuplicates()
        if size > MOST_BYTES and not asked:
            self._give_up()

    def add(self, batch: Batch) -> None:
        """Looks at some rows."""
        self._left -= len(batch.data)
        if self._left < 0 and not self._asked:
            self._give_up()
        if self._near is None:
            return
        for number, line in batch.rows():
            row = examine(number, line).row
            earlier = self._near.add(number, text_of(row)) if row is not None else None
            if earlier is not None:
                text = f"nearly all of its words are those of line {earlier}"
                self.faults.append((number, Fault("near_duplicate_row", "", text)))

    def _give_up(self) -> None:
        self.faults, self.notes, self._near = [], (_NOTE,), None
