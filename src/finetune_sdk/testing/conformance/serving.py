"""Laws of deployments."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.client import FineTuneClient
from finetune_sdk.errors import (
    ConflictError,
    CostLimitError,
    DeploymentFailedError,
    NotFoundError,
)
from finetune_sdk.providers.base import CanDeploy, CanPauseDeployments
from finetune_sdk.testing.conformance.bench import ConformanceBench, own_options
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.testing.conformance.reading import pages
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus, Job

HELLO: Sequence[Mapping[str, object]] = [{"role": "user", "content": "Say 1."}]
NAME = "tried"
GONE = (DeploymentStatus.DELETING, DeploymentStatus.DELETED)


class ServingBench(ConformanceBench):
    """Short words for deployments."""

    def _talk(self) -> None:
        """Deployments are talked to with OpenAI's own client."""
        if find_spec("openai") is None:
            self.cannot("be talked to: the package `openai` is not installed")

    def _deploy(
        self,
        client: FineTuneClient,
        job: Job,
        *,
        ttl: float | None = None,
        max_cost_per_hour: float | None = None,
    ) -> Deployment:
        words: Mapping[str, Any] = {"name": NAME, **self.deploy_words(client.provider)}
        return client.deployments.create(job, ttl=ttl, max_cost_per_hour=max_cost_per_hour, **words)

    @contextmanager
    def _deployed(
        self,
        client: FineTuneClient,
        job: Job,
        *,
        ttl: float | None = None,
        max_cost_per_hour: float | None = None,
    ) -> Generator[Deployment]:
        made = self._deploy(client, job, ttl=ttl, max_cost_per_hour=max_cost_per_hour)
        try:
            yield made
        finally:
            client.deployments.delete(made)

    def _wanted(self, client: FineTuneClient, job: Job) -> DeploymentSpec:
        words = self.deploy_words(client.provider)
        return DeploymentSpec(
            name=NAME,
            model=job.fine_tuned_model or "",
            job_id=job.id,
            options=own_options(client.provider.capabilities.deployment_options, words),
        )


class ServingLaws(ServingBench):
    """Making, asking, pausing, ending."""

    @law(CanDeploy)
    def test_a_deployment_is_the_one_that_is_got_and_listed(self, tmp_path: Path) -> None:
        """A deployment is got by its name and its handle, listed once, and of the job's model.

        It may cost by the hour: nobody may lose sight of one.
        """
        with self._client(tmp_path) as client:
            job = self._succeeded(client)
            with self._deployed(client, job) as made:
                assert (made.name, made.model) == (NAME, job.fine_tuned_model)
                assert made.provider == client.provider.name
                assert Deployment.from_json(made.to_json()) == made
                for word in (made, made.handle, NAME):
                    assert client.deployments.get(word).id == made.id
                provider = client.provider
                assert isinstance(provider, CanDeploy)
                paged = pages(lambda at: provider.list_deployments(limit=1, cursor=at))
                assert [one.name for one in paged] == [NAME]

    @law(CanDeploy)
    def test_a_deployment_answers(self, tmp_path: Path) -> None:
        """A deployment that is ready answers `chat` and OpenAI's own client, under its `id`.

        Code that speaks to OpenAI goes on working with what was tuned here.
        """
        with (
            self._client(tmp_path) as client,
            self._deployed(client, self._succeeded(client)) as made,
        ):
            self._talk()
            ready = client.deployments.wait(made)
            assert ready.status is DeploymentStatus.READY
            assert client.deployments.chat(ready, HELLO).content
            with client.deployments.openai(ready) as existing:
                said = existing.chat.completions.create(
                    model=ready.id, messages=[{"role": "user", "content": "Say 1."}]
                )
            assert said.choices[0].message.content

    @law(CanDeploy)
    def test_the_same_name_is_the_same_deployment(self, tmp_path: Path) -> None:
        """Creating twice by one name gives one deployment; of another model it is a conflict.

        A script that is run twice must not rent two machines.
        """
        with self._client(tmp_path) as client:
            first, second = self._succeeded(client), self._succeeded(client)
            with self._deployed(client, first) as made:
                assert self._deploy(client, first).id == made.id
                with pytest.raises(ConflictError):
                    self._deploy(client, second)
                assert [one.name for one in client.deployments.list()] == [NAME]
                assert client.deployments.get(NAME).model == first.fine_tuned_model

    @law(CanDeploy)
    def test_a_deployment_that_is_deleted_is_gone(self, tmp_path: Path) -> None:
        """A deleted deployment is not found or says that it goes; deleting again is no error.

        It is how costs end, and scripts that clean up run twice.
        """
        with self._client(tmp_path) as client:
            made = self._deploy(client, self._succeeded(client))
            for _ in range(2):
                client.deployments.delete(made)
            assert all(one.status in GONE for one in client.deployments.list())
            with suppress(NotFoundError):
                assert client.deployments.get(NAME).status in GONE
            with pytest.raises((NotFoundError, DeploymentFailedError)):
                client.deployments.wait(NAME)
            client.deployments.delete("never-was")
            with pytest.raises(NotFoundError):
                client.deployments.get("never-was")

    @law(CanDeploy)
    def test_a_deployment_keeps_its_end(self, tmp_path: Path) -> None:
        """`expires_at` is told by every look, of another process too, and `reap` ends by it.

        What was deployed for an hour must be found by whoever cleans up.
        """
        with (
            self._client(tmp_path) as client,
            self._deployed(client, self._succeeded(client), ttl=3600.0) as made,
        ):
            assert made.expires_at is not None
            assert client.deployments.get(NAME).expires_at == made.expires_at
            assert [one.expires_at for one in client.deployments.list()] == [made.expires_at]
            assert client.deployments.reap() == []

    @law(CanDeploy)
    def test_a_limit_on_the_hour_is_held_before_anything_is_made(self, tmp_path: Path) -> None:
        """`cost_per_hour` over `max_cost_per_hour`, or not known, is a `CostLimitError`.

        A machine that is forgotten costs every hour.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanDeploy)
            cost = provider.cost_per_hour(self._wanted(client, job))
            assert cost is None or cost >= 0
            if cost != 0:
                with pytest.raises(CostLimitError):
                    self._deploy(client, job, max_cost_per_hour=1e6 if cost is None else cost / 2)
                assert list(client.deployments.list()) == []
            if cost is not None:
                with self._deployed(client, job, max_cost_per_hour=cost) as made:
                    assert made.cost_per_hour in (None, cost)
            price = provider.request_price(self.model, tuned=True)
            assert price is None or price.source

    @law(CanPauseDeployments)
    def test_a_paused_deployment_answers_again_when_it_is_resumed(self, tmp_path: Path) -> None:
        """A paused deployment is `paused` and talks to nobody; resumed it answers as before.

        Nights and weekends need not be paid for.
        """
        with (
            self._client(tmp_path) as client,
            self._deployed(client, self._succeeded(client)) as made,
        ):
            self._talk()
            client.deployments.wait(made)
            for _ in range(2):
                assert client.deployments.pause(made).status is DeploymentStatus.PAUSED
            assert client.deployments.get(made).status is DeploymentStatus.PAUSED
            with pytest.raises(DeploymentFailedError):
                client.deployments.chat(made, HELLO)
            for _ in range(2):
                client.deployments.resume(made)
            assert client.deployments.wait(made).id == made.id
            assert client.deployments.chat(made, HELLO).content

    @law(CanPauseDeployments)
    def test_what_is_not_deployed_is_neither_paused_nor_resumed(self, tmp_path: Path) -> None:
        """Pausing or resuming a deployment that is not there is a `NotFoundError`.

        Whoever thinks that nothing is billed any more has to know that it was another name.
        """
        with self._client(tmp_path) as client:
            for verb in (client.deployments.pause, client.deployments.resume):
                with pytest.raises(NotFoundError):
                    verb("never-was")

    @law(CanDeploy)
    def test_an_unknown_word_of_a_deployment_is_no_crash(self, tmp_path: Path) -> None:
        """A state of a deployment that nobody knows is `unknown`, with its word in `raw_status`.

        A list of what costs money must not fail for one new word.
        """
        with (
            self._client(tmp_path) as client,
            self._deployed(client, self._succeeded(client)) as made,
        ):
            self.say_unknown_deployment_word(client.provider, made.name)
            seen = client.deployments.get(made)
            assert seen.status is DeploymentStatus.UNKNOWN
            assert seen.raw_status
            assert [one.status for one in client.deployments.list()] == [seen.status]
