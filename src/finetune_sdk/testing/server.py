"""Deployments of the fake: they answer from a table or a function, by OpenAI's wire."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from finetune_sdk.errors import ConflictError, NotFoundError
from finetune_sdk.providers._openai_talk import stack
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.types import Connection, Deployment, DeploymentSpec, DeploymentStatus

Message = Mapping[str, object]
Replies = Mapping[str, str] | Callable[[Sequence[Message]], str]


class FakeServer:
    """The deployments of one FakeProvider."""

    def __init__(self, replies: Replies | None, clock: VirtualClock) -> None:
        self._replies = replies
        self._clock = clock
        self._made: dict[str, tuple[DeploymentSpec, Deployment]] = {}

    def create(self, spec: DeploymentSpec) -> Deployment:
        if spec.name not in self._made:
            made = Deployment(
                id=spec.name,
                name=spec.name,
                provider="fake",
                status=DeploymentStatus.READY,
                raw_status="ready",
                model=spec.model,
                job_id=spec.job_id,
                created_at=self._clock.now(),
                expires_at=spec.expires_at,
                cost_per_hour=0.0,
            )
            self._made[spec.name] = (spec, made)
        there, deployment = self._made[spec.name]
        if not there.serves_the_same(spec):
            raise ConflictError(
                f"the name {spec.name!r} is taken by a deployment of {there.model!r}; "
                "delete it or choose another name",
                provider="fake",
            )
        return deployment

    def get(self, name: str) -> Deployment:
        if name not in self._made:
            raise NotFoundError(f"no deployment {name!r}", provider="fake", status_code=404)
        return self._made[name][1]

    def all(self) -> list[Deployment]:
        return [deployment for _, deployment in self._made.values()]

    def pause(self, name: str) -> Deployment:
        return self._say(name, DeploymentStatus.PAUSED)

    def resume(self, name: str) -> Deployment:
        return self._say(name, DeploymentStatus.READY)

    def delete(self, name: str) -> None:
        self._made.pop(name, None)

    def connect(self, name: str) -> Connection:
        if self.get(name).status is not DeploymentStatus.READY:
            raise ConflictError(f"the deployment {name!r} is paused", provider="fake")
        return Connection(
            base_url="http://fake.invalid/v1",
            api_key="fake-key",
            model=name,
            transport=stack.library().MockTransport(self._answer),
        )

    def _say(self, name: str, status: DeploymentStatus) -> Deployment:
        told = {"status": status, "raw_status": status.value}
        made = self.get(name).model_copy(update=told)
        self._made[name] = (self._made[name][0], made)
        return made

    def _answer(self, request: Any) -> Any:
        http = stack.library()
        body = cast("dict[str, object]", json.loads(request.content))
        messages = cast("list[Message]", body.get("messages", []))
        model, text = str(body.get("model")), self._reply(messages)
        if body.get("stream"):
            events = "".join(f"data: {chunk}\n\n" for chunk in self._chunks(model, text))
            return http.Response(200, text=events, headers={"content-type": "text/event-stream"})
        return http.Response(200, json=self._completion(model, text))

    def _chunks(self, model: str, text: str) -> Iterator[str]:
        """A stream as OpenAI sends it: word by word, the reason to stop, the end."""
        words: list[dict[str, object]] = [
            {"content": word} for word in re.findall(r"\s*\S+|\s+", text)
        ]
        for delta in ({"role": "assistant"}, *words, {}):
            yield json.dumps(
                {
                    "id": "chatcmpl-fake",
                    "object": "chat.completion.chunk",
                    "created": int(self._clock.now().timestamp()),
                    "model": model,
                    "choices": [
                        {"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}
                    ],
                }
            )
        yield "[DONE]"

    def _completion(self, model: str, text: str) -> dict[str, object]:
        return {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "created": int(self._clock.now().timestamp()),
            "model": model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": text},
                }
            ],
        }

    def _reply(self, messages: Sequence[Message]) -> str:
        if callable(self._replies):
            return self._replies(messages)
        last = str(messages[-1].get("content", "")) if messages else ""
        return (self._replies or {}).get(last, "This is a fake reply.")
