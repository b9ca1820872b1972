"""Graders that are programs: Python source with a function `grade(sample, item)`.

The source runs in the process that calls this, with all its rights: it is the caller's own.
"""

from __future__ import annotations

import ast
import math
import traceback
from collections.abc import Callable, Mapping
from typing import Any, cast

from finetune_sdk.providers.local.training.graders.errors import GraderError

_SHOWN = 200

Program = Callable[[Mapping[str, object], Mapping[str, object]], Any]


def check(source: str, name: str) -> None:
    """Looks at the source without running it.

    Raises:
        GraderError: it is no Python, or defines no `grade`.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise GraderError(f"the source of the grader {name!r} is no Python: {error}") from error
    bound = {getattr(node, "name", None) for node in tree.body} | {
        target.id
        for node in ast.walk(tree)
        for target in getattr(node, "targets", ())
        if isinstance(target, ast.Name)
    }
    if "grade" not in bound and not any(_imports(node) for node in tree.body):
        raise GraderError(
            f"the source of the grader {name!r} defines no `grade`; write "
            "`def grade(sample, item): ...`, which gives a number"
        )


def load(source: str, name: str) -> Program:
    """The function `grade` of a source.

    Raises:
        GraderError: the source fails, or defines no function of that name.
    """
    space: dict[str, Any] = {"__name__": "grader"}
    try:
        exec(compile(source, f"<grader {name}>", "exec"), space)  # noqa: S102 - what it is for
    except (Exception, SystemExit) as error:
        raise GraderError(f"the source of the grader {name!r} fails: {told(error)}") from error
    grade = space.get("grade")
    if not callable(grade):
        raise GraderError(f"the source of the grader {name!r} defines no function `grade`")
    return cast("Program", grade)


def told(error: BaseException) -> str:
    """An error in one line: its type, its words, and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" (line {frames[-1].lineno} of {frames[-1].filename})" if frames else ""
    return traceback.format_exception_only(error)[-1].strip() + place


def number(value: Any) -> float | None:
    """A value as a finite number, of numpy or torch too; None where it is none."""
    if isinstance(value, str | bytes | bytearray):
        return None
    try:
        found = float(value)
    except Exception:  # noqa: BLE001 - whatever its conversion raises, it is no number
        return None
    return found if math.isfinite(found) else None


def shown(value: object) -> str:
    """A value as it is shown in a message."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - Python shows no integer of 5000 digits, for one
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _imports(node: ast.stmt) -> bool:
    names = node.names if isinstance(node, ast.ImportFrom) else []
    return any((name.asname or name.name) in ("grade", "*") for name in names)
