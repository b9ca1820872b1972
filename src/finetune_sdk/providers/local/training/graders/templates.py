"""The templates of graders: `{{ item.answer }}` is a field of the row, `{{ sample.output_text }}`
the model's answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from finetune_sdk.providers.local.training.graders.errors import (
    GraderError,
    MissingFieldError,
    UngradableError,
)

_TEMPLATE = re.compile(r"\{\{([^{}]*)\}\}")
_PATH = re.compile(r"(item|sample)(\.[A-Za-z0-9_-]+)+")
# Two that close are left alone: JSON that is meant as such ends so.
_LEFT = re.compile(r"(\{\{|\{%).{0,40}")
_SAMPLE = ("output_text", "output_json", "output_tools")

Path = tuple[str, ...]


def paths(text: str) -> list[Path]:
    """The paths that a text's templates name, `("item", "answer")` for `{{ item.answer }}`.

    Raises:
        GraderError: a template is no such path, or what looks like one is none.
    """
    left = _LEFT.search(_TEMPLATE.sub(" ", text))
    if left:
        raise GraderError(
            f"a template is broken off at {left[0]!r}; one is `{{{{ item.answer }}}}` with nothing "
            f"else in it; put a blank between braces that are meant as such, as `{left[1][0]} "
            f"{left[1][1]}`"
        )
    return [_path(found) for found in _TEMPLATE.findall(text)]


def fill(text: str, item: Mapping[str, object], sample: Mapping[str, object]) -> str:
    """The text with its templates filled in; what is not a string is written as JSON.

    Raises:
        MissingFieldError: the row has no such field.
        UngradableError: the answer has no such part.
    """
    return _TEMPLATE.sub(lambda match: _written(_path(match[1]), item, sample), text)


def missing(text: str, item: Mapping[str, object]) -> list[str]:
    """Fields that a text's templates name and the row does not have."""
    named = [path for path in paths(text) if path[0] == "item"]
    return [".".join(path) for path in named if not _has(item, path[1:])]


def _path(inner: str) -> Path:
    bare = inner.strip()
    if not _PATH.fullmatch(bare):
        raise GraderError(
            f"a template is {{{{{inner}}}}}; "
            "it must be a field of the row, as `{{ item.answer }}`, or of the answer, as "
            "`{{ sample.output_text }}`"
        )
    path = tuple(bare.split("."))
    if path[0] == "sample" and path[1] not in _SAMPLE:
        known = ", ".join(f"`sample.{name}`" for name in _SAMPLE)
        raise GraderError(f"a template names `{bare}`; of the answer there are {known}")
    return path


def _written(path: Path, item: Mapping[str, object], sample: Mapping[str, object]) -> str:
    try:
        value = _value(item if path[0] == "item" else sample, path[1:])
    except LookupError:
        name = ".".join(path)
        if path[0] == "sample":
            raise UngradableError(f"the answer has no `{name}`") from None
        raise MissingFieldError(f"the row has no `{name}`") from None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _has(value: object, path: Path) -> bool:
    try:
        _value(value, path)
    except LookupError:
        return False
    return True


def _value(value: object, path: Path) -> object:
    for key in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str, object]", value)[key]
        elif isinstance(value, list) and key.isdecimal():
            value = cast("Sequence[object]", value)[int(key)]
        else:
            raise LookupError(key)
    return value
