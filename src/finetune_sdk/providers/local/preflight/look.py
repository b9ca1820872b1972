"""The look at a job, as a create takes it and as an inspection does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from finetune_sdk.errors import NotFoundError, ProviderError
from finetune_sdk.providers.base import Rows
from finetune_sdk.providers.local import rewards
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.providers.local.preflight import inspection
from finetune_sdk.providers.local.preflight.check import check
from finetune_sdk.providers.local.preflight.draft import draft
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Inspection, JobSpec

_FOREIGN = "not told: a program of your own trains"


def foresee(
    spec: JobSpec, rows: Rows, home: LocalHome, environ: Mapping[str, str], *, own_trainer: bool
) -> Inspection:
    """What is found out about a job that is not to be made. Nothing of it is left behind.

    Args:
        rows: what would be learned from.
        own_trainer: our trainer would run; another program tells nothing beforehand.

    Raises:
        FineTuneError: what a create would raise.
    """
    with draft(spec, rows, home) as folder:
        notes = check(folder.spec(), folder, environ, own_trainer=own_trainer)
        # A create begins so too; what was said there is not said again.
        modules = rewards.locate(spec.method)
        Created(created_at=now(), notes=notes, modules=modules).save(folder)
        found = look(folder, environ) if own_trainer else Inspection(settings={"time": _FOREIGN})
        return found.model_copy(update={"warnings": (*notes, *found.warnings)})


def look(folder: JobFolder, environ: Mapping[str, str]) -> Inspection:
    """What is found out about a job whose folder has its `spec.json` and `created.json`.

    Its model may be deleted meanwhile.

    Raises:
        FineTuneError: it would fail.
    """
    try:
        found = inspection.inspect(folder, environ)
    except ProviderError as error:
        # What the libraries say of a folder that has gone is of no use.
        _refuse_gone(folder.spec().model, error)
        raise
    _refuse_gone(folder.spec().model)
    return found


def _refuse_gone(model: str, cause: Exception | None = None) -> None:
    path = Path(model)
    if path.is_absolute() and not path.is_dir():
        raise NotFoundError(
            f"the model {model!r} was deleted while the job was looked at; name another `model`",
            provider=NAME,
        ) from cause
