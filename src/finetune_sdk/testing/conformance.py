"""The laws that every provider keeps, as a suite to subclass.

    class TestMyProvider(ProviderConformance):
        model = "my-base-model"

        def open_provider(self, folder):
            return MyProvider(base_url=stand_in.url, api_key="test-key")

        def job_words(self, provider, kind):
            return {"metadata": {"kind": kind}}   # whatever makes the stand-in act so

Run it with pytest. A law speaks of a verb that the provider lacks: it is skipped. A law that your
provider cannot keep is marked with a reasoned `xfail`; overriding one without is an error.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.client import FineTuneClient
from finetune_sdk.errors import (
    FineTuneError,
    IdempotencyConflictError,
    JobFailedError,
    NotFoundError,
    UnsupportedError,
)
from finetune_sdk.providers.base import CanDeploy, CanListMetrics, CanReadLogs, FineTuneProvider
from finetune_sdk.testing.conformance_bench import ROWS as ROWS
from finetune_sdk.testing.conformance_bench import JobKind as JobKind
from finetune_sdk.testing.conformance_keeping import KeepingLaws
from finetune_sdk.types import Job, JobStatus, Supervised


class ProviderConformance(KeepingLaws):
    """Subclass it, say how to open your provider against its stand-in, and run pytest.

    Attributes:
        model: a base model that the stand-in knows.
        secrets: what was given to the provider and must show up nowhere.
        wait_timeout: seconds that a short or failing job of the stand-in may take.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, value in vars(cls).items():
            law = name.startswith("test_") and hasattr(ProviderConformance, name)
            if law and not _reasoned_xfail(value):
                raise TypeError(
                    f"{cls.__name__}.{name} overrides a law without a reasoned xfail; mark it "
                    '`@pytest.mark.xfail(reason="...")` and call `super()`'
                )

    # Identity

    def test_a_job_that_was_created_is_the_one_that_is_got(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            assert client.jobs.get(job).id == job.id
            assert client.jobs.get(job.id).id == job.id
            assert client.jobs.get(job.handle).model == self.model
            assert job.provider == client.provider.name
            client.jobs.cancel(job)

    def test_a_job_goes_to_json_and_back(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = client.jobs.cancel(self._create(client, "endless"))
            assert Job.from_json(job.to_json()) == job

    def test_an_id_that_nobody_knows_is_not_found(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client, pytest.raises(NotFoundError):
            client.jobs.get("ftjob-nobody-knows")

    def test_the_same_key_gives_the_same_job(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            first = self._create_with(client, words, idempotency_key="key-1")
            again = self._create_with(client, words, idempotency_key="key-1")
            assert again.id == first.id
            assert len(list(client.jobs.list())) == 1
            client.jobs.cancel(first)

    def test_the_same_key_with_another_call_is_a_conflict(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            job = self._create_with(client, words, idempotency_key="key-1")
            with pytest.raises(IdempotencyConflictError):
                self._create_with(
                    client, words, idempotency_key="key-1", method=Supervised(epochs=9)
                )
            client.jobs.cancel(job)

    # Life cycle

    def test_a_short_job_succeeds_and_names_its_model(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = self._wait(client, self._create(client, "short"))
            assert job.status is JobStatus.SUCCEEDED
            assert job.fine_tuned_model
            assert job.error is None

    def test_a_failing_job_says_why(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            with pytest.raises(JobFailedError) as caught:
                self._wait(client, self._create(client, "failing"))
            job = caught.value.job
            assert job.status is JobStatus.FAILED
            assert job.error is not None
            assert job.error.message
            assert job.fine_tuned_model is None

    def test_a_job_that_has_not_ended_names_no_model(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = client.jobs.get(self._create(client, "endless"))
            assert not job.status.terminal
            assert job.fine_tuned_model is None
            client.jobs.cancel(job)

    def test_events_come_once_and_in_order(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = self._wait(client, self._create(client, "short"))
            events = list(client.jobs.events(job))
            assert events
            assert len({event.id for event in events}) == len(events)
            assert [e.created_at for e in events] == sorted(e.created_at for e in events)

    def test_metrics_are_in_the_order_of_their_steps(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanListMetrics)
            job = self._wait(client, self._create(client, "short"))
            steps = [metric.step for metric in client.jobs.metrics(job)]
            assert steps
            assert steps == sorted(steps)

    def test_logs_can_be_read(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanReadLogs)
            job = self._wait(client, self._create(client, "short"))
            assert all(isinstance(line, str) for line in client.jobs.logs(job))

    # Pages

    def test_pages_hold_every_job_once_and_newest_first(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            made = [client.jobs.cancel(self._create(client, "endless")).id for _ in range(3)]
            listed = list(_page_by_page(client.provider, size=1))
            assert listed == made[::-1]
            assert [job.id for job in client.jobs.list(limit=2)] == listed[:2]

    # Cancel

    def test_cancel_ends_a_job(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = client.jobs.cancel(self._create(client, "endless"))
            with pytest.raises(JobFailedError, match="cancelled"):
                self._wait(client, job)
            assert client.jobs.get(job).status is JobStatus.CANCELLED

    def test_cancelling_what_has_ended_changes_nothing(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = self._wait(client, self._create(client, "short"))
            assert client.jobs.cancel(job).status is JobStatus.SUCCEEDED
            assert client.jobs.get(job).fine_tuned_model == job.fine_tuned_model

    def test_cancelling_an_unknown_job_is_not_found(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client, pytest.raises(NotFoundError):
            client.jobs.cancel("ftjob-nobody-knows")

    # What it cannot do

    def test_what_is_not_supported_is_refused_before_anything_is_made(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            for method in _unsupported_methods(client.provider):
                with pytest.raises(UnsupportedError, match=client.provider.name):
                    client.jobs.create(model=self.model, training_data=ROWS, method=method)
            assert list(client.jobs.list()) == []

    def test_a_verb_that_is_missing_is_unsupported(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            if isinstance(client.provider, CanDeploy):
                pytest.skip("the provider deploys")
            with pytest.raises(UnsupportedError):
                client.deployments.create(self.model, name="x")

    # Unknown words

    def test_an_unknown_word_is_no_end_and_no_crash(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            self.say_unknown_word(client.provider, job.id)
            seen = client.jobs.get(job)
            assert seen.status is JobStatus.UNKNOWN
            assert seen.raw_status
            client.jobs.cancel(job)

    # Secrets

    def test_no_secret_shows_anywhere(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        with self._client(tmp_path) as client:
            job = client.jobs.cancel(self._create(client, "endless"))
            shown = [repr(client), repr(client.provider), str(vars(client)), job.to_json()]
            with pytest.raises(FineTuneError) as caught:
                client.jobs.get("ftjob-nobody-knows")
            error = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made a line above
            shown += [str(error), repr(copy.copy(caught.value)), caplog.text]
            for secret in self.secrets:
                assert not any(secret in text for text in shown)

    # Threads

    def test_many_threads_may_share_a_client(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client, ThreadPoolExecutor(4) as threads:
            words = self.job_words(client.provider, "endless")
            creates = [
                threads.submit(self._create_with, client, words, idempotency_key="one")
                for _ in range(8)
            ]
            made = {create.result().id for create in creates}
            assert len(made) == 1
            looks = [threads.submit(client.jobs.get, job) for job in [*made] * 8]
            assert {look.result().id for look in looks} == made
            client.jobs.cancel(made.pop())

    def test_closing_twice_is_allowed(self, tmp_path: Path) -> None:
        client = FineTuneClient(self.open_provider(tmp_path))
        client.close()
        client.close()


def _unsupported_methods(provider: FineTuneProvider) -> Iterator[Supervised]:
    known = Supervised(
        epochs=1,
        batch_size=1,
        learning_rate=1e-3,
        learning_rate_multiplier=1.0,
        lora=True,
        max_length=64,
    )
    method = provider.capabilities.methods.get(known.name)
    read = method.hyperparameters if method else frozenset[str]()
    for name in sorted(known.given() - read):
        yield Supervised.model_validate({name: getattr(known, name)})


def _page_by_page(provider: FineTuneProvider, *, size: int) -> Iterator[str]:
    cursor: str | None = None
    for _ in range(100):
        page = provider.list_jobs(limit=size, cursor=cursor)
        assert len(page.items) <= size
        yield from (job.id for job in page.items)
        cursor = page.next_cursor
        if cursor is None:
            return
    raise AssertionError("the list does not end")


def _reasoned_xfail(test: object) -> bool:
    marks: Sequence[pytest.Mark] = getattr(test, "pytestmark", ())
    return any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks)
