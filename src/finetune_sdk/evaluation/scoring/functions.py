"""A Python function of the caller's that grades answers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import SupportsFloat, cast

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.evaluation.scoring.part import Given
from finetune_sdk.transport import redact

Grade = Callable[[str, Mapping[str, object]], float]
"""`grade(answer, row)`: how good an answer is, the more the better; `row` is the test row as it
stands in the file. The measure bears the function's name."""

_LARGEST = 1e15
_LONGEST = 300


@dataclass(frozen=True)
class Function:
    """What a function says of an answer."""

    name: str
    grade: Grade

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.name,)

    def scores(self, given: Given) -> dict[str, float]:
        try:
            found = cast("object", self.grade(given.answer, given.row))
            number = float(found) if isinstance(found, SupportsFloat) else math.nan
        except Exception as error:
            raise ConfigurationError(
                f"the function `{self.name}` raised {_told(error)} on the answer to "
                f"{given.place}; it must give a number for any text"
            ) from error
        # Beyond that, sums of squares are no numbers any more.
        if not abs(number) <= _LARGEST:
            raise ConfigurationError(
                f"the function `{self.name}` gave a {type(found).__name__} that is no number "
                f"within {_LARGEST:g} on the answer to {given.place}; it must give one for any text"
            )
        return {self.name: number}


def _told(error: Exception) -> str:
    words = redact(str(error))[:_LONGEST]
    return f"{type(error).__name__}{f' ({words})' if words else ''}"


def function_of(grade: object) -> Function:
    """The function by its name.

    Raises:
        ConfigurationError: it is no function of an answer and a row, or has no name to call the
            measure by.
    """
    if not callable(grade):
        raise ConfigurationError(
            "a scorer is a value such as `ExactMatch()` or a function, and no "
            f"{type(grade).__name__}"
        )
    name: object = getattr(grade, "__name__", None)
    if isinstance(grade, type) or not isinstance(name, str) or not name.isidentifier():
        raise ConfigurationError(
            f"a {type(grade).__name__} has no name to call its measure by; write the scorer as "
            "`def tidy(answer, row): ...`, whose measure is `tidy`"
        )
    if inspect.iscoroutinefunction(grade) or not _takes_two(grade):
        raise ConfigurationError(
            f"the function `{name}` is not one of an answer and a row; write it as "
            f"`def {name}(answer, row): ...`"
        )
    return Function(name, cast("Grade", grade))


def _takes_two(grade: Callable[..., object]) -> bool:
    try:
        inspect.signature(grade).bind("", {})
    except TypeError:
        return False
    except ValueError:
        return True  # One of C's, which does not say.
    return True
