"""Lists of a fake that change while somebody reads them, as those of a service do."""

from __future__ import annotations

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.testing import FakeProvider, JobScript
from tests.testing.both import ROWS

MANY = 150
"""More than a page."""


@pytest.fixture
def fake() -> FakeProvider:
    return FakeProvider(script=JobScript(steps=10, queued=0, running=10))


def make(client: FineTuneClient, count: int) -> list[str]:
    return [client.jobs.create(model="base", training_data=ROWS, seed=n).id for n in range(count)]


def test_what_is_deleted_on_the_way_hides_no_other(fake: FakeProvider) -> None:
    with FineTuneClient(fake) as client:
        make(client, MANY)
        fake.clock.advance(60)
        for model in client.models.list():
            client.models.delete(model)
        for number in range(MANY):
            client.deployments.create("base", name=f"d-{number}")
        for deployment in client.deployments.list():
            client.deployments.delete(deployment)
        assert [*client.models.list(), *client.deployments.list()] == []


def test_what_is_made_on_the_way_moves_no_other(fake: FakeProvider) -> None:
    with FineTuneClient(fake) as client:
        made = make(client, MANY)
        seen: list[str] = []
        for job in client.jobs.list():
            seen.append(job.id)
            if len(seen) == 50:
                client.jobs.create(model="other", training_data=ROWS)
    assert seen == made[::-1]


def test_numbers_and_checkpoints_are_each_there_once(fake: FakeProvider) -> None:
    fake.enqueue(JobScript(steps=1000, checkpoint_every=4, queued=0, running=10))
    with FineTuneClient(fake) as client:
        job = client.jobs.create(model="base", training_data=ROWS, validation_data=ROWS[:2])
        fake.clock.advance(60)
        found = [(one.step, one.split) for one in client.jobs.metrics(job)]
        saved = [one.step for one in client.jobs.checkpoints(job)]
    assert [step for step, split in found if split == "train"] == list(range(1, 1001))
    assert [step for step, split in found if split == "validation"] == list(range(4, 1001, 4))
    assert saved == list(range(1000, 0, -4))


def test_rows_that_a_test_changes_are_its_own(fake: FakeProvider) -> None:
    with FineTuneClient(fake) as client:
        job = client.jobs.create(model="base", training_data=ROWS)
    fake.rows(job)[0]["messages"] = "gone"
    assert fake.rows(job) == tuple(ROWS)
