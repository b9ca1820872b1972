"""pydantic's findings in plain words: the field, the value, what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast, get_args

from pydantic import BaseModel, ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.transport import redact

_QUOTE = "'"
_TAG_FAULTS = ("union_tag_invalid", "union_tag_not_found")
_TABLE_FAULTS = ("dict_type", "model_type", "model_attributes_type")
_PLAIN_TYPES = frozenset({"bool", "str", "int", "float"})


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
    return list(faults(error, model).values())


def faults(
    error: ValidationError, model: type[BaseModel] | None = None
) -> dict[tuple[str, ...], str]:
    """Each fault in a sentence, by the keys that lead to it."""
    told: dict[tuple[str, ...], str] = {}
    for entry in cast("list[dict[str, Any]]", error.errors(include_url=False)):
        location = entry["loc"]
        if entry["type"] in _TAG_FAULTS:
            location = (*location, entry["ctx"]["discriminator"].strip(_QUOTE))
        spot = _walk(location, model)
        told.setdefault(spot.path, _sentence(entry, spot, error.title))
    # Of a union each branch complains; the complaint that goes deepest meant the right one.
    return {
        path: words
        for path, words in told.items()
        if not any(len(other) > len(path) and other[: len(path)] == path for other in told)
    }


class _Spot(NamedTuple):
    """Where a fault is.

    Attributes:
        path: the keys that somebody wrote, without the names of a union's branches in between.
        kinds: the models that the last key may stand in.
        others: models that might have stood there instead.
    """

    path: tuple[str, ...]
    kinds: Sequence[type[BaseModel]]
    others: Sequence[type[BaseModel]]


def _sentence(entry: dict[str, Any], spot: _Spot, title: str) -> str:
    place = ".".join(spot.path) or title
    if entry["type"] == "missing":
        return f"`{place}` is missing"
    if entry["type"] == "extra_forbidden":
        return _stranger(place, spot)
    if entry["type"] in _TAG_FAULTS:
        return _tag_sentence(entry["ctx"], place)
    if entry["type"] in _TABLE_FAULTS:
        return f"`{place}` is {_shown(entry['input'])}: it should be a table"
    words = str(entry["msg"]).removeprefix("Value error, ").replace("Input ", "it ", 1)
    if entry["type"] == "value_error" and isinstance(entry["input"], dict):
        return f"`{place}`: {words}"
    return f"`{place}` is {_shown(entry['input'])}: {words}"


def _stranger(place: str, spot: _Spot) -> str:
    key = spot.path[-1]
    known = [name for kind in spot.kinds for name in kind.model_fields]
    owners = [_tag(kind) or kind.__name__ for kind in spot.others if key in kind.model_fields]
    hint = f"; it belongs to: {_listed(owners)}" if owners else did_you_mean(key, known)
    return f"`{place}` is no known key{hint}{_allowed(known)}"


def _tag_sentence(given: Mapping[str, str], place: str) -> str:
    """For a table that says by one of its keys which kind it is."""
    if "tag" not in given:
        return f"`{place}` is missing: it says which kind this is"
    known = [tag.strip(_QUOTE) for tag in given["expected_tags"].split(", ")]
    return (
        f"`{place}` is {_shown(given['tag'])}{did_you_mean(given['tag'], known)}{_allowed(known)}"
    )


def _allowed(known: Sequence[str]) -> str:
    return f"; allowed: {_listed(known)}" if known else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "a table" if isinstance(value, dict) else "a list"
    text = redact(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _walk(location: Sequence[int | str], model: type[BaseModel] | None) -> _Spot:
    path: list[str] = []
    spot = _Spot((), (), ())
    kinds, others = [model] if model else [], list[type[BaseModel]]()
    for part in map(str, location):
        branch = [kind for kind in kinds if part in (kind.__name__, _tag(kind))]
        if branch:
            kinds, others = branch, kinds
        elif part not in _PLAIN_TYPES:
            path.append(part)
            spot = _Spot(tuple(path), kinds, others)
            kinds, others = _inside(kinds, part), []
    return spot


def _tag(kind: type[BaseModel]) -> str | None:
    """The word that tells a model apart from others, as pydantic calls it in a union."""
    field = kind.model_fields.get("type")
    return field.default if field and isinstance(field.default, str) else None


def _inside(kinds: Sequence[type[BaseModel]], key: str) -> list[type[BaseModel]]:
    fields = (kind.model_fields.get(key) for kind in kinds)
    return list(
        dict.fromkeys(one for field in fields if field for one in _models_in(field.annotation))
    )


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
