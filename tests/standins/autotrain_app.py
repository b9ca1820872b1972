"""An AutoTrain app (`autotrain app`, 0.8.36) on loopback, which works with the stand-in of the Hub.

It answers as the real one does: bodies that pydantic refuses get 422 with all of the input in it,
whatever else goes wrong gets a bare 500.
"""

from __future__ import annotations

import contextlib
import json
import threading
from types import TracebackType
from typing import Any, Self

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError

from tests.standins.azure.door import Asked, Door, Log
from tests.standins.hub.hub import Hub
from tests.standins.openai import Answer, Faults
from tests.standins.openai.wire import Json, answered, as_object, inner

VERSION = "0.8.36"
HARDWARE = ("t4-small", "t4-medium", "a10g-small", "cpu-basic", "cpu-upgrade", "l4x1")
TASKS = ("llm:sft", "llm:dpo", "llm:orpo", "llm:reward")
DOCKERFILE = b"FROM huggingface/autotrain-advanced:latest\nCMD autotrain api\n"


class AutoTrainApp:
    """Listens on loopback while it is a context.

    Attributes:
        version: what it says it is; None says nothing of it.
    """

    def __init__(self, hub: Hub) -> None:
        self.version: str | None = VERSION
        self._hub = hub
        self._log = Log()
        self._door = Door(self._handle, self._log, threading.RLock(), relative=lambda path: path)

    @property
    def url(self) -> str:
        return self._door.address

    @property
    def faults(self) -> Faults:
        return self._log.faults

    @property
    def requests(self) -> list[Asked]:
        return list(self._log.requests)

    def __enter__(self) -> Self:
        self._door.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.stop()

    def _handle(self, asked: Asked) -> Answer:
        if (asked.method, asked.path) == ("GET", "/api/version"):
            return answered({"version": self.version} if self.version else {"detail": "Hello"})
        if asked.bearer not in self._hub.accounts:
            return answered({"detail": "Invalid or expired token: Bearer"}, 401)
        body = as_object(asked.json) or {}
        match asked.path:
            case "/api/create_project":
                return self._create(asked.bearer, body)
            case "/api/stop_training":
                return self._stop(asked.bearer, body)
            case _:
                return answered({"detail": "Not Found"}, 404)

    def _create(self, token: str, body: Json) -> Answer:
        if faults := list(_faults(body)):
            return answered({"detail": faults}, 422)
        try:
            job_id = self._make(token, body)
        except (HfHubHTTPError, ValueError):
            return Answer(500, {"content-type": "text/plain"}, b"Internal Server Error")
        return answered({"message": "Project created", "job_id": job_id, "success": True})

    def _make(self, token: str, body: Json) -> str:
        """What it does at the Hub, one after the other."""
        name = body["project_name"]
        if not name.replace("-", "").isalnum() or len(name) > 50:
            raise ValueError(name)
        api: Any = huggingface_hub.HfApi(endpoint=self._hub.url, token=token)
        space = f"{body['username']}/autotrain-{name}"
        hardware = body["hardware"].removeprefix("spaces-")
        api.create_repo(
            space, repo_type="space", space_sdk="docker", space_hardware=hardware, private=True
        )
        params = {**body["params"], "token": token, "project_name": name}
        secrets = {"HF_TOKEN": token, "PROJECT_NAME": name, "PARAMS": json.dumps(params)}
        for key, value in secrets.items():
            api.add_space_secret(space, key, value)
        with contextlib.suppress(UserWarning):  # That the free hardware has a time of its own.
            api.set_space_sleep_time(space, 604800)
        for path, content in (("README.md", b"---\ntags:\n- autotrain\n---\n"), _DOCKERFILE):
            api.upload_file(
                path_or_fileobj=content, path_in_repo=path, repo_id=space, repo_type="space"
            )
        return space

    def _stop(self, token: str, body: Json) -> Answer:
        api: Any = huggingface_hub.HfApi(endpoint=self._hub.url, token=token)
        try:
            api.pause_space(body["jid"])
        except HfHubHTTPError as error:
            return answered({"message": f"Failed to stop training: {error}", "success": False})
        return answered({"message": f"Training stopped for {body['jid']}", "success": True})


_DOCKERFILE = ("Dockerfile", DOCKERFILE)


def _faults(body: Json) -> list[Json]:
    found: list[Json] = []
    if body.get("hardware") not in {f"spaces-{name}" for name in HARDWARE}:
        found.append(_fault(["body", "hardware"], "Input should be 'spaces-t4-small', ...", body))
    if body.get("task") not in TASKS:
        found.append(_fault(["body", "task"], "Input should be 'llm:sft', ...", body))
    if not inner(body, "column_mapping").get("text_column"):
        found.append(_fault(["body"], "Value error, text_column is required", body))
    return found


def _fault(place: list[str], message: str, body: Json) -> Json:
    return {"type": "value_error", "loc": place, "msg": message, "input": body}
