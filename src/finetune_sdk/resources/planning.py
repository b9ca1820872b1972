"""`jobs.plan`: what creating a job would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finetune_sdk.datasets.tokens import auto_epochs
from finetune_sdk.errors import AuthenticationError, ConfigurationError, ProviderError
from finetune_sdk.providers.base import CanEstimate, CanInspect
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.costs import cost_of, doubts, over_limit
from finetune_sdk.resources.drafting import Draft, draft
from finetune_sdk.resources.guard import checked_options
from finetune_sdk.resources.local_rows import recalled, refuse_changed, remembered
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.request import JobRequest
from finetune_sdk.resources.submit import preflight, submit
from finetune_sdk.types import (
    CostEstimate,
    Inspection,
    Job,
    Method,
    NoEstimate,
    Plan,
    PlannedJob,
    ProviderOptions,
    Supervised,
)


def plan(context: Context, request: JobRequest) -> Plan:
    """Drafts the job, and asks the provider what it knows of it. Nothing is made."""
    made = draft(context, request)
    early = looked_up(context, made)
    looked = _inspected(context, made)
    cost = cost_of(context, made, looked)
    found = looked or early
    epochs, source = _epochs(context, made, found)
    report = made.training_report
    planned = _planned(context, request, made)
    # Only now: the digest in the plan must be of the rows that it speaks of.
    refuse_changed(made.stamps)
    return Plan(
        spec=planned,
        provider=context.provider.name,
        training=report,
        validation=made.validation_report,
        conversion=made.conversion,
        tokens=(report.tokens if report else None) or found.training,
        validation_tokens=found.validation,
        epochs=epochs,
        epochs_source=source,
        cost=cost if isinstance(cost, CostEstimate) else None,
        no_cost=cost.reason if isinstance(cost, NoEstimate) else None,
        seconds=found.seconds,
        shutdown_date=found.shutdown_date or early.shutdown_date,
        settings={**_train_on(context, made.spec.method), **found.settings},
        warnings=(
            *made.warnings,
            *_both(early, looked),
            *doubts(cost),
            *_refusal(context, request, made, cost),
        ),
    )


def looked_up(context: Context, made: Draft) -> Inspection:
    """What one look at the provider tells. A plan is worth having without it."""
    try:
        return preflight(context, made)
    except ProviderError as error:
        if not (error.retryable or isinstance(error, AuthenticationError)):
            raise
        return Inspection(warnings=(f"a create would fail, the provider cannot be asked: {error}",))


def _both(early: Inspection, looked: Inspection | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*early.warnings, *(looked.warnings if looked else ()))))


def _refusal(
    context: Context, request: JobRequest, made: Draft, cost: CostEstimate | NoEstimate
) -> Iterator[str]:
    """That a create would refuse to spend so much."""
    if request.max_cost is None:
        return
    if reason := over_limit(context, made, cost, request.max_cost):
        yield f"a create would refuse: {reason}"


def create(
    context: Context,
    spec: PlannedJob | Plan | None,
    request: JobRequest,
    *,
    heard: Callable[[], bool] = lambda: True,
) -> Job:
    """Makes the job that was planned, or else the one that is asked for.

    Args:
        spec: what was planned; nothing is said beside it, then.
        request: the words of the call.
        heard: whoever asked is still there when it is made.
    """
    if spec is not None:
        request = _request_of(context, spec, beside=request)
    return submit(context, request, heard=heard)


def _request_of(context: Context, spec: PlannedJob | Plan, *, beside: JobRequest) -> JobRequest:
    """The call that makes a planned job.

    Args:
        spec: what was planned.
        beside: the other words of the call, of which there may be none.

    Raises:
        ConfigurationError: it was planned for another place, its rows are not there any more, or
            something was said beside it.
    """
    planned = spec.spec if isinstance(spec, Plan) else spec
    if not is_a(planned, PlannedJob):
        raise ConfigurationError(f"`spec` is {spec!r:.80}; it takes what `jobs.plan` gave")
    if said := beside.said():
        raise ConfigurationError(
            f"a planned job is created as it was planned; plan again with {', '.join(said)}"
        )
    if planned.owner != context.owner:
        raise ConfigurationError(
            f"the job was planned for {planned.owner!r} and this client is of {context.owner!r}; "
            f'open FineTuneClient("{planned.owner}") for it, or plan it here'
        )
    validation = planned.validation_data
    return JobRequest(
        model=planned.model,
        training_data=recalled(context, planned.training_data),
        validation_data=None if validation is None else recalled(context, validation),
        method=planned.method,
        suffix=planned.suffix,
        seed=planned.seed,
        metadata=planned.metadata or None,
        max_cost=planned.max_cost,
        options=_options(context, planned),
        idempotency_key=planned.key,
        allow=planned.allow,
        strict=planned.strict,
        resolved=True,
    )


def _options(context: Context, planned: PlannedJob) -> list[ProviderOptions]:
    kind = context.provider.capabilities.options
    checked = checked_options(context, planned.options, kind, "the plan's `options`")
    return [kind.model_validate(checked)] if kind and checked else []


def _planned(context: Context, request: JobRequest, made: Draft) -> PlannedJob:
    spec, validation = made.spec, made.given_validation
    return PlannedJob(
        owner=context.owner,
        key=spec.key,
        model=spec.model,
        method=spec.method,
        training_data=remembered(context, made.given),
        validation_data=None if validation is None else remembered(context, validation),
        suffix=spec.suffix,
        seed=spec.seed,
        metadata=spec.metadata,
        max_cost=request.max_cost,
        options=spec.options,
        allow=tuple(request.allow),
        strict=request.strict,
    )


def _inspected(context: Context, made: Draft) -> Inspection | None:
    provider = context.provider
    if not isinstance(provider, CanInspect):
        return None
    return context.call(lambda: provider.inspect_job(made.held, made.rows()))


def _epochs(context: Context, made: Draft, found: Inspection) -> tuple[float | None, str | None]:
    if made.spec.method.epochs is not None:
        return made.spec.method.epochs, "as you said"
    if found.epochs is not None:
        return found.epochs, "the provider's own choice"
    provider, rows = context.provider, made.rows().count
    if isinstance(provider, CanEstimate) and provider.encoding(made.spec.model) and rows:
        return auto_epochs(rows), "what OpenAI's cookbook says that `auto` gives for so many rows"
    return None, None


def _train_on(context: Context, method: Method) -> dict[str, str]:
    """What is learned where nobody has said it: it differs between providers."""
    if not isinstance(method, Supervised) or method.train_on is not None:
        return {}
    support = context.provider.capabilities.methods[method.name]
    return {"train_on": f"{support.train_on[0]}, what this provider does"}
