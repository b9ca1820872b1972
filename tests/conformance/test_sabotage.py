"""Each law can fail: a provider that breaks it, and nothing else, is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from finetune_sdk.errors import ConflictError, InvalidRequestError, NotFoundError
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import FakeProvider, RecordedCall
from finetune_sdk.types import (
    CostEstimate,
    Deployment,
    DeploymentSpec,
    DeploymentStatus,
    Job,
    JobSpec,
    JobStatus,
    MethodName,
    Page,
    Supervised,
)
from tests.conformance.test_fake import TestFake as Fake

Sabotage = Callable[[pytest.MonkeyPatch], None]


def told(**words: Any) -> Sabotage:
    """Every job is told with these words."""

    def made(patch: pytest.MonkeyPatch) -> None:
        for name in ("create_job", "get_job", "cancel_job"):
            real = getattr(FakeProvider, name)
            patch.setattr(FakeProvider, name, partial_method(real, lambda job: altered(job, words)))

    return made


def altered(value: Any, words: Mapping[str, Any]) -> Any:
    return value.model_copy(update=words)


def partial_method(real: Any, change: Callable[[Any], Any]) -> Any:
    def method(self: FakeProvider, *args: Any, **kwargs: Any) -> Any:
        return change(real(self, *args, **kwargs))

    return method


def giving(name: str, change: Callable[[Any], Any]) -> Sabotage:
    """What a method gives is changed."""
    return lambda patch: patch.setattr(
        FakeProvider, name, partial_method(getattr(FakeProvider, name), change)
    )


def instead(name: str, method: Callable[..., Any]) -> Sabotage:
    """A method is another one."""
    return lambda patch: patch.setattr(FakeProvider, name, method)


def items(change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Callable[[Page[Any]], Page[Any]]:
    return lambda page: replace(page, items=change(page.items))


def raising(error: Exception) -> Callable[..., Any]:
    def method(self: FakeProvider, *args: object, **kwargs: object) -> Any:
        raise error

    return method


def capable(**words: Any) -> Sabotage:
    capabilities = replace(FakeProvider.capabilities, **words)
    return lambda patch: patch.setattr(FakeProvider, "capabilities", capabilities)


def status(word: DeploymentStatus) -> Callable[[Deployment], Deployment]:
    return lambda made: altered(made, {"status": word})


CREATE = FakeProvider.create_job
GET = FakeProvider.get_job


def posting(self: FakeProvider, spec: JobSpec, /) -> Job:
    """A create that makes a new job each time."""
    return CREATE(self, spec.model_copy(update={"key": uuid4().hex}))


def refusing_late(self: FakeProvider, spec: JobSpec, /) -> Job:
    """A create that is refused, and has made its job all the same."""
    try:
        return CREATE(self, spec)
    except InvalidRequestError:
        CREATE(self, spec)
        raise


def posting_twice(self: FakeProvider, spec: JobSpec, /) -> Job:
    """A create that is sent again where its answer is lost."""
    posting(self, spec)
    return posting(self, spec)


def trusting(self: FakeProvider, job_id: str, /) -> Job:
    """A look that lets an id lead to another place."""
    jobs = self.list_jobs(limit=1, cursor=None).items
    return jobs[0] if "/" in job_id else GET(self, job_id)


def uploading(self: FakeProvider, spec: JobSpec, rows: object, /) -> CostEstimate:
    """An estimate that sends rows for it."""
    self.calls.append(RecordedCall("upload_dataset", (spec,)))
    return CostEstimate(low=3, high=3, source="a guess")


def scribbling(self: FakeProvider, file_id: str, path: Path, /) -> None:
    """Writes rows that nobody has learned from."""
    path.write_text("{}\n")


def nothing(self: FakeProvider, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Any]:
    return Page(())


def forgetting(self: FakeProvider, name: str, /) -> None:
    """Does nothing of what it was asked."""


def leaving_empty(self: FakeProvider, model_id: str, folder: Path, /) -> None:
    """A download that brings nothing."""


def owing(self: FakeProvider, spec: DeploymentSpec, /) -> float:
    return -1.0


def unregistered(patch: pytest.MonkeyPatch) -> None:
    """Another class is registered by the provider's name."""

    def load(name: str) -> type[FineTuneProvider]:
        return OpenAIProvider

    patch.setattr("finetune_sdk.providers.registry.load", load)


LOSING = NotFoundError("no", provider="other")
SUPERVISED = FakeProvider.capabilities.methods[MethodName.SUPERVISED]
MISSPELLED = replace(SUPERVISED, hyperparameters=frozenset({"epochs", "lr"}))
LAWS: Mapping[str, Sabotage] = {
    "a_provider_says_who_it_is": capable(poll_interval=(0.0, 0.0)),
    "a_provider_says_who_it_is ": capable(methods={MethodName.SUPERVISED: MISSPELLED}),
    "a_provider_says_who_it_is  ": capable(fields=frozenset({"seeds"})),
    "an_id_that_nobody_knows_is_not_found ": instead("get_job", trusting),
    "what_a_job_was_told_it_tells_again ": told(validation_file=None),
    "every_hyperparameter_that_it_names_is_taken": told(method=Supervised(epochs=1, batch_size=2)),
    "a_job_that_was_created_is_the_one_that_is_got": told(model="another"),
    "a_job_goes_to_json_and_back": told(raw={"at": datetime(2026, 1, 1, tzinfo=UTC)}),
    "an_id_that_nobody_knows_is_not_found": instead("list_events", nothing),
    "the_same_key_gives_the_same_job": giving("list_jobs", items(lambda jobs: jobs * 2)),
    "the_provider_itself_finds_what_a_key_has_made": giving("find_jobs", lambda _: []),
    "a_short_job_succeeds_and_names_its_model": told(started_at=datetime(2020, 1, 1, tzinfo=UTC)),
    "a_failing_job_says_why": told(error=None),
    "a_job_that_has_not_ended_names_no_model": told(fine_tuned_model="early"),
    "an_unknown_word_is_no_end_and_no_crash": told(raw_status=None),
    "what_a_job_was_told_it_tells_again": told(seed=None),
    "events_come_once_and_in_order": giving("list_events", items(lambda _: ())),
    "events_are_the_same_page_by_page": giving(
        "list_events", lambda page: replace(page, next_cursor=None)
    ),
    "metrics_are_in_the_order_of_their_steps": giving("list_metrics", items(lambda m: m[::-1])),
    "logs_can_be_read": giving("read_logs", items(lambda lines: (*lines, "one\n"))),
    "pages_hold_every_job_once_and_newest_first": giving("list_jobs", items(lambda j: j[::-1] * 2)),
    "cancel_ends_a_job": instead("cancel_job", FakeProvider.get_job),
    "cancelling_what_has_ended_changes_nothing": giving(
        "cancel_job", lambda job: altered(job, {"status": JobStatus.CANCELLED})
    ),
    "a_paused_job_goes_on_when_it_is_resumed": instead("resume_job", FakeProvider.get_job),
    "a_paused_job_can_be_cancelled": instead("cancel_job", FakeProvider.get_job),
    "what_has_ended_is_neither_paused_nor_resumed": instead("pause_job", FakeProvider.get_job),
    "every_method_that_it_names_can_be_created": told(method=Supervised()),
    "a_create_that_the_service_refuses_makes_nothing": instead("create_job", refusing_late),
    "a_plan_makes_nothing_and_is_made_once": instead("estimate_cost", uploading),
    "max_cost_is_held_before_anything_is_uploaded": instead("estimate_cost", uploading),
    "what_a_job_has_cost_is_an_estimate_or_a_reason": giving(
        "spent", lambda cost: altered(cost, {"low": 9.0})
    ),
    "checkpoints_are_of_their_job_and_newest_first": giving(
        "list_checkpoints", items(lambda found: found[::-1])
    ),
    "a_model_that_was_made_is_got_until_it_is_deleted": instead("delete_model", forgetting),
    "models_are_listed_once_and_to_the_end": giving("list_models", items(lambda m: m * 2)),
    "a_base_model_is_not_deleted": instead("delete_model", forgetting),
    "a_model_is_downloaded_to_a_folder_of_its_own": instead("download_model", leaving_empty),
    "a_job_is_found_by_its_key": instead("get_job", raising(LOSING)),
    "the_rows_of_a_job_come_back": instead("download_dataset", scribbling),
    "a_deployment_is_the_one_that_is_got_and_listed": giving(
        "list_deployments", items(lambda _: ())
    ),
    "a_deployment_answers": instead("connect", raising(ConflictError("no", provider="fake"))),
    "the_same_name_is_the_same_deployment": giving(
        "create_deployment", lambda made: altered(made, {"id": uuid4().hex})
    ),
    "a_deployment_that_is_deleted_is_gone": instead("delete_deployment", forgetting),
    "a_deployment_keeps_its_end": giving(
        "get_deployment", lambda made: altered(made, {"expires_at": None})
    ),
    "a_limit_on_the_hour_is_held_before_anything_is_made": instead("cost_per_hour", owing),
    "a_paused_deployment_answers_again_when_it_is_resumed": giving(
        "pause_deployment", status(DeploymentStatus.READY)
    ),
    "what_is_not_deployed_is_neither_paused_nor_resumed": instead(
        "pause_deployment", raising(ConflictError("no", provider="fake"))
    ),
    "a_lost_answer_makes_one_job_and_never_two": instead("create_job", posting_twice),
    "a_lost_answer_is_told_as_unknown_and_its_job_is_found": giving("find_jobs", lambda _: []),
    "a_look_that_fails_for_a_moment_is_borne": instead(
        "get_job", raising(InvalidRequestError("no", provider="fake"))
    ),
    "errors_say_whose_they_are_and_travel": instead("get_job", raising(LOSING)),
    "a_registered_name_is_that_of_its_class": unregistered,
    "no_secret_shows_anywhere": told(raw={"key": "hunter2-hunter2"}),
    "no_secret_shows_in_a_deployment": giving(
        "get_deployment", lambda made: altered(made, {"url": "http://hunter2-hunter2"})
    ),
    "many_threads_may_share_a_client": instead("get_job", raising(LOSING)),
    "the_asynchronous_client_does_the_same": giving("list_jobs", items(lambda _: ())),
    "a_deployment_answers_the_asynchronous_client": instead("connect", raising(LOSING)),
    "closing_twice_is_allowed": instead("close", raising(RuntimeError("closed"))),
}


class Suite(Fake):
    """The suite of the fake, with a secret that sabotage knows."""

    secrets = ("hunter2-hunter2",)
    __test__ = False


@pytest.mark.parametrize("law", LAWS)
def test_a_provider_that_breaks_a_law_is_found_out(
    law: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    LAWS[law](monkeypatch)
    suite = Suite()
    test = getattr(suite, f"test_{law.strip()}")
    more = (caplog,) if "secret" in law else ()
    with pytest.raises(BaseException) as caught:
        test(tmp_path, *more)
    assert not isinstance(caught.value, pytest.skip.Exception | KeyboardInterrupt)
