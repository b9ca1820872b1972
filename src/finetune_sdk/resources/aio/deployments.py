"""`Deployments`, asynchronous; `openai` gives an `AsyncOpenAI`."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from finetune_sdk.providers.base import (
    CanDeploy,
)
from finetune_sdk.resources import _openai_client, serving
from finetune_sdk.resources.aio.base import Asynchronous
from finetune_sdk.resources.deployments import READY_TIMEOUT, Deployments
from finetune_sdk.types import (
    ChatReply,
    Checkpoint,
    Connection,
    Deployment,
    Job,
    ProviderOptions,
)

if TYPE_CHECKING:
    import openai


class AsyncDeployments(Asynchronous):
    """`Deployments`, asynchronous; `openai` gives an `AsyncOpenAI`."""

    async def create(
        self,
        model: Job | Checkpoint | str,
        /,
        *,
        name: str,
        options: Sequence[ProviderOptions] = (),
        max_cost_per_hour: float | None = None,
        ttl: timedelta | float | None = None,
    ) -> Deployment:
        """See `Deployments.create`."""
        making = serving.create(
            self._context, model, name=name, options=options, limit=max_cost_per_hour, ttl=ttl
        )
        return await self._run(making)

    async def get(self, deployment: Deployment | str, /) -> Deployment:
        """See `Deployments.get`."""
        return await self._do(lambda: Deployments(self._context).get(deployment))

    async def list(self, *, limit: int | None = None) -> AsyncIterator[Deployment]:
        """See `Deployments.list`."""
        context = self._context
        server = context.need(CanDeploy, "deployments.list")
        async for found in self._pages(
            lambda n, at: server.list_deployments(limit=n, cursor=at), limit
        ):
            yield context.stamp_deployment(found)

    async def wait(
        self,
        deployment: Deployment | str,
        /,
        *,
        timeout: float | None = READY_TIMEOUT,
    ) -> Deployment:
        """See `Deployments.wait`."""
        context = self._context
        context.need(CanDeploy, "deployments.wait")
        return await self._run(serving.wait(context, deployment, timeout))

    async def pause(self, deployment: Deployment | str, /) -> Deployment:
        """See `Deployments.pause`."""
        return await self._run(serving.pause(self._context, deployment))

    async def resume(self, deployment: Deployment | str, /) -> Deployment:
        """See `Deployments.resume`."""
        return await self._run(serving.resume(self._context, deployment))

    async def delete(self, deployment: Deployment | str, /) -> None:
        """See `Deployments.delete`."""
        await self._run(serving.delete(self._context, deployment))

    async def reap(self, *, among: Iterable[Deployment] | None = None) -> builtins.list[Deployment]:
        """See `Deployments.reap`."""
        return await self._do(lambda: Deployments(self._context).reap(among=among))

    async def chat(
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
        """See `Deployments.chat`."""
        connection = await self._connect(deployment)
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
        return await _openai_client.chat_async(connection, body, self._context.opened.name)

    async def openai(self, deployment: Deployment | str, /) -> openai.AsyncOpenAI:
        """A ready `openai.AsyncOpenAI` that talks to the deployment: close it when done."""
        return _openai_client.open_async_client(await self._connect(deployment))

    async def _connect(self, deployment: Deployment | str) -> Connection:
        context = self._context
        context.need(CanDeploy, "deployments.chat")
        return await self._run(serving.connect(context, deployment, READY_TIMEOUT))
