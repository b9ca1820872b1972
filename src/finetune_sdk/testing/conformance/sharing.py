"""Laws of one provider in many hands: profiles, threads, event loops, and what nobody may see."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import traceback
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.aio import AsyncFineTuneClient
from finetune_sdk.client import FineTuneClient
from finetune_sdk.errors import ConfigurationError, FineTuneError, NotFoundError
from finetune_sdk.providers import registry
from finetune_sdk.providers.base import CanDeploy, ProviderSettings
from finetune_sdk.testing.conformance.bench import NOBODY, ROWS
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.testing.conformance.serving import HELLO, NAME, ServingBench
from finetune_sdk.types import JobStatus


class SharingLaws(ServingBench):
    """Profiles, threads, secrets, the asynchronous client, closing."""

    @law()
    def test_a_profile_opens_the_same_provider(self, tmp_path: Path) -> None:
        """`open` makes the same provider of a profile's words, which finds the same jobs.

        Moving between providers is a change of one word in a file.
        """
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            told = self.settings(tmp_path)
            with type(client.provider).open(told) as opened:
                assert type(opened) is type(client.provider)
                assert opened.get_job(job.id).id == job.id
                assert opened.account == client.provider.account
            client.jobs.cancel(job)

    @law()
    def test_a_profile_with_an_unknown_key_is_refused(self, tmp_path: Path) -> None:
        """`open` refuses a key that it does not know with a `ConfigurationError` that names it.

        A slip in a file that is passed over is found when the bill comes.
        """
        with self._client(tmp_path) as client:
            told = self.settings(tmp_path)
            values = {**told.values, "no_such_key": 1}
            wrong = ProviderSettings(values=values, home=told.home, environ=told.environ)
            with pytest.raises(ConfigurationError, match="no_such_key"):
                type(client.provider).open(wrong)

    @law()
    def test_a_registered_name_is_that_of_its_class(self, tmp_path: Path) -> None:
        """Where the name is registered, its entry point is a class of that name and those values.

        The table of providers, and the ways on that errors name, are read from the class.
        """
        with self._client(tmp_path) as client:
            name = client.provider.name
            if name not in registry.names():
                self.cannot(f"be found by its name: {name!r} is registered by no entry point")
            kind = registry.load(name)
            assert kind.name == name
            assert kind.capabilities.methods.keys() >= client.provider.capabilities.methods.keys()

    @law()
    def test_no_secret_shows_anywhere(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What was given as a secret is in no `repr`, job, event, error, traceback, pickle or log.

        Logs and error reports go to many people.
        """
        caplog.set_level("DEBUG")
        with self._client(tmp_path) as client:
            job = self._create(client, "endless")
            shown = [repr(client), repr(client.provider), str(vars(client)), job.to_json()]
            shown += [event.to_json() for event in client.jobs.events(job)]
            job = client.jobs.cancel(job)
            shown += [one.to_json() for one in (job, client.jobs.get(job), *client.jobs.list())]
            for verb in (client.jobs.get, client.jobs.cancel):
                with pytest.raises(FineTuneError) as caught:
                    verb(NOBODY)
                shown += _told(caught.value)
            shown += [client.provider.account, caplog.text]
            with suppress(TypeError, AttributeError, pickle.PicklingError):
                shown.append(pickle.dumps(client.provider).decode("latin-1"))
            self._hidden(shown)

    @law(CanDeploy)
    def test_no_secret_shows_in_a_deployment(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What was given as a secret, and a deployment's own key, show in nothing of it.

        A `Connection` holds the key for those who ask the deployment; printing it must not tell.
        """
        caplog.set_level("DEBUG")
        with (
            self._client(tmp_path) as client,
            self._deployed(client, self._succeeded(client)) as made,
        ):
            self._talk()
            ready = client.deployments.wait(made)
            provider = client.provider
            assert isinstance(provider, CanDeploy)
            connection = provider.connect(NAME)
            with pytest.raises(NotFoundError) as caught:
                client.deployments.get("never-was")
            shown = [made.to_json(), ready.to_json(), repr(connection), *_told(caught.value)]
            self._hidden([*shown, caplog.text], connection.api_key)

    @law()
    def test_many_threads_may_share_a_client(self, tmp_path: Path) -> None:
        """Threads that create by one key get one job, and look at it at once.

        Web servers work so.
        """
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

    @law()
    def test_the_asynchronous_client_does_the_same(self, tmp_path: Path) -> None:
        """`AsyncFineTuneClient` creates, waits, lists and tells events over the same provider.

        A provider is written once, without `async`: its calls run on threads.
        """

        async def go() -> None:
            async with AsyncFineTuneClient(provider, home=tmp_path / "journal") as client:
                words: Mapping[str, Any] = {"model": self.model, "training_data": ROWS, **given}
                job = await client.jobs.create(**words)
                job = await client.jobs.wait(job, timeout=self.wait_timeout, progress=False)
                assert job.status is JobStatus.SUCCEEDED
                assert (await client.jobs.get(job.handle)).fine_tuned_model == job.fine_tuned_model
                assert [one.id async for one in client.jobs.list()] == [job.id]
                assert [event.id async for event in client.jobs.events(job)]
                with pytest.raises(NotFoundError):
                    await client.jobs.get(NOBODY)

        provider = self._provider(tmp_path)
        given = self.job_words(provider, "short")
        asyncio.run(go())

    @law(CanDeploy)
    def test_a_deployment_answers_the_asynchronous_client(self, tmp_path: Path) -> None:
        """`AsyncFineTuneClient` deploys and talks to the deployment.

        `connect` is asked on a thread and used on an event loop.
        """

        async def go() -> None:
            async with AsyncFineTuneClient(provider, home=tmp_path / "journal") as client:
                made = await client.deployments.wait(NAME)
                assert (await client.deployments.chat(made, HELLO)).content
                await client.deployments.delete(made)

        provider = self._provider(tmp_path)
        self._talk()
        client = FineTuneClient(provider, home=tmp_path / "journal")
        self._deploy(client, self._succeeded(client))
        asyncio.run(go())

    @law()
    def test_closing_twice_is_allowed(self, tmp_path: Path) -> None:
        """`close` may be called twice; a call after it gives an answer or a `FineTuneError`.

        `with` inside of `with`, and ends of programs, close what is closed.
        """
        client = FineTuneClient(self._provider(tmp_path), home=tmp_path / "journal")
        client.close()
        client.close()
        with suppress(FineTuneError):
            assert list(client.jobs.list()) == []
        client.close()

    def _hidden(self, shown: list[str], *more: str) -> None:
        if not (self.secrets or more):
            self.cannot("show a secret: the suite's `secrets` names none")
        for secret in (*self.secrets, *more):
            # A list of them would itself show what it is about.
            seen = [text for text in shown if secret and _in(secret, text)]
            assert not seen, f"a secret shows in {len(seen)} of {len(shown)} texts"


def _in(secret: str, text: str) -> bool:
    return secret in text or json.dumps(secret)[1:-1] in text


def _told(error: FineTuneError) -> Iterator[str]:
    """All that a caller may print of an error."""
    again: FineTuneError = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this line
    yield from (str(again), repr(copy.copy(error)), str(vars(again)))
    yield from traceback.format_exception(error)
