"""The stand-in of the Hub as the tests of AutoTrain find it: a model, and courses of jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from finetune_sdk.testing.conformance import JobKind
from tests.standins.hub.hub import Hub
from tests.standins.hub.job import JobCourse, JobRecord

MODEL = "org/small"
YOUNG = "org/young"
GATED = "org/gated"
PARAMETERS = {"parameters": {"BF16": 135_000_000}, "total": 135_000_000}
WEIGHTS = b"not really weights"
ADAPTER = {
    "adapter_model.safetensors": WEIGHTS,
    "adapter_config.json": b'{"base_model_name_or_path": "org/small"}',
    "tokenizer.json": b"{}",
}


def seeded(hub: Hub) -> Hub:
    """With models that can be trained."""
    add_model(hub, MODEL, "llama")
    add_model(hub, YOUNG, "qwen3")
    add_model(hub, GATED, "llama", gated="auto")
    return hub


def add_model(hub: Hub, name: str, kind: str, **more: Any) -> None:
    config = {"model_type": kind, "architectures": ["AForCausalLM"]}
    hub.repos.add(
        "model",
        name,
        {"config.json": json.dumps(config).encode(), "model.safetensors": WEIGHTS},
        safetensors=PARAMETERS,
        **more,
    )


def record_of(job: JobRecord) -> dict[str, Any]:
    """What is written of a job in its environment."""
    found: dict[str, Any] = json.loads(job.spec["environment"]["FINETUNE_JOB"])
    return found


def repo_of(job: JobRecord) -> str:
    record = record_of(job)
    return f"{record['namespace']}/{record['project']}"


def pushes(hub: Hub, job: JobRecord) -> None:
    """What our program does at its end: checkpoints on branches, and the model."""
    name = repo_of(job)
    repo = hub.repos.add("model", name, private=True) if ("model", name) not in hub.repos else None
    repo = repo or hub.repos["model", name]
    for step in (5, 10):
        repo.branches[f"checkpoint-{step}"] = repo.head
        hub.repos.commit(repo, ADAPTER, branch=f"checkpoint-{step}")
    hub.repos.commit(repo, ADAPTER, "Trained by finetune-anywhere")


def said(hub: Hub, event: str, after: float = 0.0, **more: Any) -> str:
    """A line of our program."""
    at = (hub.clock.now() + timedelta(seconds=after)).isoformat(timespec="milliseconds")
    return f"FINETUNE {json.dumps({'event': event, 'at': at, **more})}"


MEASURED = tuple(
    "FINETUNE "
    + json.dumps(
        {
            "event": "measured",
            "at": f"2030-01-01T00:00:{step:02d}.000+00:00",
            "values": {"loss": str(2.0 / step), "learning_rate": "0.0002", "epoch": str(step / 10)},
        }
    )
    for step in range(1, 11)
)
STARTED = "FINETUNE " + json.dumps({"event": "started", "engine": "autotrain"})

COURSES: Mapping[JobKind, JobCourse] = {
    "short": JobCourse(running=30, lines=(STARTED, *MEASURED), finish=pushes),
    "endless": JobCourse(running=1e9, lines=(STARTED,)),
    "failing": JobCourse(
        running=10,
        outcome="ERROR",
        lines=(STARTED, "Traceback (most recent call last):", "ValueError: the rows are wrong"),
    ),
}
