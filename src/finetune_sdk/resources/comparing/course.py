"""From the words of a call to the comparison and its folder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from finetune_sdk.errors import FineTuneError
from finetune_sdk.evaluation import comparison, course, gates, grading
from finetune_sdk.evaluation.asking import Asker
from finetune_sdk.evaluation.cache import Forgetful, Kept, Store
from finetune_sdk.evaluation.comparison import Findings
from finetune_sdk.evaluation.course import Stage
from finetune_sdk.evaluation.packages import package
from finetune_sdk.evaluation.scoring import Scoring, scoring_of
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import CanEstimate, CanListMetrics
from finetune_sdk.resources import steps
from finetune_sdk.resources.bars import counted
from finetune_sdk.resources.comparing import places
from finetune_sdk.resources.comparing import rows as test_rows
from finetune_sdk.resources.comparing.request import CompareRequest
from finetune_sdk.resources.comparing.rows import TestRows
from finetune_sdk.resources.comparing.stages import Cast, tuned_of
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.types import (
    ComparedRow,
    Comparison,
    CostEstimate,
    Job,
    Manner,
    Metric,
    NoEstimate,
)

_COUNTING = ("numpy", "scipy.stats")
_DRAWING = ("jinja2", "matplotlib.figure")
_POINTS = 2000
"""Measurements of a loss that are drawn at most."""

_NO_RESULT = (
    f"the provider `{registry.FAKE}` trains nothing and answers what it is told: nothing here is a "
    "result"
)


def compare(context: Context, request: CompareRequest) -> Comparison:
    """Compares; what can be refused is refused before anything is asked."""
    request.check()
    place = places.place_of(request.folder)
    _need_packages(place)
    warnings = [_NO_RESULT] if context.opened.name == registry.FAKE else list[str]()
    tuned = tuned_of(context, request.tuned)
    found = test_rows.read(
        context, request.test_data, request.training_data, tuned.job, warnings.append
    )
    scoring = scoring_of(request.scorers, found.tests)
    cast = Cast(context=context, request=request, warn=warnings.append)
    stages = cast.stages(tuned, found.learned)
    names = [one.name for stage in stages for one in stage.entrants if one.kind != "fine_tuned"]
    required = gates.parse(request.require, scoring.measures, names)
    asked, compared = _asked(context, request, found, scoring, cast, stages, warnings)
    findings = Findings(
        provider=context.opened.name,
        at=context.clock.now(),
        job=tuned.job,
        learning=_learning(context, tuned.job, warnings.append),
        test_data=found.name,
        training_rows=None if found.learned is None else len(found.learned),
        spent=_spent(context, tuned.job),
        seed=request.seed,
        manner=Manner(
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            shots=request.shots,
            concurrency=request.concurrency,
        ),
        asked=asked,
        compared=compared,
        scoring=scoring,
        required=required,
        warnings=tuple(dict.fromkeys(warnings)),
        folder=None if place is None else str(place),
    )
    made = comparison.of(findings)
    if place is not None:
        places.write(made, place)
    return made


def _need_packages(place: Path | None) -> None:
    """Refuses what would be missed only when all is asked.

    Raises:
        MissingDependencyError: a package of the extra `evaluation` is not installed.
    """
    for name in (*_COUNTING, *(() if place is None else _DRAWING)):
        package(name)


def _asked(
    context: Context,
    request: CompareRequest,
    found: TestRows,
    scoring: Scoring,
    cast: Cast,
    stages: Sequence[Stage],
    warnings: list[str],
) -> tuple[list[course.Asked], list[ComparedRow]]:
    entrants = sum(len(stage.entrants) for stage in stages)
    judge = scoring.judge
    opening = None if judge is None else cast.judge(judge.deployment)
    with (
        _store(context, fresh=request.fresh, warn=warnings.append) as store,
        counted(request.progress, "answers") as add,
    ):
        add(0, len(found.tests) * entrants * (1 if judge is None else 2))
        asker = Asker(store=store, told=lambda done: add(done, 0))
        asked = course.run(stages, found.tests, asker)
        compared = grading.graded(asked, found.tests, scoring)
        if judge is not None and opening is not None:
            compared, unread = grading.judged(compared, judge, opening, asker)
            if unread:
                warnings.append(
                    f"{unread} grades of the judge could not be read: those answers have no `judge`"
                )
    return asked, compared


@contextmanager
def _store(context: Context, *, fresh: bool, warn: Callable[[str], None]) -> Generator[Store]:
    if context.provider.ephemeral:
        yield Forgetful()
        return
    place = context.home / "evaluations" / "answers.sqlite3"
    with closing(Kept(place, fresh=fresh, warn=warn)) as store:
        yield store


def _learning(context: Context, job: Job | None, warn: Callable[[str], None]) -> tuple[Metric, ...]:
    """The losses of the job, thinned where there are very many."""
    provider = context.provider
    if job is None or not isinstance(provider, CanListMetrics):
        return ()
    found = pages(context, lambda n, at: provider.list_metrics(job.id, limit=n, cursor=at))
    try:
        losses = [one for one in steps.iterate(found, context.clock) if one.name == "loss"]
    except FineTuneError as error:
        warn(f"the losses of {job.handle} could not be read: {error}")
        return ()
    return tuple(losses[:: len(losses) // _POINTS + 1])


def _spent(context: Context, job: Job | None) -> CostEstimate | NoEstimate:
    """What the training has cost."""
    provider = context.provider
    if job is None:
        return NoEstimate(reason="the job that made the model is not known")
    if not isinstance(provider, CanEstimate):
        return NoEstimate(reason=f"the provider {context.opened.name!r} tells no costs")
    return context.call(lambda: provider.spent(job))
