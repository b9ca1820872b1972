"""The checkpoints of one training: sealed when they are whole, the old ones removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune_sdk.providers.local import files
from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.checkpoints import MANIFEST, Manifest, Saved
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.records import now
from finetune_sdk.providers.local.models.usage import Users
from finetune_sdk.providers.local.training import ranks
from finetune_sdk.types import Metric

KEPT = 2
"""Newest checkpoints that are kept where the job does not say how many."""


@dataclass(frozen=True)
class Keeper:
    """Keeps the newest checkpoints, the best, and those that somebody else needs.

    Attributes:
        keep: so many of the newest.
    """

    folder: JobFolder
    keep: int

    def newest(self) -> Saved | None:
        """The checkpoint to go on from."""
        saved = self._all()
        return saved[-1] if saved else None

    def best(self) -> Saved | None:
        """The one with the best score."""
        return checkpoints.best(self._all())

    def seal(
        self,
        step: int,
        *,
        epoch: float | None,
        model: tuple[str, ...],
        metrics: Mapping[str, float],
        score: float | None,
        state: dict[str, object],
    ) -> None:
        """Makes what the trainer has written a checkpoint, and removes those of no more use.

        Args:
            model: names of the files that are the model.

        Raises:
            OSError: the disk is full.
        """
        path = self.folder.checkpoints / f"checkpoint-{step}"
        manifest = Manifest(
            step=step,
            epoch=epoch,
            created_at=now(),
            files={name: (path / name).stat().st_size for name in names(path)},
            model=model,
            metrics=dict(metrics),
            score=score,
            state=state,
        )
        # Numbers that belong to it must not be lost where it is not.
        if self._metrics.exists():
            files.sync(self._metrics)
        checkpoints.seal(path, manifest)
        self._rotate()

    def drop_partial(self) -> None:
        """Removes what is not whole: of no use, and maybe what has filled the disk."""
        if not ranks.first():
            return
        for half in checkpoints.halves(self.folder.checkpoints):
            # Torch never closes a file that it could not write, and so keeps its room (2.13).
            checkpoints.empty(half)
        self.folder.drop_halves()

    def forget_after(self, step: int) -> None:
        """Drops the numbers of steps that will be taken again."""
        if not ranks.first():
            return
        lines = list(files.read_lines(self._metrics))
        kept = [line for line in lines if _step(line) <= step]
        if lines != kept:
            files.write_atomic(self._metrics, "".join(f"{line}\n" for line in kept))

    def _rotate(self) -> None:
        saved = self._all()
        kept = {one.path for one in (*saved[-self.keep :], checkpoints.best(saved)) if one}
        rest = [one.path for one in saved if one.path not in kept]
        users = Users.at(self.folder.home) if rest else Users(())
        for path in rest:
            if not users.needing(path):
                checkpoints.remove(path)

    def _all(self) -> list[Saved]:
        return checkpoints.complete(self.folder.checkpoints)

    @property
    def _metrics(self) -> Path:
        return self.folder.path / "metrics.jsonl"


def names(folder: Path) -> tuple[str, ...]:
    """All files below a folder but the manifest, by their names from there."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return tuple(sorted(str(name) for name in found if name != Path(MANIFEST)))


def _step(line: str) -> float:
    try:
        return Metric.from_json(line).step
    except ValueError:
        # A line that a full disk has torn is dropped as well.
        return float("inf")
