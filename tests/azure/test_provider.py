"""Training at Azure OpenAI as its users meet it: what differs from OpenAI does not show.

Whatever a test sends is held against what is known of Azure's API when it ends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import AsyncFineTuneClient, AzureOpenAIOptions, FineTuneClient, Job
from finetune_sdk.cli import main
from finetune_sdk.datasets import load
from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    CostLimitError,
    DatasetFileError,
    DatasetValidationError,
    FineTuneError,
    InvalidRequestError,
    JobFailedError,
    JobPausedError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    SunsetError,
    UnsupportedError,
    WaitTimeoutError,
)
from finetune_sdk.prices import Price, Prices
from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.sunsets import ProviderSunset, Sunsets
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import (
    DPO,
    KTO,
    DatasetFile,
    Grader,
    JobStatus,
    Method,
    Reinforcement,
    Supervised,
)
from tests.azure.bench import profile_of
from tests.azure.bodies import check_requests
from tests.openai.test_encode import GRADERS
from tests.openai.test_provider import PAIRS, PROMPTS, ROWS
from tests.standins.azure import Azure, azure_error, unsafe_data, unsafe_model
from tests.standins.openai import DropAfter, Edit, Fault, JobCourse, Reply

MODEL, REASONING = "gpt-4.1-mini-2025-04-14", "o4-mini-2025-04-16"
JOBS = "/fine_tuning/jobs"
DAY = 86400.0
END_OF_JOBS, END_OF_MODELS = 286 * DAY, 651 * DAY
"""Seconds from where a virtual clock begins to the days that the stand-in tells: 2026-10-14 and
2027-10-14."""


@dataclass
class Bench:
    """Azure, a provider of it that trains by key, and a client."""

    azure: Azure
    clock: VirtualClock
    home: Path
    newer: set[str] = field(default_factory=set[str])
    opened: list[FineTuneClient] = field(default_factory=list[FineTuneClient])

    def __post_init__(self) -> None:
        self.data = self.azure.data
        self.client = self.open()

    @property
    def provider(self) -> AzureOpenAITrainer:
        assert isinstance(self.client.provider, AzureOpenAITrainer)
        return self.client.provider

    def open(self, **more: Any) -> FineTuneClient:
        words: dict[str, Any] = {
            "endpoint": self.data.endpoint,
            "api_key": self.data.key,
            "environ": {},
            "home": self.home,
            "clock": self.clock,
            **more,
        }
        self.opened.append(FineTuneClient(AzureOpenAITrainer(**words), home=words["home"]))
        return self.opened[-1]

    def deploying(self) -> FineTuneClient:
        provider = AzureOpenAIProvider(
            profile=AzureSettings(**profile_of(self.azure)),
            home=self.home,
            clock=self.clock,
            environ=self.azure.environ,
        )
        self.opened.append(FineTuneClient(provider, home=self.home))
        return self.opened[-1]

    def create(self, course: JobCourse | None = None, **more: Any) -> Job:
        if course is not None:
            self.data.add_course(course)
        words: dict[str, Any] = {"model": MODEL, "training_data": ROWS, **more}
        return self.client.jobs.create(**words)

    def done(self, course: JobCourse | None = None, **more: Any) -> Job:
        return self.client.jobs.wait(self.create(course, **more), progress=False)

    def hit(self, method: str | None, path: str, *actions: Any, times: int | None = 1) -> None:
        """Each of the actions happens to one request, in order."""
        for action in actions:
            fault = Fault(method=method, path=path, action=action, times=times)
            self.data.faults.add(fault)

    def sent(self, number: int = -1) -> Any:
        """The body of a create."""
        return self.data.posts(JOBS)[number].json

    @property
    def posts(self) -> list[str]:
        return [one.path for one in self.data.requests if one.method == "POST"]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Bench]:
    clock = VirtualClock()
    with Azure(clock, tmp_path) as azure:
        azure.authority.lifetime = 10**8
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.authority.ca_file))
        bench = Bench(azure, clock, tmp_path)
        yield bench
        for client in bench.opened:
            client.close()
        check_requests(azure, newer=bench.newer)


# Words for states

WORDS = {
    "pending": JobStatus.PENDING,
    "created": JobStatus.PENDING,
    "notRunning": JobStatus.PENDING,
    "validating_files": JobStatus.VALIDATING,
    "queued": JobStatus.QUEUED,
    "running": JobStatus.RUNNING,
    "pausing": JobStatus.PAUSING,
    "paused": JobStatus.PAUSED,
    "resuming": JobStatus.QUEUED,
    "cancelled": JobStatus.CANCELLED,
    "canceled": JobStatus.CANCELLED,
    "failed": JobStatus.FAILED,
    "alien": JobStatus.UNKNOWN,
}


@pytest.mark.parametrize("word", WORDS)
def test_each_of_azures_words_is_one_of_ours(bench: Bench, word: str) -> None:
    job = bench.create()
    for said in (word, word.upper()):
        bench.hit("GET", f"{JOBS}/{job.id}", Edit(_saying(said)))
        found = bench.client.jobs.get(job)
        assert (found.status, found.raw_status) == (WORDS[word], said)


def _saying(word: str) -> Callable[[Any], Any]:
    return lambda one: {**one, "status": word}


@pytest.mark.parametrize("words", ["azure", "openai"])
def test_a_job_runs_to_its_end_in_either_vocabulary(bench: Bench, words: Any) -> None:
    bench.data.words = words
    job = bench.done(JobCourse(validating=30, queued=30, running=60))
    assert job.status is JobStatus.SUCCEEDED
    assert (job.fine_tuned_model or "").startswith(f"{MODEL}.ft-")


def test_a_job_is_paused_and_resumed(bench: Bench) -> None:
    bench.data.resuming = 60
    job = bench.create(JobCourse(running=1e6, steps=1000, pausing=60))
    bench.clock.advance(5e5)
    assert bench.client.jobs.pause(job).status is JobStatus.PAUSING
    bench.clock.advance(60)
    assert bench.client.jobs.get(job).status is JobStatus.PAUSED
    with pytest.raises(JobPausedError):
        bench.client.jobs.wait(job, progress=False)
    (checkpoint,) = bench.client.jobs.checkpoints(job)  # A pause makes one.
    assert checkpoint.model.startswith("ftchkpt-")
    found = bench.client.jobs.resume(job)
    assert (found.status, found.raw_status) == (JobStatus.QUEUED, "resuming")
    bench.clock.advance(60)
    assert bench.client.jobs.get(job).status is JobStatus.RUNNING


def test_a_pause_before_the_first_step_is_refused(bench: Bench) -> None:
    job = bench.create()
    with pytest.raises(InvalidRequestError, match="first step"):
        bench.client.jobs.pause(job)


def test_what_pauses_itself_is_told(bench: Bench) -> None:
    """Azure pauses a reinforcement job that has spent its limit."""
    job = bench.create(JobCourse(running=1e6))
    bench.hit("GET", f"{JOBS}/{job.id}", Edit(lambda one: {**one, "status": "paused"}), times=None)
    with pytest.raises(JobPausedError, match="paused"):
        bench.client.jobs.wait(job, progress=False)


def test_a_job_is_cancelled(bench: Bench) -> None:
    job = bench.create(JobCourse(running=1e6))
    bench.clock.advance(100)
    assert bench.client.jobs.cancel(job).status is JobStatus.CANCELLED
    assert bench.data.truth(job.id) == "cancelled"


# Nothing where OpenAI has something


@pytest.mark.parametrize("shown", ["all", "epochs", "none"])
def test_a_job_with_nulls_is_a_job(bench: Bench, shown: Any) -> None:
    bench.data.shows = shown
    job = bench.create(method=Supervised(epochs=3), suffix="recipes", seed=7)
    seen = bench.client.jobs.get(job)
    assert seen.training_file is not None
    assert (seen.model, seen.fine_tuned_model, seen.finished_at) == (MODEL, None, None)
    done = bench.client.jobs.wait(job, progress=False)
    assert done.fine_tuned_model is not None
    assert next(bench.client.jobs.list()).id == job.id


NULLABLE = (
    *("organization_id", "result_files", "hyperparameters", "method", "seed", "error"),
    *("trained_tokens", "finished_at", "validation_file", "integrations", "metadata"),
    *("trainingType", "updated_at", "object", "estimated_finish"),
)


@pytest.mark.parametrize("name", NULLABLE)
def test_each_place_may_be_null_or_absent(bench: Bench, name: str) -> None:
    job = bench.done()

    def null(one: Any) -> Any:
        return {**one, name: None}

    def without(one: Any) -> Any:
        return {key: value for key, value in one.items() if key != name}

    for edit in (null, without):
        bench.hit("GET", f"{JOBS}/{job.id}", Edit(edit))
        found = bench.client.jobs.get(job)
        assert (found.id, found.status) == (job.id, JobStatus.SUCCEEDED)


def test_a_job_without_results_has_its_numbers_from_events(bench: Bench) -> None:
    job = bench.done(JobCourse(steps=10, result="none"), validation_data=ROWS)
    names = {(one.name, one.split) for one in bench.client.jobs.metrics(job)}
    assert ("loss", "train") in names
    assert ("loss", "validation") in names


def test_the_columns_of_azures_results_are_ours(bench: Bench) -> None:
    job = bench.done(JobCourse(steps=10), validation_data=ROWS)
    names = {(one.name, one.split) for one in bench.client.jobs.metrics(job)}
    assert names == {
        *(("loss", "train"), ("token_accuracy", "train")),
        *(("loss", "validation"), ("token_accuracy", "validation")),
    }


# Files


def test_a_file_that_waits_is_waited_for(bench: Bench) -> None:
    bench.data.file_delay = 40
    assert bench.done().status is JobStatus.SUCCEEDED
    states = [one for one in bench.data.requests if one.method == "GET" and "/files/" in one.path]
    assert len(states) > 3


def test_a_file_that_is_never_ready_makes_no_job(bench: Bench) -> None:
    bench.data.file_delay = 7200
    with pytest.raises(WaitTimeoutError, match="30 minutes"):
        bench.create()
    assert JOBS not in bench.posts
    bench.clock.advance(7200)
    assert bench.create().id
    assert bench.posts.count("/files") == 1


@pytest.mark.parametrize("details", [None, "Line 3 is no JSON."])
def test_a_file_that_is_refused_is_told(bench: Bench, details: str | None) -> None:
    more = {} if details is None else {"status_details": details}
    refused = Edit(lambda one: {**one, "status": "error", **more})
    bench.hit("GET", "/files/.*", refused, times=None)
    with pytest.raises(DatasetFileError) as caught:
        bench.create()
    assert (details or "file") in str(caught.value)
    assert JOBS not in bench.posts


def test_a_file_that_is_deleted_is_told(bench: Bench) -> None:
    file = bench.client.datasets.upload(ROWS)
    bench.hit("GET", "/files/.*", Edit(lambda one: {**one, "status": "deleted"}), times=None)
    with pytest.raises(DatasetFileError):
        bench.create(training_data=file)


def test_a_file_that_is_there_is_learned_from(bench: Bench) -> None:
    file = bench.client.datasets.upload(ROWS)
    job = bench.create(training_data=DatasetFile(id=file.id))
    assert job.training_file is not None
    assert job.training_file.id == file.id
    assert bench.posts.count("/files") == 1


def sparse(folder: Path, size: int) -> Any:
    """Rows in a file that takes no room: what is behind the first of them is a hole."""
    path = folder / "large.jsonl"
    with path.open("wb") as file:
        file.write((json.dumps(ROWS[0]) + "\n").encode())
        file.truncate(size)
    return load(path)


LARGE = 512 * 1000 * 1000


def test_a_file_that_is_too_large_is_told_before_it_is_sent(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="`uploads = true`") as caught:
        bench.provider.upload_dataset(sparse(tmp_path, LARGE + 1), key="k")
    assert str(LARGE + 1) in str(caught.value)
    assert bench.data.requests == []


def test_who_wants_it_sends_it_in_parts(bench: Bench, tmp_path: Path) -> None:
    rows = sparse(tmp_path, LARGE + 1)
    provider = bench.open(profile=AzureSettings(uploads=True)).provider
    with pytest.raises(NotFoundError):  # This one takes no parts.
        provider.upload_dataset(rows, key="k")
    assert bench.posts == ["/uploads"]


# Errors


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500])
def test_an_error_has_azures_number_of_the_request(bench: Bench, status: int) -> None:
    bench.hit("GET", ".*", Reply(status, azure_error("c", "No.")), times=None)
    with pytest.raises(FineTuneError, match="No") as caught:
        bench.client.jobs.get("ftjob-1")
    found: Any = caught.value
    number = len(bench.data.requests)
    assert found.request_id == f"{number:08x}-0000-4000-8000-57a2d1000000"
    assert (found.code, found.provider) == ("c", "azure_openai")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalidPayload", InvalidRequestError),
        (401, "401", AuthenticationError),
        (403, "forbidden", PermissionDeniedError),
        (404, "notFound", NotFoundError),
        (409, "conflict", ConflictError),
        (429, "429", RateLimitError),
        (429, "insufficient_quota", QuotaExceededError),
    ],
)
def test_each_refusal_has_its_kind(bench: Bench, status: int, code: str, kind: Any) -> None:
    bench.hit("GET", ".*", Reply(status, azure_error(code, "No.")), times=None)
    with pytest.raises(kind) as caught:
        bench.client.jobs.get("ftjob-1")
    assert type(caught.value) is kind
    assert caught.value.code == code


def test_a_key_that_is_wrong_is_told_with_where_it_is_from(bench: Bench) -> None:
    client = bench.open(api_key=None, environ={"AZURE_OPENAI_API_KEY": "another-key-0"})
    with pytest.raises(AuthenticationError, match="AZURE_OPENAI_API_KEY") as caught:
        list(client.jobs.list())
    assert caught.value.code == "401"


def test_a_base_model_that_cannot_be_tuned_is_explained(bench: Bench) -> None:
    bench.data.tunable.discard(MODEL)
    with pytest.raises(InvalidRequestError, match="does not support fine-tuning") as caught:
        bench.create(options=[AzureOpenAIOptions(training_type="developerTier")])
    for words in (f"{MODEL!r}", "version", "region", "`training_type` 'developerTier'"):
        assert words in str(caught.value)
    found = caught.value
    assert (found.code, found.status_code) == ("invalidPayload", 400)
    assert found.request_id
    assert len(bench.data.posts(JOBS)) == 1


@pytest.mark.parametrize(
    ("course", "code", "words"),
    [
        (unsafe_data(), "unsafe_training_data", "leave out such rows"),
        (unsafe_model(), "unsafe_model", "leave out the rows that teach it"),
    ],
    ids=["data", "model"],
)
def test_a_refusal_of_the_safety_checks_says_what_to_do(
    bench: Bench, course: JobCourse, code: str, words: str
) -> None:
    job = bench.create(course)
    with pytest.raises(JobFailedError) as caught:
        bench.client.jobs.wait(job, progress=False)
    failed = caught.value.job
    assert failed.error is not None
    assert failed.error.code == code
    assert words in failed.error.message
    assert "nothing was charged" in failed.error.message
    assert words in str(caught.value)
    assert next(bench.client.jobs.list()).error == failed.error


def test_any_other_failure_is_told_as_it_is(bench: Bench) -> None:
    error = {"code": "invalidPayload", "message": "Row 3 has no assistant.", "param": None}
    job = bench.create(JobCourse(outcome="failed", error=error))
    with pytest.raises(JobFailedError, match="Row 3 has no assistant") as caught:
        bench.client.jobs.wait(job, progress=False)
    assert caught.value.job.error is not None
    assert caught.value.job.error.code == "invalidPayload"


# A resource that is not there


def test_a_resource_that_nobody_listens_for_is_told(bench: Bench, tmp_path: Path) -> None:
    client = bench.open(endpoint="http://127.0.0.1:9", home=tmp_path / "other")
    with pytest.raises(ConnectionFailedError, match="`endpoint`") as caught:
        client.jobs.create(model=MODEL, training_data=ROWS)
    assert caught.value.effect == "none"
    assert "`base_url`" not in str(caught.value)  # A word of OpenAI's profile.


NOTHING = azure_error("404", "Resource not found")


def test_a_wrong_address_is_told_at_every_door(bench: Bench) -> None:
    bench.hit(None, ".*", Reply(404, NOTHING), times=None)
    for ask in (
        lambda: bench.client.jobs.get("ftjob-1"),
        lambda: list(bench.client.jobs.list()),
        lambda: list(bench.client.models.list()),
        lambda: bench.client.datasets.upload(ROWS),
        lambda: bench.create(),
    ):
        with pytest.raises(NotFoundError, match="Resource not found"):
            ask()
    assert JOBS not in bench.posts


def test_a_redirect_names_the_word_of_this_profile(bench: Bench) -> None:
    bench.hit("GET", ".*", Reply(307, b"", {"location": "https://evil.example"}))
    with pytest.raises(FineTuneError, match="`endpoint`"):
        bench.client.jobs.get("ftjob-1")


# Names


def test_a_tuned_model_has_azures_name(bench: Bench) -> None:
    name = bench.done(suffix="my-Recipes_2").fine_tuned_model or ""
    assert name.startswith(f"{MODEL}.ft-")
    assert name.endswith("-my-Recipes_2")
    found = bench.client.models.get(name)
    assert (found.kind, found.base_model) == ("fine_tuned", MODEL)


@pytest.mark.parametrize("by", ["job", "name"])
def test_a_tuned_model_is_learned_on(bench: Bench, by: str) -> None:
    first = bench.done(suffix="first")
    second = bench.create(model=first if by == "job" else first.fine_tuned_model, seed=2)
    assert bench.sent()["model"] == first.fine_tuned_model
    done = bench.client.jobs.wait(second, progress=False)
    assert (done.fine_tuned_model or "").startswith(f"{MODEL}.ft-")


def test_a_checkpoint_has_azures_name(bench: Bench) -> None:
    found = list(bench.client.jobs.checkpoints(bench.done()))
    assert [one.step for one in found] == sorted((one.step for one in found), reverse=True)
    assert all(one.model.startswith("ftchkpt-") for one in found)


@pytest.mark.parametrize("suffix", ["a.b", "a b", "s" * 41, "é", "a/b", "v1.2"])
def test_a_suffix_that_azure_does_not_take_is_told(bench: Bench, suffix: str) -> None:
    for verb in (bench.client.jobs.plan, bench.client.jobs.create):
        with pytest.raises(ConfigurationError, match="`suffix`") as caught:
            verb(model=MODEL, training_data=ROWS, suffix=suffix)
        assert "40" in str(caught.value)
    assert bench.data.requests == []


@pytest.mark.parametrize("suffix", ["s", "s" * 40, "a-b_C9"])
def test_any_other_is_sent(bench: Bench, suffix: str) -> None:
    assert (bench.done(suffix=suffix).fine_tuned_model or "").endswith(f"-{suffix}")


# What was passed over


def test_a_hyperparameter_that_is_passed_over_is_a_warning(bench: Bench) -> None:
    bench.data.ignores = {"batch_size"}
    job = bench.create(method=Supervised(epochs=3, batch_size=4))
    assert any("`batch_size` is 4, and the service" in words for words in job.warnings)
    assert not any("`epochs`" in words for words in job.warnings)


def test_one_that_is_changed_is_a_warning_with_both(bench: Bench) -> None:
    def change(one: Any) -> Any:
        hyperparameters = {"n_epochs": 2, "batch_size": 4}
        return {
            **one,
            "seed": 8,
            "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
        }

    bench.hit("POST", JOBS, Edit(change))
    job = bench.create(method=Supervised(epochs=3, batch_size=4), seed=7)
    assert any(words.startswith("`epochs` is 3") and "2" in words for words in job.warnings)
    assert any(words.startswith("`seed` is 7") and "8" in words for words in job.warnings)
    assert not any("`batch_size`" in words for words in job.warnings)


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (Supervised(epochs=3, batch_size=4, learning_rate_multiplier=0.5), ROWS),
        (DPO(epochs=1, beta=0.1), PAIRS),
    ],
    ids=["supervised", "dpo"],
)
def test_what_is_taken_is_no_warning(bench: Bench, method: Method, rows: Any) -> None:
    job = bench.create(method=method, training_data=rows, seed=7)
    assert not any("the service says" in words or "goes by" in words for words in job.warnings)
    told = bench.client.jobs.get(job).method
    assert told is not None
    given = {name: getattr(method, name) for name in method.given()}
    assert {name: getattr(told, name) for name in given} == given


@pytest.mark.parametrize("metadata", ["kept", "dropped", "refused"])
def test_metadata_that_is_not_kept_is_a_warning(bench: Bench, metadata: Any) -> None:
    bench.data.metadata = metadata
    job = bench.create(metadata={"team": "a"})
    told = [words for words in job.warnings if "`metadata`" in words]
    assert len(told) == (metadata != "kept")
    assert bench.client.jobs.get(job).metadata == ({"team": "a"} if metadata == "kept" else {})


def test_our_own_mark_alone_is_no_matter(bench: Bench) -> None:
    assert not any("`metadata`" in words for words in bench.create().warnings)


# Pay once


@pytest.mark.parametrize("metadata", ["kept", "dropped", "refused"])
@pytest.mark.parametrize("lost", [Reply(500, after=True), DropAfter(), Reply(200, b"", after=True)])
def test_a_create_whose_answer_is_lost_is_found(bench: Bench, metadata: Any, lost: Any) -> None:
    bench.data.metadata = metadata
    if metadata == "refused":
        bench.create()  # What is refused makes nothing; the next one's answer is lost.
        bench.data.faults.add(Fault(method="POST", path=JOBS, action=lost, after=1))
    else:
        bench.hit("POST", JOBS, lost)
    before = len(bench.data.jobs)
    job = bench.create(seed=3)
    assert len(bench.data.jobs) == before + 1
    assert job.id in bench.data.jobs


def test_a_key_finds_its_job_on_another_machine(bench: Bench, tmp_path: Path) -> None:
    job = bench.create(idempotency_key="intent-1")
    other = bench.open(home=tmp_path / "another-machine")
    again = other.jobs.create(model=MODEL, training_data=ROWS, idempotency_key="intent-1")
    assert again.id == job.id
    assert len(bench.data.jobs) == 1


# Where it trains


@pytest.mark.parametrize(
    ("profile", "code", "option", "expected"),
    [
        (None, None, None, "GlobalStandard"),
        ("Standard", None, None, "Standard"),
        ("Standard", "developerTier", None, "developerTier"),
        ("Standard", "GlobalStandard", "developerTier", "developerTier"),
        (None, None, "Standard", "Standard"),
    ],
)
def test_a_training_type_is_always_sent(
    bench: Bench, profile: Any, code: Any, option: Any, expected: str
) -> None:
    settings = AzureSettings(**({"training_type": profile} if profile else {}))
    client = bench.open(profile=settings, training_type=code)
    options = [AzureOpenAIOptions(training_type=option)] if option else None
    words: dict[str, Any] = {"options": options} if options else {}
    client.jobs.create(model=MODEL, training_data=ROWS, **words)
    assert bench.sent()["trainingType"] == expected


def test_one_that_is_none_is_told(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="`training_type`"):
        bench.open(training_type="globalstandard")
    options = [AzureOpenAIOptions(extra_body={"trainingType": 1})]
    with pytest.raises(ConfigurationError, match="AzureOpenAIOptions"):
        bench.create(options=options)
    assert bench.posts == []


def warned(bench: Bench, **words: Any) -> str:
    plan = bench.client.jobs.plan(model=MODEL, training_data=ROWS, **words)
    return "\n".join(plan.warnings)


@pytest.mark.parametrize(
    ("kind", "expected", "absent"),
    [
        ("Standard", (), ("leave the resource's region", "interrupted")),
        ("GlobalStandard", ("rows and weights leave the resource's region",), ("interrupted",)),
        ("developerTier", ("rows and weights leave", "may be interrupted"), ()),
    ],
)
def test_a_plan_says_where_the_rows_go(
    bench: Bench, kind: Any, expected: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    told = warned(bench, options=[AzureOpenAIOptions(training_type=kind)])
    assert all(words in told for words in expected)
    assert not any(words in told for words in absent)


def test_a_plan_says_what_an_answer_costs(bench: Bench) -> None:
    assert "1.70 US dollars an hour" in warned(bench)
    assert "15 days" in warned(bench)
    bench.client = bench.open(profile=AzureSettings(hosting_per_hour=2.5))
    assert "2.50 US dollars an hour, used or not (as you said)" in warned(bench)


def test_what_a_plan_warns_of_the_job_says_too(bench: Bench) -> None:
    plan = bench.client.jobs.plan(model=MODEL, training_data=ROWS)
    assert set(plan.warnings) <= set(bench.client.jobs.create(plan.spec).warnings)


def test_a_plan_sends_nothing_but_questions(bench: Bench) -> None:
    bench.client.jobs.plan(model=MODEL, training_data=ROWS)
    assert {one.method for one in bench.data.requests} == {"GET"}


def test_without_a_key_a_plan_is_made_and_a_job_is_not(bench: Bench) -> None:
    client = bench.open(api_key=None)
    plan = client.jobs.plan(model=MODEL, training_data=ROWS)
    assert any("Azure was not asked" in words for words in plan.warnings)
    with pytest.raises(AuthenticationError, match="AZURE_OPENAI_API_KEY"):
        client.jobs.create(model=MODEL, training_data=ROWS)
    assert bench.data.requests == []


# Reinforcement


@pytest.mark.parametrize("grader", GRADERS, ids=lambda grader: grader.type)
def test_a_job_learns_from_a_grader(bench: Bench, grader: Grader) -> None:
    method = Reinforcement(grader=grader, epochs=2, reasoning_effort="low", eval_samples=3)
    job = bench.create(
        model=REASONING,
        training_data=PROMPTS,
        validation_data=PROMPTS[:11],
        method=method,
    )
    assert bench.sent()["method"]["reinforcement"]["grader"]["type"] == grader.type
    found = bench.client.jobs.get(job).method
    assert isinstance(found, Reinforcement)
    assert (found.grader, found.epochs, found.reasoning_effort) == (grader, 2, "low")


def test_its_rewards_are_numbers_of_ours(bench: Bench) -> None:
    job = bench.done(
        JobCourse(steps=5),
        model=REASONING,
        training_data=PROMPTS,
        validation_data=PROMPTS[:11],
        method=Reinforcement(grader=GRADERS[0]),
    )
    names = {(one.name, one.split) for one in bench.client.jobs.metrics(job)}
    assert {("reward", "train"), ("reward", "validation")} <= names


def test_it_is_refused_without_validation_rows(bench: Bench) -> None:
    words: dict[str, Any] = {
        "model": REASONING,
        "training_data": PROMPTS,
        "method": Reinforcement(grader=GRADERS[0]),
    }
    for verb in (bench.client.jobs.plan, bench.client.jobs.create):
        with pytest.raises(ConfigurationError, match="`validation_data` is missing"):
            verb(**words)
    assert bench.posts == []


def test_a_file_that_is_there_validates_it(bench: Bench) -> None:
    file = bench.client.datasets.upload(PROMPTS)
    bench.create(
        model=REASONING,
        training_data=PROMPTS,
        validation_data=DatasetFile(id=file.id),
        method=Reinforcement(grader=GRADERS[0]),
    )
    assert bench.sent()["validation_file"] == file.id


# What is over a limit

REFUSED: list[tuple[str, dict[str, Any], type[FineTuneError]]] = [
    ("nine rows", {"training_data": ROWS[:9]}, DatasetValidationError),
    ("51 passes", {"method": Supervised(epochs=51)}, ConfigurationError),
    ("beta 3", {"method": DPO(beta=3), "training_data": PAIRS}, ConfigurationError),
    ("15 entries", {"metadata": {f"k{n}": "v" for n in range(15)}}, ConfigurationError),
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


def test_a_field_that_is_newer_than_us_is_sent(bench: Bench) -> None:
    bench.newer.add("priority")
    with pytest.raises(InvalidRequestError, match="priority"):
        bench.create(options=[AzureOpenAIOptions(extra_body={"priority": "low"})])
    assert bench.sent()["priority"] == "low"


# What it costs

PRICE = Price(training=4.0, source="our contract", as_of=date(2026, 1, 1))
EXPECTED = 'training = 4.0\nas_of = 2026-01-01\nsource = "our contract"\n'


def test_a_price_of_ones_own_is_held_against_the_limit(bench: Bench) -> None:
    client = bench.open(prices=Prices(own={"azure_openai": {MODEL: PRICE}}))
    words: dict[str, Any] = {
        "model": MODEL,
        "training_data": ROWS,
        "method": Supervised(epochs=3),
    }
    cost = client.jobs.plan(**words).cost
    assert cost is not None
    assert "our contract" in str(cost)
    with pytest.raises(CostLimitError):
        client.jobs.create(**words, max_cost=cost.high / 10)
    assert bench.posts == []
    assert client.jobs.create(**words, max_cost=cost.high).id


def test_what_nobody_can_say_is_said(bench: Bench) -> None:
    plan = bench.client.jobs.plan(model=MODEL, training_data=ROWS)
    assert (plan.cost, "`epochs`" in (plan.no_cost or "")) == (None, True)
    plan = bench.client.jobs.plan(
        model=REASONING,
        training_data=PROMPTS,
        validation_data=DatasetFile(id=bench.client.datasets.upload(PROMPTS).id),
        method=Reinforcement(grader=GRADERS[0], epochs=1),
    )
    assert (plan.cost, "by the hour" in (plan.no_cost or "")) == (None, True)


# Models, and their ends


def test_models_are_those_that_can_be_tuned_and_those_that_were(bench: Bench) -> None:
    done = bench.done()
    found = {model.id: model for model in bench.client.models.list()}
    assert "gpt-6-luna" not in found  # It cannot be tuned.
    base, made = found[MODEL], found[done.fine_tuned_model or ""]
    assert (base.kind, made.kind, made.base_model) == ("base", "fine_tuned", MODEL)
    for one in (base, made):
        assert (one.new_jobs_end, one.shutdown_date) == (date(2026, 10, 14), date(2027, 10, 14))
        assert one.created_at is not None
    assert bench.client.models.get(MODEL) == base


def test_a_model_is_deleted(bench: Bench) -> None:
    name = bench.done().fine_tuned_model or ""
    bench.client.models.delete(name)
    for verb in (bench.client.models.get, bench.client.models.delete):
        with pytest.raises(NotFoundError):
            verb(name)


def test_one_that_is_deployed_is_not(bench: Bench) -> None:
    client, job = bench.deploying(), bench.done()
    made = client.deployments.wait(client.deployments.create(job, name="recipes"))
    with pytest.raises(ConflictError, match=r"`deployments\.delete` first") as caught:
        client.models.delete(job.fine_tuned_model or "")
    assert caught.value.request_id
    client.deployments.delete(made)
    bench.clock.advance(60)
    client.models.delete(job.fine_tuned_model or "")


def test_a_base_model_is_not_ours_to_delete(bench: Bench) -> None:
    with pytest.raises(UnsupportedError, match="nothing was sent"):
        bench.client.models.delete(MODEL)
    assert bench.data.requests == []


def test_the_days_that_the_service_tells_are_told(bench: Bench) -> None:
    plan = bench.client.jobs.plan(model=MODEL, training_data=ROWS)
    assert plan.shutdown_date == date(2027, 10, 14)
    told = "\n".join(plan.warnings)
    assert "shuts down on 2027-10-14" in told
    assert "from 2026-10-14 on" in told


def test_those_of_the_user_are_stronger(bench: Bench) -> None:
    said = {"shutdown": "2028-01-01", "source": "a letter", "as_of": "2026-01-01"}
    own = ProviderSunset.model_validate({"models": {MODEL: said}})
    client = bench.open(sunsets=Sunsets(own={"azure_openai": own}))
    assert client.jobs.plan(model=MODEL, training_data=ROWS).shutdown_date == date(2028, 1, 1)
    assert client.models.get(MODEL).shutdown_date == date(2028, 1, 1)


@pytest.mark.parametrize("seconds", [END_OF_JOBS, END_OF_MODELS])
def test_behind_them_nothing_is_sent(bench: Bench, seconds: float) -> None:
    bench.clock.advance(seconds)
    for verb in (bench.client.jobs.plan, bench.client.jobs.create):
        with pytest.raises(SunsetError, match="the service's own list of models") as caught:
            verb(model=MODEL, training_data=ROWS)
        assert "local" in caught.value.able
    assert bench.posts == []


def test_on_the_last_day_a_job_is_taken(bench: Bench) -> None:
    bench.clock.advance(END_OF_JOBS - 1)
    assert bench.create().id


def test_a_tuned_model_without_a_day_has_its_bases(bench: Bench) -> None:
    tuned = bench.done().fine_tuned_model

    def silent(said: Mapping[str, Any]) -> dict[str, Any]:
        return {**said, "data": [_without_end(one, tuned) for one in said["data"]]}

    bench.hit("GET", "/models", Edit(silent))
    found = {model.id: model.shutdown_date for model in bench.client.models.list()}
    assert found[tuned or ""] == found[MODEL] == date(2027, 10, 14)


def _without_end(one: Mapping[str, Any], of: str | None) -> dict[str, Any]:
    return {name: value for name, value in one.items() if (one["id"], name) != (of, "deprecation")}


def test_a_tuned_model_ends_with_its_base(bench: Bench) -> None:
    name = bench.done().fine_tuned_model or ""
    bench.clock.advance(END_OF_JOBS)
    with pytest.raises(SunsetError):
        bench.create(model=name)


def test_a_model_that_is_not_listed_is_a_warning(bench: Bench) -> None:
    plan = bench.client.jobs.plan(model="gpt-nobody-knows", training_data=ROWS)
    assert any("does not list" in words for words in plan.warnings)


# A checkpoint to another resource

OTHER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/other"


def test_a_checkpoint_is_copied(bench: Bench) -> None:
    checkpoint = next(bench.client.jobs.checkpoints(bench.done()))
    with pytest.raises(NotFoundError):
        bench.provider.get_checkpoint_copy(checkpoint)
    made = bench.provider.copy_checkpoint(checkpoint, destination=OTHER, region="swedencentral")
    assert (made.model, made.status) == (checkpoint.model, "InProgress")
    bench.clock.advance(60)
    assert bench.provider.get_checkpoint_copy(checkpoint).status == "Completed"
    asked = [one for one in bench.data.requests if one.path.endswith("/copy")]
    assert {one.headers["aoai-copy-ft-checkpoints"] for one in asked} == {"preview"}


@pytest.mark.parametrize("destination", ["", "other", "https://other.openai.azure.com"])
def test_a_destination_is_a_resource(bench: Bench, destination: str) -> None:
    checkpoint = next(bench.client.jobs.checkpoints(bench.done()))
    sent = len(bench.data.requests)
    with pytest.raises(ConfigurationError, match="`destination`"):
        bench.provider.copy_checkpoint(checkpoint, destination=destination, region="r")
    assert len(bench.data.requests) == sent


# Export


def test_a_job_is_taken_out(bench: Bench, tmp_path: Path) -> None:
    job = bench.done(
        JobCourse(steps=5),
        method=Supervised(epochs=2),
        suffix="recipes",
        seed=7,
        validation_data=ROWS,
    )
    exported = bench.client.jobs.export(job, tmp_path / "out")
    folder = tmp_path / "out" / job.id
    assert Path(exported.folder) == folder
    names = {path.name for path in folder.iterdir()}
    assert {"recipe.yaml", "lineage.json"} <= names
    assert any("train" in name and name.endswith(".jsonl") for name in names)
    recipe = (folder / "recipe.yaml").read_text()
    assert MODEL in recipe
    assert "epochs: 2" in recipe


# Awaited


def test_it_is_all_there_awaited(bench: Bench) -> None:
    provider = AzureOpenAITrainer(
        endpoint=bench.data.endpoint,
        api_key=bench.data.key,
        home=bench.home,
        clock=bench.clock,
        environ={},
    )

    async def go() -> tuple[Job, int]:
        async with AsyncFineTuneClient(provider, home=bench.home) as client:
            job = await client.jobs.create(model=MODEL, training_data=ROWS)
            job = await client.jobs.wait(job, progress=False)
            return job, len([one async for one in client.jobs.events(job)])

    job, events = asyncio.run(go())
    assert (job.fine_tuned_model or "").startswith(f"{MODEL}.ft-")
    assert events > 0


# On the command line

CONFIG = """\
[profiles.azure-eu]
provider = "azure_openai"
endpoint = "{endpoint}"
api_key_env = "MINE"
training_type = "Standard"

[models.small]
azure-eu = "{model}"

[prices.azure-eu."{model}"]
{price}
"""


@pytest.fixture
def project(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The command goes by the real clock, which is behind the last day one day.
    bench.hit("GET", "/models/.*", Edit(lambda one: {**one, "deprecation": {}}), times=None)
    folder = tmp_path / "project"
    folder.mkdir()
    said = CONFIG.format(endpoint=bench.data.endpoint, model=MODEL, price=EXPECTED)
    (folder / "finetune.toml").write_text(said)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    recipe = "model: small\ntraining_data: train.jsonl\nmethod: {type: supervised, epochs: 3}\n"
    (folder / "recipe.yaml").write_text(recipe)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MINE", bench.data.key)
    return folder


@pytest.mark.usefixtures("project")
def test_a_job_on_the_command_line(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    def finetune(*words: str) -> str:
        code = main(["--profile", "azure-eu", *words])
        told = capsys.readouterr()
        assert code == 0, told.err
        return told.out

    job = ["--model", "small", "--training-data", "train.jsonl", "--epochs", "3"]
    made = finetune("jobs", "create", "--yes", *job)
    (job_id,) = bench.data.jobs
    assert job_id in made
    assert (bench.sent()["trainingType"], bench.sent()["model"]) == ("Standard", MODEL)
    assert "pending" in finetune("jobs", "show", job_id)
    bench.clock.advance(1000)
    assert "succeeded" in finetune("jobs", "wait", f"azure-eu:{job_id}")
    assert ".ft-" in finetune("jobs", "show", f"azure-eu:{job_id}")
    assert finetune("jobs", "events", job_id).count("\n") > 3
    assert "our contract" in finetune("plan", "recipe.yaml")


@pytest.mark.usefixtures("project")
def test_prices_of_the_profile_hold_a_job_back(bench: Bench) -> None:
    with FineTuneClient("azure-eu") as client:
        words: dict[str, Any] = {
            "model": "small",
            "training_data": "train.jsonl",
            "method": Supervised(epochs=3),
        }
        cost = client.jobs.plan(**words).cost
        assert cost is not None
        with pytest.raises(CostLimitError):
            client.jobs.create(**words, max_cost=cost.high / 10)
        job = client.jobs.create(**words, max_cost=cost.high)
    assert job.handle == f"azure-eu:{job.id}"
