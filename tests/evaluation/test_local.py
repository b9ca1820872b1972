"""A comparison with nothing in it that is played: a tiny model learns here, and answers here."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk import Comparison, FineTuneClient, Job, Supervised
from finetune_sdk.providers.local.provider import LocalProvider
from tests.local.small_jobs import Bench
from tests.training.jobs import VENDOR_WARNINGS
from tests.training.tiny import make_tiny_model

ANSWER = "a cake"


def row(number: int) -> dict[str, object]:
    """Whatever is asked, it is a cake."""
    return {
        "messages": [
            {"role": "user", "content": f"what is {number}?"},
            {"role": "assistant", "content": ANSWER},
        ]
    }


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return make_tiny_model(tmp_path / "tiny")


@pytest.mark.long
@VENDOR_WARNINGS
def test_a_model_that_learned_here_is_worth_it(tiny: Path, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "found"
    method = Supervised(epochs=12, batch_size=4, learning_rate=0.01, lora=False)
    with FineTuneClient(LocalProvider(home=home), home=home) as client:
        made = client.jobs.create(
            model=str(tiny), training_data=[row(n) for n in range(40)], method=method, seed=7
        )
        job = client.jobs.wait(made, timeout=200, progress=False)
        found = client.evaluations.compare(
            job,
            test_data=[row(number) for number in range(40, 64)],
            shots=2,
            max_tokens=8,
            require=["better"],
            folder=folder,
            progress=False,
        )
        check(found, job)
        assert Comparison.from_json((folder / "comparison.json").read_bytes()) == found
        assert "<svg" in (folder / "report.html").read_text()
        # What the comparison has deployed is gone, and so are the servers.
        assert list(client.deployments.list()) == []
    Bench(home).clear()


def check(found: Comparison, job: Job) -> None:
    scores = {one.name: one.scores["exact_match"].value for one in found.candidates}
    assert set(scores) == {"base", "few_shot", "retrieved", "fine_tuned"}
    assert scores["fine_tuned"] == 1.0
    assert max(scores["base"], scores["few_shot"], scores["retrieved"]) < 0.5
    assert found.verdict.word == "better"
    assert found.met
    assert found.job == job
    assert any(one.name == "loss" for one in found.learning)
    for one in found.candidates:
        assert (one.usage.requests, one.usage.failed, one.usage.cost_per_thousand) == (24, 0, 0)
        assert one.usage.latency_p50
        assert one.usage.prompt_tokens
    models = {one.name: one.model for one in found.candidates}
    assert models["base"] == job.model
    assert models["fine_tuned"] == job.fine_tuned_model
