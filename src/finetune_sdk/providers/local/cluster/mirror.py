"""What an attempt has brought to the storage -> the job's folder, as if it trained here."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import cast

from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.cluster import layout
from finetune_sdk.providers.local.cluster.fetching import is_whole
from finetune_sdk.providers.local.cluster.storage import Heed, Storage
from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.checkpoints import MANIFEST, Manifest
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.models.converting import publish
from finetune_sdk.providers.local.models.usage import Users
from finetune_sdk.types import JobEvent

_ADAPTER = "adapter_config.json"
_BASE = "base_model_name_or_path"


class Mirror:
    """Keeps a job's folder as the attempt's folder in the storage is.

    Args:
        place: the attempt's folder in the storage.
        base: what the base model is called here.
        log: bytes of the attempt's log that are in the job's log.
    """

    def __init__(self, folder: JobFolder, place: Storage, base: str, log: int) -> None:
        self._folder = folder
        self._place = place
        self._base = base
        self.log = log
        self._events = 0
        self._known: set[str] | None = None
        self._sizes: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def pull(self, heed: Heed) -> None:
        """Takes over what is new.

        Raises:
            OSError: the storage does not answer, or the disk is full.
        """
        self._learn_names()
        self._pull_log()
        self._pull_metrics()
        self._pull_checkpoints(heed)
        for name in layout.WHOLE:
            self._pull_whole(name)
        self._pull_events()

    def finish(self, heed: Heed) -> None:
        """Takes over what the trainer has left at its end; the result comes last.

        Raises:
            OSError: the storage does not answer, or the disk is full.
        """
        self.pull(heed)
        self._pull_whole("failure.json")
        result = self._place.read_json("result.json")
        if result is not None:
            self._pull_model(heed)
            self._folder.write("result", result)

    def _learn_names(self) -> None:
        if self._names:
            return
        seat = self._place.read_json(layout.SEAT) or {}
        there, scratch = seat.get("folder"), seat.get("scratch")
        if isinstance(there, str) and isinstance(scratch, str):
            # The longer one first: one lies in the other.
            self._names = {there: str(self._folder.path), f"{scratch}/base-model": self._base}

    def _here(self, text: str) -> str:
        """A text about folders there, as one about those here."""
        for there, here in self._names.items():
            text = text.replace(there, here)
        return text

    def _pull_log(self) -> None:
        new = self._place.read("trainer.log", self.log)
        if new:
            with self._folder.log.open("ab") as log:
                log.write(self._here(new.decode(errors="replace")).encode())
            self.log += len(new)

    def _pull_metrics(self) -> None:
        size = self._place.size("metrics.jsonl")
        if size is None or size == self._sizes.get("metrics.jsonl"):
            return
        content = self._place.read("metrics.jsonl") or b""
        whole = content[: content.rfind(b"\n") + 1]
        files.write_atomic(self._folder.path / "metrics.jsonl", whole.decode(errors="replace"))
        self._sizes["metrics.jsonl"] = size

    def _pull_events(self) -> None:
        new = self._place.read("events.jsonl", self._events) or b""
        whole = new[: new.rfind(b"\n") + 1]
        for line in whole.decode(errors="replace").splitlines():
            with suppress(ValueError):
                self._add(JobEvent.from_json(line))
        self._events += len(whole)

    def _add(self, event: JobEvent) -> None:
        if self._known is None:
            # A relay before this one may have been cut short between two of them.
            lines = files.read_lines(self._folder.path / "events.jsonl")
            self._known = {id_ for line in lines if (id_ := _id_of(line))}
        if event.id not in self._known:
            self._known.add(event.id)
            told = event.model_copy(update={"message": self._here(event.message)})
            files.append_line(self._folder.path / "events.jsonl", told.to_json())

    def _pull_whole(self, name: str) -> None:
        value = self._place.read_json(name)
        if value is None:
            return
        if isinstance(value.get("message"), str):
            value["message"] = self._here(str(value["message"]))
        path = self._folder.path / name
        with suppress(ValueError):
            if files.read_json(path) == value:
                return
        files.write_json(path, value)

    def _pull_checkpoints(self, heed: Heed) -> None:
        here = {saved.path.name for saved in checkpoints.complete(self._folder.checkpoints)}
        for name in self._place.names(layout.CHECKPOINTS):
            saved = self._place.inside(f"{layout.CHECKPOINTS}/{name}")
            if name not in here and is_whole(saved):
                self._pull_checkpoint(saved, self._folder.checkpoints / name, heed)
        told = self._place.read_json(layout.KEPT)
        if told is not None:
            self._drop(here - {str(name) for name in cast("list[object]", told["names"])})

    def _pull_checkpoint(self, saved: Storage, target: Path, heed: Heed) -> None:
        told = saved.read_json(MANIFEST)
        if told is None:
            return
        manifest = Manifest.model_validate(told)
        for name in manifest.files:
            saved.get(name, target / name, heed)
        self._rename_base(target)
        sizes = {name: (target / name).stat().st_size for name in manifest.files}
        checkpoints.seal(target, manifest.model_copy(update={"files": sizes}))

    def _drop(self, names: set[str]) -> None:
        """Removes checkpoints that the trainer has removed, but for those that somebody needs."""
        users = Users.at(self._folder.home) if names else Users(())
        for path in (self._folder.checkpoints / name for name in names):
            if not users.needing(path):
                checkpoints.remove(path)

    def _pull_model(self, heed: Heed) -> None:
        partial = self._folder.path / "model.partial"
        shutil.rmtree(partial, ignore_errors=True)
        place = self._place.inside(layout.MODEL)
        for name in place.sizes(""):
            place.get(name, partial / name, heed)
        self._rename_base(partial)
        publish(partial, self._folder.model)

    def _rename_base(self, folder: Path) -> None:
        """An adapter names its base model as it is called where it was trained."""
        path = folder / _ADAPTER
        with suppress(ValueError):
            config = files.read_json(path)
            if config and _BASE in config:
                files.write_json(path, {**config, _BASE: self._base})


def _id_of(line: str) -> str | None:
    with suppress(ValueError):
        return JobEvent.from_json(line).id
    return None
