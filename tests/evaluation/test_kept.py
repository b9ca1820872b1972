"""What a comparison keeps, and what it must not touch: folders, answers, deployments."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    AuthenticationError,
    Comparison,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    Deployment,
    EvaluationStoppedError,
    FineTuneClient,
    Job,
)
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import FakeProvider, VirtualClock
from finetune_sdk.types import DeploymentSpec
from tests.evaluation.conftest import KEY, LEARNED, MODEL, TESTS, shout
from tests.standins.openai import Fault, OpenAIService, Reply

CHAT = "/chat/completions"


def test_what_lies_beside_an_earlier_comparison_stays(
    client: FineTuneClient, job: Job, tmp_path: Path
) -> None:
    place = tmp_path / "found"
    client.evaluations.compare(job, test_data=TESTS, folder=place, progress=False)
    (place / "notes.md").write_text("mine")
    (place / ".git").mkdir()
    made = client.evaluations.compare(
        job, test_data=TESTS, baselines=[], folder=place, progress=False
    )
    assert (place / "notes.md").read_text() == "mine"
    assert (place / ".git").is_dir()
    assert Comparison.from_json((place / "comparison.json").read_bytes()) == made
    assert sorted(one.name for one in place.iterdir()) == [
        ".git", "comparison.json", "model-card.md", "notes.md", "report.html", "rows.csv",
    ]  # fmt: skip


def test_a_link_to_a_folder_stays_a_link(client: FineTuneClient, job: Job, tmp_path: Path) -> None:
    place, link = tmp_path / "found", tmp_path / "link"
    for folder in (place, link):
        if folder == link:
            link.symlink_to(place)
        client.evaluations.compare(
            job, test_data=TESTS, baselines=[], folder=folder, progress=False
        )
    assert link.is_symlink()
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_somebodys_own_file_of_that_name_is_no_comparison(
    client: FineTuneClient, service: OpenAIService, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "comparison.json").write_text('{"price": 3}')
    with pytest.raises(ConfigurationError, match="holds no earlier comparison"):
        client.evaluations.compare(job, test_data=TESTS, folder=tmp_path / "mine", progress=False)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        client.evaluations.compare(
            job, test_data=TESTS, folder=tmp_path / ("n" * 300), progress=False
        )
    assert not service.posts(CHAT)


def test_answers_that_cannot_be_kept_any_more_end_nothing(
    client: FineTuneClient, service: OpenAIService, job: Job, tmp_path: Path
) -> None:
    client.evaluations.compare(job, test_data=TESTS, baselines=[], progress=False)
    [kept] = (tmp_path / "home" / "evaluations").glob("*.sqlite3")
    with closing(sqlite3.connect(kept)) as base:
        base.execute("DROP TABLE answers")
        base.execute("CREATE TABLE answers (at REAL)")
    made = client.evaluations.compare(job, test_data=TESTS, baselines=[], progress=False)
    assert made.candidate("fine_tuned").usage.cached == 0
    assert made.candidate("fine_tuned").scores["exact_match"].value == 1.0
    [told] = made.warnings
    assert "answers are not kept any more" in told


def test_a_file_that_is_no_database_is_told_at_once(
    client: FineTuneClient, service: OpenAIService, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "home" / "evaluations").mkdir()
    (tmp_path / "home" / "evaluations" / "answers.sqlite3").write_text("no database at all " * 99)
    with pytest.raises(ConfigurationError, match="delete that file"):
        client.evaluations.compare(job, test_data=TESTS, progress=False)
    assert not service.posts(CHAT)


def test_two_deployments_of_a_model_are_asked_each(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    one = client.deployments.create(job, name="whole")
    other = client.deployments.create(job, name="small")
    made = client.evaluations.compare(
        one, test_data=TESTS, baselines=[], others={"small": other}, progress=False
    )
    assert [use.usage.cached for use in made.candidates] == [0, 0]
    assert len(service.posts(CHAT)) == 80
    # The very same one is not asked again, and one that is made anew is.
    client.evaluations.compare(one, test_data=TESTS, baselines=[], progress=False)
    assert len(service.posts(CHAT)) == 80


def test_waiting_is_no_part_of_an_answers_time(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    busy = {"error": {"message": "Too many requests.", "type": "requests", "code": "rate_limit"}}
    action = Reply(status=429, body=busy, headers={"retry-after": "60"})
    service.faults.add(Fault(path=CHAT, action=action, times=20, after=3))
    made = client.evaluations.compare(
        job, test_data=TESTS, baselines=[], concurrency=1, progress=False
    )
    assert made.candidate("fine_tuned").usage.latency_p95 == 0.0


class Lossy(OpenAIProvider):
    """Makes a deployment, and loses the answer."""

    def __init__(self, error: BaseException, **settings: Any) -> None:
        super().__init__(**settings)
        self.error: BaseException | None = error

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        made = super().create_deployment(spec)
        if self.error is not None and spec.name.startswith("compare-"):
            raise self.error
        return made


@pytest.mark.parametrize(
    "error", [ConnectionFailedError("the line is down", provider="openai"), KeyboardInterrupt()]
)
def test_a_deployment_whose_answer_was_lost_goes(
    service: OpenAIService, clock: VirtualClock, tmp_path: Path, error: BaseException
) -> None:
    home = tmp_path / "home"
    provider = Lossy(error, api_key=KEY, base_url=service.url, home=home, clock=clock, environ={})
    with FineTuneClient(provider, home=home) as client:
        made = client.jobs.create(model=MODEL, training_data=LEARNED)
        job = client.jobs.wait(made, progress=False)
        with pytest.raises(type(error)):
            client.evaluations.compare(job, test_data=TESTS, progress=False)
        assert list(client.deployments.list()) == []


def test_what_is_left_is_told_even_where_the_comparison_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    provider = FakeProvider(replies=shout)
    with FineTuneClient(provider) as client:
        job = client.jobs.wait(client.jobs.create(model="m", training_data=LEARNED), progress=False)
        provider.fail_next("delete_deployment", AuthenticationError("no", provider="fake"))
        provider.fail_next("connect", ConflictError("not ready", provider="fake"))
        with caplog.at_level(logging.WARNING), pytest.raises(ConflictError):
            client.evaluations.compare(job, test_data=TESTS, baselines=[], progress=False)
    assert "finetune deployments delete fake:compare-" in caplog.text


class Dear(FakeProvider):
    """Bills deployments by the hour."""

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float:
        super().cost_per_hour(spec)
        return 3.0


def test_what_is_billed_is_told_when_it_is_made(caplog: pytest.LogCaptureFixture) -> None:
    with FineTuneClient(Dear(replies=shout)) as client, caplog.at_level(logging.WARNING):
        job = client.jobs.wait(client.jobs.create(model="m", training_data=LEARNED), progress=False)
        client.evaluations.compare(
            job, test_data=TESTS, baselines=[], max_cost_per_hour=3, progress=False
        )
    assert "at 3.00 US dollars an hour" in caplog.text


def test_two_comparisons_at_once_do_not_end_each_other(
    service: OpenAIService, clock: VirtualClock, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    def opened() -> FineTuneClient:
        provider = OpenAIProvider(
            api_key=KEY, base_url=service.url, home=home, clock=clock, environ={}
        )
        return FineTuneClient(provider, home=home)

    with opened() as first, opened() as second:
        made = first.jobs.create(model=MODEL, training_data=LEARNED)
        job = first.jobs.wait(made, progress=False)
        seen: list[set[str]] = []

        def inner(_messages: object) -> str:
            if not seen:
                seen.append({one.name for one in first.deployments.list()})
                second.evaluations.compare(
                    job, test_data=TESTS[:20], baselines=[], fresh=True, progress=False
                )
                seen.append({one.name for one in first.deployments.list()})
            return "x"

        first.evaluations.compare(
            job, test_data=TESTS, baselines=["base"], base=inner, concurrency=1, progress=False
        )
        assert seen[0] == seen[1]
        assert list(first.deployments.list()) == []


def test_a_stopped_comparison_of_functions_says_so(client: FineTuneClient, job: Job) -> None:
    def breaks(_messages: object) -> str:
        raise ValueError("no")

    with pytest.raises(EvaluationStoppedError, match="'mine' raised ValueError: no"):
        client.evaluations.compare(
            job, test_data=TESTS, baselines=[], others={"mine": breaks}, progress=False
        )


@pytest.mark.parametrize("name", ["baselines", "scorers", "require", "options"])
@pytest.mark.parametrize("value", [None, 5, "base", [5], [[1]]])
def test_words_of_a_wrong_type(
    client: FineTuneClient, service: OpenAIService, job: Job, name: str, value: object
) -> None:
    words: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError):
        client.evaluations.compare(job, test_data=TESTS, progress=False, **words)
    assert not service.posts(CHAT)
