"""Why the job of a Space failed, and what it has written."""

from __future__ import annotations

from collections.abc import Sequence

from finetune_sdk.errors import ProviderError
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.runners import stages
from finetune_sdk.providers.autotrain.runners.stages import Seen
from finetune_sdk.providers.autotrain.runners.truth import failure
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import redact
from finetune_sdk.types import JobError


class Reasons:
    """Reads the logs of Spaces, and what their pages have kept of them."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def error(self, seen: Seen) -> JobError:
        """Why a job failed, and what to do where it still holds what costs."""
        error = self._why(seen)
        if seen.held is None:
            return error
        words = f"{error.message}; the Space still holds {seen.held}: `jobs.cancel` releases it"
        return error.model_copy(update={"message": words})

    def lines(self, seen: Seen) -> Sequence[str]:
        """What a job has written, or else what the building of its container has."""
        if lines := self._read(seen.id):
            return lines
        note = seen.note
        return note.log if note and note.log else self._read(seen.id, build=True)

    def _why(self, seen: Seen) -> JobError:
        note = seen.note
        overtime = note.overtime if note else seen.overdue(self._hub.clock.now()) > 0
        if overtime:
            limit = f"{seen.timeout:.0f} s" if seen.timeout else "its"
            words = f"it was ended at its timeout of {limit}; say a longer `timeout`"
            return JobError(code="timed_out", message=words)
        if seen.stage in stages.NEVER_RAN:
            error = failure(self._read(seen.id, build=True), message=seen.message)
            return error.model_copy(update={"code": "build_failed"})
        lines = note.log if note and note.log else self._read(seen.id)
        return failure(lines, message=seen.message)

    def _read(self, space: str, *, build: bool = False) -> list[str]:
        """The lines of a log; none where the Hub has none, as that of a paused Space."""
        try:
            found: list[str] = self._hub.ask(
                "read",
                lambda api: list(api.fetch_space_logs(space, build=build)),
                what=f"the log of the Space {space!r}",
            )
        except ProviderError as error:
            if error.retryable:
                raise
            return []
        secret = self._hub.credential.get(NAME)
        return [redact(line.rstrip("\r\n"), secret) for line in found]
