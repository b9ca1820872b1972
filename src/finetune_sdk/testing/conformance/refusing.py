"""Laws of what a provider cannot do, and says before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from finetune_sdk.client import FineTuneClient
from finetune_sdk.errors import DatasetValidationError, FineTuneError, UnsupportedError
from finetune_sdk.providers import base
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.testing.conformance.bench import NOBODY, ROWS, WORDS, ConformanceBench
from finetune_sdk.testing.conformance.law import law, not_asked
from finetune_sdk.testing.conformance.samples import given, plain, sample_of
from finetune_sdk.types import JobStatus, MethodName

VERBS: Mapping[type[object], Callable[[FineTuneClient, Path], object]] = {
    base.CanPause: lambda client, _: client.jobs.pause(NOBODY),
    base.CanListMetrics: lambda client, _: list(client.jobs.metrics(NOBODY)),
    base.CanListCheckpoints: lambda client, _: list(client.jobs.checkpoints(NOBODY)),
    base.CanReadLogs: lambda client, _: list(client.jobs.logs(NOBODY)),
    base.CanManageDatasets: lambda client, _: list(client.datasets.list()),
    base.CanListModels: lambda client, _: list(client.models.list()),
    base.CanDownloadModels: lambda client, folder: client.models.download("x", folder / "x"),
    base.CanDeploy: lambda client, _: client.deployments.create("x", name="x"),
    base.CanPauseDeployments: lambda client, _: client.deployments.pause("x"),
    base.CanVerifyWebhooks: lambda client, _: client.jobs.parse_webhook(b"{}", {}),
}
"""A verb that needs the mix-in."""


class RefusingLaws(ConformanceBench):
    """What is refused, and what is taken."""

    @law()
    def test_a_method_it_lacks_is_refused_before_anything_is_made(self, tmp_path: Path) -> None:
        """A method that is not in `capabilities.methods` is an `UnsupportedError`; nothing is sent.

        A recipe that is moved here learns that it does not fit before it costs anything.
        """
        with self._client(tmp_path) as client:
            lacking = [m for m in MethodName if m not in client.provider.capabilities.methods]
            if not lacking:
                not_asked("the provider has every method")
            with self._nothing_is_made(client):
                for name in lacking:
                    sample = sample_of(name)
                    with pytest.raises(UnsupportedError, match=client.provider.name):
                        client.jobs.create(
                            model=self.model, training_data=sample.rows, method=sample.method
                        )

    @law()
    def test_what_is_not_supported_is_refused_before_anything_is_made(self, tmp_path: Path) -> None:
        """A hyperparameter that a method does not name is an `UnsupportedError`; nothing is sent.

        What shapes learning is never dropped in silence.
        """
        with self._client(tmp_path) as client:
            wanted = list(_unread(client.provider))
            if not wanted:
                not_asked("the provider reads every hyperparameter")
            with self._nothing_is_made(client):
                for name, hyperparameter in wanted:
                    method = given(name, frozenset({hyperparameter}))
                    with pytest.raises(UnsupportedError, match=hyperparameter):
                        client.jobs.create(
                            model=self.model, training_data=sample_of(name).rows, method=method
                        )

    @law()
    def test_a_word_it_does_not_take_is_refused_before_anything_is_made(
        self, tmp_path: Path
    ) -> None:
        """`seed`, `suffix`, `metadata`, `validation_data` that are not in `fields` are refused.

        Whoever asks for a seed counts on it.
        """
        with self._client(tmp_path) as client:
            lacking = WORDS.keys() - client.provider.capabilities.fields
            if not lacking:
                not_asked("the provider takes every word")
            with self._nothing_is_made(client):
                for name in sorted(lacking):
                    with pytest.raises(UnsupportedError, match=name):
                        client.jobs.create(
                            model=self.model, training_data=ROWS, **{name: WORDS[name]}
                        )

    @law()
    def test_rows_that_are_wrong_are_refused_before_anything_is_made(self, tmp_path: Path) -> None:
        """Rows that are no rows of the method are a `DatasetValidationError`; nothing is sent.

        A service finds the same fault after an hour in a queue, or never.
        """
        wrong = [*ROWS, {"messages": [{"role": "nobody", "content": 7}]}]
        refused = pytest.raises(DatasetValidationError)
        with self._client(tmp_path) as client, self._nothing_is_made(client), refused:
            client.jobs.create(model=self.model, training_data=wrong)

    @law()
    def test_every_method_that_it_names_can_be_created(self, tmp_path: Path) -> None:
        """A job of each method in `capabilities.methods` is taken, and says which it is.

        The table of what each provider can do is made of these values; they must not lie.
        """
        with self._client(tmp_path) as client:
            shown = 0
            for name, support in client.provider.capabilities.methods.items():
                more = self.method_words(client.provider, name)
                if more is None:
                    continue
                sample, words = sample_of(name, support), self.job_words(client.provider, "endless")
                told = {"method": sample.method, "training_data": sample.rows, **words, **more}
                job = client.jobs.get(self._create_with(client, told))
                assert job.method is None or job.method.name is name
                client.jobs.cancel(job)
                shown += 1
            if not shown:
                self.cannot("create a job of any method")

    @law()
    def test_every_hyperparameter_that_it_names_is_taken(self, tmp_path: Path) -> None:
        """A job with a value for each hyperparameter of `supervised` is taken, and tells no other.

        A value that a service refuses has to be refused here, before rows are uploaded. What the
        job says of a value is what was asked for, or nothing: `export` and `migrate` go by it.
        """
        with self._client(tmp_path) as client:
            name = MethodName.SUPERVISED
            support = client.provider.capabilities.methods.get(name)
            more = self.method_words(client.provider, name) if support else None
            if support is None:
                not_asked("the provider has no supervised method")
            if more is None:
                self.cannot("create a supervised job")
            words = self.job_words(client.provider, "endless")
            told = {"method": given(name, support.hyperparameters), **words, **more}
            job = client.jobs.get(self._create_with(client, told))
            for hyperparameter in plain(name) & support.hyperparameters:
                asked = getattr(told["method"], hyperparameter)
                assert getattr(job.method, hyperparameter, None) in (None, asked), hyperparameter
            client.jobs.cancel(job)

    @law()
    def test_a_verb_that_is_missing_is_unsupported(self, tmp_path: Path) -> None:
        """A verb whose mix-in the provider lacks is an `UnsupportedError` and nothing else.

        A verb is there exactly when the class has its mix-in: no flag that can lie.
        """
        with self._client(tmp_path) as client:
            lacking = [
                verb for kind, verb in VERBS.items() if not isinstance(client.provider, kind)
            ]
            if not lacking:
                not_asked("the provider has every verb")
            for verb in lacking:
                with pytest.raises(UnsupportedError):
                    verb(client, tmp_path)

    @law()
    def test_a_create_that_the_service_refuses_makes_nothing(self, tmp_path: Path) -> None:
        """A create that the service refuses has `effect="none"`: nothing runs, and a retry works.

        `effect` decides whether a create may be sent again: a wrong `none` is paid for twice.
        """
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            self.refuse_create(client.provider)
            with pytest.raises(FineTuneError) as caught:
                self._create_with(client, words, idempotency_key="key-1")
            assert getattr(caught.value, "effect", "none") == "none"
            assert getattr(caught.value, "provider", client.provider.name) == client.provider.name
            assert {job.status for job in client.jobs.list()} <= {JobStatus.PENDING}
            job = self._create_with(client, words, idempotency_key="key-1")
            assert [one.id for one in client.jobs.list()] == [job.id]
            client.jobs.cancel(job)


def _unread(provider: FineTuneProvider) -> Iterator[tuple[MethodName, str]]:
    for name, support in provider.capabilities.methods.items():
        for hyperparameter in sorted(plain(name) - support.hyperparameters):
            yield name, hyperparameter
