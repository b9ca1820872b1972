"""The way of a sweep: draft every trial, and then begin, look and settle until nothing goes on."""

from __future__ import annotations

from collections.abc import Callable

from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers.base import CanListMetrics
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.steps import Quiet, ask
from finetune_sdk.resources.sweeping.course import Course
from finetune_sdk.resources.sweeping.drafts import Drafted, drafted, looked_up, sweep_key
from finetune_sdk.resources.sweeping.files import SharedFiles
from finetune_sdk.resources.sweeping.request import SweepRequest, check
from finetune_sdk.types import Sweep


def sweep(
    context: Context, request: SweepRequest, *, on_look: Callable[[Sweep], None]
) -> Quiet[Sweep]:
    """Makes the jobs of a sweep and waits for them; ends with all that is known of them then.

    Args:
        on_look: is shown the sweep whenever something in it may have changed.
    """
    pace = request.patience.pace(context)
    found, warnings = yield from ask(lambda: _prepared(context, request))
    empty = Sweep(
        owner=context.owner,
        name=request.name,
        metric=request.metric,
        split=request.rows,
        goal=request.best_is,
        trials=tuple(one.trial for one in found),
        max_cost=request.max_cost,
        warnings=warnings,
    )
    if request.plan_only:
        return empty
    files = SharedFiles(context, found, sweep_key(request, found))
    course = Course(context, request, found, files, empty, on_look)
    return (yield from course.run(pace))


def _prepared(context: Context, request: SweepRequest) -> tuple[list[Drafted], tuple[str, ...]]:
    check(request)
    if request.metric is not None:
        context.need(CanListMetrics, "jobs.metrics")
    found = drafted(context, request)
    warnings = looked_up(context, request, found)
    return [_known(context, one) for one in found] if request.plan_only else found, warnings


def _known(context: Context, one: Drafted) -> Drafted:
    """A planned trial with the job that an earlier call has made of it."""
    try:
        job = context.desk().made(one.spec)
    except NotFoundError as error:
        # As a sweep would tell it.
        known = one.trial.model_copy(update={"trouble": str(error)})
    else:
        if job is None:
            return one
        known = one.trial.model_copy(update={"job": context.stamp(job)})
    return Drafted(trial=known, made=one.made, call=one.call, cost=one.cost)
