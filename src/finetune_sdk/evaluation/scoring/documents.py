"""JSON that models write, read strictly: what a careful program would not take is none."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """A JSON text.

    Attributes:
        value: what it says; `1.0` and `1e0` are the integer 1.
        canonical: the one way to write it, by which values are the same.
    """

    value: object
    canonical: str


def read(text: str) -> Document | None:
    """The JSON that a text is; None where it is none.

    NaN and infinities are no JSON, nor is an object with a name twice, nor what is nested deeper
    or counts higher than Python reads.
    """
    try:
        value: object = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse, parse_float=_number
        )
        return Document(value, canonical(value))
    except (ValueError, RecursionError):
        return None


def canonical(value: object) -> str:
    """The one way to write a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # Which of the two counts is each reader's own guess.
        raise ValueError("a name stands there twice")
    return found


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _number(text: str) -> int | float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(number) if number.is_integer() else number
