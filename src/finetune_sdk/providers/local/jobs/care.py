"""What whoever looks at a job does for it, where no supervisor lives to do it."""

from __future__ import annotations

import signal
from pathlib import Path

from finetune_sdk.providers.local.cluster import ending
from finetune_sdk.providers.local.environment import secrets
from finetune_sdk.providers.local.jobs import orphans, resuming, verdict
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held, release, take
from finetune_sdk.providers.local.jobs.launcher import Launcher
from finetune_sdk.providers.local.jobs.reading import Sight
from finetune_sdk.providers.local.jobs.records import Exit, State, now


def look_after(folder: JobFolder, sight: Sight, launcher: Launcher) -> None:
    """Ends, wakes or resumes the job, when that is due and nobody lives who would.

    Raises:
        FineTuneError: a supervisor cannot be started.
        OSError: the disk is full.
        ValueError: a file cannot be understood.
    """
    if sight.alive:
        if sight.cancel:
            orphans.end(folder, grace=launcher.grace)
        _settle_done(folder, launcher)
    elif sight.exit is None:
        told = secrets(launcher.environ)
        ending.hand_on(folder, launcher.environ)
        if _due(folder, told) is not None:
            _settle(folder, told)
        elif sight.dormant or (_is_wished(folder) and resuming.put_in_queue(folder)):
            launcher.start(folder)


def _is_wished(folder: JobFolder) -> bool:
    # What trains on a cluster goes on without us, and wants to be followed again.
    return folder.resume.exists() or (not folder.pause.exists() and ending.goes_on(folder))


def _due(folder: JobFolder, secrets: tuple[str, ...]) -> verdict.Verdict | None:
    # A trainer may have done all, or have said why it failed, although its supervisor was killed.
    if (done := verdict.succeeded(folder)) is not None:
        return done
    if folder.cancel_requested:
        return verdict.cancelled()
    state = State.of(folder)
    ran = state is not None and state.phase in ("running", "cancelling")
    return verdict.told(folder, secrets=secrets) if ran else None


def _settle_done(folder: JobFolder, launcher: Launcher) -> None:
    # What the trainer has left behind holds the job's lock, and would for ever.
    if is_held(folder.supervisor_lock):
        return
    late = orphans.is_late(folder.path / "result.json", launcher.grace)
    if late and verdict.succeeded(folder) is not None:
        _settle(folder, secrets(launcher.environ), folder.supervisor_lock)
        orphans.signal_all(folder, signal.SIGKILL)


def _settle(folder: JobFolder, secrets: tuple[str, ...], lock: Path | None = None) -> None:
    handle = take(lock or folder.lock)
    if handle is None:
        return
    try:
        # Looked at again: somebody may have been quicker.
        end = _due(folder, secrets)
        if end is not None and Exit.of(folder) is None:
            _write(folder, end)
    finally:
        release(handle)


def _write(folder: JobFolder, end: verdict.Verdict) -> None:
    words = end.error.message if end.error else "nobody looked after the job any more"
    if isinstance(end, verdict.Halt):
        folder.drop_halves()
        state = State.of(folder) or State(phase="paused", since=now())
        update: dict[str, object] = {"phase": "paused", "since": now(), "group": None}
        state.model_copy(update=update | {"silent_since": None, "error": end.error}).save(folder)
        if end.error is not None:
            # Wished before anybody knew of what has happened.
            folder.resume.unlink(missing_ok=True)
        folder.tell(words, type="paused", level="warning")
        return
    folder.tidy()
    folder.tell(f"{end.status}; {words}", type=end.status)
    end.save(folder)
