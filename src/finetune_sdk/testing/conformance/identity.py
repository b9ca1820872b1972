"""Laws of names: what makes a job this job and no other one."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest

from finetune_sdk.errors import IdempotencyConflictError, NotFoundError
from finetune_sdk.providers.base import CanFindJob, Field
from finetune_sdk.testing.conformance.bench import NOBODY, ConformanceBench
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.testing.conformance.samples import hyperparameters
from finetune_sdk.types import Job, MethodName, Supervised


class IdentityLaws(ConformanceBench):
    """Names, ids and keys."""

    @law()
    def test_a_provider_says_who_it_is(self, tmp_path: Path) -> None:
        """Its `name` is made of `a-z`, `0-9` and `_`, its waits are times, its words are ours.

        Handles, profiles and error messages are built on the name, and `wait` on the times. A word
        of `Capabilities` that no method has promises what nobody can ask for.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            assert re.fullmatch("[a-z][a-z0-9_]*", provider.name)
            first, longest = provider.capabilities.poll_interval
            assert 0 < first <= longest
            assert provider.capabilities.methods, "a provider can do some method"
            assert provider.capabilities.methods.keys() <= set(MethodName)
            for name, support in provider.capabilities.methods.items():
                assert support.hyperparameters <= hyperparameters(name)
            assert provider.capabilities.fields <= set(get_args(Field))

    @law()
    def test_a_job_that_was_created_is_the_one_that_is_got(self, tmp_path: Path) -> None:
        """`get_job` gives the job that `create_job` made, of the same model and provider.

        A caller keeps one short handle, and any process finds the job by it.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            assert client.jobs.get(job).id == job.id
            assert client.jobs.get(job.id).id == job.id
            assert client.jobs.get(job.handle).model == self.model
            assert job.provider == client.provider.name
            assert job.handle == f"{client.provider.name}:{job.id}"
            client.jobs.cancel(job)

    @law()
    def test_a_job_goes_to_json_and_back(self, tmp_path: Path) -> None:
        """A job is a value: as JSON it says the same, `raw` included.

        People keep jobs in files and databases, and read them with a later version.
        """
        with self._client(tmp_path) as client:
            job = client.jobs.cancel(self._create(client, "endless"))
            assert Job.from_json(job.to_json()) == job

    @law()
    def test_an_id_that_nobody_knows_is_not_found(self, tmp_path: Path) -> None:
        """An id of no job is a `NotFoundError`, for a look, its events and a cancel alike.

        Callers tell a job that is gone from a service that is down by this class alone. An id may
        come from a form on the web: what stands in it leads to no other place of the service.
        """
        with self._client(tmp_path) as client:
            for odd in ("../nobody", f"{NOBODY}/../{NOBODY}", f"{NOBODY}?limit=1", f"{NOBODY}#1"):
                with pytest.raises(NotFoundError):
                    client.provider.get_job(odd)
            for verb in (client.jobs.get, client.jobs.cancel):
                with pytest.raises(NotFoundError):
                    verb(NOBODY)
            with pytest.raises(NotFoundError):
                list(client.jobs.events(NOBODY))

    @law()
    def test_the_same_key_gives_the_same_job(self, tmp_path: Path) -> None:
        """The same call with the same `idempotency_key` gives the job that is there.

        A job costs money: a script that is run twice pays once.
        """
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            first = self._create_with(client, words, idempotency_key="key-1")
            again = self._create_with(client, words, idempotency_key="key-1")
            assert again.id == first.id
            assert len(list(client.jobs.list())) == 1
            client.jobs.cancel(first)

    @law()
    def test_the_same_key_with_another_call_is_a_conflict(self, tmp_path: Path) -> None:
        """A key that made a job makes no other one: another call is an `IdempotencyConflictError`.

        A key that is used by mistake must not give somebody the wrong model.
        """
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            job = self._create_with(client, words, idempotency_key="key-1")
            with pytest.raises(IdempotencyConflictError):
                self._create_with(
                    client, words, idempotency_key="key-1", method=Supervised(epochs=9)
                )
            client.jobs.cancel(job)

    @law(CanFindJob)
    def test_the_provider_itself_finds_what_a_key_has_made(self, tmp_path: Path) -> None:
        """`find_jobs` gives the job that a key has made; for another call it is a conflict, or it.

        The journal of one machine knows nothing of another one's: a second machine asks the
        provider before it pays, and must never hear that there is none.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            words = self.job_words(provider, "endless")
            spec = self._spec(provider, words, "key-1")
            made = provider.create_job(spec)
            assert isinstance(provider, CanFindJob)
            assert [job.id for job in provider.find_jobs(spec.key, spec=spec)] == [made.id]
            assert provider.find_jobs("key-2") == []
            other = spec.model_copy(update={"call": "another", "method": Supervised(epochs=9)})
            with suppress(IdempotencyConflictError):
                assert [job.id for job in provider.find_jobs(spec.key, spec=other)] == [made.id]
            provider.cancel_job(made.id)

    @law()
    def test_the_provider_itself_makes_one_job_of_a_key(self, tmp_path: Path) -> None:
        """`create_job` by a key that has made a job gives that job, or `find_jobs` tells of it.

        A create that was cut off is called again. Where the service itself does not know keys,
        whoever asks looks first, and two jobs of one key are both found.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            spec = self._spec(provider, self.job_words(provider, "endless"), "key-1")
            made = {provider.create_job(spec).id, provider.create_job(spec).id}
            assert {job.id for job in client.jobs.list()} == made
            if len(made) > 1:
                assert isinstance(provider, CanFindJob), "nobody can know of the other job"
                assert {job.id for job in provider.find_jobs(spec.key, spec=spec)} == made
            for job_id in made:
                provider.cancel_job(job_id)
