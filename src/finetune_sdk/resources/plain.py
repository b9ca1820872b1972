"""pydantic's findings in plain words: the field, the value, what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError

from finetune_sdk.config import did_you_mean
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.transport import redact


def is_a(value: object, *kinds: type) -> bool:
    """Whether a caller kept to the signature: not everybody runs a type checker."""
    return isinstance(value, kinds)


def wrong(error: ValidationError, model: type[BaseModel], source: str) -> ConfigurationError:
    """One error that says each fault and where it stands.

    Args:
        error: what `model.model_validate` raised.
        model: knows the keys that are allowed.
        source: the file or the option that the values came from.
    """
    return ConfigurationError("\n".join(f"{source}: {line}" for line in sentences(error, model)))


def sentences(error: ValidationError, model: type[BaseModel] | None = None) -> list[str]:
    """Each fault in a sentence."""
    told: dict[str, str] = {}
    for entry in error.errors(include_url=False):
        path = _keys(entry["loc"], model)
        place = ".".join(path) or error.title
        told.setdefault(place, _sentence(cast("dict[str, Any]", entry), place, path, model))
    # Of a union each branch complains; the complaint that goes deepest meant the right one.
    return [
        words
        for place, words in told.items()
        if not any(other.startswith(f"{place}.") for other in told)
    ]


def _sentence(
    entry: dict[str, Any], place: str, path: Sequence[str], model: type[BaseModel] | None
) -> str:
    if entry["type"] == "missing":
        return f"`{place}` is missing"
    if entry["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        allowed = f"; allowed: {', '.join(f'`{name}`' for name in known)}" if known else ""
        return f"`{place}` is no known key{did_you_mean(path[-1], known)}{allowed}"
    words = str(entry["msg"]).removeprefix("Value error, ").replace("Input ", "it ", 1)
    return f"`{place}` is {_shown(entry['input'])}: {words}"


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else "a list"
    text = redact(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _keys(location: Sequence[int | str], model: type[BaseModel] | None) -> list[str]:
    """The keys that somebody wrote, without the names of a union's branches in between."""
    keys: list[str] = []
    for part in map(str, location):
        branches = {kind.__name__ for kind in _models_at(model, keys)}
        if part not in branches | {"bool", "str", "int", "float"}:
            keys.append(part)
    return keys


def _fields_at(model: type[BaseModel] | None, path: Sequence[str]) -> list[str]:
    return [name for kind in _models_at(model, path) for name in kind.model_fields]


def _models_at(model: type[BaseModel] | None, path: Sequence[str]) -> list[type[BaseModel]]:
    found = [model] if model else []
    for key in path:
        inner = (kind.model_fields.get(key) for kind in found)
        found = [one for field in inner if field for one in _models_in(field.annotation)]
    return found


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
