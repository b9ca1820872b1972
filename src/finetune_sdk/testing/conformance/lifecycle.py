"""Laws of how jobs go and end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.errors import JobFailedError, WaitTimeoutError
from finetune_sdk.testing.conformance.bench import WORDS, ConformanceBench
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.types import JobStatus


class LifecycleLaws(ConformanceBench):
    """The states of a job."""

    @law()
    def test_a_short_job_succeeds_and_names_its_model(self, tmp_path: Path) -> None:
        """A job that succeeded has a `fine_tuned_model`, no error, and its times in order.

        `wait` gives only what can be used: success needs its proof.
        """
        with self._client(tmp_path) as client:
            job = self._succeeded(client)
            assert job.status is JobStatus.SUCCEEDED
            assert job.fine_tuned_model
            assert job.error is None
            times = (job.created_at, job.started_at, job.finished_at)
            told = [moment for moment in times if moment is not None]
            assert all(moment.tzinfo is not None for moment in told)
            assert told == sorted(told)

    @law()
    def test_a_failing_job_says_why(self, tmp_path: Path) -> None:
        """A job that failed has an error with words, and no model.

        `JobFailedError` is all that a caller gets to see of it.
        """
        with self._client(tmp_path) as client:
            with pytest.raises(JobFailedError) as caught:
                self._wait(client, self._create(client, "failing"))
            job = caught.value.job
            assert job.status is JobStatus.FAILED
            assert job.error is not None
            assert job.error.message
            assert job.fine_tuned_model is None

    @law()
    def test_a_job_that_has_not_ended_names_no_model(self, tmp_path: Path) -> None:
        """A job that goes on is not terminal, names no model, and a wait for it times out.

        Nobody deploys what is not there yet.
        """
        with self._client(tmp_path) as client:
            job = client.jobs.get(self._create(client, "endless"))
            assert not job.status.terminal
            assert job.fine_tuned_model is None
            with pytest.raises(WaitTimeoutError):
                client.jobs.wait(job, timeout=0, progress=False)
            client.jobs.cancel(job)

    @law()
    def test_an_unknown_word_is_no_end_and_no_crash(self, tmp_path: Path) -> None:
        """A status that nobody knows is `unknown`, with the service's word in `raw_status`.

        Services invent states; a pipeline that runs for days survives that.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            self.say_unknown_word(client.provider, job.id)
            seen = client.jobs.get(job)
            assert seen.status is JobStatus.UNKNOWN
            assert seen.raw_status
            assert [one.status for one in client.jobs.list()] == [JobStatus.UNKNOWN]
            client.jobs.cancel(job)

    @law()
    def test_what_a_job_was_told_it_tells_again(self, tmp_path: Path) -> None:
        """What `fields` names comes back with the job, or the create warns of it.

        What is taken and lost in silence would be counted on by whoever reads the job later. Rows
        to validate on come back as the file that they are in.
        """
        with self._client(tmp_path) as client:
            fields = client.provider.capabilities.fields
            words = self.job_words(client.provider, "endless")
            told = {**WORDS, "metadata": {**WORDS["metadata"], **words.get("metadata", {})}}
            given: Mapping[str, Any] = {name: told[name] for name in told if name in fields}
            made = self._create_with(client, {**words, **given})
            job = client.jobs.get(made)
            rows = given.get("validation_data")
            assert (rows is None) == (job.validation_file is None), "validation_data"
            for name in given.keys() - {"validation_data"}:
                warned = any(f"`{name}`" in warning for warning in made.warnings)
                assert getattr(job, name) == given[name] or warned, name
            client.jobs.cancel(job)
