"""The stand-in of OpenAI, driven by OpenAI's own package: jobs, and what they tell."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import openai
import pytest

from finetune_sdk.testing import VirtualClock
from tests.standins.driving import BASE, ROWS, refused, start, upload
from tests.standins.openai import TRUTH, JobCourse, OpenAIService


class TestJobs:
    def test_go_to_their_end(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        service.add_course(JobCourse(model_after=60))
        made = client.fine_tuning.jobs.create(
            model="gpt-4o-mini", training_file=upload(client), suffix="soup", seed=7
        )
        assert (made.model, made.seed, made.status) == (BASE, 7, "validating_files")
        assert made.error is not None
        assert made.error.code is None
        seen: list[str] = []
        for seconds in (10, 20, 300, 300):
            clock.advance(seconds)
            seen.append(client.fine_tuning.jobs.retrieve(made.id).status)
        assert seen == ["queued", "running", "running", "succeeded"]
        done = client.fine_tuning.jobs.retrieve(made.id)
        assert (done.fine_tuned_model, done.trained_tokens) == (None, len(ROWS) // 4 * 3)
        assert done.finished_at == made.created_at + 630
        clock.advance(60)
        done = client.fine_tuning.jobs.retrieve(made.id)
        assert done.fine_tuned_model == f"ft:{BASE}:standin:soup:00000001"
        assert done.fine_tuned_model in service.models
        assert service.truth(made.id) == "succeeded"

    @pytest.mark.parametrize("how", ["plain", "base64"])
    def test_have_results(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock, how: Any
    ) -> None:
        service.course = JobCourse(steps=3, result=how)
        job = start(client)
        assert client.fine_tuning.jobs.retrieve(job).result_files == []
        clock.advance(1000)
        (result,) = client.fine_tuning.jobs.retrieve(job).result_files
        told = client.files.content(result).read()
        text = (told if how == "plain" else base64.b64decode(told, validate=True)).decode()
        header, first, *rest = text.splitlines()
        assert header == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
        assert first.startswith("1,")
        assert first.endswith(",,")
        assert len(rest) == 2

    def test_fail_with_what_their_course_says(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        service.add_course(JobCourse(outcome="failed", error={}), JobCourse(outcome="cancelled"))
        failed, cancelled = start(client), start(client)
        clock.advance(1000)
        assert client.fine_tuning.jobs.retrieve(failed).status == "failed"
        raw = client.fine_tuning.jobs.with_raw_response.retrieve(failed)
        assert json.loads(raw.content)["error"] == {}
        assert raw.headers["x-request-id"]
        assert client.fine_tuning.jobs.retrieve(cancelled).status == "cancelled"

    def test_need_ten_examples(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        job = start(client, training_file=upload(client, b"{}\n" * 9))
        clock.advance(10)
        done = client.fine_tuning.jobs.retrieve(job)
        assert done.status == "failed"
        assert done.error is not None
        assert (done.error.code, done.error.param) == ("invalid_n_examples", "training_file")
        assert next(iter(client.fine_tuning.jobs.list_events(job))).level == "error"

    def test_are_cancelled_once(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        job = start(client)
        clock.advance(100)
        done = client.fine_tuning.jobs.cancel(job)
        assert (done.status, done.finished_at) == ("cancelled", done.created_at + 100)
        clock.advance(1000)
        assert client.fine_tuning.jobs.retrieve(job) == done
        with pytest.raises(openai.BadRequestError, match="already completed"):
            client.fine_tuning.jobs.cancel(job)
        with pytest.raises(openai.NotFoundError) as caught:
            client.fine_tuning.jobs.cancel("ftjob-unknown")
        assert refused(caught.value) == (404, "fine_tune_not_found", "fine_tune_id")

    def test_pause(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        service.course = JobCourse(pausing=30)
        job = start(client)
        clock.advance(330)
        assert cast("str", client.fine_tuning.jobs.pause(job).status) == "pausing"
        clock.advance(500)
        assert cast("str", client.fine_tuning.jobs.retrieve(job).status) == "paused"
        with pytest.raises(openai.BadRequestError, match="already paused"):
            client.fine_tuning.jobs.pause(job)
        assert client.fine_tuning.jobs.resume(job).status == "running"
        clock.advance(299)
        assert client.fine_tuning.jobs.retrieve(job).status == "running"
        clock.advance(1)
        done = client.fine_tuning.jobs.retrieve(job)
        assert (done.status, done.finished_at) == ("succeeded", done.created_at + 1130)
        said = [event.message for event in client.fine_tuning.jobs.list_events(job, limit=100)]
        assert said.index("The job has been resumed") < said.index("The job has been paused")
        assert len(said) == 108

    def test_are_listed_newest_first(self, client: openai.OpenAI) -> None:
        file = upload(client)
        ids = [start(client, training_file=file, metadata={"n": f"{n % 2}"}) for n in range(5)]
        ids.append(start(client, training_file=file))
        listed = client.fine_tuning.jobs.list
        assert [job.id for job in listed(limit=2)] == ids[::-1]
        assert [job.id for job in listed(metadata={"n": "1"}, limit=1)] == [ids[3], ids[1]]
        assert [job.id for job in listed(extra_query={"metadata": "null"})] == [ids[5]]
        assert listed(metadata={"n": "2"}).data == []
        with pytest.raises(openai.BadRequestError):
            listed(after="ftjob-unknown")

    def test_say_what_they_are_told_to(self, client: openai.OpenAI, service: OpenAIService) -> None:
        job = start(client)
        for word in ("alien", "", None, 7):
            service.say(job, word)
            assert cast("object", client.fine_tuning.jobs.retrieve(job).status) == word
            assert cast("object", client.fine_tuning.jobs.list().data[0].status) == word
        service.say(job, TRUTH)
        assert client.fine_tuning.jobs.retrieve(job).status == "validating_files"


class TestCreation:
    @pytest.mark.parametrize(
        ("wrong", "code", "param"),
        [
            ({"training_file": "file-0"}, "invalid_file", "training_file"),
            ({"validation_file": "file-0"}, "invalid_file", "validation_file"),
            ({"model": "gpt-9"}, "model_not_available", "model"),
            ({"model": "gpt-6-luna"}, "model_not_available", "model"),
            ({"suffix": "x" * 65}, "string_above_max_length", "suffix"),
            ({"suffix": ""}, "empty_string", "suffix"),
            ({"seed": -1}, "invalid_type", "seed"),
            ({"metadata": {str(n): "" for n in range(17)}}, "object_above_max_properties", None),
            ({"metadata": {"k": "x" * 513}}, "string_above_max_length", "metadata.k"),
            ({"integrations": [{"type": "wandb"}]}, "invalid_type", "integrations"),
            ({"method": {"type": "magic"}}, "invalid_value", "method.type"),
            ({"hyperparameters": {"n_epochs": 51}}, "invalid_type", "hyperparameters.n_epochs"),
            ({"extra_body": {"trainingType": 1}}, "unknown_parameter", "trainingType"),
            ({"extra_body": {"training_file": None}}, "missing_required_parameter", None),
            (
                {"method": {"type": "reinforcement"}},
                "missing_required_parameter",
                "method.reinforcement.grader",
            ),
        ],
    )
    def test_is_refused(
        self,
        client: openai.OpenAI,
        service: OpenAIService,
        wrong: dict[str, Any],
        code: str,
        param: str | None,
    ) -> None:
        asked: dict[str, Any] = {"model": BASE, "training_file": upload(client), **wrong}
        with pytest.raises(openai.BadRequestError) as caught:
            client.fine_tuning.jobs.create(**asked)
        assert (caught.value.code, caught.value.param) == (code, param or caught.value.param)
        assert service.jobs == {}

    def test_waits_for_files_where_it_is_strict(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        service.strict_files, service.file_delay = True, 5
        file = upload(client)
        with pytest.raises(openai.BadRequestError, match="is not ready"):
            start(client, training_file=file)
        clock.advance(5)
        start(client, training_file=file)
        client.files.delete(file)
        with pytest.raises(openai.BadRequestError, match="invalid training_file"):
            start(client, training_file=file)

    def test_keeps_what_was_asked(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        wandb: Any = [{"type": "wandb", "wandb": {"project": "soup"}}]
        method: Any = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}
        job = start(client, integrations=wandb, method=method, metadata={"a": "b"})
        clock.advance(30)
        seen = client.fine_tuning.jobs.retrieve(job).to_dict()
        assert (seen["integrations"], seen["metadata"]) == (wandb, {"a": "b"})
        chosen = {"beta": 0.1, "n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8}
        assert seen["method"] == {"type": "dpo", "dpo": {"hyperparameters": chosen}}
        assert service.posts("/fine_tuning/jobs")[0].json["method"] == method


class TestProgress:
    def test_is_told_in_events(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        file = upload(client)
        job = start(client, training_file=file, validation_file=file)
        clock.advance(1000)
        events = list(client.fine_tuning.jobs.list_events(job, limit=7))[::-1]
        assert len({event.id for event in events}) == len(events) == 106
        assert [event.created_at for event in events] == sorted(e.created_at for e in events)
        assert events[0].message == f"Created fine-tuning job: {job}"
        assert events[-2].message.startswith(f"New fine-tuned model created: ft:{BASE}")
        (step,) = [e for e in events if e.message.startswith("Step 25/100: training loss=1.24, ")]
        assert step.type == "metrics"
        data = cast("dict[str, float]", step.data)
        assert (data["step"], data["total_steps"]) == (25, 100)
        assert data.keys() > {"train_loss", "valid_loss", "full_valid_loss"}

    def test_may_be_told_at_length(self, client: openai.OpenAI, service: OpenAIService) -> None:
        service.course = JobCourse(validating=0, queued=0, running=0, steps=1000, chatter=99)
        job = start(client)
        newest = client.fine_tuning.jobs.list_events(job, limit=100)
        assert newest.data[0].id == f"ftevent-{1:012d}{100_005:012d}"
        assert len({event.id for event in (*newest.data, *newest.get_next_page().data)}) == 200

    def test_keeps_three_checkpoints(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        service.course = JobCourse(checkpoints_every=10)
        job = start(client)
        clock.advance(600)
        assert client.fine_tuning.jobs.checkpoints.list(job).data == []
        clock.advance(30)
        kept = list(client.fine_tuning.jobs.checkpoints.list(job, limit=2))
        assert [one.step_number for one in kept] == [100, 90, 80]
        name = kept[1].fine_tuned_model_checkpoint
        assert name == f"ft:{BASE}:standin::00000001:ckpt-step-90"
        assert name in service.models
