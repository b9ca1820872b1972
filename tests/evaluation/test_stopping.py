"""Comparisons that are stopped, by a server or by somebody, and go on."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    AuthenticationError,
    ConflictError,
    CostLimitError,
    Deployment,
    EvaluationStoppedError,
    ExactMatch,
    FineTuneClient,
    Job,
    SimilarText,
)
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import FakeProvider, VirtualClock
from finetune_sdk.types import DeploymentSpec
from tests.evaluation.conftest import KEY, LEARNED, MODEL, TESTS, shout
from tests.standins.openai import Fault, OpenAIService, Refuse, Reply

CHAT = "/chat/completions"
BROKEN = {"error": {"message": "The server had an error.", "type": "server_error"}}
FULL = {"error": {"message": "Too many requests.", "type": "requests", "code": "rate_limit"}}
SPENT = {"error": {"message": "Pay.", "type": "insufficient_quota", "code": "insufficient_quota"}}
LONG = {"error": {"message": "Too long.", "code": "context_length_exceeded"}}


def breaks(service: OpenAIService, *, after: int, body: object, status: int) -> None:
    """From some question on, nothing else is answered."""
    action = Reply(status=status, body=body)
    service.faults.add(Fault(path=CHAT, action=action, times=None, after=after))


def test_a_deployment_that_dies_in_the_middle_goes_on(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    breaks(service, after=50, body=BROKEN, status=500)
    with pytest.raises(EvaluationStoppedError) as error:
        client.evaluations.compare(job, test_data=TESTS, concurrency=1, progress=False)
    assert (error.value.answered, error.value.total) == (10, 40)
    assert "'few_shot'" in str(error.value)
    # What was made for it is gone.
    assert list(client.deployments.list()) == []
    service.faults.clear()
    asked = len(service.posts(CHAT))
    made = client.evaluations.compare(job, test_data=TESTS, concurrency=1, progress=False)
    assert len(service.posts(CHAT)) - asked == 160 - 50
    assert made.candidate("base").usage.cached == 40
    assert made.candidate("few_shot").usage.cached == 10
    assert made.candidate("fine_tuned").usage.cached == 0
    assert made.verdict.word == "better"


def test_a_server_that_is_gone(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    service.faults.add(Fault(path=CHAT, action=Refuse(), times=None, after=5))
    with pytest.raises(EvaluationStoppedError, match="no answer from"):
        client.evaluations.compare(job, test_data=TESTS, progress=False)


def test_other_scorers_ask_nothing_again(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    first = client.evaluations.compare(job, test_data=TESTS, progress=False)
    asked = len(service.posts(CHAT))
    second = client.evaluations.compare(
        job, test_data=TESTS, scorers=[SimilarText(), ExactMatch()], progress=False
    )
    assert len(service.posts(CHAT)) == asked
    assert second.candidate("base").usage.cached == 40
    tuned, again = (one.candidate("fine_tuned") for one in (first, second))
    assert again.scores["exact_match"] == tuned.scores["exact_match"]
    assert again.usage.prompt_tokens == tuned.usage.prompt_tokens
    # Other ways of asking are other questions, and so is everything where that is wanted.
    client.evaluations.compare(job, test_data=TESTS, temperature=1.0, progress=False)
    assert len(service.posts(CHAT)) == 2 * asked
    client.evaluations.compare(job, test_data=TESTS, fresh=True, progress=False)
    assert len(service.posts(CHAT)) == 3 * asked


def test_answers_are_for_their_owner_alone(
    client: FineTuneClient, job: Job, tmp_path: Path
) -> None:
    client.evaluations.compare(job, test_data=TESTS, progress=False)
    [kept] = (tmp_path / "home" / "evaluations").glob("*.sqlite3")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_busy_place_is_waited_for(
    client: FineTuneClient, service: OpenAIService, clock: VirtualClock, job: Job
) -> None:
    busy = Reply(status=429, body=FULL, headers={"retry-after": "30"})
    service.faults.add(Fault(path=CHAT, action=busy, times=30, after=3))
    before = clock.monotonic()
    made = client.evaluations.compare(job, test_data=TESTS, concurrency=1, progress=False)
    assert made.verdict.word == "better"
    assert clock.monotonic() - before >= 30 * 30


def test_a_quota_that_is_used_up_is_not_waited_for(
    client: FineTuneClient, service: OpenAIService, clock: VirtualClock, job: Job
) -> None:
    breaks(service, after=3, body=SPENT, status=429)
    before = clock.monotonic()
    with pytest.raises(EvaluationStoppedError, match="Pay"):
        client.evaluations.compare(job, test_data=TESTS, concurrency=1, progress=False)
    assert clock.monotonic() == before
    assert len(service.posts(CHAT)) == 4


def test_a_wrong_key(service: OpenAIService, job: Job, clock: VirtualClock, tmp_path: Path) -> None:
    wrong = OpenAIProvider(
        api_key="sk-wrongwrongwrong",
        base_url=service.url,
        home=tmp_path / "other",
        clock=clock,
        environ={},
    )
    with (
        FineTuneClient(wrong, home=tmp_path / "other") as client,
        pytest.raises(AuthenticationError) as error,
    ):
        client.evaluations.compare(job, test_data=TESTS, progress=False)
    assert "sk-wrong" not in str(error.value)


def test_a_row_that_fails_scores_nothing(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    action = Reply(status=400, body=LONG)
    service.faults.add(Fault(path=CHAT, action=action, times=2, after=125))
    made = client.evaluations.compare(job, test_data=TESTS, concurrency=1, progress=False)
    tuned = made.candidate("fine_tuned")
    assert tuned.usage.failed == 2
    assert tuned.scores["exact_match"].value == 38 / 40
    failed = made.compared[5].answers["fine_tuned"]
    assert failed.text is None
    assert "Too long" in str(failed.error)
    # It is asked again another time.
    assert (
        client.evaluations.compare(job, test_data=TESTS, concurrency=1, progress=False)
        .candidate("fine_tuned")
        .usage.failed
        == 0
    )


def test_nothing_but_failures_is_no_comparison(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    breaks(service, after=40, body=LONG, status=400)
    with pytest.raises(EvaluationStoppedError, match=r"few_shot.*Too long"):
        client.evaluations.compare(job, test_data=TESTS, concurrency=1, progress=False)
    assert len(service.posts(CHAT)) == 45


def test_somebody_stops_it(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    asked = threading.Event()

    def answers(messages: Sequence[Mapping[str, object]]) -> str:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        return shout(messages)

    with pytest.raises(KeyboardInterrupt):
        client.evaluations.compare(
            job, test_data=TESTS, others={"mine": answers}, concurrency=1, progress=False
        )
    assert list(client.deployments.list()) == []
    made = client.evaluations.compare(job, test_data=TESTS, progress=False)
    assert made.candidate("fine_tuned").usage.cached == 40


class Dear(FakeProvider):
    """Bills deployments by the hour."""

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float:
        super().cost_per_hour(spec)
        return 3.0


def test_hours_are_not_bought_in_silence() -> None:
    provider = Dear(replies=shout)
    with FineTuneClient(provider) as client:
        job = client.jobs.wait(client.jobs.create(model="m", training_data=LEARNED), progress=False)
        with pytest.raises(CostLimitError, match=r"3\.00 US dollars.*`max_cost_per_hour`"):
            client.evaluations.compare(job, test_data=TESTS, progress=False)
        with pytest.raises(CostLimitError):
            client.evaluations.compare(job, test_data=TESTS, max_cost_per_hour=2, progress=False)
        assert not [one for one in provider.calls if one.name == "create_deployment"]
        client.evaluations.compare(job, test_data=TESTS, max_cost_per_hour=3, progress=False)
        assert [one for one in provider.calls if one.name == "create_deployment"]
        assert list(client.deployments.list()) == []


class Counted(OpenAIProvider):
    """Remembers which deployments were made."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.made: list[str] = []

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        self.made.append(spec.name)
        return super().create_deployment(spec)


def test_what_is_answered_already_needs_no_deployment(
    service: OpenAIService, clock: VirtualClock, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    provider = Counted(api_key=KEY, base_url=service.url, home=home, clock=clock, environ={})
    with FineTuneClient(provider, home=home) as client:
        made = client.jobs.create(model=MODEL, training_data=LEARNED)
        job = client.jobs.wait(made, progress=False)
        first = client.evaluations.compare(job, test_data=TESTS, progress=False)
        assert len(provider.made) == 2
        again = client.evaluations.compare(
            job, test_data=TESTS, scorers=[SimilarText()], progress=False
        )
        assert len(provider.made) == 2
    assert [one.model for one in again.candidates] == [one.model for one in first.candidates]


def test_a_name_that_is_somebody_elses_stays(client: FineTuneClient, job: Job) -> None:
    name = "compare-" + sha256(str(job.fine_tuned_model).encode()).hexdigest()[:12]
    client.deployments.create(MODEL, name=name)
    with pytest.raises(ConflictError):
        client.evaluations.compare(job, test_data=TESTS, progress=False)
    assert [one.name for one in client.deployments.list()] == [name]


def test_a_deployment_that_cannot_be_deleted_is_told() -> None:
    provider = FakeProvider(replies=shout)
    with FineTuneClient(provider) as client:
        job = client.jobs.wait(client.jobs.create(model="m", training_data=LEARNED), progress=False)
        provider.fail_next("delete_deployment", AuthenticationError("no", provider="fake"))
        made = client.evaluations.compare(job, test_data=TESTS, baselines=[], progress=False)
    [fake, told] = made.warnings
    assert "nothing here is a result" in fake
    assert "finetune deployments delete fake:compare-" in told
    [left] = client.deployments.list()
    assert left.expires_at is not None


def test_asynchronously() -> None:
    async def compared() -> str:
        async with AsyncFineTuneClient(FakeProvider(replies=shout)) as client:
            job = await client.jobs.create(model="m", training_data=LEARNED)
            job = await client.jobs.wait(job, progress=False)
            made = await client.evaluations.compare(job, test_data=TESTS, progress=False)
            return made.verdict.word

    assert asyncio.run(compared()) == "cannot_tell"


def test_the_key_is_told_nowhere(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    echo = {"error": {"message": f"bad key {KEY}", "type": "x"}}
    breaks(service, after=0, body=echo, status=500)
    with pytest.raises(EvaluationStoppedError) as error:
        client.evaluations.compare(job, test_data=TESTS, progress=False)
    shown, left = "", error.value
    while left is not None:
        shown, left = shown + repr(left) + str(left), left.__cause__ or left.__context__  # type: ignore[assignment]
    assert KEY not in shown
