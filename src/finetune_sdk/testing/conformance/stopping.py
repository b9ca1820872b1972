"""Laws of jobs that somebody ends, or lets stand still."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk.errors import ConflictError, JobFailedError, JobPausedError, NotFoundError
from finetune_sdk.providers.base import CanPause
from finetune_sdk.testing.conformance.bench import NOBODY, ConformanceBench
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.types import JobStatus


class StoppingLaws(ConformanceBench):
    """Cancelling, pausing, going on."""

    @law()
    def test_cancel_ends_a_job(self, tmp_path: Path) -> None:
        """A job that is cancelled ends as `cancelled`, and a wait for it says so.

        It is how spending is stopped.
        """
        with self._client(tmp_path) as client:
            job = client.jobs.cancel(self._create(client, "endless"))
            with pytest.raises(JobFailedError, match="cancelled"):
                self._wait(client, job)
            assert client.jobs.get(job).status is JobStatus.CANCELLED
            assert client.jobs.cancel(job).status is JobStatus.CANCELLED

    @law()
    def test_cancelling_what_has_ended_changes_nothing(self, tmp_path: Path) -> None:
        """A job that succeeded stays so when it is cancelled, and keeps its model.

        A cancel that comes too late must not take away what was paid for, nor raise.
        """
        with self._client(tmp_path) as client:
            job = self._succeeded(client)
            assert client.jobs.cancel(job).status is JobStatus.SUCCEEDED
            assert client.jobs.get(job).fine_tuned_model == job.fine_tuned_model

    @law(CanPause)
    def test_a_paused_job_goes_on_when_it_is_resumed(self, tmp_path: Path) -> None:
        """A paused job reads `paused`, raises from `wait`, and goes on when it is resumed.

        Pausing twice and resuming what runs change nothing: scripts are run twice.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            assert client.jobs.resume(job).id == job.id
            self.let_it_train(client.provider, job.id)
            client.jobs.pause(job)
            with pytest.raises(JobPausedError):
                self._wait(client, job)
            assert client.jobs.pause(job).status is JobStatus.PAUSED
            stands = (JobStatus.PAUSED, JobStatus.PAUSING)
            assert client.jobs.resume(job).status not in stands
            seen = client.jobs.get(job).status
            assert seen not in stands
            assert not seen.terminal
            client.jobs.cancel(job)

    @law(CanPause)
    def test_a_paused_job_can_be_cancelled(self, tmp_path: Path) -> None:
        """A paused job that is cancelled ends as `cancelled`.

        What stands still may still cost, or hold a place in a queue.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            self.let_it_train(client.provider, job.id)
            client.jobs.pause(job)
            with pytest.raises(JobPausedError):
                self._wait(client, job)
            client.jobs.cancel(job)
            with pytest.raises(JobFailedError, match="cancelled"):
                self._wait(client, job)

    @law(CanPause)
    def test_what_has_ended_is_neither_paused_nor_resumed(self, tmp_path: Path) -> None:
        """Pausing or resuming what has ended is a `ConflictError`; an unknown job is not found.

        A caller who thinks that a job goes on learns that it does not.
        """
        with self._client(tmp_path) as client:
            job = self._succeeded(client)
            for verb in (client.jobs.pause, client.jobs.resume):
                with pytest.raises(ConflictError):
                    verb(job)
                with pytest.raises(NotFoundError):
                    verb(NOBODY)
            assert client.jobs.get(job).status is JobStatus.SUCCEEDED
