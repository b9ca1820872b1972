"""The look at a job, as a create takes it and as an inspection does."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from finetune_sdk import datasets
from finetune_sdk.errors import NotFoundError, ProviderError, UnsupportedError
from finetune_sdk.providers.base import Rows
from finetune_sdk.providers.local import rewards
from finetune_sdk.providers.local.cluster.placing import settle
from finetune_sdk.providers.local.cluster.record import Cluster
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.providers.local.jobs.team import Team
from finetune_sdk.providers.local.preflight import inspection
from finetune_sdk.providers.local.preflight.check import check
from finetune_sdk.providers.local.preflight.draft import Draft, draft
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Inspection, JobSpec, MethodName, TokenPiece

_FOREIGN = "not told: a program of your own trains"
_SHOWN_OTHERWISE = (
    "the provider 'local' shows tokens for the method 'supervised' alone, and this job's is {!r}; "
    "`datasets.count` counts the tokens of its rows, and `finetune data show` without `--model` "
    "colours the texts that are learned"
)
_UNKNOWN = (
    "a program of your own trains at this provider, and what it makes of a row it alone knows; "
    "open LocalProvider() without `trainer` to see what ours would learn"
)


class _Begun(NamedTuple):
    folder: Draft
    notes: tuple[str, ...]


def foresee(
    spec: JobSpec,
    rows: Rows,
    home: LocalHome,
    environ: Mapping[str, str],
    *,
    own_trainer: bool,
    team: Team | None = None,
    cluster: Cluster | None = None,
) -> Inspection:
    """What is found out about a job that is not to be made. Nothing of it is left behind.

    Args:
        rows: what would be learned from.
        own_trainer: our trainer would run; another program tells nothing beforehand.
        team: the processes that would train it; None is one.
        cluster: where it would train; None is this machine.

    Raises:
        FineTuneError: what a create would raise.
    """
    with _begun(spec, rows, home, environ, own_trainer=own_trainer, cluster=cluster) as (
        folder,
        notes,
    ):
        if cluster:
            settle(cluster, folder)
        if team:
            team.save(folder)
        found = look(folder, environ) if own_trainer else Inspection(settings={"time": _FOREIGN})
        settings = {**(team.settings if team else {}), **found.settings}
        return found.model_copy(
            update={"settings": settings, "warnings": (*notes, *found.warnings)}
        )


def tokens(
    spec: JobSpec,
    rows: Sequence[Mapping[str, object]],
    home: LocalHome,
    environ: Mapping[str, str],
    *,
    own_trainer: bool,
) -> list[tuple[TokenPiece, ...]]:
    """Rows as the trainer would learn them. Nothing of it is left behind.

    Args:
        rows: that would be learned from.
        own_trainer: our trainer would run; what another program makes of rows is not known.

    Raises:
        UnsupportedError: not for this method, or this trainer.
        FineTuneError: what a create would raise.
    """
    if spec.method.name is not MethodName.SUPERVISED:
        raise UnsupportedError(_SHOWN_OTHERWISE.format(spec.method.name.value))
    if not own_trainer:
        raise UnsupportedError(_UNKNOWN)
    alone = spec.model_copy(update={"validation_file": None})
    given = Rows(training=datasets.load([dict(row) for row in rows]))
    with _begun(alone, given, home, environ, own_trainer=own_trainer) as (folder, _):
        return inspection.tokens(folder, environ)


@contextmanager
def _begun(
    spec: JobSpec,
    rows: Rows,
    home: LocalHome,
    environ: Mapping[str, str],
    *,
    own_trainer: bool,
    cluster: Cluster | None = None,
) -> Generator[_Begun]:
    """A draft as a create begins a job, and what the caller should know."""
    with draft(spec, rows, home) as folder:
        notes = check(folder.spec(), folder, environ, own_trainer=own_trainer, cluster=cluster)
        # What is said here is not said again.
        modules = rewards.locate(spec.method)
        Created(created_at=now(), notes=notes, modules=modules).save(folder)
        yield _Begun(folder, notes)


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
