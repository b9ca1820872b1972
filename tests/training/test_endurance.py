"""The whole way, with nothing left out: a provider, its supervisor, a real trainer, and a kill."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from finetune_sdk import FineTuneClient, JobStatus, LocalOptions, Lora, Supervised
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.provider import LocalProvider
from tests.support import eventually
from tests.training.jobs import CAKES, VENDOR_WARNINGS, make_job, metrics, train

pytestmark = VENDOR_WARNINGS

METHOD = Supervised(epochs=16, learning_rate=1e-3, lora=Lora(rank=4, dropout=0.1))
OPTIONS = LocalOptions(save_steps=4, logging_steps=3)


def test_killed_and_resumed(tiny: Path, tmp_path: Path) -> None:
    """LOC-05 and LOC-13: a killed trainer's job is paused, and goes on as if nothing had been."""
    environ = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with FineTuneClient(LocalProvider(home=tmp_path / "home", environ=environ)) as client:
        job = client.jobs.create(
            model=str(tiny),
            training_data=[dict(row) for row in CAKES],
            method=METHOD,
            options=[OPTIONS],
            seed=7,
        )
        folder = JobFolder(Path(str(job.raw["folder"])))
        eventually(lambda: bool(list(client.jobs.checkpoints(job))), timeout=120)
        state = json.loads((folder.path / "state.json").read_bytes())
        os.killpg(state["group"], signal.SIGKILL)
        eventually(lambda: client.jobs.get(job).status is JobStatus.PAUSED)

        paused = client.jobs.get(job)
        assert paused.raw_status == "killed_out_of_memory_likely"
        assert paused.error is not None
        assert "micro_batch_size" in paused.error.message
        assert "jobs.resume" in paused.error.message
        assert not folder.model.exists()

        client.jobs.resume(job)
        done = client.jobs.wait(job, timeout=180)
        assert done.fine_tuned_model == str(folder.model)
        said = [event.type for event in client.jobs.events(job)]
        assert said.count("continued") == 1

    straight = train(make_job(tmp_path, tiny, method=METHOD, options=OPTIONS, seed=7))
    name = "adapter_model.safetensors"
    assert (folder.model / name).read_bytes() == (straight.model / name).read_bytes()
    assert metrics(folder, "loss") == metrics(straight, "loss")
    assert done.trained_tokens == (straight.read("result") or {})["trained_tokens"]
