"""From the storage to a folder on the cluster in which a trainer can work."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.storage import Heed, Storage
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs.checkpoints import MANIFEST, Manifest
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.types import DatasetFile, JobSpec


def fetch(storage: Storage, job_id: str, attempt: int, scratch: Path, heed: Heed) -> JobFolder:
    """The job's folder, with what earlier attempts have learned.

    Args:
        attempt: the number of this one.
        scratch: an empty folder of our own.

    Raises:
        OSError: the storage or the disk refuses.
        ValueError: what lies there cannot be understood.
    """
    home = LocalHome.of(scratch)
    folder = JobFolder(home.make(home.jobs) / job_id)
    folder.path.mkdir(mode=0o700)
    told = storage.read_json(f"{layout.job(job_id)}/{layout.SPEC}") or {}
    spec = JobSpec.model_validate(told["spec"])
    for file in (spec.training_file, spec.validation_file):
        if file is not None:
            _fetch_rows(storage, file, home, heed)
    digest = told.get("model")
    if isinstance(digest, str):
        base = scratch / "base-model"
        _fetch_all(storage.inside(layout.model(digest)), base, heed)
        spec = spec.model_copy(update={"model": str(base)})
    files.write_atomic(folder.path / "spec.json", spec.to_json())
    notes = tuple(str(note) for note in cast("list[object]", told.get("notes") or []))
    Created(created_at=now(), notes=notes).save(folder)
    _fetch_learned(storage, folder, attempt, heed)
    return folder


def _fetch_rows(storage: Storage, file: DatasetFile, home: LocalHome, heed: Heed) -> None:
    storage.get(layout.rows(file.id), home.make(home.files) / f"{file.id}.jsonl", heed)


def _fetch_all(place: Storage, target: Path, heed: Heed) -> None:
    for name in place.sizes(""):
        place.get(name, target / name, heed)


def _fetch_learned(storage: Storage, folder: JobFolder, attempt: int, heed: Heed) -> None:
    """Brings the checkpoints that the attempts before kept, and the numbers with the newest."""
    places = [storage.inside(layout.attempt(folder.id, number)) for number in range(attempt, 0, -1)]
    found = _learned(places)
    newest = max(found, key=_step, default=None)
    if newest is None:
        return
    for name in {*_kept(places), newest} & found.keys():
        _fetch_checkpoint(
            found[name].inside(f"{layout.CHECKPOINTS}/{name}"), folder.checkpoints / name, heed
        )
    metrics = found[newest].read("metrics.jsonl")
    (folder.path / "metrics.jsonl").write_bytes(metrics or b"")


def _learned(places: list[Storage]) -> dict[str, Storage]:
    """The attempt's folder that has it, by each checkpoint's name; of two, the newer attempt."""
    return {
        name: place
        for place in reversed(places)
        for name in place.names(layout.CHECKPOINTS)
        if is_whole(place.inside(f"{layout.CHECKPOINTS}/{name}"))
    }


def _kept(places: list[Storage]) -> list[str]:
    """What the newest attempt that knows has kept."""
    told = next((told for place in places if (told := place.read_json(layout.KEPT))), None)
    return [str(name) for name in cast("list[object]", told["names"])] if told else []


def is_whole(saved: Storage) -> bool:
    """A checkpoint's folder there has all that its manifest names."""
    told = saved.read_json(MANIFEST)
    if told is None:
        return False
    sizes = saved.sizes("")
    return all(
        sizes.get(name) == size for name, size in Manifest.model_validate(told).files.items()
    )


def _fetch_checkpoint(saved: Storage, target: Path, heed: Heed) -> None:
    names = [name for name in saved.sizes("") if name != MANIFEST]
    # The manifest comes last: what is cut short does not count.
    for name in (*names, MANIFEST):
        saved.get(name, target / name, heed)


def _step(name: str) -> int:
    number = name.rpartition("-")[2]
    return int(number) if number.isdecimal() else -1
