"""Graders, run on this machine. Pure but for a grader's own program; needs no torch.

templates.py   what stands in `{{ }}`
programs.py    graders that are programs
errors.py      what a grader cannot do
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from importlib.util import find_spec

from finetune_sdk.errors import MissingDependencyError
from finetune_sdk.providers.local.training.graders import programs, templates
from finetune_sdk.providers.local.training.graders.errors import (
    GraderError,
    MissingFieldError,
    UngradableError,
)
from finetune_sdk.similarity import PACKAGES, REFUSED, similarity
from finetune_sdk.types.grader import (
    Grader,
    PythonGrader,
    StringCheckGrader,
    TextSimilarityGrader,
)

__all__ = ["Grade", "GraderError", "MissingFieldError", "check", "load", "missing", "sample_of"]

Grade = Callable[[str, Mapping[str, object]], float]
"""Grades an answer's text by the fields of its row."""

_CHECKS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda text, reference: text == reference,
    "ne": lambda text, reference: text != reference,
    "like": lambda text, reference: reference in text,
    "ilike": lambda text, reference: reference.casefold() in text.casefold(),
}


def check(grader: Grader) -> None:
    """Looks at a grader without running it.

    Raises:
        GraderError: a template or a source is wrong.
        MissingDependencyError: a package that it needs is not installed.
    """
    if isinstance(grader, PythonGrader):
        programs.check(grader.source, grader.name)
        return
    for text in _texts(grader):
        templates.paths(text)
    measure = grader.evaluation_metric if isinstance(grader, TextSimilarityGrader) else ""
    package = PACKAGES.get(measure)
    if package is not None and find_spec(package) is None:
        raise MissingDependencyError(package, "local")


def refusal(grader: Grader) -> str | None:
    """Why a grader is not to be had here; None where it is."""
    measure = grader.evaluation_metric if isinstance(grader, TextSimilarityGrader) else ""
    return REFUSED.get(measure)


def missing(grader: Grader, item: Mapping[str, object]) -> list[str]:
    """Fields that a grader's templates name and a row does not have."""
    return [name for text in _texts(grader) for name in templates.missing(text, item)]


def load(grader: Grader) -> Grade:
    """The grader as a function. It raises `GraderError` where it cannot grade.

    Raises:
        GraderError: the source of a program is wrong.
    """
    if isinstance(grader, PythonGrader):
        return _program(grader)
    if isinstance(grader, StringCheckGrader):
        holds = _CHECKS[grader.operation]
        return _of_texts(grader, lambda text, reference: float(holds(text, reference)))
    if not isinstance(grader, TextSimilarityGrader):
        # The guard has refused it long before; a job's folder may have been written by hand.
        raise GraderError(f"a grader of the type {grader.type!r} does not run on this machine")
    measure = grader.evaluation_metric
    return _of_texts(grader, lambda text, reference: similarity(measure, text, reference))


def sample_of(text: str) -> dict[str, object]:
    """An answer as graders see it; `output_json` is there where the text is JSON."""
    sample: dict[str, object] = {"output_text": text, "output_tools": []}
    with suppress(ValueError, RecursionError):
        sample["output_json"] = json.loads(text)
    return sample


def _texts(grader: Grader) -> tuple[str, ...]:
    if isinstance(grader, (StringCheckGrader, TextSimilarityGrader)):
        return grader.input, grader.reference
    return ()


def _of_texts(
    grader: StringCheckGrader | TextSimilarityGrader, compare: Callable[[str, str], float]
) -> Grade:
    def grade(text: str, item: Mapping[str, object]) -> float:
        sample = sample_of(text)
        try:
            given = templates.fill(grader.input, item, sample)
            return compare(given, templates.fill(grader.reference, item, sample))
        except UngradableError:
            return 0.0

    return grade


def _program(grader: PythonGrader) -> Grade:
    function = programs.load(grader.source, grader.name)

    def grade(text: str, item: Mapping[str, object]) -> float:
        try:
            # A copy: what it changes in a row is not changed for the answers that follow.
            value = function(sample_of(text), deepcopy(dict(item)))
        except (Exception, SystemExit) as error:
            raise GraderError(
                f"the grader {grader.name!r} raised {programs.told(error)}"
            ) from error
        number = programs.number(value)
        if number is None:
            raise GraderError(
                f"the grader {grader.name!r} gave {programs.shown(value)}; it must give a number"
            )
        return number

    return grade
