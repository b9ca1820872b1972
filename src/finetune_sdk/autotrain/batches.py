"""Rows of an optimizer step, as devices share them."""

from __future__ import annotations

from typing import NamedTuple

from finetune_sdk.errors import ConfigurationError

_OWN_ROWS, _OWN_ACCUMULATION = 2, 4
"""AutoTrain's own choice."""


class Batch(NamedTuple):
    """How an optimizer step comes about.

    Attributes:
        rows: on each device at once.
        accumulation: so often.
    """

    rows: int
    accumulation: int

    def told(self, gpus: int) -> str:
        """In words."""
        total = self.rows * self.accumulation * gpus
        devices = f", {gpus} devices" if gpus > 1 else ""
        return f"{total}: {self.rows} rows at once, {self.accumulation} times{devices}"


def batch(rows: int | None, accumulation: object, gpus: int) -> Batch:
    """How so many rows make an optimizer step.

    Args:
        rows: of an optimizer step; None is AutoTrain's own.
        accumulation: where the caller says it.
        gpus: devices that share them.

    Raises:
        ConfigurationError: they cannot be shared out evenly; names the numbers that can.
    """
    given = accumulation if isinstance(accumulation, int) else None
    if rows is None:
        return Batch(_OWN_ROWS, given or _OWN_ACCUMULATION)
    part = gpus * (given or 1)
    if rows % part:
        raise ConfigurationError(_uneven(rows, given, gpus, part))
    share = rows // part
    if given:
        return Batch(share, given)
    # Two at once fit where one does, mostly, and are faster.
    at_once = 2 if share % 2 == 0 else 1
    return Batch(at_once, share // at_once)


def _uneven(rows: int, accumulation: int | None, gpus: int, part: int) -> str:
    low = rows - rows % part
    works = " or ".join(str(number) for number in (low, low + part) if number)
    by = f"{gpus} device(s)" + (
        f" and `gradient_accumulation` {accumulation}" if accumulation else ""
    )
    return f"`batch_size` is {rows}, which {by} cannot share evenly; {works} would do"
