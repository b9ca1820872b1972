"""Answers that no Hub would give, and the good ones from which they are made."""

from __future__ import annotations

import json
from typing import Any

from finetune_sdk.types import DatasetFile, JobSpec, Supervised
from tests.autotrain.hubs import MODEL

JOB_ID = "0" * 24
AT = "2026-01-01T00:00:00.000Z"
SPEC = JobSpec(
    key="k" * 32,
    call="c",
    model=MODEL,
    method=Supervised(),
    training_file=DatasetFile(id="alice/finetune-rows", name="rows"),
    validation_file=DatasetFile(id="org/rows?split=test"),
)

# Good answers, from which bad ones are made.

RECORD: dict[str, Any] = {
    "version": 1,
    "spec": SPEC.model_dump(mode="json", exclude_none=True),
    "namespace": "alice",
    "project": "mine",
    "engine": "autotrain",
    "timeout": 3600.0,
    "settings": {"logging_steps": "1"},
}
JOB: dict[str, Any] = {
    "id": JOB_ID,
    "createdAt": AT,
    "startedAt": AT,
    "finishedAt": AT,
    "dockerImage": "python",
    "command": ["python"],
    "arguments": [],
    "environment": {"FINETUNE_JOB": json.dumps(RECORD)},
    "flavor": "t4-small",
    "labels": {"finetune-anywhere": "1", "finetune-key": "k", "name": "mine"},
    "secrets": {},
    "status": {"stage": "RUNNING", "message": None},
    "durations": {"schedulingSecs": 1, "runningSecs": 2, "totalSecs": 3},
    "owner": {"id": "1", "name": "alice", "type": "user"},
    "initiator": {"id": "1", "name": "alice", "type": "user"},
}
FILES = [
    {"rfilename": name, "size": 9} for name in ("rows.jsonl", "config.json", "model.safetensors")
]
REPO: dict[str, Any] = {
    "_id": "1" * 24,
    "id": "alice/mine",
    "author": "alice",
    "sha": "1" * 40,
    "createdAt": AT,
    "lastModified": AT,
    "private": True,
    "gated": False,
    "disabled": False,
    "downloads": 0,
    "likes": 0,
    "tags": [],
    "siblings": FILES,
    "config": {"model_type": "llama"},
    "safetensors": {"parameters": {"F32": 9}, "total": 9},
    "cardData": {"base_model": "org/small", "dataset_info": {"features": [{"name": "messages"}]}},
}
ACCELERATOR = {
    "type": "gpu",
    "model": "T4",
    "quantity": "1",
    "vram": "16 GB",
    "manufacturer": "Nvidia",
}
FLAVOR: dict[str, Any] = {
    "name": "t4-small",
    "prettyName": "T4",
    "cpu": "4 vCPU",
    "ram": "15 GB",
    "accelerator": ACCELERATOR,
    "unitCostUSD": 0.00667,
    "unitCostMicroUSD": 6670,
    "unitLabel": "minute",
}
WHO: dict[str, Any] = {
    "type": "user",
    "name": "alice",
    "orgs": [{"name": "acme"}],
    "auth": {"accessToken": {"role": "write", "fineGrained": {"global": [], "scoped": [{}]}}},
}
REFS: dict[str, Any] = {
    "branches": [{"name": "checkpoint-5", "ref": "refs/heads/x", "targetCommit": "1" * 40}],
    "tags": [],
    "converts": [],
    "pullRequests": [],
}
ENTRY: dict[str, Any] = {"type": "file", "oid": "1" * 40, "size": 9, "path": "rows.jsonl"}
MODES: dict[str, Any] = {
    "files": [{"path": "rows.jsonl", "uploadMode": "regular", "shouldIgnore": False}]
}
HUB = "https://huggingface.co"
URL = "https://huggingface.co/datasets/alice/finetune-rows"
COMMIT: dict[str, Any] = {"success": True, "commitOid": "1" * 40, "commitUrl": URL, "url": URL}
ANSWERS: list[Any] = [
    *[JOB, REPO, FLAVOR, WHO, REFS, MODES, COMMIT, {"error": "no"}],
    *[[JOB, JOB], [REPO, REPO], [FLAVOR, FLAVOR], [ENTRY, ENTRY]],
    *[{**JOB, "status": {"stage": word}} for word in ("COMPLETED", "ERROR", "CANCELED", "alien")],
]
FITTING: list[tuple[str, Any]] = [
    ("/api/jobs/hardware", [FLAVOR]),
    ("/api/jobs/alice", [JOB, JOB]),
    ("/api/jobs/alice/[^/]+(?:/cancel)?", JOB),
    ("/api/whoami-v2", WHO),
    (".*/refs", REFS),
    (".*/preupload/.*", MODES),
    (".*/commit/.*", COMMIT),
    ("/api/repos/create", COMMIT),
    ("/api/(?:models|datasets)", [REPO, REPO]),
    ("/api/(?:models|datasets)/.*", REPO),
]
"""What is answered to whom; the create of a job is the only other thing that is posted there."""
SAID: list[str] = [
    "FINETUNE " + json.dumps({"event": "measured", "at": AT, "values": {"loss": "1", "epoch": 1}}),
    "FINETUNE " + json.dumps({"event": "kept", "at": AT, "repo": "alice/x", "path": "y"}),
    "FINETUNE " + json.dumps({"event": "failed", "at": AT, "code": "push_failed", "message": "m"}),
    "FINETUNE " + json.dumps({"event": "checkpoint", "at": "99999-01-01", "name": [1]}),
    "FINETUNE {}",
    "FINETUNE {" * 3,
    "FINETUNE " + '{"event":' * 900,
    "FINETUNE " + json.dumps({"event": "measured", "values": {"loss": 10**400, "epoch": "nan"}}),
    "FINETUNE " + json.dumps({"event": {}, "at": 7, "values": []}),
    "FINETUNE " + json.dumps({"event": "kept", "repo": "../..", "path": "../../../etc"}),
    "INFO | 2026-11-26 10:00:00 | a.b:c:367 - {'loss': 5.58, 'epoch': 1.11}",
    "INFO | 2026-99-99 10:00:00 | a.b:c:367 - {'loss': 5.58, 'epoch': 1.11}",
    "INFO | 2026-11-26 10:00:00 | a.b:c:367 - " + "{'a': " * 300 + "1" + "}" * 300,
    "{'loss': " + "9" * 10_000 + ", 'epoch': 1}",
    "{'loss': 1e999, 'epoch': -1e999, 'x': b'y', 'z': {1, 2}, 'w': 3j, 'v': ...}",
    "{'epoch': __import__('os').system('touch /tmp/evil'), 'loss': 1}",
    "{'loss': 1, 'epoch': " + "(" * 500 + ")" * 500 + "}",
    "{'loss': " + "-" * 10_000 + "1, 'epoch': 1}",
    "{'loss': 1, 'epoch': 1, 'a': " + "[" * 9_000,
    "{'epoch': True, 'loss': None, '': ''}",
    "{'epoch': '\\x00\\ud800', 'loss': '\\ud800'}",
    "\x00\u2028\ud800".encode("utf-8", "replace").decode(),
    "",
    "x" * 100_000,
]
STREAMS: list[bytes] = [
    *[f"data: {json.dumps({'data': line, 'timestamp': AT})}\n\n".encode() for line in SAID],
    *[b"data: {}\n\n", b'data: {"data": 7}\n\n', b'data: {"data": "x", "timestamp": []}\n\n'],
    *[b"data: {\n\n", b"data: {" * 999, b": keep-alive\n\n", b"data: {null}\n\n", b"\xff\xff\n\n"],
    *[b'data: {"data": null, "timestamp": "x"}\n\n', b'data: {"data": {"a": []}}\n\n'],
]


STATUSES = (201, 204, 206, 300, 304, 307, 400, 401, 403, 404, 409, 418, 429, 500, 503, 599)
LINKS = ('<https://hub.example/x>; rel="next"', "<>", '<//>; rel="next"', "x" * 999, "<" * 999)
LIMITS = (
    '"api";r=0;t=3',
    '"api";r=0;t=9999',
    "x",
    '"api";r=-1;t=x',
    '"' * 999,
    "r=0;t=" + "9" * 99,
)
CODES = ("RepoNotFound", "GatedRepo", "RevisionNotFound", "EntryNotFound", "", "x" * 999)
