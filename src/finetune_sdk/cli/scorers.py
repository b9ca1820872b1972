"""`--scorer`: a scorer in a word."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.resources.plain import sentences
from finetune_sdk.types import Classification, ExactMatch, JsonMatch, Matches, SimilarText

if TYPE_CHECKING:
    from finetune_sdk.evaluation.scoring import Grade
    from finetune_sdk.types import Scorer


def scorer_of(word: str) -> Scorer | Grade:
    """The scorer that a word names.

    Raises:
        ConfigurationError: there is none of that name, or what it says is wrong.
    """
    name, said, value = word.partition("=")
    make = _MAKERS.get(name)
    if make is None:
        near = did_you_mean(name, _MAKERS)
        raise ConfigurationError(
            f"`--scorer` is {word!r}; it is one of {', '.join(sorted(_MAKERS))}{near}"
        )
    try:
        return make(value if said else None)
    except ValidationError as error:
        raise ConfigurationError(f"`--scorer {word}`: {'; '.join(sentences(error))}") from None


def _exact(value: str | None) -> Scorer:
    _refuse(value, "exact_match")
    return ExactMatch()


def _json(value: str | None) -> Scorer:
    return JsonMatch() if value is None else JsonMatch(schema=_schema(Path(value)))


def _similarity(value: str | None) -> Scorer:
    return SimilarText() if value is None else SimilarText.model_validate({"measure": value})


def _regex(value: str | None) -> Scorer:
    if not value:
        raise ConfigurationError("`--scorer regex` wants a pattern, as in `regex=^[A-Z]`")
    return Matches(pattern=value)


def _classification(value: str | None) -> Scorer:
    labels = () if value is None else tuple(one.strip() for one in value.split(",") if one.strip())
    return Classification(labels=labels)


def _python(value: str | None) -> Grade:
    module, colon, name = (value or "").partition(":")
    if not (module and colon and name):
        raise ConfigurationError(
            f"`--scorer python={value or ''}` wants a function, as in `python=my_scores:polite`"
        )
    found = _imported(module, name)
    if not callable(found):
        raise ConfigurationError(f"`--scorer python={value}` is no function")
    return cast("Grade", found)


def _imported(module: str, name: str) -> object:
    # As `python -m` does: a file beside the data is what most people have.
    sys.path.insert(0, str(Path.cwd()))
    try:
        found: object = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything
        raise ConfigurationError(
            f"`--scorer python={module}:{name}`: {type(error).__name__}: {error}; it takes a "
            "module, of the working folder for instance, and the name of a function in it"
        ) from None
    finally:
        sys.path.pop(0)
    return found


def _schema(path: Path) -> dict[str, object]:
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigurationError(f"{path}: is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConfigurationError(f"{path}: a JSON Schema is an object")
    return cast("dict[str, object]", value)


def _refuse(value: str | None, name: str) -> None:
    if value is not None:
        raise ConfigurationError(f"`--scorer {name}={value}`: {name} takes no value")


_MAKERS: dict[str, Callable[[str | None], Scorer | Grade]] = {
    "exact_match": _exact,
    "json": _json,
    "similarity": _similarity,
    "regex": _regex,
    "classification": _classification,
    "python": _python,
}
