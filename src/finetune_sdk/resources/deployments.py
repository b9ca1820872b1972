"""`client.deployments`."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from finetune_sdk.providers.base import CanDeploy
from finetune_sdk.resources import _openai_client, lifetimes, serving, steps
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import pages
from finetune_sdk.types import ChatReply, Checkpoint, Connection, Deployment, Job, ProviderOptions

if TYPE_CHECKING:
    import openai

READY_TIMEOUT = 1800.0
"""Seconds that `chat` and `openai` wait for a deployment that is still being made."""


class Deployments:
    """Models that answer requests. A verb takes a `Deployment`, its handle or its name."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def create(
        self,
        model: Job | Checkpoint | str,
        /,
        *,
        name: str,
        options: Sequence[ProviderOptions] = (),
        max_cost_per_hour: float | None = None,
        ttl: timedelta | float | None = None,
    ) -> Deployment:
        """Starts to serve a model and gives the deployment at once; `chat` waits until it is ready.

        Args:
            model: a job that succeeded (or its handle), a checkpoint, a fine-tuned model, or a
                base model.
            name: yours, of letters, digits, `-` and `_`; the same name and model give the
                deployment that is there.
            options: what one provider alone knows.
            max_cost_per_hour: US dollars; more, or unknown, is an error before anything is made.
            ttl: how long it is needed, a `timedelta` or seconds. Nothing ends it by itself then:
                `reap` does. One that is there already keeps its own end, with a warning.

        Raises:
            ConfigurationError: an argument is wrong, or the job has made no model.
            ConflictError: the name is taken by a deployment of something else, or the place is at
                other changes for 15 minutes.
            CostLimitError: it would cost more than `max_cost_per_hour`, or nobody can say.
            UnsupportedError: the provider serves no models.
        """
        making = serving.create(
            self._context, model, name=name, options=options, limit=max_cost_per_hour, ttl=ttl
        )
        return steps.run(making, self._context.clock)

    def get(self, deployment: Deployment | str, /) -> Deployment:
        """The deployment as it stands.

        Raises:
            NotFoundError: there is none of that name.
        """
        self._server("deployments.get")
        return serving.fetch(self._context, self._context.deployment_name(deployment))

    def list(self, *, limit: int | None = None) -> Iterator[Deployment]:
        """The deployments; pages are fetched as it goes."""
        server, context = self._server("deployments.list"), self._context
        found = pages(
            context, lambda n, at: server.list_deployments(limit=n, cursor=at), limit=limit
        )
        return map(context.stamp_deployment, steps.iterate(found, context.clock))

    def wait(
        self, deployment: Deployment | str, /, *, timeout: float | None = READY_TIMEOUT
    ) -> Deployment:
        """Waits until the deployment is ready.

        Args:
            deployment: which one.
            timeout: seconds; 0 looks once, None waits without end.

        Raises:
            DeploymentFailedError: it failed, was deleted, or is paused.
            WaitTimeoutError: `timeout` is over; it is still being made.
            StatusUnavailableError: no contact for 30 minutes.
        """
        self._server("deployments.wait")
        context = self._context
        waiting = serving.wait(context, deployment, timeout)
        return steps.run(waiting, context.clock)

    def pause(self, deployment: Deployment | str, /) -> Deployment:
        """Stops the deployment and what it costs; it answers nobody until it is resumed.

        Raises:
            NotFoundError: there is none of that name.
            UnsupportedError: the provider cannot pause one.
        """
        return steps.run(serving.pause(self._context, deployment), self._context.clock)

    def resume(self, deployment: Deployment | str, /) -> Deployment:
        """Starts a paused deployment again, and what it costs; `wait` waits until it is ready.

        Raises:
            NotFoundError: there is none of that name.
            UnsupportedError: the provider cannot pause one.
        """
        return steps.run(serving.resume(self._context, deployment), self._context.clock)

    def delete(self, deployment: Deployment | str, /) -> None:
        """Ends it and what it costs. One that is gone already is no error."""
        steps.run(serving.delete(self._context, deployment), self._context.clock)

    def reap(self, *, among: Iterable[Deployment] | None = None) -> builtins.list[Deployment]:
        """Deletes every deployment whose `expires_at` is over, and gives those, as they last stood.

        Each is looked at anew just before it is deleted. One without `expires_at` is never touched.

        Args:
            among: of these alone, such as those that somebody was shown; all by default.

        Raises:
            ReapError: some are left, after all were tried; it names what was deleted, too.
            UnsupportedError: the provider serves no models.
        """
        context, clock = self._context, self._context.clock
        self._server("deployments.reap")
        found = self.list() if among is None else among
        return lifetimes.reap(
            lambda one: steps.run(serving.end_overdue(context, one), clock),
            lifetimes.overdue(found, clock.now()),
        )

    def chat(
        self,
        deployment: Deployment | str,
        messages: Sequence[Mapping[str, object]],
        /,
        *,
        temperature: float | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        tools: Sequence[Mapping[str, object]] | None = None,
        timeout: float | None = None,
    ) -> ChatReply:
        """Asks the deployment one thing; waits first where it is still being made.

        Args:
            deployment: which one.
            messages: the conversation, as OpenAI's chat has it.
            temperature: 0 always takes the likeliest token.
            top_p: share of the likeliest tokens that are drawn from.
            max_tokens: of the answer.
            seed: makes drawing repeatable where the server can.
            stop: the answer ends before this.
            tools: that the model may call, as OpenAI's chat has them.
            timeout: seconds for the answer; 600 by default.

        Raises:
            DeploymentFailedError: it failed, or is paused.
            MissingDependencyError: the package `openai` is not installed.
            ProviderError: the server refused or failed.
        """
        connection = self._connect(deployment)
        body = _openai_client.chat_body(
            messages,
            temperature=temperature,
            top_p=top_p,
            max_tokens=max_tokens,
            seed=seed,
            stop=stop,
            tools=tools,
            timeout=timeout,
        )
        return _openai_client.chat(connection, body, self._context.opened.name)

    def openai(self, deployment: Deployment | str, /) -> openai.OpenAI:
        """A ready `openai.OpenAI` that talks to the deployment: close it when done.

        Raises:
            DeploymentFailedError: it failed, or is paused.
            MissingDependencyError: the package `openai` is not installed.
        """
        return _openai_client.open_client(self._connect(deployment))

    def _connect(self, deployment: Deployment | str) -> Connection:
        waiting = serving.connect(self._context, deployment, READY_TIMEOUT)
        return steps.run(waiting, self._context.clock)

    def _server(self, verb: str) -> CanDeploy:
        return self._context.need(CanDeploy, verb)
