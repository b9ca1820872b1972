"""The rewards of answers: Python functions by dotted name, and graders.

A function is called as the docstring of `Reinforcement` says: with the answers' texts, and by name
with `prompts` and each field of their rows, every one a list as long as the answers. Whatever it
does wrong ends the training with its name: a reward that was made up would be learned.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence, Set
from contextlib import contextmanager
from copy import deepcopy
from importlib import import_module
from typing import Any, cast

from finetune_sdk.errors import FineTuneError
from finetune_sdk.providers.local.training import graders
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.graders.programs import number, shown, told
from finetune_sdk.types import Grader

Row = Mapping[str, object]
Reward = Callable[[Sequence[str], Sequence[str], Sequence[Row]], list[float]]
"""Gives a number for each answer, from the answers, their prompts, and their rows."""

OURS = ("completions", "prompts")
"""Names under which a function gets answers and prompts; a row cannot have fields of that name."""

_OWN = "prompt"
"""A field that is given as `prompts` instead."""

_WANTED = "it must be as `def function(completions, prompts, **fields)`"


def functions(
    names: Sequence[str], folder: str | None, given: Sequence[str] = ()
) -> dict[str, Reward]:
    """The reward functions, by their dotted names.

    Args:
        folder: where their modules lie, which they can import from as long as the process lives;
            None where Python finds them by itself.
        given: the fields that any row has, by `named`; each is given at every call.

    Raises:
        TrainingFailure: one cannot be imported, is no function, or cannot be called so.
    """
    with _looking_in(folder):
        found = {name: _import(name) for name in names}
    for name, function in found.items():
        _check(name, function, given)
    return {name: _called(name, function, given) for name, function in found.items()}


def graded(grader: Grader) -> Reward:
    """A grader as a reward.

    Raises:
        TrainingFailure: its program is wrong.
    """
    try:
        grade = graders.load(grader)
    except graders.GraderError as error:
        raise TrainingFailure("reward_failed", str(error)) from error

    def reward(completions: Sequence[str], _: Sequence[str], rows: Sequence[Row]) -> list[float]:
        try:
            return [grade(text, row) for text, row in zip(completions, rows, strict=True)]
        except (graders.GraderError, FineTuneError) as error:
            raise TrainingFailure("reward_failed", str(error)) from error

    return reward


@contextmanager
def _looking_in(folder: str | None) -> Generator[None]:
    """Imports come from a folder first; afterwards last, for those inside a function."""
    if folder is None:
        yield
        return
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        # A module may have changed the list itself.
        if folder in sys.path:
            sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)


def _import(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except AttributeError:
        raise TrainingFailure(
            "reward_not_found", f"`rewards` names {name!r}, and {module!r} has no {attribute!r}"
        ) from None
    except (Exception, SystemExit) as error:
        raise TrainingFailure(
            "reward_not_found",
            f"`rewards` names {name!r}, and importing {module!r} failed: {told(error)}",
        ) from error
    if not callable(found) or isinstance(found, type):
        raise TrainingFailure(
            "reward_not_found",
            f"`rewards` names {name!r}, which is {shown(found)} and no function; {_WANTED}",
        )
    return cast("Callable[..., Any]", found)


def _check(name: str, function: Callable[..., Any], given: Sequence[str]) -> None:
    if _is_async(function):
        raise TrainingFailure(
            "reward_not_found",
            f"`rewards` names {name!r}, which is an `async def`, and nobody awaits it; {_WANTED}",
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # one that is written in C may have none
    try:
        signature.bind(**dict.fromkeys([*OURS, *given]))
    except TypeError as error:
        raise TrainingFailure(
            "reward_not_found",
            f"`rewards` names {name!r}, which is called with {', '.join([*OURS, *given])} by name "
            f"and takes {signature}: {error}; {_WANTED}",
        ) from None


def _is_async(function: Callable[..., Any]) -> bool:
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    # Of an object that can be called, its class has the function.
    return any(kind(one) for kind in kinds for one in (function, type(function).__call__))


def _called(name: str, function: Callable[..., Any], given: Sequence[str]) -> Reward:
    def reward(
        completions: Sequence[str], prompts: Sequence[str], rows: Sequence[Row]
    ) -> list[float]:
        try:
            values = function(
                completions=list(completions), prompts=list(prompts), **fields(rows, given)
            )
            listed = _listed(values)
        except (Exception, SystemExit) as error:
            raise TrainingFailure(
                "reward_failed", f"the reward {name!r} raised {told(error)}"
            ) from error
        if listed is None or len(listed) != len(completions):
            got = shown(values) if listed is None else f"{len(listed)} values"
            raise TrainingFailure(
                "reward_failed",
                f"the reward {name!r} gave {got} for {len(completions)} answers; it must give a "
                "list with a number for each",
            )
        return [_number(name, value) for value in listed]

    return reward


def named(rows: Iterable[Row]) -> list[str]:
    """The fields that any of the rows has and a function is given, in order."""
    return list(dict.fromkeys(name for row in rows for name in row if name != _OWN))


def fields(rows: Sequence[Row], given: Sequence[str] = ()) -> dict[str, list[object]]:
    """The rows' fields by name, None where a row lacks one that another has.

    They are copies, one for each answer: what a function changes is its own.
    """
    names = dict.fromkeys([*given, *named(rows)])
    return {name: [deepcopy(row.get(name)) for row in rows] for name in names}


def _listed(values: Any) -> list[object] | None:
    """The values in their order; None where they have none, or are a text."""
    if isinstance(values, str | bytes | bytearray | Mapping | Set):
        return None
    try:
        ordered = iter(values)
    except TypeError:
        return None
    return list(ordered)


def _number(name: str, value: object) -> float:
    found = number(value)
    if found is None:
        raise TrainingFailure(
            "reward_failed", f"the reward {name!r} gave {shown(value)}; it must give finite numbers"
        )
    return found
