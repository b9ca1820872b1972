"""A grid or a list of values -> the method and the seed of each trial."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from operator import index
from typing import SupportsIndex, cast

from pydantic import BaseModel, JsonValue, ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.resources.plain import is_a, wrong
from finetune_sdk.resources.request import method_of
from finetune_sdk.resources.sweeping.request import SweepRequest
from finetune_sdk.types import Lora, Method

SEED = "seed"
MOST = 1000
"""Trials of one sweep: more were hardly meant."""

_LORA = tuple(f"lora.{name}" for name in Lora.model_fields)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What one trial is.

    Attributes:
        values: what was said of it, as it was understood.
        method: with them in it.
        seed: its own, or that of all.
    """

    values: dict[str, JsonValue]
    method: Method
    seed: int | None


def variants(request: SweepRequest) -> list[Variant]:
    """The trials, in order; of a grid the last name changes fastest.

    Raises:
        ConfigurationError: a name is none of the method's, a value is wrong, or two are the same.
    """
    method = method_of(request.method)
    found = [
        _variant(method, request.seed, values, f"trial {number} ({_words(values)})")
        for number, values in enumerate(_said(request, method), 1)
    ]
    _refuse_twins(found)
    return found


def _said(request: SweepRequest, method: Method) -> list[Mapping[str, object]]:
    if (request.grid is None) == (request.trials is None):
        raise ConfigurationError(
            "a sweep takes either `grid`, values for each name, or `trials`, a list of tables"
        )
    said = _of_grid(request.grid) if request.grid is not None else _of_list(request.trials)
    for place, names in said:
        _check_names(place, names, method)
    if request.grid is not None:
        return [dict(zip(request.grid, row, strict=True)) for row in product(*_lists(request.grid))]
    return list(request.trials or ())


def _of_grid(grid: object) -> list[tuple[str, list[object]]]:
    if not is_a(grid, Mapping) or not grid:
        raise ConfigurationError(
            '`grid` takes names and lists of values, as in {"learning_rate": [1e-4, 2e-4]}'
        )
    table = cast("Mapping[object, object]", grid)
    for name, values in table.items():
        if not is_a(values, Sequence) or is_a(values, str, bytes, bytearray) or not values:
            raise ConfigurationError(
                f"`grid` has {values!r:.80} for {name!r:.80}; it takes a list of values"
            )
    _check_count(math.prod(map(_length, _lists(table))))
    return [("grid", list(table))]


def _lists(grid: Mapping[str, object] | Mapping[object, object]) -> list[Sequence[object]]:
    return [cast("Sequence[object]", values) for values in grid.values()]


def _length(values: Sequence[object]) -> int:
    try:
        return len(values)
    except OverflowError:  # a range may be longer than `len` can tell
        return sys.maxsize


def _of_list(trials: object) -> list[tuple[str, list[object]]]:
    tables = cast("Sequence[object]", trials)
    if not is_a(trials, Sequence) or is_a(trials, str) or not tables:
        raise ConfigurationError('`trials` takes a list of tables, as in [{"learning_rate": 1e-4}]')
    _check_count(len(tables))
    for number, values in enumerate(tables, 1):
        if not is_a(values, Mapping):
            raise ConfigurationError(f"trial {number} is {values!r:.80}; it takes names and values")
    return [
        (f"trials: {number}", list(cast("Mapping[object, object]", values)))
        for number, values in enumerate(tables, 1)
    ]


def _check_count(count: int) -> None:
    if count > MOST:
        raise ConfigurationError(f"it would be {count} trials; a sweep takes at most {MOST}")


def _check_names(place: str, names: Sequence[object], method: Method) -> None:
    known = sorted({*type(method).model_fields, *_LORA, SEED} - {"type"})
    for name in names:
        if name not in known:
            near = did_you_mean(name, known) if isinstance(name, str) else ""
            raise ConfigurationError(
                f"`{place}` has {name!r:.80}, which is no hyperparameter of the method "
                f"{method.name.value!r}{near}; it has {', '.join(f'`{one}`' for one in known)}"
            )
    parts = [name for name in names if name in _LORA]
    if parts and "lora" in names:
        raise ConfigurationError(
            f"`{place}` has both `lora` and `{parts[0]}`; say the one or its parts"
        )


def _variant(method: Method, seed: int | None, values: Mapping[str, object], place: str) -> Variant:
    table: dict[str, object] = method.model_dump(exclude_none=True)
    for name, value in values.items():
        if name != SEED:
            _put(table, name, value, place)
    try:
        made = type(method).model_validate(table)
    except ValidationError as error:
        raise wrong(error, type(method), place) from None
    own = _seed(values[SEED], place) if SEED in values else seed
    understood = {name: own if name == SEED else _value(made, name) for name in values}
    return Variant(values=understood, method=made, seed=own)


def _put(table: dict[str, object], name: str, value: object, place: str) -> None:
    first, dot, rest = name.partition(".")
    if not dot:
        table[name] = value
        return
    inner = table.get(first)
    if inner is False:
        raise ConfigurationError(f"{place}: `{name}` is said, and `lora=False` trains all weights")
    given = cast("dict[str, object]", inner) if isinstance(inner, dict) else {}
    table[first] = {**given, rest: value}


def _seed(value: object, place: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, SupportsIndex) and not isinstance(value, bool) and index(value) >= 0:
        return index(value)
    raise ConfigurationError(f"{place}: `seed` is {value!r:.80}; it is a whole number, 0 or more")


def _value(method: Method, name: str) -> JsonValue:
    """A value as the method has understood it, in plain JSON."""
    value: object = method
    for part in name.split("."):
        value = getattr(value, part)
    if isinstance(value, BaseModel):
        return cast("JsonValue", value.model_dump(mode="json", exclude_none=True))
    return cast("JsonValue", json.loads(json.dumps(value)))


def _refuse_twins(found: Sequence[Variant]) -> None:
    seen: dict[str, int] = {}
    for number, one in enumerate(found, 1):
        first = seen.setdefault(f"{one.method!r} {one.seed}", number)
        if first != number:
            raise ConfigurationError(
                f"trials {first} and {number} are the same ({_words(one.values)}); leave one out, "
                "or give each a `seed` of its own"
            )


def _words(values: Mapping[str, object]) -> str:
    return ", ".join(_pairs(values)) or "no values"


def _pairs(values: Mapping[str, object]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{name}={value!r:.40}"
