"""The stand-in of HF Jobs, driven by Hugging Face's own package."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import huggingface_hub
import pytest
from huggingface_hub.errors import BadRequestError, HfHubHTTPError
from jsonschema import Draft202012Validator

from finetune_sdk.testing import VirtualClock
from tests.standins.hub import Hub, Image, JobCourse, JobRecord
from tests.standins.hub.driving import HfApi, client, other, run, status
from tests.standins.hub.jobspec import broken_rule

MODEL = "alice/soup"
LABELS = {"run-id": "r-1", "finetune-sdk": "1"}
SPECS = os.environ.get("FINETUNE_SPECS")
SCHEMA = Path(SPECS or ".", "huggingface", "jobspec.schema.json")


@pytest.fixture
def hub(clock: VirtualClock, tmp_path: Path) -> Iterator[Hub]:
    with Hub(clock, tmp_path) as hub:
        yield hub


@pytest.fixture
def api(hub: Hub) -> HfApi:
    return client(hub, hub.token)


class TestJobs:
    def test_go_by_the_clock(self, hub: Hub, api: HfApi, clock: VirtualClock) -> None:
        hub.jobs.course = JobCourse(lines=("one", "two"))
        secret = {"HF_TOKEN": hub.token}
        job = run(api, secrets=secret, env={"A1": "b"}, labels=LABELS)
        seen = api.inspect_job(job_id=job, namespace="alice")
        assert (seen.status.stage, seen.flavor, seen.started_at) == ("SCHEDULING", "t4-small", None)
        assert (seen.environment, seen.command) == ({"A1": "b"}, ["train"])
        clock.advance(16)
        seen = api.inspect_job(job_id=job, namespace="alice")
        assert seen.status.stage == "RUNNING"
        assert list(api.fetch_job_logs(job_id=job, namespace="alice")) == ["one"]
        assert hub.jobs[job].billed == 11
        assert len(list(api.fetch_job_metrics(job_id=job, namespace="alice"))) == 1
        clock.advance(1000)
        seen = api.inspect_job(job_id=job, namespace="alice")
        assert (seen.status.stage, hub.jobs[job].billed) == ("COMPLETED", 30)
        assert seen.durations is not None
        assert seen.durations.running_secs == 30
        assert list(api.fetch_job_logs(job_id=job, namespace="alice", follow=True)) == [
            "one",
            "two",
        ]
        assert list(api.fetch_job_logs(job_id=job, namespace="alice", tail=1)) == ["two"]
        assert hub.jobs[job].spec["secrets"] == secret

    def test_never_tell_a_secret(self, hub: Hub, api: HfApi) -> None:
        job = run(api, secrets={"HF_TOKEN": hub.token})
        said = api.inspect_job(job_id=job, namespace="alice")
        assert hub.token not in repr(said)
        assert hub.token not in json.dumps(hub.jobs[job].view())

    def test_make_something_at_their_end(self, hub: Hub, api: HfApi, clock: VirtualClock) -> None:
        def push(hub: Hub, job: JobRecord) -> None:
            assert ("model", job.spec["environment"]["TARGET"]) not in hub.repos
            hub.repos.add("model", job.spec["environment"]["TARGET"], {"w": b"1"})

        hub.jobs.add_course(*[JobCourse(finish=push)] * 2, JobCourse(outcome="ERROR", message="no"))
        targets = [MODEL, "alice/stew"]
        for target in targets:
            run(api, env={"TARGET": target})
        failed = run(api)
        clock.advance(34)
        assert not any(map(api.repo_exists, targets))
        clock.advance(1)
        assert all(map(api.repo_exists, targets))
        told = api.inspect_job(job_id=failed, namespace="alice").status
        assert (told.stage, told.message) == ("ERROR", "no")

    def test_are_cut_off_by_their_timeout(self, hub: Hub, api: HfApi, clock: VirtualClock) -> None:
        hub.jobs.course = JobCourse(running=5000)
        short, usual = run(api, timeout=100), run(api, timeout=None)
        clock.advance(105)
        assert api.inspect_job(job_id=short, namespace="alice").status.stage == "ERROR"
        assert api.inspect_job(job_id=usual, namespace="alice").status.stage == "RUNNING"
        clock.advance(5000)
        assert (hub.jobs[short].billed, hub.jobs[usual].billed) == (100, 1800)

    def test_are_cancelled(self, hub: Hub, api: HfApi, clock: VirtualClock) -> None:
        job = run(api)
        clock.advance(10)
        api.cancel_job(job_id=job, namespace="alice")
        clock.advance(1000)
        assert api.inspect_job(job_id=job, namespace="alice").status.stage == "CANCELED"
        assert hub.jobs[job].billed == 5

    def test_are_found_by_their_labels(self, hub: Hub, api: HfApi) -> None:
        hub.jobs.page_size = 2
        ids = [run(api, labels={"run-id": f"r-{number % 2}"}) for number in range(6)]
        listed = [job.id for job in api.list_jobs(namespace="alice")]
        assert listed == ids[::-1]
        found = api.list_jobs(namespace="alice", labels={"run-id": "r-1"})
        assert [job.id for job in found] == ids[5::-2]
        api.update_job_labels(job_id=ids[0], labels=LABELS, namespace="alice")
        found = api.list_jobs(namespace="alice", labels=LABELS)
        assert [(job.id, job.labels) for job in found] == [(ids[0], LABELS)]
        hub.jobs.lag = 1.0
        assert list(api.list_jobs(namespace="alice")) == []

    def test_are_found_by_their_stage(self, hub: Hub, api: HfApi, clock: VirtualClock) -> None:
        old = run(api)
        clock.advance(100)
        new = run(api)
        found = api.list_jobs(namespace="alice", status="COMPLETED")
        assert [job.id for job in found] == [old]
        hub.jobs.say(new, "THAWING")
        assert api.inspect_job(job_id=new, namespace="alice").status.stage == "THAWING"
        hub.jobs.say(new, None)
        assert api.inspect_job(job_id=new, namespace="alice").status.stage == "SCHEDULING"

    def test_are_nobody_elses(self, hub: Hub, api: HfApi) -> None:
        job = run(api)
        stranger = other(hub)
        with pytest.raises(HfHubHTTPError):
            list(stranger.list_jobs(namespace="alice"))
        for ask in (stranger.inspect_job, api.inspect_job):
            with pytest.raises(HfHubHTTPError) as caught:
                ask(job_id=job, namespace="bob")
            assert status(caught.value) == 404

    def test_have_a_price(self, hub: Hub, api: HfApi) -> None:
        found = {one.name: one for one in api.list_jobs_hardware()}
        small = found["a10g-small"]
        assert small.unit_cost_usd * 60 == pytest.approx(1.0, abs=1e-4)
        assert (small.unit_label, small.accelerator and small.accelerator.model) == (
            "minute",
            "A10G",
        )
        assert found["cpu-basic"].accelerator is None

    @pytest.mark.parametrize(
        "wrong",
        [
            {"command": []},
            {"command": ["x", ""]},
            {"flavor": "abacus"},
            {"env": {"A": "too short a name"}},
            {"labels": {"run/id": "1"}},
            {"labels": {"name": "x" * 101}},
        ],
        ids=str,
    )
    def test_keep_to_the_schema(self, hub: Hub, api: HfApi, wrong: dict[str, Any]) -> None:
        with pytest.raises(BadRequestError):
            run(api, **wrong)
        assert len(hub.jobs) == 0


GOOD: dict[str, Any] = {"flavor": "t4-small", "dockerImage": "trl", "command": ["a"]}
VALUES: dict[str, list[Any]] = {
    "arguments": [[], ["", "x"], "x", [1]],
    "command": [[""], "x", ["x", 1]],
    "environment": [{}, {"AB": ""}, {"A": ""}, {"AB": 1}, {"1A": ""}, []],
    "secrets": [{"A": "x"}, {"A-B": "x"}, {"A": None}],
    "arch": ["arm64", "mips"],
    "timeoutSeconds": [1, 0, -1, None, 1.5, "60", 2**60],
    "attempts": [1, 0, None],
    "labels": [{"a.b-c_1": ""}, {"": "x"}, {"a": "b/c"}, {"a": "x" * 101}],
    "volumes": [
        [],
        [{"type": "dataset", "source": "a/b", "mountPath": "/x", "readOnly": True}],
        [{"type": "dataset", "source": "a/b", "mountPath": "x"}],
        [{"type": "disk", "source": "a/b", "mountPath": "/x"}],
        [{"type": "model", "source": "a/b"}],
        [{"type": "model", "source": "a/b", "mountPath": "/", "revision": 1}],
    ],
}
BODIES: list[dict[str, Any]] = [
    GOOD,
    {"dockerImage": "trl"},
    *({**GOOD, name: value} for name, values in VALUES.items() for value in values),
]


@pytest.mark.skipif(not SCHEMA.is_file(), reason="FINETUNE_SPECS names no folder with the schema")
@pytest.mark.parametrize("body", BODIES, ids=str)
def test_the_rules_of_jobs_are_those_of_the_schema(body: dict[str, Any]) -> None:
    schema: Any = Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert (broken_rule(body) is None) == schema.is_valid(body)


class TestRealJobs:
    @pytest.fixture(autouse=True)
    def _image(self, hub: Hub) -> None:
        hub.images["python:"] = Image(Path(sys.executable).parent)

    def start(self, api: HfApi, code: str, **more: Any) -> str:
        return run(api, image="python:3.11", command=["python", "-c", code], **more)

    def test_run(self, hub: Hub, api: HfApi) -> None:
        code = (
            "import os, sys\n"
            "print('token', os.environ['HF_TOKEN'] == os.environ['WANTED'])\n"
            "print('in', os.listdir(), 'HOME' in os.environ, os.environ.get('FINETUNE_HOME'))\n"
            "print(os.environ['HF_ENDPOINT'], file=sys.stderr)\n"
        )
        job = self.start(api, code, secrets={"HF_TOKEN": hub.token}, env={"WANTED": hub.token})
        hub.jobs.join(job, timeout=60)
        assert api.inspect_job(job_id=job, namespace="alice").status.stage == "COMPLETED"
        said = list(api.fetch_job_logs(job_id=job, namespace="alice"))
        assert said == ["token True", "in [] True None", hub.url]

    def test_push_what_they_made(self, hub: Hub, api: HfApi) -> None:
        code = (
            "from huggingface_hub import HfApi\n"
            f"HfApi().create_repo('{MODEL}', private=True)\n"
            f"HfApi().upload_file(path_or_fileobj=b'1', path_in_repo='w', repo_id='{MODEL}')\n"
        )
        job = self.start(api, code, secrets={"HF_TOKEN": hub.token})
        assert hub.jobs.join(job, timeout=60).stage == "COMPLETED", hub.jobs[job].said
        assert hub.repos["model", MODEL].files()["w"] == b"1"

    def test_fail(self, hub: Hub, api: HfApi) -> None:
        job = self.start(api, "raise SystemExit(3)")
        missing = run(api, image="python:3.11", command=["no-such-program"])
        for one in (job, missing):
            hub.jobs.join(one, timeout=60)
        told = api.inspect_job(job_id=job, namespace="alice").status
        assert (told.stage, told.message) == ("ERROR", "exit code 3")
        assert api.inspect_job(job_id=missing, namespace="alice").status.stage == "ERROR"

    def test_know_conda(self, hub: Hub, api: HfApi) -> None:
        conda = [
            "conda",
            "run",
            "--no-capture-output",
            "-p",
            "/app/env",
            "bash",
            "-c",
            "echo $JOB_ID",
        ]
        job = run(api, image="python:3.11", command=conda)
        hub.jobs.join(job, timeout=60)
        assert list(api.fetch_job_logs(job_id=job, namespace="alice")) == [job]

    def test_find_repos_where_they_are_mounted(self, hub: Hub, api: HfApi) -> None:
        files = {"in/train.jsonl": b"rows", "in/deep/x": b"1", "out": b"2"}
        hub.repos.add("dataset", "alice/rows", files, private=True)
        volume: Any = cast("Any", huggingface_hub).Volume
        rows = volume(type="dataset", source="alice/rows", mount_path="/data", path="in")
        code = "import os; print(open('/data/train.jsonl').read(), os.listdir(os.environ['DATA']))"
        job = self.start(api, code, volumes=[rows], env={"DATA": "/data/deep", "OTHER": "/data2"})
        hub.jobs.join(job, timeout=60)
        assert list(api.fetch_job_logs(job_id=job, namespace="alice")) == ["rows ['x']"]
        with pytest.raises(HfHubHTTPError, match="No such volume"):
            self.start(api, "1", volumes=[volume(type="model", source="a/b", mount_path="/m")])
        assert len(hub.jobs) == 1

    @pytest.mark.parametrize("how", ["cancel", "timeout", "stop"])
    def test_end_with_all_that_they_started(
        self, hub: Hub, api: HfApi, tmp_path: Path, how: str
    ) -> None:
        pipe = tmp_path / "alive"
        os.mkfifo(pipe)
        code = f"exec 9<>'{pipe}'; sleep 600 & echo up >&9; sleep 600"
        more = {"timeout": 1} if how == "timeout" else {}
        job = run(api, image="python:3.11", command=["bash", "-c", code], **more)
        with pipe.open() as line:
            assert line.readline() == "up\n"
            ends: dict[str, Callable[[], None]] = {
                "cancel": lambda: api.cancel_job(job_id=job, namespace="alice"),
                "timeout": lambda: None,
                "stop": hub.stop,
            }
            ends[how]()
            hub.jobs.join(job, timeout=60)
            assert line.read() == ""  # Its end comes when nobody holds the pipe any more.
        stages = {"cancel": "CANCELED", "timeout": "ERROR", "stop": "ERROR"}
        assert hub.jobs[job].stage == stages[how]
