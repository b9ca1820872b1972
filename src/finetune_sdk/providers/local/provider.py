"""The local provider: what the rest of the SDK sees. Everything is done in the rooms beside."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NoReturn, TypeVar

from finetune_sdk.errors import ConfigurationError, UnsupportedError
from finetune_sdk.home import state_folder
from finetune_sdk.prices import FREE, Price
from finetune_sdk.prices.spent import by_time
from finetune_sdk.providers.base import (
    CanClean,
    CanDeploy,
    CanDownloadModels,
    CanEstimate,
    CanExport,
    CanFindJob,
    CanInspect,
    CanListCheckpoints,
    CanListMetrics,
    CanListModels,
    CanPause,
    CanReadLogs,
    CanTokenize,
    Capabilities,
    FineTuneProvider,
    ProviderSettings,
    Rows,
    read_profile,
)
from finetune_sdk.providers.local import uploads
from finetune_sdk.providers.local.capabilities import CAPABILITIES
from finetune_sdk.providers.local.faults import translated
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.settings import (
    NAME,
    TOKEN_ENV,
    CodeSettings,
    Launch,
    LocalSettings,
)
from finetune_sdk.types import CostEstimate, DatasetFile, NoEstimate

if TYPE_CHECKING:
    from datetime import datetime

    from finetune_sdk.datasets import Dataset
    from finetune_sdk.types import (
        Checkpoint,
        Connection,
        Deployment,
        DeploymentSpec,
        Inspection,
        Job,
        JobEvent,
        JobSpec,
        Leftover,
        Metric,
        Model,
        Page,
        TokenPiece,
    )

_HOUR = 3600.0
_OWN = "it runs on your own machine; electricity is not counted"
_PRICED = "an hour of this machine costs {:g} US dollars, as `price_per_hour` says"

S = TypeVar("S", "JobSpec", "DeploymentSpec")


class LocalProvider(
    FineTuneProvider,
    CanPause,
    CanFindJob,
    CanListMetrics,
    CanListCheckpoints,
    CanReadLogs,
    CanListModels,
    CanDownloadModels,
    CanDeploy,
    CanClean,
    CanEstimate,
    CanExport,
    CanInspect,
    CanTokenize,
):
    """Fine-tunes on this machine with TRL, in processes that outlive the caller.

    Args:
        home: the state folder; `FINETUNE_HOME` or the platform's data folder by default.
        trainer: program and arguments that train instead of our own trainer; the job's folder is
            added as the last argument.
        environ: the environment that is read and, by a list, passed on; the process's by default.
        cancel_grace: seconds between asking a trainer to end and killing it.
        stalled_after: seconds without a word of a trainer, before a warning says so.
        vllm_command: what vLLM is called by, its program first, such as `["/opt/vllm/bin/vllm"]`;
            `vllm` by default, where that is on the path.
        launcher: how the trainer is started: `process` is one process on this machine, `torchrun`
            several of them, a GPU each, `ray` is on a Ray cluster.
        processes: that train together; by default one for each GPU with `torchrun`, and one with
            `ray` or where there is no GPU.
        price_per_hour: US dollars that an hour of this machine costs, where it is rented; what a
            job costs is then told from how long it would train, for which it is looked at as
            `inspect_job` does. None is nothing.
        address: of the cluster's dashboard, such as "http://127.0.0.1:8265".
        storage: a folder that this machine and the cluster see under the same path, or a URL that
            fsspec knows, such as "s3://bucket/folder".
        token_env: the variable in `environ` with the cluster's token.
        cpus_per_process: that each process asks the cluster for.
        gpus_per_process: likewise.

    Raises:
        ConfigurationError: a setting is wrong, or two do not go together.
        UnsupportedError: this is Windows.
    """

    name: ClassVar[str] = NAME
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    shares_files: ClassVar[bool] = True
    programs: ClassVar[frozenset[str]] = frozenset({"vllm_command"})

    def __init__(
        self,
        *,
        home: Path | str | None = None,
        trainer: Sequence[str] | None = None,
        environ: Mapping[str, str] | None = None,
        cancel_grace: float = 10.0,
        stalled_after: float = 600.0,
        launcher: Launch = "process",
        processes: int | None = None,
        vllm_command: Sequence[str] | str | None = None,
        price_per_hour: float | None = None,
        address: str | None = None,
        storage: Path | str | None = None,
        token_env: str = TOKEN_ENV,
        cpus_per_process: int = 1,
        gpus_per_process: int = 0,
    ) -> None:
        _refuse_windows()
        said = {
            "vllm_command": vllm_command,
            "price_per_hour": price_per_hour,
            "launcher": launcher,
            "address": address,
            "storage": None if storage is None else str(storage),
            "token_env": token_env,
            "processes": processes,
            "cpus_per_process": cpus_per_process,
            "gpus_per_process": gpus_per_process,
        }
        settings = read_profile(CodeSettings, said, provider=NAME)
        _check(settings)
        self._price = settings.price_per_hour
        # Here and not above: these need `fcntl`, and the table of what each provider can do is
        # made on Windows too.
        from finetune_sdk.providers.local.cleaning import Leftovers
        from finetune_sdk.providers.local.cluster.placing import cluster_of
        from finetune_sdk.providers.local.jobs.launcher import Launcher
        from finetune_sdk.providers.local.jobs.store import LocalJobs
        from finetune_sdk.providers.local.models.catalog import LocalModels
        from finetune_sdk.providers.local.serving.deployments import LocalDeployments

        environ = os.environ if environ is None else environ
        self._home = LocalHome.of(state_folder(home, environ))
        starter = Launcher(
            trainer=trainer,
            environ=environ,
            grace=cancel_grace,
            stalled_after=stalled_after,
            several=settings.launcher == "torchrun",
            processes=settings.processes,
            cluster=cluster_of(settings, trainer=trainer, grace=cancel_grace),
        )
        self._jobs = LocalJobs(home=self._home, launcher=starter, environ=environ)
        self._models = LocalModels(home=self._home, jobs=self._jobs)
        self._leftovers = Leftovers(home=self._home, jobs=self._jobs)
        self._deployments = LocalDeployments(self._home, environ, settings.vllm_command or ())

    def __reduce__(self) -> NoReturn:
        # It holds the environment, and so a token.
        raise TypeError("a provider is not copied or pickled; open it anew where it is needed")

    @property
    def account(self) -> str:
        return str(self._home.root)

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> LocalProvider:
        said = read_profile(LocalSettings, settings.values, provider=NAME)
        return cls(home=settings.home, environ=settings.environ, **said.model_dump())

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:  # noqa: ARG002
        with translated(self._home):
            return uploads.store(dataset, self._home)

    def create_job(self, spec: JobSpec, /) -> Job:
        with translated(self._home):
            return self._jobs.create(_settled(spec))

    def get_job(self, job_id: str, /) -> Job:
        with translated(self._home):
            return self._jobs.get(job_id)

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        with translated(self._home):
            return self._jobs.list(limit=limit, cursor=cursor)

    def cancel_job(self, job_id: str, /) -> Job:
        with translated(self._home):
            return self._jobs.cancel(job_id)

    def pause_job(self, job_id: str, /) -> Job:
        with translated(self._home):
            return self._jobs.pause(job_id)

    def resume_job(self, job_id: str, /) -> Job:
        with translated(self._home):
            return self._jobs.resume(job_id)

    def find_jobs(
        self,
        key: str,
        /,
        *,
        spec: JobSpec | None = None,
        since: datetime | None = None,  # noqa: ARG002 - a folder has its key in its name
    ) -> list[Job]:
        with translated(self._home):
            return list(self._jobs.of_key(key, spec.call if spec else ""))

    def list_checkpoints(
        self, job_id: str, /, *, limit: int, cursor: str | None
    ) -> Page[Checkpoint]:
        with translated(self._home):
            return self._jobs.checkpoints(job_id, limit=limit, cursor=cursor)

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        with translated(self._home):
            return self._jobs.events(job_id, limit=limit, cursor=cursor)

    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        with translated(self._home):
            return self._jobs.metrics(job_id, limit=limit, cursor=cursor)

    def read_logs(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[str]:
        with translated(self._home):
            return self._jobs.logs(job_id, limit=limit, cursor=cursor)

    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:
        with translated(self._home):
            return self._models.list(limit=limit, cursor=cursor)

    def get_model(self, model_id: str, /) -> Model:
        with translated(self._home):
            return self._models.get(model_id)

    def delete_model(self, model_id: str, /) -> None:
        with translated(self._home):
            self._models.delete(model_id, self)

    def download_model(self, model_id: str, folder: Path, /) -> None:
        with translated(self._home):
            self._models.download(model_id, folder)

    def download_dataset(self, file_id: str, path: Path, /) -> None:
        with translated(self._home):
            shutil.copyfile(uploads.path_of(DatasetFile(id=file_id), self._home), path)

    def list_leftovers(self) -> list[Leftover]:
        with translated(self._home):
            return self._leftovers.list(self)

    def delete_leftover(self, leftover: Leftover, /) -> None:
        with translated(self._home):
            self._leftovers.delete(leftover, self)

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        with translated(self._home):
            return self._deployments.create(_settled(spec))

    def get_deployment(self, name: str, /) -> Deployment:
        with translated(self._home):
            return self._deployments.get(name)

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        with translated(self._home):
            return self._deployments.list(limit=limit, cursor=cursor)

    def delete_deployment(self, name: str, /) -> None:
        with translated(self._home):
            self._deployments.delete(name)

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float:  # noqa: ARG002
        return 0.0

    def request_price(self, model: str, /, *, tuned: bool) -> Price:  # noqa: ARG002
        return FREE

    def connect(self, name: str, /) -> Connection:
        with translated(self._home):
            return self._deployments.connect(name)

    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        """US dollars, low to high: nothing, or the time at `price_per_hour`.

        With a price the job is looked at for it, where `rows` does not say what was found: that
        takes some seconds.

        Raises:
            FineTuneError: with a price: the job would fail; what `create_job` would raise.
        """
        if not self._price:
            return CostEstimate(low=0, high=0, source=_OWN)
        found = rows.inspection or self.inspect_job(spec, rows)
        if found.seconds is None:
            why = found.settings.get("time", "not told")
            return NoEstimate(reason=f"{_PRICED.format(self._price)}, and the time is {why}")
        low, high = (self._price * one / _HOUR for one in (found.seconds.low, found.seconds.high))
        # The words behind the comma say how the time was reckoned.
        time = found.settings["time"].partition(",")[0]
        source = f"{_PRICED.format(self._price)}; it takes {time}"
        return CostEstimate(low=low, high=high, source=source)

    def spent(self, job: Job, /) -> CostEstimate | NoEstimate:
        if not self._price:
            return CostEstimate(low=0, high=0, source=_OWN)
        return by_time(job, self._price, _PRICED.format(self._price))

    def inspect_job(self, spec: JobSpec, rows: Rows, /) -> Inspection:
        with translated(self._home):
            return self._jobs.inspect(_settled(spec), rows)

    def tokenize_rows(
        self, rows: Sequence[Mapping[str, object]], /, *, spec: JobSpec
    ) -> list[tuple[TokenPiece, ...]]:
        with translated(self._home):
            return list(self._jobs.tokens(_settled(spec), rows))

    def close(self) -> None:
        """Holds nothing open; jobs and deployments go on."""


def _settled(spec: S) -> S:
    # The trainer and the server work in folders of their own.
    from finetune_sdk.providers.local.models import weights

    return spec.model_copy(update={"model": weights.settled(spec.model)})


def _check(settings: LocalSettings) -> None:
    if settings.launcher == "process" and settings.processes not in (None, 1):
        raise ConfigurationError(
            f"`processes` is {settings.processes}, and `launcher` 'process' starts one; set "
            "`launcher` to 'torchrun', or leave `processes` out"
        )


def _refuse_windows() -> None:
    if sys.platform == "win32":
        raise UnsupportedError(
            "the provider `local` runs on Linux and macOS; on Windows, use it inside WSL "
            "(https://learn.microsoft.com/windows/wsl/install)"
        )
