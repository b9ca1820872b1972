"""A JSON Schema whose regular expressions are given a time: answers are anybody's text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation.packages import package
from finetune_sdk.evaluation.scoring.documents import Document
from finetune_sdk.evaluation.scoring.pattern import SECONDS, endless

_VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keywords that hold values and no schemas."""


class _EndlessError(Exception):
    """A search took too long; its argument is the pattern."""


def allows(validator: Any, found: Document, place: str) -> bool:
    """Whether a schema allows what an answer says.

    Args:
        validator: of the schema.
        found: the answer.
        place: of its row, for messages.

    Raises:
        ConfigurationError: the schema refers to what it does not hold, or a pattern took too long.
    """
    unresolvable = package("referencing.exceptions").Unresolvable
    try:
        return bool(validator.is_valid(found.value))
    except (RecursionError, OverflowError):
        # A schema that leads back to itself, a number larger than a float.
        return False
    except _EndlessError as error:
        raise endless(f"{error} of the schema of the scorer `json`", place) from None
    except unresolvable as error:
        raise ConfigurationError(
            f"the schema of the scorer `json` refers to {error.ref!r}, which it does not hold; "
            "put that under its `$defs`"
        ) from None


def validator_of(schema: dict[str, Any]) -> Any:
    """The schema, held against the rules of its own draft.

    Raises:
        ConfigurationError: it is wrong; says where.
        MissingDependencyError: `jsonschema` or `regex` is not installed.
    """
    jsonschema, referencing = package("jsonschema"), package("referencing")
    if not isinstance(schema.get("$schema", ""), str):
        raise ConfigurationError("the schema of the scorer `json`: `$schema` must be an address")
    draft = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    try:
        draft.check_schema(schema)
    except jsonschema.SchemaError as error:
        place = "/".join(map(str, ("schema", *error.absolute_path)))
        raise ConfigurationError(
            f"the schema of the scorer `json` is wrong at `{place}`: {error.message}"
        ) from None
    _refuse_unevaluated(schema)
    package("regex")
    timed = jsonschema.validators.extend(draft, _TIMED)
    # A registry of one's own: without it, a reference to elsewhere is fetched from the network.
    return timed(_of_one_draft(schema), registry=referencing.Registry())


def _of_one_draft(part: object) -> object:
    """A schema that names no draft anywhere: what names one is validated by that, without times."""
    if isinstance(part, list):
        return [_of_one_draft(one) for one in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    return {
        name: value if name in _VALUES else _of_one_draft(value)
        for name, value in cast("dict[str, object]", part).items()
        if name != "$schema" or not isinstance(value, str)
    }


def _refuse_unevaluated(schema: dict[str, Any]) -> None:
    # Which properties are evaluated is found out by searches that nobody can stop.
    if {"unevaluatedProperties", "patternProperties"} <= set(_names(schema)):
        raise ConfigurationError(
            "the schema of the scorer `json` has `unevaluatedProperties` beside "
            "`patternProperties`, whose searches might never end; write it with "
            "`additionalProperties`"
        )


def _names(part: object) -> Iterator[str]:
    values: Iterable[object] = ()
    if isinstance(part, dict):
        yield from cast("dict[str, object]", part)
        values = cast("dict[str, object]", part).values()
    elif isinstance(part, list):
        values = cast("list[object]", part)
    for one in values:
        yield from _names(one)


def _found(pattern: str, text: str) -> bool:
    regex = package("regex")
    try:
        return regex.search(pattern, text, timeout=SECONDS) is not None
    except TimeoutError:
        raise _EndlessError(repr(pattern)) from None
    except regex.error as error:
        raise ConfigurationError(
            f"the pattern {pattern!r} of the schema of the scorer `json` is no regular "
            f"expression: {error}"
        ) from None


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
    if validator.is_type(value, "string") and not _found(pattern, value):
        yield _refused(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, _: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    for pattern, part in patterns.items():
        for name, one in value.items():
            if _found(pattern, name):
                yield from validator.descend(one, part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rest: Any, value: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(value, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, one in value.items():
        if name not in known and not any(_found(pattern, name) for pattern in patterns):
            yield from validator.descend(one, rest, path=name)


def _refused(why: str) -> Any:
    return package("jsonschema").ValidationError(why)


_TIMED = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
}
