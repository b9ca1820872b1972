"""What lies in the state folder and nobody needs: shown first, deleted on request.

Never a model, never anything of a job that has not ended, never what a job or a deployment uses.
What was listed is found anew before it is deleted, under the job's lock where it is a job's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from finetune_sdk.errors import ConflictError
from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.providers.local import leftovers
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import checkpoints, reading
from finetune_sdk.providers.local.jobs.folder import JobFolder, release, take
from finetune_sdk.providers.local.jobs.records import Exit
from finetune_sdk.providers.local.jobs.store import LocalJobs
from finetune_sdk.providers.local.models.usage import Users
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import DatasetFile, JobSpec, Leftover

_HOUR = 3600.0
_SOURCE = "source.json"
_PATIENCE = 1.0

_FILE = "dataset file"
_CHECKPOINTS = "checkpoints"
_MERGED = "merged copy"
_CONVERTED = "converted model"
_HALF = "half-written"
_FOLDER = "job folder"


@dataclass(frozen=True)
class Leftovers:
    """The leftovers of one state folder."""

    home: LocalHome
    jobs: LocalJobs

    def list(self, deployments: CanDeploy) -> list[Leftover]:
        """What could go, the kind that costs least to lose first."""
        return list(_Look(self.home, self.jobs, deployments).all())

    def delete(self, leftover: Leftover, deployments: CanDeploy) -> None:
        """Deletes one. One that is gone already is no error.

        Raises:
            ConflictError: it is in use now, or was never among them.
            OSError: it cannot be deleted.
        """
        path = Path(leftover.path)
        if not path.exists():
            return
        with self._alone(path):
            # Found anew by what it is: a value from outside names no file of its choice.
            found = next((one for one in self.list(deployments) if _is_it(one, leftover)), None)
            if found is None:
                raise _in_use(path)
            self._delete(found, path, deployments)

    def _delete(self, found: Leftover, path: Path, deployments: CanDeploy) -> None:
        if found.kind == _CHECKPOINTS:
            users = Users.of(self.jobs.folders(), deployments)
            for one in _unused(JobFolder(path.parent), users):
                checkpoints.remove(one)
            with suppress(OSError):
                path.rmdir()
        elif path.is_dir():
            _delete_folder(path)
        else:
            path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self, path: Path) -> Generator[None]:
        folder = _job_of(path, self.home)
        lock = None if folder is None else take(folder.lock, patience=_PATIENCE)
        if folder is not None and lock is None:
            raise _in_use(path)
        try:
            yield
        finally:
            if lock is not None:
                release(lock)


class _Look:
    """One look at everything."""

    def __init__(self, home: LocalHome, jobs: LocalJobs, deployments: CanDeploy) -> None:
        self._home = home
        self._folders = sorted(jobs.folders(), key=reading.age)
        # A job that is just being made counts as well.
        self._drafts = jobs.drafts()
        self._users = Users.of([*self._folders, *self._drafts], deployments)

    def all(self) -> Iterator[Leftover]:
        yield from self._halves()
        yield from self._copies()
        yield from self._converted()
        yield from self._files()
        ended = [(folder, end) for folder in self._folders if (end := _end(folder))]
        for folder, end in ended:
            yield from self._saved(folder, end)
        for folder, end in ended:
            if end.status != "succeeded" and not folder.model.exists():
                yield from self._record(folder, end)

    def _halves(self) -> Iterator[Leftover]:
        places = (
            (self._home.jobs, ".ftjob-*"),
            (self._home.files, ".upload-*"),
            (self._home.models, ".partial-*"),
        )
        for place, pattern in places:
            for path in sorted(place.glob(pattern)):
                if _age(path) > _HOUR:
                    yield _leftover(_HALF, "left by a process that was killed", path, again=True)

    def _copies(self) -> Iterator[Leftover]:
        bases = _bases(self._folders)
        for folder in self._folders:
            free = str(folder.merged) not in bases and not self._users.reading(folder.model)
            if free and _is_folder(folder.merged):
                words = f"the adapter of the job {folder.id}, added to its base model for serving"
                yield _leftover(_MERGED, words, folder.merged, again=True)
        if any(_is_outside(user.model, self._home) for user in self._users.all if user.live):
            return
        for path in sorted(self._home.models.glob("merged-*")):
            if str(path) in bases:
                continue
            words = "a checkpoint or an adapter of yours, added to its base model for serving"
            yield _leftover(_MERGED, words, path, again=True)

    def _converted(self) -> Iterator[Leftover]:
        for path in sorted(self._home.models.glob("[!.]*")):
            package = _package_of(path)
            name = path.name.replace("--", "/", 1)
            if package is not None and not self._users.reading(name, path):
                words = f"the weights of {name}, converted from the package {package}"
                yield _leftover(_CONVERTED, words, path, again=True)

    def _files(self) -> Iterator[Leftover]:
        specs = [_spec(folder) for folder in (*self._folders, *self._drafts)]
        if None in specs:
            # What a job that cannot be read stands on, nobody knows.
            return
        used = {file.id for spec in specs if spec for file in _files_of(spec)}
        for path in sorted(self._home.files.glob("file-*.jsonl")):
            # A job may be about to be made of one that has just come.
            if path.stem not in used and _age(path) > _HOUR:
                yield _leftover(_FILE, "rows that no job refers to", path)

    def _saved(self, folder: JobFolder, end: Exit) -> Iterator[Leftover]:
        free = _unused(folder, self._users)
        if not free:
            return
        steps = [one.manifest.step for path in free if (one := checkpoints.read(path))]
        named = ", ".join(map(str, sorted(steps))) or "none that is whole"
        words = f"of the job {folder.id}, {_end_words(folder, end)}; at step {named}"
        size = sum(_size(path) for path in free)
        yield _leftover(_CHECKPOINTS, words, folder.checkpoints, size=size)

    def _record(self, folder: JobFolder, end: Exit) -> Iterator[Leftover]:
        if checkpoints.complete(folder.checkpoints):
            return
        words = (
            f"the log, events and numbers of the job {folder.id}, {_end_words(folder, end)}; its "
            "`idempotency_key` makes a new job then"
        )
        yield _leftover(_FOLDER, words, folder.path)


def _end_words(folder: JobFolder, end: Exit) -> str:
    code = f" [{end.error.code}]" if end.error and end.error.code else ""
    if end.status == "succeeded":
        kept = "whose model stays" if folder.model.is_dir() else "whose model was deleted"
        return f"which succeeded and {kept}"
    return f"which {'failed' if end.status == 'failed' else 'was cancelled'}{code}"


def _leftover(
    kind: str, words: str, path: Path, *, again: bool = False, size: int | None = None
) -> Leftover:
    size = _size(path) if size is None else size
    return Leftover(kind=kind, words=words, path=str(path), bytes=size, regenerated=again)


def _is_it(one: Leftover, other: Leftover) -> bool:
    return (one.kind, one.path) == (other.kind, other.path)


def _unused(folder: JobFolder, users: Users) -> Sequence[Path]:
    paths = (path for path in folder.checkpoints.glob("*") if path.is_dir())
    return sorted(path for path in paths if not users.needing(path))


def _end(folder: JobFolder) -> Exit | None:
    try:
        return Exit.of(folder)
    except (ValueError, OSError):
        return None


def _spec(folder: JobFolder) -> JobSpec | None:
    try:
        return folder.spec()
    except (ValueError, OSError):
        return None


def _bases(folders: Iterable[JobFolder]) -> set[str]:
    """What adapters that were trained here name as their base model, which they need."""
    adapters = (path for folder in folders for path in folder.path.glob("**/adapter_config.json"))
    return {base for path in adapters if (base := _base_of(path))}


def _base_of(config: Path) -> str | None:
    with suppress(OSError, ValueError, AttributeError):
        base: object = json.loads(config.read_bytes()).get("base_model_name_or_path")
        return base if isinstance(base, str) else None
    return None


def _files_of(spec: JobSpec) -> Iterable[DatasetFile]:
    return [file for file in (spec.training_file, spec.validation_file) if file]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # In a folder of another user.
        return False


def _is_outside(model: str, home: LocalHome) -> bool:
    """An adapter whose merged copy lies among the models, and not in its job's folder."""
    path = Path(model)
    mine = path.parent.parent == home.jobs and path == JobFolder(path.parent).model
    return (path / "adapter_config.json").is_file() and not mine


def _package_of(converted: Path) -> str | None:
    """The installed package that a folder was converted from and can be again."""
    with suppress(OSError, ValueError, KeyError, TypeError, PackageNotFoundError):
        package = str(json.loads((converted / _SOURCE).read_bytes())["package"])
        return f"{package} {version(package)}"
    return None


def _job_of(path: Path, home: LocalHome) -> JobFolder | None:
    for folder in (path, path.parent):
        if folder.parent == home.jobs and not folder.name.startswith("."):
            return JobFolder(folder)
    return None


def _delete_folder(path: Path) -> None:
    prefix = {"jobs": ".ftjob-", "models": ".partial-"}.get(path.parent.name, ".partial-")
    leftovers.remove_at_once(path, place=path.parent, prefix=prefix)


def _size(path: Path) -> int:
    parts = path.rglob("*") if path.is_dir() else (path,)
    return sum(_bytes(part) for part in parts)


def _bytes(path: Path) -> int:
    try:
        return 0 if path.is_dir() else path.lstat().st_size
    except OSError:
        return 0


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0


def _in_use(path: Path) -> ConflictError:
    return ConflictError(
        f"{str(path)!r} is in use now, or is nothing that may be deleted; list the leftovers again",
        provider=NAME,
    )
