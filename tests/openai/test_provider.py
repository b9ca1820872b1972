"""The OpenAI provider as its users meet it: through the client, against a service on loopback.

Whatever a test sends is held against the vendor's own types and schema when it ends.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import FineTuneClient, Job, OpenAIOptions
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    CostLimitError,
    DatasetFileError,
    DatasetValidationError,
    FineTuneError,
    InvalidRequestError,
    JobFailedError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    ResponseDecodeError,
    SunsetError,
    UnsupportedError,
    WaitTimeoutError,
)
from finetune_sdk.providers.openai.options import WandbIntegration, WandbProject
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.sunsets import Sunsets, packaged
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import (
    DPO,
    KTO,
    DatasetFile,
    DeploymentStatus,
    Grader,
    JobStatus,
    Method,
    Metric,
    Reinforcement,
    Supervised,
)
from tests.openai.bodies import check_recorded
from tests.openai.test_encode import GRADERS
from tests.standins.openai import (
    DropAfter,
    DropBefore,
    Edit,
    Fault,
    JobCourse,
    OpenAIService,
    Reply,
    error,
)

MODEL = "gpt-4.1-mini-2025-04-14"
JOBS = "/fine_tuning/jobs"
DAY = 86400.0
END_OF_JOBS, END_OF_MODELS = 370 * DAY, 378 * DAY
"""Seconds from where a virtual clock begins to 2027-01-06 and to 2027-01-14."""


def turns(number: int) -> dict[str, Any]:
    user = {"role": "user", "content": f"Say {number}."}
    return {"messages": [user, {"role": "assistant", "content": str(number)}]}


ROWS = [turns(number) for number in range(12)]
PAIRS = [
    {
        "input": {"messages": [{"role": "user", "content": f"Say {number}."}]},
        "preferred_output": [{"role": "assistant", "content": str(number)}],
        "non_preferred_output": [{"role": "assistant", "content": "no"}],
    }
    for number in range(12)
]
PROMPTS = [
    {"messages": [{"role": "user", "content": f"Say {number}."}], "a": str(number)}
    for number in range(12)
]


@dataclass
class Bench:
    """A service, a provider of it, and a client."""

    service: OpenAIService
    clock: VirtualClock
    home: Path
    newer: set[str] = field(default_factory=set[str])
    opened: list[FineTuneClient] = field(default_factory=list[FineTuneClient])

    def __post_init__(self) -> None:
        self.client = self.open()

    @property
    def provider(self) -> OpenAIProvider:
        assert isinstance(self.client.provider, OpenAIProvider)
        return self.client.provider

    def open(self, **more: Any) -> FineTuneClient:
        words: dict[str, Any] = {"api_key": self.service.key, "environ": {}, **more}
        provider = OpenAIProvider(
            base_url=self.service.url, home=self.home, clock=self.clock, **words
        )
        self.opened.append(FineTuneClient(provider, home=self.home))
        return self.opened[-1]

    def create(self, course: JobCourse | None = None, **more: Any) -> Job:
        if course is not None:
            self.service.add_course(course)
        words: dict[str, Any] = {"model": MODEL, "training_data": ROWS, **more}
        return self.client.jobs.create(**words)

    def done(self, course: JobCourse | None = None, **more: Any) -> Job:
        return self.client.jobs.wait(self.create(course, **more), progress=False)

    def hit(self, method: str, path: str, *actions: Any) -> None:
        """Each of the actions happens to one request, in order."""
        for action in actions:
            self.service.faults.add(Fault(method=method, path=path, action=action))

    @property
    def posts(self) -> list[str]:
        return [one.path for one in self.service.requests if one.method == "POST"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = VirtualClock()
    with OpenAIService(clock) as service:
        bench = Bench(service, clock, tmp_path)
        yield bench
        for client in bench.opened:
            client.close()
        check_recorded(service, newer=bench.newer)


# Files


def test_files_are_listed_newest_first_page_by_page(bench: Bench) -> None:
    made = [bench.client.datasets.upload(ROWS).id for _ in range(5)]
    bench.done()
    listed, cursor = list[str](), None
    while True:
        page = bench.provider.list_dataset_files(limit=2, cursor=cursor)
        listed += [file.id for file in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(listed) == 6  # The job's own rows, but not its results, which are no rows.
    assert listed[1:] == made[::-1]
    assert [file.id for file in bench.client.datasets.list()] == listed


def test_a_file_is_got_and_deleted(bench: Bench) -> None:
    made = bench.client.datasets.upload(ROWS)
    found = bench.provider.get_dataset_file(made.id)
    assert (found.id, found.name, found.bytes) == (made.id, made.name, made.bytes)
    assert found.created_at is not None
    bench.provider.delete_dataset_file(made.id)
    for gone in (bench.provider.get_dataset_file, bench.provider.delete_dataset_file):
        with pytest.raises(NotFoundError):
            gone(made.id)
    assert list(bench.client.datasets.list()) == []


@pytest.mark.parametrize("lost", [Reply(500, after=True), DropAfter(), DropAfter(reset=True)])
def test_a_delete_whose_answer_got_lost_is_done(bench: Bench, lost: Any) -> None:
    made = bench.client.datasets.upload(ROWS)
    bench.hit("DELETE", f"/files/{made.id}", lost)
    bench.client.datasets.delete(made)
    assert made.id not in bench.service.files


def test_rows_come_back_as_they_went(bench: Bench, tmp_path: Path) -> None:
    made = bench.client.datasets.upload(ROWS)
    bench.provider.download_dataset(made.id, tmp_path / "rows.jsonl")
    lines = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == ROWS


# Numbers


def seen(bench: Bench, job: Job) -> list[tuple[int, str, str, float]]:
    found: Iterator[Metric] = bench.client.jobs.metrics(job)
    return [(one.step, one.name, one.split, one.value) for one in found]


@pytest.mark.parametrize("validated", [False, True])
def test_a_running_job_has_the_numbers_of_its_events(bench: Bench, validated: bool) -> None:
    more = {"validation_data": ROWS} if validated else {}
    job = bench.create(JobCourse(running=1000, steps=500, checkpoints_every=None), **more)
    assert seen(bench, job) == []
    bench.clock.advance(30 + 400)
    found = seen(bench, job)
    assert [step for step, name, split, _ in found if (name, split) == ("loss", "train")] == list(
        range(1, 201)
    )
    assert {split for _, _, split, _ in found} == (
        {"train", "validation"} if validated else {"train"}
    )


@pytest.mark.parametrize("result", ["plain", "base64"])
def test_a_job_that_has_ended_has_the_numbers_of_its_file(bench: Bench, result: Any) -> None:
    job = bench.done(JobCourse(result=result, steps=50), validation_data=ROWS)
    asked = len(bench.service.requests)
    found = seen(bench, job)
    assert len(found) == 200
    assert [one[0] for one in found] == sorted(one[0] for one in found)
    assert not [one for one in bench.service.requests[asked:] if one.path.endswith("/events")]


def of_batches(found: list[tuple[int, str, str, float]]) -> list[tuple[int, str, str, float]]:
    """Without what is measured at checkpoints alone, which the file does not have."""
    return [one for one in found if not one[1].startswith("full_")]


@pytest.mark.parametrize("gone", ["none", "deleted"])
def test_without_a_file_the_events_say_the_same(bench: Bench, gone: str) -> None:
    whole = bench.done(JobCourse(steps=20), validation_data=ROWS)
    expected = seen(bench, whole)
    course = JobCourse(steps=20, result="none" if gone == "none" else "plain")
    job = bench.done(course, validation_data=ROWS, seed=1)
    if gone == "deleted":
        result = job.raw["result_files"]
        assert isinstance(result, list)
        bench.provider.delete_dataset_file(str(result[0]))
    assert of_batches(seen(bench, job)) == expected


def test_a_file_of_results_that_is_none_is_told(bench: Bench) -> None:
    job = bench.done()
    bench.hit("GET", "/files/[^/]+/content", Reply(200, b"<html>sign in</html>"))
    with pytest.raises(ResponseDecodeError, match="the result file of the job"):
        seen(bench, job)


# Checkpoints


def test_checkpoints_come_newest_first_and_the_best_is_marked(bench: Bench) -> None:
    job = bench.done(JobCourse(steps=100, checkpoints_every=10), validation_data=ROWS)
    found = list(bench.client.jobs.checkpoints(job))
    assert [one.step for one in found] == [100, 90, 80]
    assert [one.best for one in found] == [True, False, False]
    assert all(one.model.endswith(f":ckpt-step-{one.step}") for one in found)
    assert found[0].metrics.keys() >= {"loss", "validation_full_loss"}


def test_a_job_that_has_not_ended_has_no_checkpoints(bench: Bench) -> None:
    job = bench.create(JobCourse(running=1e6))
    bench.clock.advance(5e5)
    assert list(bench.client.jobs.checkpoints(job)) == []


def test_a_checkpoint_can_be_served_and_asked(bench: Bench) -> None:
    checkpoint = next(bench.client.jobs.checkpoints(bench.done()))
    made = bench.client.deployments.create(checkpoint, name="middle")
    assert made.job_id == checkpoint.job_id
    assert str(ask(bench, made)).startswith(checkpoint.model)


# Models


def test_models_say_when_they_end(bench: Bench) -> None:
    done = bench.done()
    client = bench.open(sunsets=Sunsets(own=packaged()))
    found = {model.id: model for model in client.models.list()}
    base, made = found[MODEL], found[done.fine_tuned_model or ""]
    assert (base.kind, base.shutdown_date) == ("base", date(2027, 1, 14))
    assert base.new_jobs_end == date(2027, 1, 6)
    assert (made.kind, made.base_model) == ("fine_tuned", MODEL)
    assert (made.shutdown_date, made.new_jobs_end) == (date(2027, 1, 14), date(2027, 1, 6))
    assert client.models.get(MODEL) == base


def test_a_tuned_model_ends_with_its_base_by_the_same_listing(bench: Bench) -> None:
    tuned = bench.done().fine_tuned_model

    def ends(said: Mapping[str, Any]) -> dict[str, Any]:
        days = {MODEL: "2026-12-24"}
        data = [{**one, "shutdown_date": days.get(one["id"])} for one in said["data"]]
        return {**said, "data": data}

    bench.hit("GET", "/models", Edit(ends))
    found = {model.id: model.shutdown_date for model in bench.client.models.list()}
    assert found[MODEL] == found[tuned or ""] == date(2026, 12, 24)


def test_another_server_has_its_own_days(bench: Bench) -> None:
    assert bench.client.models.get(MODEL).new_jobs_end is None
    bench.hit("GET", f"/models/{MODEL}", Edit(lambda said: {**said, "shutdown_date": "soon"}))
    assert bench.client.models.get(MODEL).shutdown_date is None


def test_a_model_is_deleted(bench: Bench) -> None:
    model = bench.done().fine_tuned_model or ""
    bench.client.models.delete(model)
    with pytest.raises(NotFoundError):
        bench.client.models.get(model)
    with pytest.raises(NotFoundError):
        bench.client.models.delete(model)


def test_a_base_model_is_not_ours_to_delete(bench: Bench) -> None:
    with pytest.raises(UnsupportedError, match="nothing was sent"):
        bench.client.models.delete(MODEL)
    assert bench.service.requests == []


def test_who_may_not_delete_is_told(bench: Bench) -> None:
    model = bench.done().fine_tuned_model or ""
    bench.hit("DELETE", "/models/.*", Reply(403, error(403, "You are no owner.")))
    with pytest.raises(PermissionDeniedError, match="You are no owner"):
        bench.client.models.delete(model)


# Cancel, pause, resume, and their races


def test_a_cancel_that_comes_too_late_reports_success(bench: Bench) -> None:
    """DEP-11."""
    job = bench.create()
    bench.clock.advance(700)
    found = bench.client.jobs.cancel(job)
    assert (found.status, found.fine_tuned_model is not None) == (JobStatus.SUCCEEDED, True)


def test_a_cancel_before_the_model_is_named_changes_nothing(bench: Bench) -> None:
    """DEP-11, where the service has ended it and has not named the model yet."""
    job = bench.create(JobCourse(model_after=600))
    bench.clock.advance(700)
    assert bench.client.jobs.cancel(job).raw_status == "succeeded"
    assert bench.client.jobs.wait(job, progress=False).status is JobStatus.SUCCEEDED


def test_a_cancel_of_what_has_failed_reports_that(bench: Bench) -> None:
    job = bench.create(JobCourse(outcome="failed"))
    bench.clock.advance(700)
    found = bench.client.jobs.cancel(job)
    assert found.status is JobStatus.FAILED
    assert found.error is not None


LOST = [
    Reply(500, after=True),
    Reply(500),
    Reply(503, after=True),
    DropAfter(),
    DropAfter(reset=True),
    DropBefore(),
    Reply(200, b"<html>", after=True),
]


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_cancel_is_sent_again(bench: Bench, lost: Any, times: int) -> None:
    """DEP-12."""
    job = bench.create(JobCourse(running=1e9))
    bench.clock.advance(100)
    bench.hit("POST", f"{JOBS}/{job.id}/cancel", *[lost] * times)
    assert bench.client.jobs.cancel(job).status is JobStatus.CANCELLED
    assert bench.service.truth(job.id) == "cancelled"
    with pytest.raises(JobFailedError, match="was cancelled"):
        bench.client.jobs.wait(job, progress=False)


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_pause_and_a_lost_resume_are_sent_again(bench: Bench, lost: Any) -> None:
    job = bench.create(JobCourse(running=1e9))
    bench.clock.advance(100)
    bench.hit("POST", f"{JOBS}/{job.id}/pause", lost)
    assert bench.client.jobs.pause(job).status is JobStatus.PAUSED
    assert bench.service.truth(job.id) == "paused"
    bench.hit("POST", f"{JOBS}/{job.id}/resume", lost)
    assert bench.client.jobs.resume(job).status is JobStatus.RUNNING
    assert bench.service.truth(job.id) == "running"


def test_pausing_what_pauses_sends_nothing_more(bench: Bench) -> None:
    job = bench.create(JobCourse(running=1e9, pausing=60))
    bench.clock.advance(100)
    assert bench.client.jobs.pause(job).status is JobStatus.PAUSING
    sent = len(bench.posts)
    assert bench.client.jobs.pause(job).status is JobStatus.PAUSING
    bench.clock.advance(60)
    assert bench.client.jobs.pause(job).status is JobStatus.PAUSED
    assert len(bench.posts) == sent


def test_resuming_what_runs_sends_nothing(bench: Bench) -> None:
    job = bench.create()
    sent = len(bench.posts)
    assert bench.client.jobs.resume(job).status is JobStatus.VALIDATING
    assert len(bench.posts) == sent


@pytest.mark.parametrize(("verb", "word"), [("pause", "running"), ("resume", "paused")])
def test_what_ends_meanwhile_is_a_conflict(bench: Bench, verb: str, word: str) -> None:
    job = bench.create()
    bench.clock.advance(700)
    # The first look still sees it as it was.
    bench.hit("GET", f"{JOBS}/{job.id}", Edit(lambda said: {**said, "status": word}))
    with pytest.raises(ConflictError, match="has succeeded"):
        getattr(bench.client.jobs, verb)(job)


def test_a_refusal_for_another_reason_is_told(bench: Bench) -> None:
    job = bench.create(JobCourse(running=1e9))
    bench.hit("POST", ".*/(pause|cancel)", *[Reply(400, error(400, "Not for you."))] * 2)
    for verb in (bench.client.jobs.pause, bench.client.jobs.cancel):
        with pytest.raises(InvalidRequestError, match="Not for you"):
            verb(job)


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume"])
def test_a_service_that_stays_down_is_told(bench: Bench, verb: str) -> None:
    job = bench.create(JobCourse(running=1e9))
    if verb == "resume":
        bench.client.jobs.pause(job)
    bench.hit("POST", f"{JOBS}/{job.id}/{verb}", *[Reply(500)] * 5)
    with pytest.raises(ProviderError, match="answered 500"):
        getattr(bench.client.jobs, verb)(job)


# Deployments


def ask(bench: Bench, deployment: Any, text: str = "hello") -> Any:
    return bench.client.deployments.chat(deployment, [{"role": "user", "content": text}])


def test_a_tuned_model_is_served_at_once(bench: Bench) -> None:
    job = bench.done()
    sent = len(bench.posts)
    made = bench.client.deployments.create(job, name="recipes", max_cost_per_hour=0)
    assert (made.status, made.id, made.job_id) == (
        DeploymentStatus.READY,
        job.fine_tuned_model,
        job.id,
    )
    assert (made.cost_per_hour, made.url) == (0.0, bench.service.url)
    assert len(bench.posts) == sent
    reply = ask(bench, made)
    assert reply.content == f"{job.fine_tuned_model}: hello"
    assert reply.prompt_tokens == 9


def test_a_deployment_is_an_openai_client(bench: Bench) -> None:
    made = bench.client.deployments.create(bench.done(), name="recipes")
    with bench.client.deployments.openai(made) as client:
        said = client.chat.completions.create(
            model=made.id, messages=[{"role": "user", "content": "hello"}]
        )
    assert said.choices[0].message.content == f"{made.model}: hello"


def test_deployments_are_records_of_this_machine(bench: Bench) -> None:
    job = bench.done()
    made = [bench.client.deployments.create(job, name=f"d{n}") for n in range(3)]
    again = bench.open()
    assert {one.name for one in again.deployments.list()} == {"d0", "d1", "d2"}
    assert again.deployments.get("d1") == made[1]
    assert again.deployments.get(made[1].handle) == made[1]
    page = bench.provider.list_deployments(limit=2, cursor=None)
    rest = bench.provider.list_deployments(limit=2, cursor=page.next_cursor)
    assert (len(page.items), len(rest.items), rest.next_cursor) == (2, 1, None)
    # Another account has its own.
    assert list(bench.open(organization="org-2").deployments.list()) == []


def test_a_record_keeps_the_end_of_its_deployment(bench: Bench) -> None:
    made = bench.client.deployments.create(MODEL, name="recipes", ttl=3600)
    bench.client.deployments.create(MODEL, name="endless")
    assert made.expires_at is not None
    assert made.warnings == ()
    again = bench.open()
    assert again.deployments.get("recipes") == made
    ends = {one.name: one.expires_at for one in again.deployments.list()}
    assert ends == {"recipes": made.expires_at, "endless": None}
    other = again.deployments.create(MODEL, name="recipes", ttl=7200)
    assert other.expires_at == made.expires_at
    assert "it was there before and expires at" in other.warnings[0]
    assert again.deployments.reap() == []


def test_a_record_that_outlived_its_ttl_is_reaped(bench: Bench) -> None:
    job = bench.done()
    made = bench.client.deployments.create(job, name="recipes", ttl=60)
    bench.clock.advance(60)
    assert bench.client.deployments.reap() == [made]
    assert list(bench.client.deployments.list()) == []
    assert bench.client.models.get(job.fine_tuned_model or "").kind == "fine_tuned"


def test_deleting_a_deployment_leaves_the_model(bench: Bench) -> None:
    job = bench.done()
    made = bench.client.deployments.create(job, name="recipes")
    bench.client.deployments.delete(made)
    bench.client.deployments.delete(made)
    with pytest.raises(NotFoundError, match=r"`deployments\.create` makes one"):
        bench.client.deployments.get(made)
    assert bench.client.models.get(job.fine_tuned_model or "").kind == "fine_tuned"


def test_a_name_is_of_one_model(bench: Bench) -> None:
    first, second = bench.done(), bench.done(seed=1)
    made = bench.client.deployments.create(first, name="recipes")
    assert bench.client.deployments.create(first, name="recipes") == made
    with pytest.raises(ConflictError, match="'recipes' is taken by a deployment of"):
        bench.client.deployments.create(second, name="recipes")
    bench.client.deployments.delete("recipes")
    assert bench.client.deployments.create(second, name="recipes").job_id == second.id


def test_an_unknown_model_is_not_served(bench: Bench) -> None:
    with pytest.raises(NotFoundError):
        bench.client.deployments.create("gpt-nobody-knows", name="recipes")
    assert list(bench.client.deployments.list()) == []


def test_a_base_model_is_served_too(bench: Bench) -> None:
    made = bench.client.deployments.create(MODEL, name="base")
    assert ask(bench, made).content == f"{MODEL}: hello"


def test_a_job_that_has_made_nothing_is_not_served(bench: Bench) -> None:
    job = bench.create(JobCourse(running=1e9))
    with pytest.raises(FineTuneError, match="no model"):
        bench.client.deployments.create(job, name="recipes")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "x" * 201, ".hidden", "a b"])
def test_a_name_is_no_path(bench: Bench, name: str) -> None:
    with pytest.raises(ConfigurationError):
        bench.client.deployments.create(MODEL, name=name)
    for verb in (bench.client.deployments.get, bench.client.deployments.delete):
        with pytest.raises(ConfigurationError):
            verb(name)


def test_a_record_that_is_none_any_more_says_what_to_do(bench: Bench) -> None:
    bench.client.deployments.create(MODEL, name="recipes")
    (record,) = bench.home.rglob("recipes.json")
    record.write_bytes(b"\x00 not JSON")
    with pytest.raises(ConfigurationError, match="remove it, and create the deployment again"):
        bench.client.deployments.get("recipes")


def test_a_deployment_whose_model_is_gone_is_told(bench: Bench) -> None:
    job = bench.done()
    made = bench.client.deployments.create(job, name="recipes")
    bench.client.models.delete(job.fine_tuned_model or "")
    with pytest.raises(NotFoundError):
        ask(bench, made)


# Before a job


def test_an_unknown_model_is_told_before_anything_is_sent(bench: Bench) -> None:
    for verb in (bench.client.jobs.plan, bench.client.jobs.create):
        with pytest.raises(NotFoundError, match=r"`client\.models\.list\(\)`") as caught:
            verb(model="gpt-nobody-knows", training_data=ROWS)
        assert caught.value.code == "model_not_found"
    assert bench.posts == []


def test_a_server_without_a_list_of_models_is_believed(bench: Bench) -> None:
    bench.hit("GET", "/models/.*", Reply(404, {"detail": "Not Found"}))
    assert bench.create().model == MODEL


def test_a_service_that_is_down_is_told_before_anything_is_sent(bench: Bench) -> None:
    bench.hit("GET", "/models/.*", *[Reply(500)] * 5)
    with pytest.raises(ProviderError, match="500"):
        bench.create()
    assert bench.posts == []


def test_the_end_is_told_in_time(bench: Bench) -> None:
    client = bench.open(sunsets=Sunsets(own=packaged()))
    plan = client.jobs.plan(model=MODEL, training_data=ROWS)
    assert plan.shutdown_date == date(2027, 1, 14)
    days = [words for words in plan.warnings if "2027-01" in words]
    assert len(days) == 2
    assert f"`{MODEL}` and everything that is made of it shuts down on 2027-01-14" in days[0]
    assert "openai takes no new jobs from 2027-01-06 on, in 370 days" in days[1]
    job = client.jobs.create(plan.spec)
    assert set(days) <= set(job.warnings)


def test_the_day_of_the_api_is_told(bench: Bench) -> None:
    bench.hit("GET", "/models/.*", Edit(lambda said: {**said, "shutdown_date": "2026-06-01"}))
    plan = bench.client.jobs.plan(model=MODEL, training_data=ROWS)
    assert plan.shutdown_date == date(2026, 6, 1)
    assert any("the API's own `shutdown_date`" in words for words in plan.warnings)


def test_the_day_that_the_user_says_is_stronger_than_that_of_the_api(bench: Bench) -> None:
    client = bench.open(sunsets=Sunsets(own=packaged()))
    bench.hit("GET", "/models/.*", Edit(lambda said: {**said, "shutdown_date": "2026-06-01"}))
    plan = client.jobs.plan(model=MODEL, training_data=ROWS)
    assert plan.shutdown_date == date(2027, 1, 14)


def test_on_the_last_day_a_job_is_taken(bench: Bench) -> None:
    bench.clock.advance(END_OF_JOBS - 1)
    client = bench.open(sunsets=Sunsets(own=packaged()))
    job = client.jobs.create(model=MODEL, training_data=ROWS)
    assert any("from 2027-01-06 on, tomorrow" in words for words in job.warnings)


@pytest.mark.parametrize("seconds", [END_OF_JOBS, END_OF_MODELS])
def test_behind_the_end_nothing_is_sent(bench: Bench, seconds: float) -> None:
    client = bench.open(sunsets=Sunsets(own=packaged()))
    bench.clock.advance(seconds)
    for verb in (client.jobs.plan, client.jobs.create):
        with pytest.raises(SunsetError, match="has taken no new jobs since 2027-01-06") as caught:
            verb(model=MODEL, training_data=ROWS)
        assert "local" in caught.value.able
        assert "openai" not in caught.value.able
        assert 'FineTuneClient("' in str(caught.value)
        twin = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - made a line above
        assert twin.able == caught.value.able
    assert bench.posts == []


def test_a_model_that_has_ended_by_the_api_alone_is_refused(bench: Bench) -> None:
    bench.clock.advance(END_OF_MODELS)
    with pytest.raises(SunsetError, match="has been shut down since 2027-01-14"):
        bench.create()
    assert bench.posts == []


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(403, error(403, "Fine-tuning is no longer available for your organization.")),
        Reply(400, error(400, "no", code="fine_tuning_deprecated")),
        Reply(404, error(404, "The model has been deprecated.", param="model")),
    ],
)
def test_a_refusal_of_the_api_is_the_end_too(bench: Bench, refusal: Any) -> None:
    bench.hit("POST", JOBS, refusal)
    with pytest.raises(SunsetError, match="takes no such job any more") as caught:
        bench.create(method=DPO(), training_data=PAIRS)
    assert "local" in caught.value.able
    assert bench.posts.count(JOBS) == 1
    # It was refused, so the same call may be made again; its file is there.
    assert bench.create(method=DPO(), training_data=PAIRS).id
    assert bench.posts.count("/files") == 1


def test_without_a_key_a_plan_is_made_and_a_job_is_not(bench: Bench) -> None:
    client = bench.open(api_key=None)
    plan = client.jobs.plan(model="gpt-nobody-knows", training_data=ROWS)
    assert any("there is no key yet" in words for words in plan.warnings)
    with pytest.raises(AuthenticationError, match="OPENAI_API_KEY"):
        client.jobs.create(model=MODEL, training_data=ROWS)
    assert bench.service.requests == []


# What is over a limit


def with_seed(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"Say {number}."}]}


REFUSED: list[tuple[str, dict[str, Any], type[FineTuneError]]] = [
    ("a suffix of 65 characters", {"suffix": "s" * 65}, ConfigurationError),
    ("an empty suffix", {"suffix": ""}, ConfigurationError),
    ("nine rows", {"training_data": ROWS[:9]}, DatasetValidationError),
    (
        "a validation file without an assistant",
        {"validation_data": [with_seed(n) for n in range(12)]},
        DatasetValidationError,
    ),
    ("half a pass", {"method": Supervised(epochs=2.5)}, ConfigurationError),
    ("51 passes", {"method": Supervised(epochs=51)}, ConfigurationError),
    ("257 rows a step", {"method": Supervised(batch_size=257)}, ConfigurationError),
    ("beta 3", {"method": DPO(beta=3), "training_data": PAIRS}, ConfigurationError),
    ("15 entries", {"metadata": {f"k{n}": "v" for n in range(15)}}, ConfigurationError),
    ("a long value", {"metadata": {"k": "v" * 513}}, ConfigurationError),
    ("a long name", {"metadata": {"k" * 65: "v"}}, ConfigurationError),
    ("a negative seed", {"seed": -1}, ConfigurationError),
    (
        "our mark taken away",
        {"options": [OpenAIOptions(extra_body={"metadata": {}})]},
        ConfigurationError,
    ),
    ("an absolute rate", {"method": Supervised(learning_rate=1e-4)}, UnsupportedError),
    ("all tokens", {"method": Supervised(train_on="all")}, UnsupportedError),
    ("another method", {"method": KTO()}, UnsupportedError),
    ("a cost that nobody knows", {"max_cost": 20}, CostLimitError),
]


@pytest.mark.parametrize(
    ("words", "kind"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_cannot_be_is_told_before_anything_is_sent(
    bench: Bench, words: Mapping[str, Any], kind: type[FineTuneError]
) -> None:
    with pytest.raises(kind) as caught:
        bench.create(**words)
    assert type(caught.value) is kind
    assert bench.posts == []


def test_the_rows_that_are_wrong_are_named(bench: Bench) -> None:
    with pytest.raises(DatasetValidationError) as caught:
        bench.create(training_data=[*ROWS[:11], with_seed(11)])
    assert "12" in str(caught.value)
    with pytest.raises(DatasetValidationError, match="10"):
        bench.create(training_data=ROWS[:9])
    assert bench.posts == []


@pytest.mark.parametrize("length", [1, 64])
def test_a_suffix_as_long_as_is_allowed_is_sent(bench: Bench, length: int) -> None:
    job = bench.done(suffix="s" * length)
    assert job.suffix == "s" * length
    assert f":{'s' * length}:" in (job.fine_tuned_model or "")


def test_ten_rows_are_enough(bench: Bench) -> None:
    assert bench.done(training_data=ROWS[:10]).status is JobStatus.SUCCEEDED


# Whatever a job can say


@pytest.mark.parametrize("grader", GRADERS, ids=lambda grader: grader.type)
def test_a_job_learns_from_a_grader(bench: Bench, grader: Grader) -> None:
    method = Reinforcement(grader=grader, epochs=2, reasoning_effort="low", eval_samples=3)
    job = bench.create(
        model="o4-mini-2025-04-16",
        training_data=PROMPTS,
        validation_data=PROMPTS[:11],
        method=method,
    )
    (sent,) = bench.service.posts(JOBS)
    assert sent.json["method"]["reinforcement"]["grader"]["type"] == grader.type
    found = bench.client.jobs.get(job).method
    assert isinstance(found, Reinforcement)
    assert (found.grader, found.epochs, found.reasoning_effort) == (grader, 2, "low")


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (Supervised(epochs=3, batch_size=4, learning_rate_multiplier=0.5), ROWS),
        (DPO(epochs=1, beta=0.1), PAIRS),
    ],
)
def test_a_job_says_what_it_was_told(bench: Bench, method: Method, rows: Any) -> None:
    job = bench.create(
        method=method,
        training_data=rows,
        seed=7,
        suffix="recipes",
        metadata={"team": "a"},
        validation_data=rows,
    )
    for found in (job, bench.client.jobs.get(job), next(bench.client.jobs.list())):
        assert (found.seed, found.suffix, found.metadata) == (7, "recipes", {"team": "a"})
        assert found.training_file is not None
        assert found.validation_file is not None
        assert found.training_file.id != found.validation_file.id
    told = bench.client.jobs.get(job).method
    assert told is not None
    given = {name: getattr(method, name) for name in method.given()}
    assert {name: getattr(told, name) for name in given} == given


def test_numbers_go_to_weights_and_biases(bench: Bench) -> None:
    wandb = WandbIntegration(wandb=WandbProject(project="p", tags=("first",)))
    job = bench.create(options=[OpenAIOptions(integrations=(wandb,))])
    (sent,) = bench.service.posts(JOBS)
    expected = [{"type": "wandb", "wandb": {"project": "p", "tags": ["first"]}}]
    assert sent.json["integrations"] == expected
    assert bench.client.jobs.get(job).raw["integrations"] == expected


def test_a_field_that_is_newer_than_us_is_sent_and_named_if_it_is_refused(
    bench: Bench,
) -> None:
    bench.newer.add("priority")
    with pytest.raises(InvalidRequestError, match="Unknown parameter: 'priority'") as caught:
        bench.create(options=[OpenAIOptions(extra_body={"priority": "low"})])
    assert caught.value.param == "priority"
    (sent,) = bench.service.posts(JOBS)
    assert sent.json["priority"] == "low"


def test_a_finished_job_is_learned_on(bench: Bench) -> None:
    done = bench.done()
    second = bench.create(model=done, seed=2)
    assert bench.service.posts(JOBS)[-1].json["model"] == done.fine_tuned_model
    assert second.model.startswith("ft:") or second.model == MODEL


def test_a_file_that_is_there_is_learned_from(bench: Bench) -> None:
    file = bench.client.datasets.upload(ROWS)
    job = bench.create(training_data=file)
    assert job.training_file is not None
    assert job.training_file.id == file.id
    assert bench.posts.count("/files") == 1


@pytest.mark.parametrize(
    ("file_id", "code"), [("file-nobody-knows", "not_found"), (None, "wrong_purpose")]
)
def test_a_file_that_cannot_be_learned_from_is_told(
    bench: Bench, file_id: str | None, code: str
) -> None:
    if file_id is None:
        result = bench.done().raw["result_files"]
        assert isinstance(result, list)
        file_id = str(result[0])
    sent = bench.posts.count(JOBS)
    with pytest.raises(DatasetFileError) as caught:
        bench.create(training_data=DatasetFile(id=file_id))
    assert caught.value.code == code
    assert bench.posts.count(JOBS) == sent


# Webhooks

SECRET = "whsec_" + base64.b64encode(b"a secret of the webhooks").decode()


def payload(kind: str = "fine_tuning.job.succeeded", **more: Any) -> bytes:
    said = {"id": "evt_1", "type": kind, "created_at": 1_790_000_000, "object": "event"}
    return json.dumps({**said, "data": {"id": "ftjob-1"}, **more}).encode()


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    moment = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mark = hmac.new(key, f"evt_1.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(mark).decode()}",
    }


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("succeeded", JobStatus.SUCCEEDED),
        ("failed", JobStatus.FAILED),
        ("cancelled", JobStatus.CANCELLED),
        ("newer", JobStatus.UNKNOWN),
    ],
)
def test_a_signed_word_is_an_event(bench: Bench, word: str, status: JobStatus) -> None:
    client = bench.open(webhook_secret=SECRET)
    body = payload(f"fine_tuning.job.{word}")
    event = client.jobs.parse_webhook(body, signed(body))
    assert (event.id, event.job_id, event.status) == ("evt_1", "ftjob-1", status)
    assert (event.type, event.provider) == (f"fine_tuning.job.{word}", "openai")
    assert event.created_at is not None
    assert event.handle == "openai:ftjob-1"
    assert bench.service.requests == []


def test_names_of_headers_are_written_in_any_way(bench: Bench) -> None:
    client = bench.open(environ={"OPENAI_WEBHOOK_SECRET": SECRET})
    body = payload()
    headers = {name.title(): value for name, value in signed(body).items()}
    assert client.jobs.parse_webhook(body, headers).job_id == "ftjob-1"


def test_one_good_signature_of_several_is_enough(bench: Bench) -> None:
    client, body = bench.open(webhook_secret=SECRET), payload()
    headers = signed(body)
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']} v2,x"
    assert client.jobs.parse_webhook(body, headers).job_id == "ftjob-1"


def without(name: str) -> Callable[[bytes], dict[str, str]]:
    return lambda body: {key: v for key, v in signed(body).items() if key != name}


OTHER = "whsec_" + base64.b64encode(b"another secret").decode()
UNSIGNED: dict[str, Callable[[bytes], dict[str, str]]] = {
    "wrong": lambda body: signed(body, secret=OTHER),
    "of another body": lambda body: signed(body + b" "),
    "old": lambda body: signed(body, at=time.time() - 301),
    "of the future": lambda body: signed(body, at=time.time() + 600),
    "no headers": lambda _: {},
    "no signature": without("webhook-signature"),
    "no timestamp": without("webhook-timestamp"),
    "no id": without("webhook-id"),
    "odd timestamp": lambda body: {**signed(body), "webhook-timestamp": "soon"},
    "odd signature": lambda body: {**signed(body), "webhook-signature": "v1,\u00e9!"},
    "empty signature": lambda body: {**signed(body), "webhook-signature": ""},
}


@pytest.mark.parametrize("headers", UNSIGNED.values(), ids=UNSIGNED)
def test_what_is_not_signed_is_refused(
    bench: Bench, headers: Callable[[bytes], dict[str, str]]
) -> None:
    client, body = bench.open(webhook_secret=SECRET), payload()
    with pytest.raises(AuthenticationError, match="not signed by the provider") as caught:
        client.jobs.parse_webhook(body, headers(body))
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


def test_without_a_secret_nothing_is_believed(bench: Bench) -> None:
    body = payload()
    with pytest.raises(ConfigurationError, match="OPENAI_WEBHOOK_SECRET"):
        bench.client.jobs.parse_webhook(body, signed(body))


@pytest.mark.parametrize(
    "body",
    [
        payload("batch.completed"),
        payload(data={}),
        payload(data=None),
        payload(data={"id": 7}),
        payload("x" * 10_000),
        b"[]",
        b"{}",
        b"",
    ],
)
def test_a_signed_word_about_something_else_is_told(bench: Bench, body: bytes) -> None:
    client = bench.open(webhook_secret=SECRET)
    with pytest.raises(ResponseDecodeError, match="no fine-tuning job") as caught:
        client.jobs.parse_webhook(body, signed(body))
    assert len(str(caught.value)) < 300
    assert not caught.value.retryable


def test_a_file_that_is_never_ready_is_waited_for_half_an_hour(bench: Bench) -> None:
    bench.service.file_delay = 7200
    with pytest.raises(WaitTimeoutError, match="30 minutes"):
        bench.create()
    assert 1700 <= bench.clock.monotonic() <= 1801
    assert bench.posts.count(JOBS) == 0
    bench.clock.advance(7200)
    assert bench.create().id
    assert bench.posts.count("/files") == 1
