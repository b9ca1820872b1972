"""The names in the storage of a cluster.

files/<id>.jsonl        the rows of dataset files, by what is in them
models/<digest>/        base models that were folders on the caller's machine, likewise
jobs/<job>/spec.json    what was asked for, `model` by its name in the storage where it lies there
jobs/<job>/probe.json   a word that only who sees this storage can know, and who wrote it
jobs/<job>/attempts/<n>/
                        what came of one submission: the files of a job's folder, by their names
                        there, and
    wish.json           of the caller: pause or cancel
    seat.json           where it runs, and by which version of this package
    waiting.json        what it waits for, in words
    kept.json           which checkpoints its trainer has, those of attempts before among them
    ended.json          the trainer's exit code; written last

An attempt writes into its own folder alone: of two that live at once, because a cluster took one
for dead, none spoils what the other has made. The next attempt goes on from the newest checkpoint
of those before it.
"""

from __future__ import annotations

from pathlib import Path

GROWING = ("events.jsonl", "metrics.jsonl", "trainer.log")
"""Files of an attempt that are only added to, and maybe begun anew once."""

WHOLE = ("choices.json", "progress.json")
"""Files of an attempt that are replaced."""

ENDS = ("failure.json", "result.json")
"""Files of an attempt that its trainer writes at its end."""

PROBE, WISH, SPEC = "probe.json", "wish.json", "spec.json"
SEAT, WAITING, KEPT, ENDED = "seat.json", "waiting.json", "kept.json", "ended.json"
CHECKPOINTS, MODEL = "checkpoints", "model"


def job(job_id: str) -> str:
    """The folder of a job."""
    return f"jobs/{job_id}"


def attempt(job_id: str, number: int) -> str:
    """The folder of a submission of it."""
    return f"{job(job_id)}/attempts/{number}"


def failure(rank: str) -> str:
    """Why a process beside the first failed."""
    return f"failure-{rank}.json"


def rows(file_id: str) -> str:
    """The rows of a dataset file."""
    return f"files/{file_id}.jsonl"


def model(digest: str) -> str:
    """The folder of a base model."""
    return f"models/{digest}"


def below(folder: Path) -> dict[str, Path]:
    """All files below a folder, by their names from there."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}
