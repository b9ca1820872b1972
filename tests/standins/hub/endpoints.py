"""Inference Endpoints: made by name, started by the clock, paused, billed, and asked.

They are managed under `/v2`, and answer under `/endpoints/NAMESPACE/NAME`. Whoever drives them by
Hugging Face's package sets its `constants.INFERENCE_ENDPOINTS_ENDPOINT` to `hub.endpoints.url`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tests.standins.hub.endpoint import COMPUTES, Compute, EndpointCourse, EndpointRecord
from tests.standins.hub.routes import Call, RefusedError, Route, answer, refuse
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub

SPACE = "(?P<space>[^/]+)"
ALL = f"/v2/endpoint/{SPACE}"
ONE = f"{ALL}/(?P<name>[^/]+)"
NAME = re.compile("[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
TYPES = ("public", "authenticated", "private")
BROKE = "Payment required: the namespace has no valid payment method"


class Endpoints:
    """All endpoints, by their names.

    Attributes:
        course: how endpoints start for which no course was added.
        computes: the machines and their prices.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.course = EndpointCourse()
        self.computes = list(COMPUTES)
        self._courses: deque[EndpointCourse] = deque()
        self._made: dict[tuple[str, str], EndpointRecord] = {}
        self.gone: list[EndpointRecord] = []

    def __getitem__(self, name: str) -> EndpointRecord:
        self.hub.settle()
        return self._made[self.hub.namespace, name]

    def __contains__(self, name: object) -> bool:
        return (self.hub.namespace, name) in self._made

    def __iter__(self) -> Iterator[str]:
        return iter([name for _, name in self._made])

    def __len__(self) -> int:
        return len(self._made)

    @property
    def url(self) -> str:
        """Where they are managed."""
        return f"{self.hub.url}/v2"

    def add_course(self, *courses: EndpointCourse) -> None:
        """The next endpoints start by these, in order."""
        self._courses.extend(courses)

    def say(self, name: str, state: str | None) -> None:
        """An endpoint's state reads this from now on; None lets it tell the truth again."""
        self[name].word = state

    def cost(self, name: str) -> float:
        """US dollars that it has cost so far."""
        made = self[name]
        return made.billed / 3600 * made.compute.price

    def settle(self) -> None:
        """Makes what time has made of them."""
        for made in self._made.values():
            made.catch_up(self.hub.clock.monotonic())

    def routes(self) -> Iterable[Route]:
        return (
            ("GET", f"/v2/provider/{SPACE}", self._providers),
            ("GET", ALL, self._list),
            ("POST", ALL, self._create),
            ("GET", ONE, self._get),
            ("DELETE", ONE, self._delete),
            ("POST", f"{ONE}/pause", self._pause),
            ("POST", f"{ONE}/resume", self._resume),
            ("POST", f"{ONE}/scale-to-zero", self._sleep),
            ("POST", f"/endpoints/{SPACE}/(?P<name>[^/]+)/v1/chat/completions", self._chat),
        )

    # Managing them

    def _providers(self, call: Call, found: re.Match[str]) -> Answer:
        self._let_in(call, found["space"])
        vendors: dict[str, dict[str, list[Json]]] = {}
        for one in self.computes:
            regions = vendors.setdefault(one.vendor, {})
            regions.setdefault(one.region, []).append(one.view(self._used(one, found["space"])))
        told = [
            {"name": vendor, "regions": [_region(name, one) for name, one in regions.items()]}
            for vendor, regions in vendors.items()
        ]
        return answer({"vendors": told})

    def _list(self, call: Call, found: re.Match[str]) -> Answer:
        self._let_in(call, found["space"])
        listed = [one.view() for (space, _), one in self._made.items() if space == found["space"]]
        return answer({"items": listed})

    def _create(self, call: Call, found: re.Match[str]) -> Answer:
        body: Any = call.json()
        compute = self._accepted(call, found["space"], body)
        key = found["space"], body["name"]
        if key in self._made:
            return refuse(409, f"Endpoint {body['name']} already exists")
        now = self.hub.clock.monotonic()
        self._made[key] = EndpointRecord(
            body["name"],
            found["space"],
            body,
            compute,
            self._courses.popleft() if self._courses else self.course,
            f"{self.hub.url}/endpoints/{found['space']}/{body['name']}",
            call.account.name if call.account else "",
            self.hub.clock.now(),
            *(now, now, now, now),
        )
        self.settle()
        return answer(self._made[key].view(), 202)

    def _accepted(self, call: Call, space: str, body: Any) -> Compute:
        model, provider, wanted = body["model"], body["provider"], body["compute"]
        key = provider["vendor"], provider["region"], wanted["instanceType"], wanted["instanceSize"]
        compute = next((one for one in self.computes if one.key == key), None)
        repo = (
            self.hub.repos[kind]
            if (kind := ("model", model["repository"])) in self.hub.repos
            else None
        )
        parallel = next(iter(model["image"].values())).get("tensorParallelSize", 1)
        broken = {
            "name is not valid": not NAME.fullmatch(body["name"]),
            "type is not valid": body["type"] not in TYPES,
            "Unknown instance": compute is None or compute.accelerator != wanted["accelerator"],
            "Repository not found": repo is None or repo.at(model["revision"] or "main") is None,
            "tensorParallelSize is required": bool(compute and compute.count != parallel),
        }
        if reasons := [reason for reason, is_so in broken.items() if is_so]:
            raise RefusedError(refuse(400, "; ".join(reasons)))
        if call.account is None or not call.account.can_pay:
            raise RefusedError(refuse(402, BROKE))
        assert compute is not None
        if self._used(compute, space) + compute.count > compute.most:
            raise RefusedError(refuse(400, "Quota exceeded"))
        return compute

    def _used(self, compute: Compute, space: str) -> int:
        return sum(
            one.compute.count
            for one in self._made.values()
            if one.compute.type == compute.type and one.namespace == space and one.state != "paused"
        )

    def _get(self, call: Call, found: re.Match[str]) -> Answer:
        return answer(self._seen(call, found).view())

    def _delete(self, call: Call, found: re.Match[str]) -> Answer:
        made = self._seen(call, found)
        self.gone.append(self._made.pop((made.namespace, made.name)))
        return answer({}, 202)

    def _pause(self, call: Call, found: re.Match[str]) -> Answer:
        made = self._seen(call, found)
        if made.state != "paused":
            made.enter("paused", self.hub.clock.monotonic())
        return answer(made.view(), 202)

    def _resume(self, call: Call, found: re.Match[str]) -> Answer:
        made = self._seen(call, found)
        if made.state in ("pending", "initializing", "running"):
            return refuse(400, f"Endpoint is already running: {made.state}")
        made.start(self.hub.clock.monotonic())
        return answer(made.view(), 202)

    def _sleep(self, call: Call, found: re.Match[str]) -> Answer:
        made = self._seen(call, found)
        made.enter("scaledToZero", self.hub.clock.monotonic())
        return answer(made.view(), 202)

    def _let_in(self, call: Call, space: str) -> None:
        if call.account is None:
            raise RefusedError(refuse(401, "Invalid username or password."))
        if not call.account.sees(space):
            raise RefusedError(refuse(403, f"You may not see the endpoints of {space}"))

    def _seen(self, call: Call, found: re.Match[str]) -> EndpointRecord:
        self._let_in(call, found["space"])
        made = self._made.get((found["space"], found["name"]))
        if made is None:
            raise RefusedError(refuse(404, "Endpoint not found"))
        return made

    # Asking them

    def _chat(self, call: Call, found: re.Match[str]) -> Answer:
        made = self._made.get((found["space"], found["name"]))
        if made is None:
            return refuse(404, "Endpoint not found")
        if made.spec["type"] != "public" and not (
            call.account and call.account.sees(made.namespace)
        ):
            return refuse(401, "Invalid username or password.")
        self._woken(made, call)
        if made.state != "running":
            return refuse(503, f"503 Service Unavailable: the endpoint is {made.state}")
        made.asked = self.hub.clock.monotonic()
        body: Any = call.json()
        made.chats.append(body)
        if body["model"] != made.served_as:
            return refuse(404, f"The model `{body['model']}` does not exist.")
        return answer(_completion(made, body))

    def _woken(self, made: EndpointRecord, call: Call) -> None:
        """One that sleeps starts; a request that says how long it waits is held until then."""
        if made.state != "scaledToZero":
            return
        made.start(self.hub.clock.monotonic())
        takes = made.course.pending + made.course.initializing
        if float(call.headers.get("x-scale-up-timeout", "0")) >= takes:
            self.hub.clock.sleep(takes)
            self.settle()


def _region(name: str, computes: list[Json]) -> Json:
    return {"name": name, "computes": computes}


def _completion(made: EndpointRecord, body: Any) -> Json:
    said = f"{made.spec['model']['revision'][:7]}: {body['messages'][-1]['content']}"
    message = {"role": "assistant", "content": said}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }
