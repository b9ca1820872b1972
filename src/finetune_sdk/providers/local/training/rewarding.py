"""The rewards of answers: Python functions by dotted name, and graders.

A function is called as the docstring of `Reinforcement` says: with the answers' texts, and by name
with `prompts` and each field of their rows, every one a list as long as the answers. Whatever it
does wrong ends the training with its name: a reward that was made up would be learned.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

from finetune_sdk.errors import FineTuneError
from finetune_sdk.providers.local.training import graders
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.graders.programs import told
from finetune_sdk.types import Grader

Row = Mapping[str, object]
Reward = Callable[[Sequence[str], Sequence[str], Sequence[Row]], list[float]]
"""Gives a number for each answer, from the answers, their prompts, and their rows."""

OURS = ("completions", "prompts")
"""Names under which a function gets answers and prompts; a row cannot have fields of that name."""

_OWN = "prompt"
"""A field that is given as `prompts` instead."""


def functions(names: Sequence[str], folder: str | None) -> dict[str, Reward]:
    """The reward functions, by their dotted names.

    Args:
        folder: where their modules lie; None where Python finds them by itself.

    Raises:
        TrainingFailure: one cannot be imported, or is no function.
    """
    with _looking_in(folder):
        found = {name: _import(name) for name in names}
    return {name: _called(name, function) for name, function in found.items()}


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
    before = list(sys.path)
    sys.path[:0] = [folder] if folder else []
    try:
        yield
    finally:
        sys.path[:] = before


def _import(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except AttributeError:
        raise TrainingFailure(
            "reward_not_found", f"`rewards` names {name!r}, and {module!r} has no {attribute!r}"
        ) from None
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise TrainingFailure(
            "reward_not_found",
            f"`rewards` names {name!r}, and importing {module!r} failed: {told(error)}",
        ) from error
    if not callable(found):
        raise TrainingFailure(
            "reward_not_found", f"`rewards` names {name!r}, which is {found!r} and no function"
        )
    return cast("Callable[..., Any]", found)


def _called(name: str, function: Callable[..., Any]) -> Reward:
    def reward(
        completions: Sequence[str], prompts: Sequence[str], rows: Sequence[Row]
    ) -> list[float]:
        try:
            values = function(completions=list(completions), prompts=list(prompts), **fields(rows))
        except Exception as error:
            raise TrainingFailure(
                "reward_failed", f"the reward {name!r} raised {told(error)}"
            ) from error
        return _numbers(name, values, len(completions))

    return reward


def fields(rows: Sequence[Row]) -> dict[str, list[object]]:
    """The rows' fields by name, None where a row lacks one that another has."""
    names = dict.fromkeys(name for row in rows for name in row if name != _OWN)
    return {name: [row.get(name) for row in rows] for name in names}


def _numbers(name: str, values: object, wanted: int) -> list[float]:
    try:
        given = list(cast("Sequence[Any]", values))
    except TypeError:
        given = None
    if given is None or len(given) != wanted:
        got = f"{len(given)} values" if given is not None else repr(values)
        raise TrainingFailure(
            "reward_failed",
            f"the reward {name!r} gave {got} for {wanted} answers; it must give a list with a "
            "number for each",
        )
    return [_number(name, value) for value in given]


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, str):
        raise TrainingFailure(
            "reward_failed", f"the reward {name!r} gave {value!r}; it must give finite numbers"
        )
    return number
