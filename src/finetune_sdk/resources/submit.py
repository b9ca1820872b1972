"""The way of a create: draft, cost limit, and then the desk, which pays once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import CostLimitError, SunsetError
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import CanPreflight, FineTuneProvider
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.costs import cost_of, over_limit
from finetune_sdk.resources.drafting import Draft, draft
from finetune_sdk.resources.local_rows import digest_of, refuse_changed
from finetune_sdk.resources.request import JobRequest
from finetune_sdk.submission import Order, call_digest
from finetune_sdk.types import DatasetFile, Inspection, Job, JobSpec


def submit(
    context: Context, request: JobRequest, *, heard: Callable[[], bool] = lambda: True
) -> Job:
    """Makes the job; nothing is sent before everything that can be known is checked.

    Args:
        heard: whoever asked is still there when it is made.
    """
    made = draft(context, request)
    wanted = Wanted(
        made=made,
        call=_call(made),
        keyed=request.idempotency_key is not None,
        limit=request.max_cost,
        files=Files(context, made),
    )
    return hand_in(context, wanted, heard=heard)


class Files:
    """The files of one job, uploaded for it."""

    def __init__(self, context: Context, made: Draft) -> None:
        self.context, self.made = context, made

    def uploaded(self, spec: JobSpec) -> JobSpec:
        """The spec with its files, which the provider has then."""
        return uploaded(self.context, self.made, spec, key=spec.key)

    def recheck(self) -> None:
        """What was checked is still what was sent."""
        refuse_changed(self.made.stamps)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A job that everything is known of, on its way to the desk.

    Attributes:
        call: the digest of the whole call.
        keyed: the key of its spec says which job it is.
        limit: US dollars, held against the high end of the estimate.
        files: how they get to the provider.
    """

    made: Draft
    call: str
    keyed: bool
    limit: float | None = None
    files: Files


def hand_in(context: Context, wanted: Wanted, *, heard: Callable[[], bool] = lambda: True) -> Job:
    """Makes the job of a draft.

    Args:
        heard: whoever asked is still there when it is made.
    """
    made = wanted.made
    told: list[str] = []

    def check() -> None:
        _hold_against_limit(context, wanted.limit, made)
        told.extend(preflight(context, made).warnings)

    order = Order(
        spec=made.held.model_copy(update={"call": wanted.call}),
        keyed=wanted.keyed,
        check=check,
        upload=wanted.files.uploaded,
        recheck=wanted.files.recheck,
        heard=heard,
    )
    job = _enriched(context, order)
    # What a look beforehand has told, a provider may tell once more with the job.
    warnings = dict.fromkeys((*made.warnings, *told, *made.row_warnings(), *job.warnings))
    return context.stamp(job.model_copy(update={"warnings": tuple(warnings)}))


def preflight(context: Context, made: Draft) -> Inspection:
    """What one look at the provider tells beforehand.

    Raises:
        SunsetError: it takes no such job any more; names those that do.
    """
    provider = context.provider
    if not isinstance(provider, CanPreflight):
        return Inspection()
    try:
        return context.call(lambda: provider.preflight_job(made.held))
    except SunsetError as error:
        raise _with_ways_on(context, made.spec, error) from None


def _enriched(context: Context, order: Order) -> Job:
    try:
        return context.desk().submit(order)
    except SunsetError as error:
        if error.able:
            raise
        raise _with_ways_on(context, order.spec, error) from None


def _with_ways_on(context: Context, spec: JobSpec, error: SunsetError) -> SunsetError:
    """The error, with the providers that remain and the one line that leads to each."""

    def remains(other: type[FineTuneProvider]) -> bool:
        return other.name != context.opened.name and spec.method.name in other.capabilities.methods

    able = registry.able(remains)
    if not able:
        return error
    return SunsetError(
        f"{error}. These remain for `{spec.method.name.value}`: {', '.join(able)}; the change is "
        f'one line: `profile = "{able[0]}"` in finetune.toml, or FineTuneClient("{able[0]}")',
        able=able,
    )


def _call(made: Draft) -> str:
    """The digest of the whole call."""
    both = (made.given, made.given_validation)
    return call_digest(made.spec, [digest_of(rows) for rows in both if rows is not None])


def uploaded(context: Context, made: Draft, spec: JobSpec, *, key: str) -> JobSpec:
    """The spec with the rows of a draft, which are uploaded for it.

    Args:
        key: of the upload.
    """
    training = _upload(context, made.training, key)
    # A key of its own: the file of a key is one file.
    validation = made.validation and _upload(context, made.validation, f"{key}/validation")
    return spec.model_copy(update={"training_file": training, "validation_file": validation})


def _upload(context: Context, rows: Dataset | DatasetFile, key: str) -> DatasetFile:
    if isinstance(rows, DatasetFile):
        return rows
    return context.call(lambda: context.provider.upload_dataset(rows, key=key))


def _hold_against_limit(context: Context, limit: float | None, made: Draft) -> None:
    if limit is None:
        return
    if reason := over_limit(context, made, cost_of(context, made), limit):
        raise CostLimitError(f"{reason}; nothing was sent")
