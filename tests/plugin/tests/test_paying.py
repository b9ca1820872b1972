"""One job for one intent, whatever happens between here and Inkwell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_inkwell.provider import InkwellProvider
from finetune_sdk import FineTuneClient, Supervised
from finetune_sdk.errors import (
    CostLimitError,
    IdempotencyConflictError,
    InvalidRequestError,
    ProviderError,
    QuotaExceededError,
    SubmissionUnknownError,
)
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import DatasetFile, JobSpec
from standin import KEY, FaultError, Inkwell

ROW = {
    "messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}],
}
ROWS = [ROW] * 10
CREATE = "POST /v1/studies"


@pytest.fixture
def service() -> Iterator[Inkwell]:
    with Inkwell(VirtualClock()) as service:
        yield service


@pytest.fixture
def provider(service: Inkwell) -> Iterator[InkwellProvider]:
    with InkwellProvider(api_key=KEY, base_url=service.url, clock=service.clock) as provider:
        yield provider


def client(provider: InkwellProvider, home: Path) -> FineTuneClient:
    return FineTuneClient(provider, home=home)


def test_a_lost_answer_makes_one_study(
    service: Inkwell, provider: InkwellProvider, tmp_path: Path
) -> None:
    service.lose = True
    job = client(provider, tmp_path).jobs.create(model="quill-7b", training_data=ROWS)
    assert [*service.studies] == [job.id]
    assert service.asked.count(CREATE) == 1


def test_another_machine_gets_the_job_of_the_key(
    service: Inkwell, provider: InkwellProvider, tmp_path: Path
) -> None:
    made = [
        client(provider, tmp_path / machine).jobs.create(
            model="quill-7b", training_data=ROWS, idempotency_key="tonight"
        )
        for machine in ("here", "there")
    ]
    assert made[0].id == made[1].id
    assert service.asked.count(CREATE) == 1


def test_a_create_that_is_sent_twice_is_one_study(
    service: Inkwell, provider: InkwellProvider
) -> None:
    service.scrolls["sc-1"] = [ROW]
    spec = JobSpec(
        key="tonight",
        call="a",
        model="quill-7b",
        method=Supervised(),
        training_file=DatasetFile(id="sc-1"),
    )
    assert provider.create_job(spec).id == provider.create_job(spec).id
    with pytest.raises(IdempotencyConflictError, match="tonight"):
        provider.create_job(spec.model_copy(update={"call": "another"}))


@pytest.mark.parametrize(
    ("status", "kind"), [(422, InvalidRequestError), (402, QuotaExceededError)]
)
def test_what_is_refused_has_made_nothing(
    service: Inkwell,
    provider: InkwellProvider,
    tmp_path: Path,
    status: int,
    kind: type[ProviderError],
) -> None:
    service.faults[CREATE] = FaultError(status, "no", "not like this")
    with pytest.raises(kind, match="not like this") as caught:
        client(provider, tmp_path).jobs.create(model="quill-7b", training_data=ROWS)
    assert caught.value.effect == "none"
    assert not service.studies


def test_what_nobody_can_know_is_said_so_and_not_sent_again(
    service: Inkwell, provider: InkwellProvider, tmp_path: Path
) -> None:
    service.faults[CREATE] = FaultError(500, "spilled", "something broke")
    with pytest.raises(SubmissionUnknownError):
        client(provider, tmp_path).jobs.create(model="quill-7b", training_data=ROWS)
    assert service.asked.count(CREATE) == 1


def test_a_study_that_costs_too_much_sends_nothing(
    service: Inkwell, provider: InkwellProvider, tmp_path: Path
) -> None:
    jobs = client(provider, tmp_path).jobs
    with pytest.raises(CostLimitError, match="20 lines"):
        jobs.create(
            model="quill-7b", training_data=ROWS, method=Supervised(epochs=2), max_cost=0.005
        )
    assert not service.asked
