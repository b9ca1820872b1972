"""The trainer as a process of its own, started as the supervisor starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.types import Supervised
from tests.support import eventually
from tests.training.jobs import CAKES, make_job, metrics


def start(folder: JobFolder, **environ: str) -> subprocess.Popen[bytes]:
    with folder.log.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "finetune_sdk.providers.local.training", str(folder.path)],
            cwd=folder.path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "HF_TOKEN": "hf_secretsecretsecret", **environ},
        )


def test_a_whole_job(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path, tiny, validation=CAKES[:4])
    assert start(folder).wait(timeout=120) == 0, folder.log.read_text(encoding="utf-8")
    assert folder.read("result") is not None
    assert folder.read("failure") is None
    assert (folder.model / "adapter_model.safetensors").is_file()
    assert not folder.path.joinpath("model.partial").exists()
    assert len(metrics(folder, "loss")) == 4
    log = folder.log.read_text(encoding="utf-8")
    assert "step 4: loss" in log
    # Bars that draw over themselves are no log.
    assert "\r" not in log
    everything = b"".join(p.read_bytes() for p in folder.path.rglob("*") if p.is_file())
    assert b"hf_secret" not in everything


def test_a_failure_and_a_signal(tiny: Path, tmp_path: Path) -> None:
    missing = make_job(tmp_path, tmp_path / "nowhere" / "x", name="ftjob-missing")
    options = LocalOptions(save_steps=10**6)
    method = Supervised(epochs=100_000)
    endless = make_job(tmp_path, tiny, name="ftjob-endless", method=method, options=options)
    failed, ended = start(missing), start(endless)
    try:
        assert failed.wait(timeout=120) == 1
        read = missing.read("failure")
        assert read is not None
        assert read["code"] == "model_not_found"
        assert "Traceback" in missing.log.read_text(encoding="utf-8")
        eventually(lambda: (endless.path / "progress.json").exists(), timeout=120)
        ended.send_signal(signal.SIGTERM)
        assert ended.wait(timeout=30) == 0
        assert endless.read("result") is None
        assert not endless.model.exists()
        (saved,) = checkpoints.complete(endless.checkpoints)
        assert saved.manifest.step == (endless.read("progress") or {})["step"]
    finally:
        ended.kill()
        ended.wait(timeout=30)
