"""What the stand-in answers is what OpenAI's own description of its API allows.

`FINETUNE_SPECS` names a folder with `openai/fine-tuning.yaml`. Two of the live service's habits
are against it, and are taken out before: an error of nulls, and null where a field of a file is
absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from finetune_sdk.testing import VirtualClock
from tests.standins.driving import BASE, ROWS
from tests.standins.openai import JobCourse, OpenAIService

SPECS = os.environ.get("FINETUNE_SPECS")
FILE = Path(SPECS or ".", "openai", "fine-tuning.yaml")
pytestmark = pytest.mark.skipif(
    not SPECS or not FILE.is_file(), reason="FINETUNE_SPECS names no folder with OpenAI's spec"
)

JOBS = "/v1/fine_tuning/jobs"
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n'
    + ROWS
    + b"\r\n--b--\r\n"
)


@lru_cache
def validator(name: str) -> Any:
    """A schema of the spec, by its name."""
    spec = yaml.safe_load(FILE.read_text())
    registry = cast("Any", Registry)().with_resource(
        "urn:openai", DRAFT202012.create_resource(spec)
    )
    schema = {"$ref": f"urn:openai#/components/schemas/{name}"}
    return Draft202012Validator(schema, registry=registry)


def by_the_book(value: Any) -> Any:
    """Without what only the live service says."""
    if isinstance(value, list):
        return [by_the_book(one) for one in cast("Iterable[Any]", value)]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {k: by_the_book(v) for k, v in cast("dict[str, Any]", value).items()}
    if found.get("object") == "fine_tuning.job" and found["error"]["code"] is None:
        found["error"] = None
    if found.get("object") == "file":
        found = {key: one for key, one in found.items() if one is not None}
    return found


class Asking:
    """Asks a service, and checks each answer by a schema."""

    def __init__(self, service: OpenAIService) -> None:
        self.service = service

    def __call__(
        self, schema: str, method: str, path: str, body: object = None, *, form: bytes = b""
    ) -> Any:
        kind = "multipart/form-data; boundary=b" if form else "application/json"
        headers = {"authorization": f"Bearer {self.service.key}", "content-type": kind}
        sent = form or (b"" if body is None else json.dumps(body).encode())
        answer = self.service.handle(method, path, headers, sent)
        found = [
            error.message for error in validator(schema).iter_errors(by_the_book(answer.json()))
        ]
        assert found == [], (method, path)
        return answer.json()


@pytest.fixture
def ask() -> Asking:
    return Asking(OpenAIService(VirtualClock()))


def test_files_and_uploads(ask: Asking) -> None:
    file = ask("OpenAIFile", "POST", "/v1/files", form=FORM)
    ask.service.file_error = "Row 3."
    bad = ask("OpenAIFile", "POST", "/v1/files", form=FORM)
    ask("OpenAIFile", "GET", f"/v1/files/{bad['id']}")
    ask("ListFilesResponse", "GET", "/v1/files")
    ask("DeleteFileResponse", "DELETE", f"/v1/files/{file['id']}")
    ask("ErrorResponse", "GET", f"/v1/files/{file['id']}")
    wanted = {"purpose": "fine-tune", "mime_type": "application/jsonl", "filename": "x.jsonl"}
    upload = ask("Upload", "POST", "/v1/uploads", {**wanted, "bytes": len(ROWS)})
    data = FORM.replace(b'"file"', b'"data"')
    part = ask("UploadPart", "POST", f"/v1/uploads/{upload['id']}/parts", form=data)
    ask("Upload", "POST", f"/v1/uploads/{upload['id']}/complete", {"part_ids": [part["id"]]})


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "cancelled"])
@pytest.mark.parametrize("validated", [False, True])
def test_jobs(ask: Asking, outcome: Any, validated: bool) -> None:
    ask.service.course = JobCourse(outcome=outcome)
    file = ask("OpenAIFile", "POST", "/v1/files", form=FORM)["id"]
    asked = {"model": BASE, "training_file": file, "metadata": {"a": "b"}}
    job = ask(
        "FineTuningJob", "POST", JOBS, {**asked, **({"validation_file": file} if validated else {})}
    )
    for seconds in (0, 15, 300, 1000):
        cast("VirtualClock", ask.service.clock).advance(seconds)
        ask("FineTuningJob", "GET", f"{JOBS}/{job['id']}")
        ask("ListPaginatedFineTuningJobsResponse", "GET", JOBS)
        ask("ListFineTuningJobEventsResponse", "GET", f"{JOBS}/{job['id']}/events?limit=100")
        ask("ListFineTuningJobCheckpointsResponse", "GET", f"{JOBS}/{job['id']}/checkpoints")
    ask("ErrorResponse", "POST", f"{JOBS}/{job['id']}/cancel")


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_jobs_that_are_stopped(ask: Asking, verb: str) -> None:
    file = ask("OpenAIFile", "POST", "/v1/files", form=FORM)["id"]
    method = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.5}}}
    asked = {"model": BASE, "training_file": file, "method": method}
    job = ask("FineTuningJob", "POST", JOBS, asked)
    ask("FineTuningJob", "POST", f"{JOBS}/{job['id']}/{verb}")
    ask("FineTuningJob", "GET", f"{JOBS}/{job['id']}")


def test_models_and_what_they_say(ask: Asking) -> None:
    ask("ListModelsResponse", "GET", "/v1/models")
    ask("Model", "GET", f"/v1/models/{BASE}")
    ask("ErrorResponse", "GET", "/v1/models/none")
    said = {"model": BASE, "messages": [{"role": "user", "content": "hello"}]}
    ask("CreateChatCompletionResponse", "POST", "/v1/chat/completions", said)
