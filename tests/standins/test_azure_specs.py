"""What the stand-ins answer is what Azure's own descriptions of its APIs allow.

`FINETUNE_SPECS` names a folder with `azure/`. What Azure is known to do against its description is
taken out before: the words of its own for states, and null where a value is required.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from finetune_sdk.testing import VirtualClock
from tests.standins.azure import Azure, AzureService, unsafe_data
from tests.standins.azure.clients import BASE, ROWS, wanted
from tests.standins.openai import JobCourse

SPECS = os.environ.get("FINETUNE_SPECS")
FOLDER = Path(SPECS or ".", "azure")
pytestmark = pytest.mark.skipif(
    not SPECS or not FOLDER.is_dir(), reason="FINETUNE_SPECS names no folder with Azure's specs"
)

DATA = "azure-openai-v1.ft-subset.json"
ARM = "arm-cognitiveservices-deployments.subset.json"
FILES = "/files"
JOBS = "/fine_tuning/jobs"
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n'
    + ROWS
    + b"\r\n--b--\r\n"
)
OWN_WORDS = {"pending": "queued", "pausing": "running", "paused": "running", "resuming": "running"}
NULLS: dict[str, Any] = {
    "organization_id": "",
    "result_files": [],
    "seed": 0,
    "hyperparameters": {},
}


def modern(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as one of JSON Schema: only `nullable` is another word."""
    if isinstance(schema, list):
        return [modern(one) for one in cast("Iterable[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = {key: modern(one) for key, one in cast("dict[str, Any]", schema).items()}
    return {"anyOf": [found, {"type": "null"}]} if found.pop("nullable", False) is True else found


@lru_cache
def spec(name: str) -> Any:
    return modern(json.loads((FOLDER / name).read_text()))


@lru_cache
def validator(name: str, path: str, method: str, status: str) -> Any:
    """The schema of an answer."""
    responses = spec(name)["paths"][path][method.lower()]["responses"]
    said = responses.get(status, responses["default"])
    registry = cast("Any", Registry)().with_resource(
        "urn:azure", DRAFT202012.create_resource(spec(name))
    )
    place = said["content"]["application/json"]["schema"]
    whole = json.loads(json.dumps(place).replace('"#/', '"urn:azure#/'))
    return Draft202012Validator(whole, registry=registry)


def by_the_book(value: Any) -> Any:
    """Without what only the live service says."""
    if isinstance(value, list):
        return [by_the_book(one) for one in cast("Iterable[Any]", value)]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {k: by_the_book(v) for k, v in cast("dict[str, Any]", value).items()}
    if found.get("object") == "fine_tuning.job":
        found["status"] = OWN_WORDS.get(found["status"], found["status"])
        for name, usual in NULLS.items():
            found[name] = usual if found[name] is None else found[name]
    return found


class Asking:
    """Asks a data plane, and checks each answer by its schema."""

    def __init__(self, service: AzureService) -> None:
        self.service = service

    def __call__(
        self,
        template: str,
        method: str = "GET",
        body: object = None,
        *,
        ids: tuple[str, ...] = (),
        form: bytes = b"",
        status: int = 200,
    ) -> Any:
        kind = "multipart/form-data; boundary=b" if form else "application/json"
        headers = {
            "api-key": self.service.key,
            "content-type": kind,
            "aoai-copy-ft-checkpoints": "preview",
        }
        path = f"/openai/v1{template}"
        target = path
        for found in ids:
            start, _, rest = target.partition("{")
            target = start + found + rest.partition("}")[2]
        sent = form or (b"" if body is None else json.dumps(body).encode())
        answer = self.service.handle(method, target, headers, sent)
        assert answer.status == status, answer.body
        schema = validator(DATA, path, method, str(status))
        found_errors = [one.message for one in schema.iter_errors(by_the_book(answer.json()))]
        assert found_errors == [], (method, target)
        return answer.json()


@pytest.fixture
def ask() -> Asking:
    return Asking(AzureService(VirtualClock()))


def test_files(ask: Asking) -> None:
    ask.service.file_delay = 20
    file = ask(FILES, "POST", form=FORM)
    one = f"{FILES}/{{file_id}}"
    for seconds in (0, 10, 10):
        cast("VirtualClock", ask.service.clock).advance(seconds)
        ask(one, ids=(file["id"],))
        ask(FILES)
    ask.service.file_error = "Row 3."
    bad = ask(FILES, "POST", form=FORM)
    ask(one, ids=(bad["id"],))
    ask(one, "DELETE", ids=(file["id"],))
    ask(one, ids=(file["id"],), status=404)


METHODS: list[Any] = [
    None,
    {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.5}}},
    {"type": "reinforcement", "reinforcement": {"grader": {"type": "python"}}},
]


@pytest.mark.parametrize("shows", ["all", "epochs", "none"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("course", [JobCourse(), unsafe_data(), JobCourse(outcome="cancelled")])
def test_jobs(ask: Asking, course: JobCourse, method: object, shows: Any) -> None:
    ask.service.course, ask.service.shows = course, shows
    file = ask(FILES, "POST", form=FORM)["id"]
    asked: dict[str, Any] = {"model": BASE, "training_file": file, "trainingType": "Standard"}
    if method is not None:
        asked |= {"method": method, "validation_file": file}
    job = ask(JOBS, "POST", asked)["id"]
    one = f"{JOBS}/{{fine_tuning_job_id}}"
    for seconds in (0, 15, 300, 1000):
        cast("VirtualClock", ask.service.clock).advance(seconds)
        ask(one, ids=(job,))
        ask(JOBS)
        ask(f"{one}/events", ids=(job,))
        ask(f"{one}/checkpoints", ids=(job,))
    ask(f"{one}/cancel", "POST", ids=(job,), status=400)
    del asked["trainingType"]
    ask(JOBS, "POST", asked, status=400)


def test_jobs_that_are_stopped(ask: Asking) -> None:
    clock = cast("VirtualClock", ask.service.clock)
    file = ask(FILES, "POST", form=FORM)["id"]
    asked = {"model": BASE, "training_file": file, "trainingType": "Standard"}
    job = ask(JOBS, "POST", asked)["id"]
    one = f"{JOBS}/{{fine_tuning_job_id}}"
    clock.advance(300)
    for verb in ("pause", "resume", "cancel"):
        ask(f"{one}/{verb}", "POST", ids=(job,))
        ask(f"{one}/checkpoints", ids=(job,))
        clock.advance(60)


def test_copies(ask: Asking) -> None:
    file = ask(FILES, "POST", form=FORM)["id"]
    asked = {"model": BASE, "training_file": file, "trainingType": "Standard"}
    job = ask(JOBS, "POST", asked)["id"]
    cast("VirtualClock", ask.service.clock).advance(1000)
    one = f"{JOBS}/{{fine_tuning_job_id}}/checkpoints"
    kept = ask(one, ids=(job,))["data"][0]["id"]
    path = f"{one}/{{fine_tuning_checkpoint_id}}/copy"
    body = {"destinationResourceId": "/subscriptions/x", "region": "eastus2"}
    ask(path, ids=(job, kept), status=404)
    ask(path, "POST", body, ids=(job, kept))
    ask(path, ids=(job, kept))


def test_deployments(tmp_path: Path) -> None:
    clock = VirtualClock()
    place = (
        "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers"
        "/Microsoft.CognitiveServices/accounts/{accountName}/deployments"
    )
    with Azure(clock, tmp_path) as azure:
        token = azure.authority.issue("https://management.azure.com").text

        def ask(method: str, name: str = "", body: object = None) -> None:
            target = f"{azure.arm.account_id}/deployments{name}?api-version=2025-09-01"
            sent = b"" if body is None else json.dumps(body).encode()
            answer = azure.arm.handle(method, target, {"authorization": f"Bearer {token}"}, sent)
            path = f"{place}/{{deploymentName}}" if name else place
            schema = validator(ARM, path, method, str(answer.status))
            assert [one.message for one in schema.iter_errors(answer.json())] == []

        ask("GET", "/none")
        for seconds in (0, 5, 60):
            ask("PUT", "/recipes", wanted(BASE))
            clock.advance(seconds)
            ask("GET", "/recipes")
            ask("GET")
        ask("PATCH", "/recipes", {"tags": {"a": "b"}})
