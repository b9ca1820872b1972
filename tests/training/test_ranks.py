"""Several processes learn what one does: real TRL, two processes, gloo."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import MissingDependencyError, QuotaExceededError
from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.team import Team
from finetune_sdk.providers.local.options import LocalOptions, Parallel
from finetune_sdk.providers.local.preflight.capacity import Capacity
from finetune_sdk.providers.local.preflight.check import check
from finetune_sdk.providers.local.preflight.inspect import inspect
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.providers.local.training import hardware, parting
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    Method,
    MethodName,
    Reinforcement,
    Reward,
    StringCheckGrader,
    Supervised,
)
from tests.support import eventually
from tests.training import crews
from tests.training.jobs import CAKES, VENDOR_WARNINGS, Row, events, failure, make_job, metrics
from tests.training.jobs import train as alone
from tests.training.test_resume import cut, lines, weights

pytestmark = VENDOR_WARNINGS

LEARNING: dict[str, Any] = {"epochs": 2, "batch_size": 4, "learning_rate": 5e-3}
ROUNDING = 1e-6


def said(words: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": words}]


def asked(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"what is {number}?"}]


def cake(number: int) -> str:
    return "this is a cake" + " of flour" * (number % 5)


PAIRS: Sequence[Row] = [
    {
        "input": {"messages": asked(number)},
        "preferred_output": said(cake(number)),
        "non_preferred_output": said("no" + " no" * (number % 3)),
    }
    for number in range(16)
]
JUDGED: Sequence[Row] = [
    {"prompt": asked(number), "completion": said(cake(number)), "label": number % 2 == 0}
    for number in range(16)
]


def differences(one: JobFolder, other: JobFolder, split: str = "train") -> float:
    """How far the losses of two jobs are apart, at most."""
    pairs = zip(metrics(one, "loss", split), metrics(other, "loss", split), strict=True)
    return max(abs(left - right) for left, right in pairs)


def test_two_processes_learn_as_one(tiny: Path, tmp_path: Path) -> None:
    """With an epoch whose last batch has a row less than it needs for both."""
    rows, valid, method = CAKES[:13], CAKES[:5], Supervised(**LEARNING)
    two = crews.job(tmp_path, tiny, rows, method, name="ftjob-two", micro=2, validation=valid)
    running = crews.start(two)
    one = crews.job(tmp_path, tiny, rows, method, name="ftjob-one", micro=2, validation=valid)
    alone(one)
    assert running.wait(timeout=120) == 0, two.log.read_text(encoding="utf-8")
    assert len(metrics(two, "loss")) == 8
    assert differences(one, two) < ROUNDING
    assert differences(one, two, "validation") < ROUNDING
    assert two.read("result") == one.read("result")
    # One speaks for both: what is told is told once.
    assert [event.message for event in events(two)][2:] == [
        event.message.replace("ftjob-one", "ftjob-two") for event in events(one)
    ][2:]
    assert [saved.manifest.step for saved in checkpoints.complete(two.checkpoints)] == [2, 4, 6, 8]


@pytest.mark.long
@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (DPO(**LEARNING), PAIRS),
        (DPO(**LEARNING), PAIRS[:14]),
        (DPO(**LEARNING, lora=False), PAIRS),
        (Reward(**LEARNING), PAIRS),
        (KTO(**LEARNING), JUDGED),
    ],
    ids=["dpo", "dpo, a last batch of two", "dpo with a reference", "reward", "kto"],
)
def test_a_mean_over_rows_is_one_over_those_of_all(
    tiny: Path, tmp_path: Path, method: Method, rows: Sequence[Row]
) -> None:
    """Two processes with two rows each are one with four."""
    valid = rows[:4]
    two = crews.train(
        crews.job(tmp_path, tiny, rows, method, name="ftjob-two", micro=2, validation=valid)
    )
    one = alone(
        crews.job(tmp_path, tiny, rows, method, name="ftjob-one", micro=4, validation=valid)
    )
    assert differences(one, two) < ROUNDING
    assert differences(one, two, "validation") < 1e-5


@pytest.mark.long
def test_methods_whose_numbers_depend_on_the_parts_train_all_the_same(
    tiny: Path, tmp_path: Path
) -> None:
    """ORPO weighs rows by the tokens beside them; reinforcement draws other answers."""
    orpo = crews.train(
        crews.job(tmp_path, tiny, PAIRS, ORPO(**LEARNING), name="ftjob-orpo", micro=2)
    )
    like = alone(crews.job(tmp_path, tiny, PAIRS, ORPO(**LEARNING), name="ftjob-like", micro=4))
    assert differences(orpo, like) < 0.01
    assert orpo.read("result") == like.read("result")
    grader = StringCheckGrader(
        input="{{sample.output_text}}", reference="{{item.answer}}", operation="ilike"
    )
    method = Reinforcement(
        epochs=1, batch_size=4, num_generations=2, max_completion_length=8, grader=grader
    )
    rows = [{"messages": asked(number), "answer": "cake"} for number in range(6)]
    drawn = crews.job(
        tmp_path, tiny, rows, method, name="ftjob-drawn", micro=2, validation=rows[:3]
    )
    crews.train(drawn)
    assert len(metrics(drawn, "loss")) == 2
    assert len(metrics(drawn, "reward", "validation")) == 1


@pytest.mark.long
@pytest.mark.parametrize("lora", [True, False])
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_loc_13_going_on_learns_what_was_never_cut_short(
    tiny: Path, tmp_path: Path, parallel: Parallel, lora: bool
) -> None:
    """And with the model in parts it learns what one process does."""
    method = Supervised(**LEARNING, lora=lora)
    given: dict[str, Any] = {"micro": 2, "validation": CAKES[:5]}
    rows = CAKES[:14]
    two = crews.job(tmp_path, tiny, rows, method, name="ftjob-two", parallel=parallel, **given)
    straight = crews.train(two)
    one = alone(crews.job(tmp_path, tiny, rows, method, name="ftjob-one", **given))
    assert differences(one, straight) < ROUNDING
    assert differences(one, straight, "validation") < ROUNDING
    # Such a checkpoint is only written where the model is in parts.
    parts = straight.checkpoints / "checkpoint-2" / "pytorch_model_fsdp.bin"
    assert parts.exists() == (parallel == "fsdp")
    for step in (2, 6):
        resumed = crews.train(cut(straight, step, f"ftjob-{step}"))
        assert weights(resumed) == weights(straight)
        assert lines(resumed) == lines(straight)


@pytest.mark.long
def test_loc_05_a_killed_process_and_a_pause(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(epochs=200, batch_size=4, learning_rate=1e-3)
    folder = crews.job(tmp_path, tiny, CAKES, method, name="ftjob-two", micro=2)
    running = crews.start(folder)
    try:
        eventually(lambda: bool(checkpoints.complete(folder.checkpoints)), timeout=120)
        second = next(pid for pid in ranks(folder) if environ(pid).get("RANK") == "1")
        os.kill(second, signal.SIGKILL)
        assert running.wait(timeout=60) == -signal.SIGKILL
        eventually(lambda: not ranks(folder))
        # Who is left knows no more than that the other is gone.
        assert folder.read("failure") is None

        running = crews.start(folder)
        step = checkpoints.complete(folder.checkpoints)[-1].manifest.step
        eventually(
            lambda: checkpoints.complete(folder.checkpoints)[-1].manifest.step > step, timeout=120
        )
        folder.request_pause()
        assert running.wait(timeout=60) == 0
        last = checkpoints.complete(folder.checkpoints)[-1]
        assert {"rng_state_0.pth", "rng_state_1.pth"} <= set(last.manifest.files)
        assert last.manifest.step == (folder.read("progress") or {})["step"]
        assert folder.read("result") is None
    finally:
        running.kill()
        running.wait(timeout=30)


def ranks(folder: JobFolder) -> list[int]:
    """The trainers of a job that live."""
    found = list[int]()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if str(folder.path) in line and "jobs.crew" not in line:
            found.append(int(entry.name))
    return found


def environ(pid: int) -> dict[str, str]:
    raw = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(part.split("=", 1) for part in raw.split("\0") if part)


@pytest.mark.long
def test_torchs_own_torchrun_starts_the_same_trainer(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(**LEARNING)
    two = crews.job(tmp_path, tiny, CAKES, method, name="ftjob-two", micro=2)
    crews.train(two, crews.TORCHRUN)
    one = alone(crews.job(tmp_path, tiny, CAKES, method, name="ftjob-one", micro=2))
    assert differences(one, two) < ROUNDING


@pytest.mark.long
def test_a_client_makes_such_a_job_and_no_process_is_left(tiny: Path, tmp_path: Path) -> None:
    provider = LocalProvider(home=tmp_path, launcher="torchrun", processes=2)
    with FineTuneClient(provider) as client:
        method = Supervised(**LEARNING)
        job = client.jobs.create(model=str(tiny), training_data=list(CAKES), method=method)
        job = client.jobs.wait(job, timeout=300)
    assert job.settings["launcher"] == "torchrun"
    assert job.settings["parallel"].startswith("ddp, because a whole copy")
    folder = JobFolder(tmp_path / "local" / "jobs" / job.id)
    team = Team.of(folder)
    assert team is not None
    assert (team.processes, team.parallel) == (2, "ddp")
    eventually(lambda: not ranks(folder))


def test_fewer_processes_than_were_asked_for(tiny: Path, tmp_path: Path) -> None:
    folder = make_job(tmp_path, tiny)
    Team(processes=2).save(folder)
    code, message = failure(folder)
    assert code == "wrong_world_size"
    assert "2 process(es) were asked" in message
    assert "1 would" in message


def test_a_way_to_train_together_needs_several(tiny: Path, tmp_path: Path) -> None:
    code, message = failure(make_job(tmp_path, tiny, options=LocalOptions(parallel="fsdp")))
    assert code == "invalid_option"
    assert "set `launcher` to 'torchrun'" in message


def test_a_batch_that_does_not_come_out_even() -> None:
    assert hardware.share(12, 4) == 3
    with pytest.raises(TrainingFailure, match="give 8 or 12, or another number"):
        hardware.share(9, 4)
    with pytest.raises(TrainingFailure, match="give 4, or another"):
        hardware.share(3, 4)


@pytest.mark.parametrize(
    ("parallel", "method", "device", "words"),
    [
        ("fsdp", MethodName.KTO, "cuda", "not known to learn the same"),
        ("deepspeed", MethodName.SUPERVISED, "cpu", "needs GPUs of NVIDIA"),
    ],
)
def test_ways_that_are_refused(
    parallel: Parallel, method: MethodName, device: str, words: str
) -> None:
    with pytest.raises(TrainingFailure, match=words):
        parting.refuse(parallel, method, device)


def test_a_plan_tells_how_they_train_together(tiny: Path, tmp_path: Path) -> None:
    method = DPO(epochs=1, batch_size=8)
    folder = make_job(tmp_path, tiny, PAIRS[:15], method=method, options=LocalOptions(threads=1))
    Team(processes=2).save(folder)
    told = inspect(folder, room=lambda _: Capacity(10**12, None)).settings
    assert told["parallel"].startswith("ddp, because a whole copy in each process needs 6")
    assert told["memory"].startswith("in each of 2 processes ")
    assert "of 500 GB that its part of this machine has" in told["memory"]
    assert "each of 2 processes has 4 rows of a batch" in told["micro_batch_size"]
    assert told["last_batch"].startswith("some of its rows count twice")
    with pytest.raises(QuotaExceededError, match=r"in each of 2 processes .* = .* has"):
        inspect(folder, room=lambda _: Capacity(10**9, None))


def test_deepspeed_is_not_installed(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    folder = make_job(tmp_path, tiny, options=LocalOptions(parallel="deepspeed"))
    with pytest.raises(MissingDependencyError, match="deepspeed"):
        check(folder.spec(), folder, {}, own_trainer=True)


def test_accelerates_own_classes_take_the_configuration_of_deepspeed() -> None:
    """It was never run: DeepSpeed needs a GPU."""
    plugins = import_module("accelerate.utils")
    plugin = plugins.DeepSpeedPlugin(hf_ds_config=deepcopy(parting.ZERO))
    assert plugin.zero_stage == 3
    assert plugin.zero3_save_16bit_model is True
    assert plugin.hf_ds_config.is_zero3()
    assert not plugin.hf_ds_config.is_offload()
    assert plugin.is_auto("train_micro_batch_size_per_gpu")
    assert plugin.is_auto("gradient_accumulation_steps")
