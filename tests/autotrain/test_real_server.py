"""The runner `server` against the real AutoTrain app 0.8.36, with the Hub on loopback."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from finetune_sdk import FineTuneError
from finetune_sdk.errors import AuthenticationError
from finetune_sdk.types import JobStatus, Supervised
from tests.autotrain.real import VENV, needs_autotrain, real_bench
from tests.autotrain.spaces import ROWS, Bench
from tests.standins.hub import Account

pytestmark = [needs_autotrain, pytest.mark.timeout(600)]
LISTENS = re.compile(r"Uvicorn running on http://127\.0\.0\.1:(\d+)")
METHOD = Supervised(epochs=3, learning_rate=1e-3, max_length=64)


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    with real_bench(tmp_path) as found:
        app = _start(found, tmp_path)
        try:
            found.url = f"http://127.0.0.1:{_port(app)}"
            yield found
        finally:
            app.terminate()
            app.communicate()


def test_it_starts_the_job_that_the_hub_tells_of(bench: Bench) -> None:
    with bench.client() as client:
        job = bench.create(client, method=METHOD)
        job = client.jobs.wait(job, timeout=300, poll_interval=2, progress=False)
    assert job.status is JobStatus.SUCCEEDED
    assert job.fine_tuned_model is not None
    files = bench.hub.repos["model", job.fine_tuned_model].files()
    assert len(files["adapter_model.safetensors"]) > 1000
    assert bench.space.stage == "PAUSED"


def test_what_it_cannot_make_is_told(bench: Bench) -> None:
    bench.hub.spaces.autotrain = None
    reader = bench.hub.add_account(Account("alice", role="read"))
    with bench.client() as client:
        file = client.datasets.upload(ROWS)
    with bench.client("reader", token=reader) as client, pytest.raises(FineTuneError):
        bench.create(client, training_data=file)
    assert bench.spaces == []


def test_a_job_is_cancelled(bench: Bench) -> None:
    bench.hub.spaces.autotrain = None
    bench.course(running=1e9)
    with bench.client() as client:
        job = client.jobs.cancel(bench.create(client))
    assert job.status is JobStatus.CANCELLED
    assert bench.space.stage == "PAUSED"


def test_a_token_that_the_hub_does_not_know_is_refused(bench: Bench) -> None:
    other = bench.hub.add_account(Account("alice"))
    with bench.client(token=other) as client:
        del bench.hub.accounts[other]
        with pytest.raises(AuthenticationError):
            bench.create(client)


def _start(bench: Bench, folder: Path) -> subprocess.Popen[str]:
    hub = bench.hub
    environ = {
        "PATH": os.pathsep.join([f"{VENV}/bin", "/usr/bin", "/bin"]),
        "HOME": str(folder),
        "HF_HOME": str(folder / "huggingface"),
        "HF_ENDPOINT": hub.url,
        "HF_API": hub.url,
        "HF_TOKEN": hub.token,
        "PYTHONUNBUFFERED": "1",
    }
    command = [f"{VENV}/bin/uvicorn", "autotrain.app.app:app", "--host", "127.0.0.1", "--port", "0"]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _port(app: subprocess.Popen[str]) -> str:
    said: list[str] = []
    for line in app.stdout or ():
        said.append(line)
        if found := LISTENS.search(line):
            return found[1]
    raise RuntimeError("".join(said))
