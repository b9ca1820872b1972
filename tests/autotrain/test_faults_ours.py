"""Group G1 of the faults on HF Jobs: which of the jobs that a list shows is ours.

SUB-16, SUB-18 and SUB-20; the oracle is in the fixture.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    IdempotencyConflictError,
    SubmissionUnknownError,
    Supervised,
)
from finetune_sdk.providers.autotrain import AutoTrainOptions
from tests.autotrain.bench import ROWS, TOKEN, Bench, bench_of
from tests.autotrain.hubs import YOUNG
from tests.standins.openai import (
    DropAfter,
    DropBefore,
)


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


# SUB-16, SUB-18: what lists show


def doubled(bench: Bench, **more: Any) -> None:
    """Somebody sends the create of our client once more, an hour later."""
    api: Any = _api(bench)
    (ours,) = bench.hub.jobs
    bench.clock.sleep(3600)
    words = {
        "image": ours.spec["dockerImage"],
        "command": ours.spec["command"],
        "env": ours.spec["environment"],
        "flavor": ours.spec["flavor"],
        "labels": ours.labels,
        "namespace": "alice",
        "timeout": 3600,
    }
    api.run_job(**{**words, **more})
    bench.intents = 2


def _api(bench: Bench) -> Any:
    import huggingface_hub

    return huggingface_hub.HfApi(endpoint=bench.hub.url, token=TOKEN)


def test_sub_16_of_two_jobs_of_one_key_the_older_is_adopted_and_both_are_named(
    bench: Bench,
) -> None:
    bench.hurt(DropAfter())
    bench.hide_jobs()
    bench.refuses(SubmissionUnknownError, idempotency_key="ours")
    doubled(bench)
    bench.hub.jobs.lag = 0.0

    job = bench.create(idempotency_key="ours")
    older, younger = bench.made
    assert job.id == older
    assert any(younger in warning for warning in job.warnings)
    assert bench.hub.count("POST", ".*/cancel") == 0
    assert "CANCELED" not in {one.stage for one in bench.hub.jobs}


@pytest.mark.parametrize("made", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize(
    "labels",
    [{}, {"finetune-key": "theirs"}, {"finetune-anywhere": "1"}],
    ids=["none", "other", "ours but the key"],
)
def test_sub_18_a_list_that_ignores_the_filter_gives_no_job_of_others(
    bench: Bench, made: bool, labels: dict[str, str]
) -> None:
    words = {"image": "python:3.12", "command": ["true"], "flavor": "cpu-basic"}
    theirs = _api(bench).run_job(**words, labels=labels, namespace="alice", timeout=60).id
    bench.intents = 2
    bench.pass_over_filters()
    bench.hurt(DropAfter() if made else DropBefore())
    if made:
        job = bench.create(idempotency_key="ours")
        assert {job.id} == set(bench.made) - {theirs}
    else:
        bench.refuses(SubmissionUnknownError, idempotency_key="ours")
        assert bench.made == [theirs]


# SUB-20: a key that was used


@pytest.mark.parametrize(
    "change",
    [
        {"suffix": "other"},
        {"seed": 2},
        {"method": Supervised(epochs=4)},
        {"metadata": {"team": "other"}},
        {"model": YOUNG},
        {"training_data": [*ROWS, *ROWS[:1]]},
        {"options": [AutoTrainOptions(engine="trl")]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_sub_20_a_key_with_another_call_is_a_conflict_and_asks_nobody(
    bench: Bench, change: dict[str, Any]
) -> None:
    client = bench.client()
    bench.create(client, idempotency_key="mine")
    asked = len(bench.hub.requests)
    bench.refuses(IdempotencyConflictError, client, idempotency_key="mine", **change)
    assert len(bench.hub.requests) == asked


def test_sub_20_on_another_machine_the_labels_tell_one_call_from_another(bench: Bench) -> None:
    bench.create(idempotency_key="mine")
    here = bench.client(home=bench.folder / "another machine")
    bench.refuses(IdempotencyConflictError, here, idempotency_key="mine", seed=2)
    assert bench.posts == 1


def test_sub_20_a_key_with_the_same_call_is_the_same_job(bench: Bench) -> None:
    first = bench.create(idempotency_key="mine")
    assert bench.create(idempotency_key="mine").id == first.id
    here = bench.client(home=bench.folder / "another machine")
    assert bench.create(here, idempotency_key="mine").id == first.id
    assert (bench.posts, len(bench.datasets)) == (1, 1)
