"""Laws of what goes wrong between here and the service."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest

from finetune_sdk.errors import (
    AuthenticationError,
    NotFoundError,
    ProviderError,
    SubmissionUnknownError,
)
from finetune_sdk.providers.base import CanFindJob, CanVerifyWebhooks
from finetune_sdk.testing.conformance.bench import NOBODY, ConformanceBench
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.types import JobStatus, WebhookEvent


class LosingLaws(ConformanceBench):
    """Lost answers, faults, errors."""

    @law()
    def test_a_lost_answer_makes_one_job_and_never_two(self, tmp_path: Path) -> None:
        """A create whose answer is lost gives the one job, or says that nobody can know.

        The job is there and is paid for. Sending the create again would be paid for twice.
        """
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            self.lose_answer(client.provider)
            if isinstance(client.provider, CanFindJob):
                job = self._create_with(client, words, idempotency_key="key-1")
                assert self._create_with(client, words, idempotency_key="key-1").id == job.id
            else:
                for _ in range(2):
                    with pytest.raises(SubmissionUnknownError):
                        self._create_with(client, words, idempotency_key="key-1")
            (made,) = client.jobs.list()
            client.jobs.cancel(made)

    @law(CanFindJob)
    def test_a_lost_answer_is_told_as_unknown_and_its_job_is_found(self, tmp_path: Path) -> None:
        """`create_job` whose answer is lost raises with `effect="unknown"`; `find_jobs` finds it.

        The step that spends is sent once: who asks above decides what to do, not the provider.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            assert isinstance(provider, CanFindJob)
            spec = self._spec(provider, self.job_words(provider, "endless"), "key-1")
            self.lose_answer(provider)
            with pytest.raises(ProviderError) as caught:
                provider.create_job(spec)
            assert caught.value.effect == "unknown"
            (made,) = provider.find_jobs(spec.key, spec=spec)
            assert [job.id for job in client.jobs.list()] == [made.id]
            provider.cancel_job(made.id)

    @law()
    def test_a_look_that_fails_for_a_moment_is_borne(self, tmp_path: Path) -> None:
        """A look that fails in a way that passes is taken again, and a wait goes on.

        A poll that fails is not a job that failed.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "short")
            self.stumble(client.provider)
            assert self._wait(client, job).status is JobStatus.SUCCEEDED

    @law()
    def test_errors_say_whose_they_are_and_travel(self, tmp_path: Path) -> None:
        """A provider's error names the provider, says what it did, and pickles and copies whole.

        It goes through process pools and queues, and is still told by its class there.
        """
        with self._client(tmp_path) as client:
            with pytest.raises(NotFoundError) as caught:
                client.jobs.get(NOBODY)
            error = caught.value
            assert error.provider == client.provider.name
            assert (error.effect, error.retryable) == ("none", False)
            twins = (pickle.loads(pickle.dumps(error)), copy.copy(error))  # noqa: S301 - made above
            for twin in twins:
                assert type(twin) is type(error)
                assert (str(twin), vars(twin)) == (str(error), vars(error))

    @law(CanVerifyWebhooks)
    def test_a_webhook_that_is_not_signed_is_refused(self, tmp_path: Path) -> None:
        """A body without the service's signature, or with that of another body, is refused.

        Anybody can send anything to a web server.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            body, headers = self.sign_webhook(client.provider, job.id)
            unsigned: Mapping[str, str] = {}
            for payload, signed in ((body, unsigned), (body + b" ", headers)):
                with pytest.raises(AuthenticationError):
                    client.jobs.parse_webhook(payload, signed)
            client.jobs.cancel(job)

    @law(CanVerifyWebhooks)
    def test_a_signed_webhook_names_its_job(self, tmp_path: Path) -> None:
        """A signed word of the service is an event with the job's handle and state.

        It is what a server acts on instead of polling.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            event = client.jobs.parse_webhook(*self.sign_webhook(client.provider, job.id))
            assert (event.job_id, event.handle) == (job.id, job.handle)
            assert event.status is JobStatus.SUCCEEDED
            assert WebhookEvent.from_json(event.to_json()) == event
            client.jobs.cancel(job)
