"""A profile's hyperparameters: what holds where the caller says nothing.

One profile serves all methods, so a word of another method is passed over; a word of none is an
error. What would be run, or says what is learned, is never taken from a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, get_args

from pydantic import ValidationError

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.plain import wrong
from finetune_sdk.types import BaseMethod, Method, Reinforcement

_KINDS = cast("tuple[type[BaseMethod], ...]", get_args(get_args(Method)[0]))

# Programs, or what may hold one: the file may be somebody else's (docs/decisions/0008).
_PROGRAMS = frozenset({"grader", "rewards", "reward_weights"})

_KNOWN = frozenset(name for kind in _KINDS for name in kind.model_fields) - _PROGRAMS - {"type"}


def with_defaults(context: Context, method: Method) -> Method:
    """The method, with the profile's hyperparameters where the caller said nothing.

    Raises:
        ConfigurationError: a value of the profile is not allowed for this method.
    """
    fields, given = type(method).model_fields, method.given()
    missing = {
        name: value
        for name, value in context.hyperparameters.items()
        if name in fields and name not in given
    }
    if not missing:
        return method
    try:
        return type(method).model_validate({**method.model_dump(exclude_none=True), **missing})
    except ValidationError as error:
        raise wrong(error, type(method), _place(context)) from None


def check_defaults(context: Context) -> None:
    """Looks at the profile's hyperparameters, whatever the method will be.

    Raises:
        ConfigurationError: one is of no method, or no method allows its value.
    """
    for name, value in context.hyperparameters.items():
        if name in _PROGRAMS:
            raise ConfigurationError(
                f"{_place(context)}: `{name}` may not stand in a config file, which may be "
                "somebody else's; give it to the method in code, or in a recipe"
            )
        if name not in _KNOWN:
            raise ConfigurationError(
                f"{_place(context)}: `{name}` is no known key{did_you_mean(name, _KNOWN)}; "
                f"allowed: {', '.join(f'`{known}`' for known in sorted(_KNOWN))}"
            )
        _check_value(context, name, value)


def _check_value(context: Context, name: str, value: object) -> None:
    kinds = [kind for kind in _KINDS if name in kind.model_fields]
    errors = list(_errors(kinds, name, value))
    if len(errors) == len(kinds):
        raise wrong(errors[0], kinds[0], _place(context)) from None


def _errors(kinds: list[type[BaseMethod]], name: str, value: object) -> Iterator[ValidationError]:
    for kind in kinds:
        # It is not whole without a reward, and the profile may not name one.
        needed = {"rewards": ("a:b",)} if kind is Reinforcement else {}
        try:
            kind.model_validate({**needed, name: value})
        except ValidationError as error:
            yield error


def _place(context: Context) -> str:
    return f"{context.source}: [profiles.{context.profile}.hyperparameters]"
