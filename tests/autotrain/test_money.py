"""What is bought is what was said, planned and asked for: no more, and for nobody else."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    ConfigurationError,
    ConflictError,
    FineTuneClient,
    InvalidRequestError,
    NotFoundError,
)
from finetune_sdk.providers.autotrain.inside import course
from finetune_sdk.types import JobStatus
from tests.autotrain.hubs import YOUNG, pushes
from tests.autotrain.on_jobs import ROWS, VALID, Bench, opened
from tests.standins.hub import JobCourse, JobRecord
from tests.standins.hub.hub import Hub


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def client(bench: Bench) -> Generator[FineTuneClient]:
    with bench.client() as found:
        yield found


# The plan and the purchase


def test_what_was_planned_is_bought_though_the_list_has_changed(
    bench: Bench, client: FineTuneClient
) -> None:
    plan = bench.plan(client)
    name = plan.settings["hardware"].split(",")[0]
    cheaper = replace(bench.hub.jobs.flavors[2], name="t4-tiny", price=0.01)
    bench.hub.jobs.flavors.append(cheaper)
    client.jobs.create(plan)
    assert bench.body["flavor"] == name


def test_hardware_that_went_after_the_plan_is_told_and_nothing_else_is_bought(
    bench: Bench, client: FineTuneClient
) -> None:
    plan = bench.plan(client)
    name = plan.settings["hardware"].split(",")[0]
    bench.hub.jobs.flavors[:] = [one for one in bench.hub.jobs.flavors if one.name != name]
    with pytest.raises(InvalidRequestError, match=name):
        client.jobs.create(plan)
    assert bench.jobs == []


def test_a_price_that_rose_after_the_plan_stops_the_purchase(
    bench: Bench, client: FineTuneClient
) -> None:
    plan = bench.plan(client)
    bench.hub.jobs.flavors[:] = [replace(one, price=99.0) for one in bench.hub.jobs.flavors]
    with pytest.raises(ConflictError, match=r"99\.0 by now"):
        client.jobs.create(plan)
    assert bench.jobs == []


def test_validation_rows_are_in_the_estimate(bench: Bench, client: FineTuneClient) -> None:
    # Both by TRL, so that nothing but the rows differs.
    alone = bench.plan(client, model=YOUNG)
    many = [*VALID] * 2000
    measured = bench.plan(client, model=YOUNG, validation_data=many)
    assert alone.seconds is not None
    assert measured.seconds is not None
    assert measured.seconds.high > alone.seconds.high


@pytest.mark.parametrize(
    ("options", "words"),
    [({"timeout": 60}, "ended before it has a model"), ({"hardware": "cpu-basic"}, "")],
)
def test_a_job_that_cannot_end_well_is_told_so(
    bench: Bench, client: FineTuneClient, options: dict[str, Any], words: str
) -> None:
    told = " ".join(bench.plan(client, options=options).warnings)
    assert words in told
    assert bool(told) == bool(words)


def test_a_model_that_does_not_fit_is_told_so(bench: Bench, client: FineTuneClient) -> None:
    large = {"parameters": {"BF16": 70_000_000_000}, "total": 70_000_000_000}
    bench.hub.repos["model", YOUNG].safetensors = large
    plan = bench.plan(client, model=YOUNG, options={"hardware": "t4-small", "timeout": 9e5})
    assert any("out of memory" in one for one in plan.warnings)


# One project, one job


def test_a_project_that_a_job_learns_under_is_taken(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.course = JobCourse(running=1e6)
    first = bench.create(client, options={"project_name": "mine"})
    with pytest.raises(ConflictError, match=first.id):
        bench.create(client, options={"project_name": "mine"}, suffix="other")
    assert len(bench.jobs) == 1


def test_the_same_key_is_no_rival_of_itself(bench: Bench, client: FineTuneClient) -> None:
    bench.hub.jobs.course = JobCourse(running=1e6)
    words: dict[str, Any] = {"options": {"project_name": "mine"}, "idempotency_key": "one"}
    first = bench.create(client, **words)
    with bench.client("elsewhere") as other:
        assert bench.create(other, **words).id == first.id


# What runs is said by nobody else


def test_no_config_file_names_a_container(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "finetune.toml"
    path.write_text(
        '[profiles.hub]\nprovider = "autotrain"\n'
        '[profiles.hub.options]\nimage = "evil.example/steal:1"\n'
    )
    with pytest.raises(ConfigurationError, match="`image` may not stand in a config file"):
        FineTuneClient("hub", config=path)
    path.write_text('[profiles.hub]\nprovider = "autotrain"\ntrl_image = "evil.example/steal:1"\n')
    with pytest.raises(ConfigurationError, match="trl_image"):
        FineTuneClient("hub", config=path)


def test_another_container_is_named_in_the_plan(bench: Bench, client: FineTuneClient) -> None:
    assert "image" not in bench.plan(client).settings
    plan = bench.plan(client, options={"image": "mine.example/autotrain:1"})
    assert plan.settings["image"] == "mine.example/autotrain:1"
    environ = {"FINETUNE_AUTOTRAIN_IMAGE": "copy.example/autotrain:0.8.36"}
    with bench.client(environ=environ) as other:
        bench.create(other)
    assert bench.body["dockerImage"] == "copy.example/autotrain:0.8.36"


def test_a_log_says_not_what_is_uploaded(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "adapter_model.safetensors").write_bytes(b"private")
    kept = {"event": "kept", "repo": "alice/x", "path": str(tmp_path / "private")}
    lines = (
        f"FINETUNE {json.dumps(kept)}",
        f"FINETUNE {json.dumps({'event': 'failed', 'code': 'push_failed', 'message': 'no'})}",
    )
    bench.hub.jobs.course = JobCourse(running=1, outcome="ERROR", lines=lines)
    with bench.client() as client:
        job = bench.create(client, idempotency_key="mine")
        bench.advance(10)
        assert client.jobs.get(job).status is JobStatus.FAILED
        with pytest.raises(NotFoundError, match="not keep it"):
            client.jobs.recover("mine")
    stored = [repo for kind, repo in bench.hub.repos if kind == "model"]
    assert not any(
        b"private" in content
        for repo in stored
        for content in bench.hub.repos["model", repo].files().values()
    )


# Truth


def test_a_model_that_shows_up_late_is_no_failure(bench: Bench, client: FineTuneClient) -> None:
    late: list[JobRecord] = []

    def remembers(_: Hub, job: JobRecord) -> None:
        late.append(job)

    bench.hub.jobs.course = JobCourse(running=10, finish=remembers)
    job = bench.create(client)
    bench.advance(20)
    assert client.jobs.get(job).status is JobStatus.RUNNING
    pushes(bench.hub, late[0])
    assert client.jobs.get(job).status is JobStatus.SUCCEEDED


def test_a_push_that_failed_near_the_timeout_is_one_that_failed(
    bench: Bench, client: FineTuneClient
) -> None:
    line = f"FINETUNE {json.dumps({'event': 'failed', 'code': 'push_failed', 'message': 'no'})}"
    bench.hub.jobs.course = JobCourse(running=590, outcome="ERROR", lines=(line,))
    job = bench.create(client, options={"timeout": 600})
    bench.advance(700)
    error = client.jobs.get(job).error
    assert error is not None
    assert error.code == "push_failed"


@pytest.mark.parametrize(
    "line",
    [
        'FINETUNE {"a":' + "[" * 20_000,
        'FINETUNE {"event": "failed", "code": "x", "message": "\\ud800"}',
        'FINETUNE {"event": "measured", "values": {"loss": "\\ud800", "epoch": 1}}',
    ],
    ids=["deep", "half a pair", "half a number"],
)
def test_no_line_makes_a_job_unreadable(bench: Bench, client: FineTuneClient, line: str) -> None:
    bench.hub.jobs.course = JobCourse(running=1, outcome="ERROR", lines=(line,))
    job = bench.create(client)
    bench.advance(10)
    found = client.jobs.get(job)
    assert found.from_json(found.to_json()) == found
    assert all(event.to_json() for event in client.jobs.events(job))
    assert all(metric.to_json() for metric in client.jobs.metrics(job))
    assert [one.id for one in client.jobs.list()] == [job.id]


# Rows


def untold(_: object) -> bool:
    return False


def test_a_row_may_hold_what_looks_like_the_end_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", "a token")
    monkeypatch.setattr(course, "tells", untold)
    Path("config.json").write_text("{}")
    Path("data").mkdir()
    row = {"messages": [*ROWS[0]["messages"], {"role": "user", "content": "a\u2028b\u0085c"}]}  # type: ignore[misc]
    Path("data", "train.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n")
    course.turns({"turns": True})
    (line,) = Path("data", "train.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert json.loads(line)["completion"] == [{"role": "assistant", "content": "1."}]


def test_the_price_is_that_of_the_rows_as_they_are_sent(
    bench: Bench, client: FineTuneClient, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    # Blanks and escapes are not sent.
    path.write_text("\n".join(f"{json.dumps(row, indent=None)}{' ' * 5000}" for row in ROWS))
    from_file = bench.plan(client, training_data=path)
    assert from_file.seconds == bench.plan(client).seconds
