"""Where Azure's jobs are other ones than OpenAI's, seen by OpenAI's own package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from finetune_sdk.testing import VirtualClock
from tests.standins.azure import Azure, unsafe_data, unsafe_model
from tests.standins.azure.clients import BASE, data_client, error_of, get, start, upload
from tests.standins.openai import DropAfter, Fault, JobCourse

GRADER = {
    "type": "string_check",
    "name": "same",
    "operation": "eq",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
}


@pytest.fixture
def client(azure: Azure) -> Iterator[openai.OpenAI]:
    with data_client(azure) as client:
        yield client


class TestCreation:
    def test_a_reply_has_null_where_openai_has_a_value(self, client: openai.OpenAI) -> None:
        job = get(client, start(client))
        assert job.organization_id is None
        assert job.result_files is None
        assert job.seed is None
        assert job.metadata is None
        assert job.error is None

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("GlobalStandard", "globalStandard"),
            ("Standard", "standard"),
            ("developerTier", "developerTier"),
            (1, 1),
        ],
    )
    def test_the_tier_comes_back(self, client: openai.OpenAI, given: object, told: object) -> None:
        assert get(client, start(client, given)).trainingType == told

    @pytest.mark.parametrize(
        "asked",
        [
            {"extra_body": {}},
            {"model": "gpt-6-luna"},
            {"model": "gpt-4.1-mini"},
            {"model": f"{BASE}.ft-0123"},
        ],
    )
    def test_many_things_are_told_as_one(
        self, azure: Azure, client: openai.OpenAI, asked: dict[str, Any]
    ) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            start(client, **asked)
        found = error_of(caught)
        assert found["code"] == "invalidPayload"
        assert found["message"] == "The specified base model does not support fine-tuning."
        assert "inner_error" in found
        assert azure.data.jobs == {}

    def test_a_region_may_not_tune_a_model(self, azure: Azure, client: openai.OpenAI) -> None:
        azure.data.tunable.remove(BASE)
        with pytest.raises(openai.BadRequestError, match="does not support fine-tuning"):
            start(client)

    @pytest.mark.parametrize("suffix", ["a" * 41, "v1.5", "two words"])
    def test_a_suffix_is_short_and_plain(self, client: openai.OpenAI, suffix: str) -> None:
        with pytest.raises(openai.BadRequestError, match="suffix"):
            start(client, suffix=suffix)

    @pytest.mark.parametrize(("habit", "told"), [("kept", {"a": "b"}), ("dropped", None)])
    def test_metadata_is_kept_or_dropped(
        self, azure: Azure, client: openai.OpenAI, habit: Any, told: object
    ) -> None:
        azure.data.metadata = habit
        job_id = start(client, metadata={"a": "b"})
        assert get(client, job_id).metadata == told
        found = client.fine_tuning.jobs.list(metadata={"a": "other"}).data
        assert len(found) == (0 if habit == "kept" else 1)

    def test_metadata_may_be_refused(self, azure: Azure, client: openai.OpenAI) -> None:
        azure.data.metadata = "refused"
        with pytest.raises(openai.BadRequestError, match="metadata"):
            start(client, metadata={"a": "b"})
        assert start(client) in azure.data.jobs

    def test_hyperparameters_may_be_passed_over(
        self, azure: Azure, client: openai.OpenAI, clock: VirtualClock
    ) -> None:
        azure.data.ignores = {"batch_size"}
        given: Any = {"n_epochs": 2, "batch_size": 8}
        method: Any = {"type": "supervised", "supervised": {"hyperparameters": given}}
        job_id = start(client, method=method)
        clock.advance(100)
        job = get(client, job_id)
        assert job.hyperparameters.n_epochs == 2
        assert job.hyperparameters.batch_size == 1
        assert job.method.supervised.hyperparameters.batch_size == 1

    def test_a_job_may_show_only_its_epochs(self, azure: Azure, client: openai.OpenAI) -> None:
        azure.data.shows = "epochs"
        job = get(client, start(client, hyperparameters={"n_epochs": 2, "batch_size": 8}))
        assert job.hyperparameters.to_dict() == {"n_epochs": 2}
        assert job.method.to_dict() == {"type": "supervised"}

    def test_a_job_may_show_no_hyperparameters(self, azure: Azure, client: openai.OpenAI) -> None:
        azure.data.shows = "none"
        assert get(client, start(client)).hyperparameters is None

    def test_reinforcement_keeps_its_grader(self, client: openai.OpenAI) -> None:
        given = {"grader": GRADER, "hyperparameters": {"eval_samples": 3}}
        method: Any = {"type": "reinforcement", "reinforcement": given}
        model = "o4-mini-2025-04-16"
        job_id = start(client, model=model, method=method, validation_file=upload(client))
        job = get(client, job_id)
        assert job.method.reinforcement.grader.to_dict() == GRADER
        assert job.method.reinforcement.hyperparameters.eval_samples == 3
        with pytest.raises(openai.BadRequestError, match="validation file"):
            start(client, model=model, method=method)
        with pytest.raises(openai.BadRequestError, match="grader"):
            start(client, method={"type": "reinforcement", "reinforcement": {}})

    def test_faults_are_planned_as_elsewhere(self, azure: Azure, client: openai.OpenAI) -> None:
        azure.data.faults.add(Fault(action=DropAfter()))
        with pytest.raises(openai.APIConnectionError):
            start(client)
        assert len(azure.data.jobs) == 1


class TestJobs:
    @pytest.mark.parametrize(
        ("words", "told"),
        [
            ("azure", ["pending", "pending", "running", "succeeded"]),
            ("openai", ["validating_files", "queued", "running", "succeeded"]),
        ],
    )
    def test_states(
        self,
        azure: Azure,
        client: openai.OpenAI,
        clock: VirtualClock,
        words: Any,
        told: list[str],
    ) -> None:
        azure.data.words = words
        job_id = start(client)
        found: list[str] = []
        for seconds in (0, 15, 100, 600):
            clock.advance(seconds)
            found.append(get(client, job_id).status)
        assert found == told

    def test_pause_and_resume(
        self, azure: Azure, client: openai.OpenAI, clock: VirtualClock
    ) -> None:
        azure.data.course, azure.data.resuming = JobCourse(pausing=30), 20
        # Their types know OpenAI's words alone.
        jobs: Any = client.fine_tuning.jobs
        job_id = start(client)
        for seconds in (0, 31):
            clock.advance(seconds)
            with pytest.raises(openai.BadRequestError, match="first step"):
                jobs.pause(job_id)
        clock.advance(69)
        assert jobs.pause(job_id).status == "pausing"
        assert jobs.checkpoints.list(job_id).data == []
        clock.advance(30)
        assert get(client, job_id).status == "paused"
        (kept,) = jobs.checkpoints.list(job_id).data
        assert kept.step_number == 11
        assert azure.data.deployable(kept.fine_tuned_model_checkpoint, "1")
        assert jobs.resume(job_id).status == "resuming"
        clock.advance(20)
        assert get(client, job_id).status == "running"
        clock.advance(600)
        steps = [row.step_number for row in jobs.checkpoints.list(job_id).data]
        assert steps == [100, 75, 50, 11]

    def test_a_job_can_be_cancelled_and_not_deleted(self, client: openai.OpenAI) -> None:
        job_id = start(client)
        with pytest.raises(openai.APIStatusError) as caught:
            client.delete(f"/fine_tuning/jobs/{job_id}", cast_to=object)
        assert caught.value.status_code == 405
        assert client.fine_tuning.jobs.cancel(job_id).status == "cancelled"

    def test_names(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        job_id = start(client, suffix="recipes")
        clock.advance(1000)
        model = get(client, job_id).fine_tuned_model
        assert re.fullmatch(re.escape(BASE) + r"\.ft-[0-9a-f]{32}-recipes", model)
        for row in client.fine_tuning.jobs.checkpoints.list(job_id):
            assert re.fullmatch(r"ftchkpt-[0-9a-f]{32}", row.id)
            assert row.fine_tuned_model_checkpoint == row.id
        again = start(client, model=model)
        clock.advance(1000)
        assert re.fullmatch(
            re.escape(BASE) + r"\.ft-[0-9a-f]{32}", get(client, again).fine_tuned_model
        )

    def test_results_are_plain(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        job_id = start(client)
        clock.advance(1000)
        (file_id,) = get(client, job_id).result_files
        assert client.files.retrieve(file_id).filename == "results.csv"
        lines = client.files.content(file_id).text.splitlines()
        assert lines[0].startswith("step,train_loss,train_mean_token_accuracy")
        assert len(lines) == 101

    @pytest.mark.parametrize(
        ("course", "age", "said"),
        [(unsafe_data(), 20, "failed RAI checks"), (unsafe_model(), 700, "unable to be deployed")],
    )
    def test_content_is_checked(
        self,
        azure: Azure,
        client: openai.OpenAI,
        clock: VirtualClock,
        course: JobCourse,
        age: float,
        said: str,
    ) -> None:
        azure.data.add_course(course)
        job_id = start(client)
        clock.advance(age)
        job = get(client, job_id)
        assert (job.status, job.fine_tuned_model) == ("failed", None)
        assert said in job.error.message

    def test_a_checkpoint_can_be_copied(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        job_id = start(client)
        clock.advance(1000)
        kept = client.fine_tuning.jobs.checkpoints.list(job_id).data[0].id
        path = f"/fine_tuning/jobs/{job_id}/checkpoints/{kept}/copy"
        body = {"destinationResourceId": "/subscriptions/other", "region": "swedencentral"}
        with pytest.raises(openai.NotFoundError):
            client.post(path, body=body, cast_to=object)
        options: Any = {"headers": {"aoai-copy-ft-checkpoints": "preview"}}
        with pytest.raises(openai.NotFoundError):
            client.get(path, cast_to=object, options=options)
        bad = {"destinationResourceId": "/subscriptions/other"}
        with pytest.raises(openai.BadRequestError, match="region"):
            client.post(path, body=bad, cast_to=object, options=options)
        told: Any = client.post(path, body=body, cast_to=object, options=options)
        known = {"checkpointedModelName": kept, "fineTuningJobId": job_id}
        assert told == {**known, "status": "InProgress"}
        clock.advance(60)
        told = client.get(path, cast_to=object, options=options)
        assert told == {**known, "status": "Completed"}
