"""The runner `server`: an AutoTrain app starts the job, and the Hub tells of it."""

from __future__ import annotations

import json
import stat
from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk import ConfigurationError, JobFailedError
from finetune_sdk.errors import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    FineTuneError,
    InvalidRequestError,
    ProviderError,
)
from finetune_sdk.types import JobStatus
from tests.autotrain.spaces import HARDWARE, SPACES, TIMEOUT, Bench, opened
from tests.standins.autotrain_app import AutoTrainApp
from tests.standins.hub import broken
from tests.standins.openai import Action, DropAfter, DropBefore, Edit, Fault, Garble, Reply

CREATE = "/api/create_project"


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with opened(tmp_path) as found, AutoTrainApp(found.hub) as found.app:
        yield found


def test_a_job_is_started_by_the_app_and_followed_through_the_hub(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client, metadata={"team": "a"})
        assert job.status is JobStatus.QUEUED
        job = bench.wait(client, job)
        assert job.status is JobStatus.SUCCEEDED
        assert job.metadata == {"team": "a"}
        assert job.fine_tuned_model is not None
        assert [one.id for one in client.jobs.list()] == [job.id]
    assert ("model", job.fine_tuned_model) in bench.hub.repos


def test_the_app_makes_the_space_on_the_free_hardware_and_the_paid_one_comes_last(
    bench: Bench,
) -> None:
    with bench.client() as client:
        bench.create(client)
    assert _bodies(bench)[0]["hardware"] == "spaces-cpu-basic"
    posts = [one for one in bench.hub.requests if one.method == "POST" and "/spaces/" in one.path]
    assert posts[-1].path.endswith("/hardware")
    assert posts[-1].json["flavor"] == HARDWARE
    assert TIMEOUT <= (bench.space.sleep or 0) <= TIMEOUT + 3600


def test_the_model_is_pushed_which_the_app_itself_would_not_do(bench: Bench) -> None:
    with bench.client() as client:
        bench.create(client)
    assert json.loads(bench.space.secrets["PARAMS"])["push_to_hub"] is True


def test_the_token_stays_in_one_secret_and_in_no_file_here(bench: Bench) -> None:
    with bench.client() as client:
        bench.create(client)
    token = bench.hub.token
    assert [name for name, value in bench.space.secrets.items() if token in value] == ["HF_TOKEN"]
    (record,) = (bench.folder / "home" / "autotrain").rglob("*.json")
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert token not in record.read_text()


def test_a_failure_of_the_training_is_one_of_the_job(bench: Bench) -> None:
    bench.course(outcome="failed")
    with bench.client() as client, pytest.raises(JobFailedError):
        bench.wait(client, bench.create(client))


def test_another_machine_follows_the_job_by_its_name(bench: Bench) -> None:
    with bench.client("one") as client:
        job = bench.create(client, idempotency_key="key-1")
    with bench.client("two") as client:
        assert bench.create(client, idempotency_key="key-1").id == job.id
        found = bench.wait(client, job)
    assert found.status is JobStatus.SUCCEEDED
    assert len(_bodies(bench)) == 1


# What is cut short


@pytest.mark.parametrize("action", [DropAfter(), Garble("html")], ids=repr)
def test_a_lost_answer_is_looked_for_at_the_hub(bench: Bench, action: Action) -> None:
    _fault(bench, action)
    with bench.client() as client:
        job = bench.create(client)
        assert job.id == bench.space.name
    assert len(_bodies(bench)) == 1


def test_an_app_that_fails_after_it_made_the_space_made_the_job(bench: Bench) -> None:
    _fault(bench, Reply(500, b"Internal Server Error", after=True))
    with bench.client() as client:
        assert bench.create(client).id == bench.space.name
    assert len(_bodies(bench)) == 1


def test_a_bare_500_says_what_is_known_of_it_and_nothing_is_made(bench: Bench) -> None:
    _fault(bench, Reply(500, b"Internal Server Error"))
    with bench.client() as client, pytest.raises(InvalidRequestError) as caught:
        bench.create(client)
    assert "may not write" in str(caught.value)
    assert caught.value.effect == "none"
    assert bench.spaces == []


def test_a_body_that_is_refused_names_the_fields_and_not_what_is_in_them(bench: Bench) -> None:
    fault = {"loc": ["body", "params", "lr"], "msg": "Input should be a number", "input": "private"}
    _fault(bench, Reply(422, {"detail": [fault]}))
    with bench.client() as client, pytest.raises(InvalidRequestError) as caught:
        bench.create(client)
    assert "`params.lr`: Input should be a number" in str(caught.value)
    assert "private" not in str(caught.value)


@pytest.mark.parametrize("cut", ["secrets", "variables", "commit/main", "hardware"])
def test_hf05_a_rerun_completes_the_same_space(bench: Bench, cut: str) -> None:
    # What the app itself writes comes first.
    after = {"secrets": 3, "commit/main": 2}.get(cut, 0)
    bench.fault("POST", f"{SPACES}/{cut}", broken(400, "no"), after=after)
    with bench.client() as client:
        with pytest.raises(FineTuneError):
            bench.create(client)
        assert bench.space.billed.get(HARDWARE) is None
        job = bench.wait(client, bench.create(client))
    assert job.status is JobStatus.SUCCEEDED
    assert bench.space.billed.keys() - {"cpu-basic"} == {bench.space.variable("FINETUNE_HARDWARE")}
    assert len(_bodies(bench)) == 1


def test_a_space_that_the_app_may_still_be_at_is_left_to_it(bench: Bench) -> None:
    bench.fault("POST", f"{SPACES}/secrets", broken(500, "no"))
    with bench.client() as client, pytest.raises(ProviderError) as caught:
        bench.create(client)
    assert caught.value.effect == "none"
    assert bench.space.requested == "cpu-basic"


def test_an_app_of_another_hub_does_not_take_the_token(bench: Bench) -> None:
    body = {"detail": "Invalid or expired token: Bearer"}
    _fault(bench, Reply(401, body))
    with bench.client() as client, pytest.raises(AuthenticationError, match="Invalid or expired"):
        bench.create(client)
    assert bench.spaces == []


# Who is asked


def test_what_is_no_autotrain_app_gets_no_token(bench: Bench) -> None:
    assert bench.app is not None
    bench.app.version = None
    with bench.client() as client, pytest.raises(ConfigurationError, match="no AutoTrain app"):
        bench.create(client)
    assert all("authorization" not in one.headers for one in bench.app.requests)


def test_another_version_is_refused(bench: Bench) -> None:
    assert bench.app is not None
    bench.app.version = "1.2.0"
    with bench.client() as client, pytest.raises(ConfigurationError, match=r"1\.2\.0"):
        bench.create(client)
    assert _bodies(bench) == []


def test_nobody_there_is_told_with_the_address(bench: Bench) -> None:
    _fault(bench, DropBefore(), method="GET", path="/api/version", times=None)
    with bench.client() as client, pytest.raises(ConnectionFailedError, match="autotrain app"):
        bench.create(client)
    assert bench.spaces == []


def test_an_answer_about_another_job_is_not_believed(bench: Bench) -> None:
    _fault(bench, Edit(lambda said: {**said, "job_id": "bob/autotrain-other"}))
    with bench.client() as client:
        assert bench.create(client).id == bench.space.name


def test_a_redirect_is_not_followed(bench: Bench) -> None:
    assert bench.app is not None
    _fault(bench, Reply(307, {}, {"location": f"{bench.app.url}/elsewhere"}))
    with bench.client() as client, pytest.raises(ProviderError):
        bench.create(client)
    assert all(one.path != "/elsewhere" for one in bench.app.requests)


def test_a_model_that_is_there_is_no_target(bench: Bench) -> None:
    bench.hub.repos.add("model", "alice/mine", {"README.md": b""})
    with bench.client() as client, pytest.raises(ConflictError, match="project_name"):
        bench.create(client, options={"project_name": "mine"})
    assert _bodies(bench) == []


# Ending it


def test_a_job_is_cancelled_though_the_app_is_gone(bench: Bench) -> None:
    bench.course(running=1e9, building=0)
    with bench.client() as client:
        job = bench.create(client)
        bench.advance(60)
        _fault(bench, DropBefore(), path=".*", times=None)
        job = client.jobs.cancel(job)
    assert job.status is JobStatus.CANCELLED
    assert (bench.space.stage, bench.space.requested) == ("PAUSED", "cpu-basic")
    assert bench.space.billed[HARDWARE] == pytest.approx(60)


def _fault(
    bench: Bench,
    action: Action,
    *,
    method: str = "POST",
    path: str = CREATE,
    times: int | None = 1,
) -> None:
    assert bench.app is not None
    bench.app.faults.add(Fault(method=method, path=path, action=action, times=times))


def _bodies(bench: Bench) -> list[dict[str, object]]:
    assert bench.app is not None
    return [json.loads(one.body) for one in bench.app.requests if one.path == CREATE]
