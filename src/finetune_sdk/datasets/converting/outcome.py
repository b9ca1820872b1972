"""What became of one row on its way into another format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from finetune_sdk.datasets.converting.places import NOTHING
from finetune_sdk.datasets.faults import shown
from finetune_sdk.datasets.read import Row

LOSSES: Mapping[str, str] = MappingProxyType(
    {
        "weights": "`weight` says which answers are learned and which are not",
        "tools": "tools, calls of them and what they answered; a row without another answer goes",
        "parallel_tool_calls": "`parallel_tool_calls` says whether calls may be made together",
        "images": "images; a row with a message that is nothing else goes",
        "names": "`name` says which of several speakers it is",
        "answers": "more than one answer is learned, and only the last one stays so",
        "turns": "turns that are not a question and its answer",
        "rejected": "the worse answer",
        "label": "answers that are marked bad: their rows go",
        "fields": "what stands under other keys",
    }
)
"""All that a conversion can lose."""


class Lost(NamedTuple):
    """Something that a row has lost.

    Attributes:
        what: one of `LOSSES`.
        detail: what it was, where that differs from row to row.
    """

    what: str
    detail: str = ""


class Outcome(NamedTuple):
    """What became of a row.

    Attributes:
        rows: what came out: one row mostly, none where it was lost, two where it was doubled.
        lost: what did not come along.
        left: what the format of the source has no word for; others may keep it as it is.
        notes: what the reader of a report should know.
        odd: the row is none of its format; it stays as it is, for the checker to tell.
    """

    rows: tuple[Row, ...]
    lost: tuple[Lost, ...] = ()
    left: Mapping[str, object] = NOTHING
    notes: tuple[str, ...] = ()
    odd: bool = False


Stage = Callable[[Row], Outcome]
"""One step of the way. Rows are not changed, but made anew."""

ODD = Outcome((), odd=True)


def through(stages: Sequence[Stage], row: Row) -> Outcome:
    """Sends a row through all the stages."""
    done = Outcome((row,))
    for stage in stages:
        steps = [stage(each) for each in done.rows]
        if any(step.odd for step in steps):
            return Outcome((row,), odd=True)
        done = Outcome(
            rows=tuple(made for step in steps for made in step.rows),
            lost=(*done.lost, *(lost for step in steps for lost in step.lost)),
            left=next((step.left for step in steps if step.left), done.left),
            notes=(*done.notes, *(note for step in steps for note in step.notes)),
        )
    return done


def fields(keys: Sequence[str]) -> tuple[Lost, ...]:
    """The loss of what stands under these keys."""
    return tuple(Lost("fields", shown(key)) for key in keys)
