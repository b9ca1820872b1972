"""Going on with a paused job."""

from __future__ import annotations

from contextlib import suppress

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder, release, take
from finetune_sdk.providers.local.jobs.records import Exit, State, now

# Who only looks at a lock holds it for microseconds.
_LOOKERS = 0.25


def put_in_queue(folder: JobFolder) -> bool:
    """Makes a paused job one that waits; False where somebody else was quicker.

    Under the job's lock, so that of two who resume one does, and no supervisor comes between.

    Raises:
        OSError: the disk is full; the job is paused as before.
        ValueError: a file cannot be understood.
    """
    handle = take(folder.lock, patience=_LOOKERS)
    if handle is None:
        return False
    try:
        return _put(folder)
    finally:
        release(handle)


def _put(folder: JobFolder) -> bool:
    state = State.of(folder)
    waits = (state is None or state.phase == "queued") and not folder.pause.exists()
    if Exit.of(folder) is not None or folder.cancel_requested or waits:
        return False
    requeue(folder, state or State(phase="queued", since=now()))
    return True


def requeue(folder: JobFolder, state: State) -> State:
    """The state of a job that joins the queue anew, saved; for those who hold its lock."""
    # First what would speak of the run before: a crash in between leaves a job that is paused.
    (folder.path / "failure.json").unlink(missing_ok=True)
    update: dict[str, object] = {"phase": "queued", "since": now(), "queued_at": now()}
    state = state.model_copy(update=update | {"group": None, "silent_since": None, "error": None})
    state.save(folder)
    folder.pause.unlink(missing_ok=True)
    folder.resume.unlink(missing_ok=True)
    with suppress(OSError):
        folder.tell(f"resumed from {where(folder)}", type="resumed")
    return state


def where(folder: JobFolder) -> str:
    """The step that a job's newest checkpoint has reached, in words."""
    saved = checkpoints.complete(folder.checkpoints)
    return f"step {saved[-1].manifest.step}" if saved else "the beginning"
