"""The way of a migration: export, map, plan, create, and write down where it came from."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from hashlib import sha256

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.resources import planning
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.defaults import with_defaults
from finetune_sdk.resources.guard import own_options
from finetune_sdk.resources.migrating import methods, models, record, report, rows, words
from finetune_sdk.resources.migrating.methods import Learning
from finetune_sdk.resources.migrating.request import MigrationRequest, check
from finetune_sdk.resources.migrating.rows import Carried
from finetune_sdk.resources.migrating.source import Source, source_of
from finetune_sdk.resources.migrating.words import Words
from finetune_sdk.resources.request import JobRequest
from finetune_sdk.submission.words import warned
from finetune_sdk.types import Change, Job, JobStatus, Migration, Plan

_NOTHING = JobRequest(model="", training_data=())


def migrate(
    context: Context,
    job: Job | str | os.PathLike[str] | Migration,
    to: str | Context,
    request: MigrationRequest,
) -> Migration:
    """Makes a job again at another place.

    Args:
        context: of the job's place; of an export's folder it is not asked for anything.
        job: which one; or a migration that was planned.
        to: an open place, or the name of one that is opened for this.
        request: the words of the call.
    """
    check(request)
    if isinstance(to, Context):
        return _at(to, context, job, request)
    target = context.elsewhere(to)
    try:
        return _at(target, context, job, request)
    finally:
        target.provider.close()


def _at(
    target: Context,
    context: Context,
    job: Job | str | os.PathLike[str] | Migration,
    request: MigrationRequest,
) -> Migration:
    if isinstance(job, Migration):
        return _created(_as_planned(job, request), target)
    source = source_of(context, job, request.folder)
    _refuse_unfinished(source, request)
    planned = _drafted(source, target, request)
    return planned if request.plan_only else _created(planned, target)


def _as_planned(planned: Migration, request: MigrationRequest) -> Migration:
    if request != MigrationRequest():
        raise ConfigurationError(
            "a planned migration is made as it was planned; plan it again with your words"
        )
    return planned


def _refuse_unfinished(source: Source, request: MigrationRequest) -> None:
    """Only what has ended says the same again: it would be made twice from what it says meanwhile.

    Raises:
        ConfigurationError: it may go on, and the caller has no key that keeps it to one.
    """
    job = source.job
    if job.status.terminal or request.idempotency_key is not None:
        return
    then = "migrate it then" if source.context else "export it anew"
    raise ConfigurationError(
        f"{job.handle!r} has not ended ({job.status.value}) and may yet change what it says of "
        f"itself; wait for it (finetune jobs wait {job.handle}) and {then}, or give an "
        "`idempotency_key` (`--idempotency-key`) of your own, which makes one job of it"
    )


@dataclass(frozen=True, kw_only=True)
class _Mapped:
    """The job in the words of the target."""

    source: Source
    model: str
    of_model: list[Change]
    learning: Learning
    training: Carried
    validation: Carried


def _drafted(source: Source, target: Context, request: MigrationRequest) -> Migration:
    learning = methods.mapped(
        source, target, request.hyperparameters, trusted=request.trust_programs
    )
    model, of_model = models.mapped(source, target, request.model)
    mapped = _Mapped(
        source=source,
        model=model,
        of_model=of_model,
        learning=learning,
        training=rows.training(source, target, request.training_data),
        validation=rows.validation(source, target, request.validation_data),
    )
    plan, told = _planned(mapped, target, request)
    changes = _changes(mapped, told, target, plan)
    plan = report.with_source(changes, plan)
    return Migration(
        source=source.job.handle,
        target=target.owner,
        migrated_at=target.clock.now(),
        changes=changes,
        plan=plan.model_copy(update={"warnings": (*plan.warnings, *report.lost(changes))}),
        folder=str(source.folder),
    )


def _planned(mapped: _Mapped, target: Context, request: MigrationRequest) -> tuple[Plan, Words]:
    told = words.mapped(mapped.source, target, request, marked=True)
    try:
        return _plan(mapped, told, target, request), told
    except ConfigurationError:
        # Our own word may be one too many for the place's limits; if it was not, this says so.
        bare = words.mapped(mapped.source, target, request, marked=False)
        if bare.metadata == told.metadata:
            raise
        return _plan(mapped, bare, target, request), bare


def _plan(mapped: _Mapped, told: Words, target: Context, request: MigrationRequest) -> Plan:
    wanted = JobRequest(
        model=mapped.model,
        training_data=mapped.training.rows or (),
        validation_data=mapped.validation.rows,
        method=mapped.learning.method,
        suffix=told.suffix,
        seed=told.seed,
        metadata=told.metadata or None,
        max_cost=request.max_cost,
        options=request.options,
        idempotency_key=request.idempotency_key,
        allow=request.allow,
        strict=request.strict,
        resolved=True,
    )
    if request.idempotency_key is None:
        wanted = replace(wanted, idempotency_key=_key(mapped, wanted, target))
    return planning.plan(target, wanted)


def _key(mapped: _Mapped, wanted: JobRequest, target: Context) -> str:
    """Of the job and of the whole call here: the same migration is one job, however often made."""
    method = with_defaults(target, mapped.learning.method)
    job = mapped.source.job
    call = [
        # Not by what a config file calls their places: another, or none, calls them otherwise.
        [job.provider, job.id],
        target.opened.name,
        wanted.model,
        method.model_dump(mode="json", exclude_none=True),
        [mapped.training.digest, mapped.validation.digest],
        [wanted.suffix, wanted.seed, wanted.metadata],
        methods.plain({**target.options, **own_options(target, wanted.options)}),
        wanted.strict,
    ]
    text = json.dumps(call, sort_keys=True, ensure_ascii=True)
    return f"migration-{sha256(text.encode()).hexdigest()[:40]}"


def _changes(mapped: _Mapped, told: Words, target: Context, plan: Plan) -> tuple[Change, ...]:
    learning = mapped.learning
    of_profile = list(report.of_profile(target, learning.method, plan))
    return (
        *mapped.of_model,
        report.rows(mapped.training, plan),
        *report.validation(mapped.validation, plan),
        *report.with_rates(learning.changes, target, plan),
        *of_profile,
        *told.changes,
    )


def _created(planned: Migration, target: Context) -> Migration:
    job = planning.create(target, planned.plan, _NOTHING)
    if job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
        job = warned(
            job,
            f"this migration was made before, and its job has {job.status.value}; to make another "
            "one, give another `idempotency_key` (`--idempotency-key`)",
        )
    for warning in report.lost(planned.changes):
        job = warned(job, warning)
    changes = report.settled(planned.changes, job)
    made = planned.model_copy(update={"job": job, "changes": changes})
    trouble = record.keep(made)
    return made if trouble is None else made.model_copy(update={"job": warned(job, trouble)})
