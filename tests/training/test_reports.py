"""Where the numbers go besides: into TensorBoard's files for real, and only where asked."""

from __future__ import annotations

import importlib.util
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.local.environment import child_environment, reports_of, secrets
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.course import reports
from finetune_sdk.types import DPO
from tests.training.jobs import CAKES, VENDOR_WARNINGS, failure, make_job, metrics, train

pytestmark = VENDOR_WARNINGS

KEY = "WANDB_API_KEY"


def scalars(folder: JobFolder, name: str) -> list[tuple[int, float]]:
    """Step and value of a number, as TensorBoard shows it."""
    module = import_module("tensorboard.backend.event_processing.event_accumulator")
    shown: Any = module.EventAccumulator(str(folder.path / "tensorboard"))
    shown.Reload()
    return [(event.step, event.value) for event in shown.Scalars(name)]


def test_tensorboard_shows_what_the_job_measured(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    options = LocalOptions(report_to=("tensorboard",))
    job = make_job(tmp_path, tiny, validation=CAKES[:3], options=options)
    train(job)
    losses = scalars(job, "train/loss")
    assert [step for step, _ in losses] == [1, 2, 3, 4]
    assert [value for _, value in losses] == pytest.approx(metrics(job, "loss"))
    measured = scalars(job, "eval/loss")
    assert [step for step, _ in measured] == [2, 4]
    assert [value for _, value in measured] == pytest.approx(metrics(job, "loss", "validation"))


def test_trainers_that_log_their_measurements_tell_them_once(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    options = LocalOptions(report_to=("tensorboard",))
    rows = [
        {
            "input": {"messages": [{"role": "user", "content": f"what is {i}?"}]},
            "preferred_output": [{"role": "assistant", "content": "a cake"}],
            "non_preferred_output": [{"role": "assistant", "content": "salt"}],
        }
        for i in range(8)
    ]
    method = DPO(epochs=2, learning_rate=1e-3)
    job = make_job(tmp_path, tiny, rows, validation=rows[:2], method=method, options=options)
    train(job)
    assert [step for step, _ in scalars(job, "eval/loss")] == [1, 2]
    assert [value for _, value in scalars(job, "eval/loss")] == pytest.approx(
        metrics(job, "loss", "validation")
    )
    assert metrics(job, "rewards_margins")


def test_steps_that_are_taken_again_are_shown_once(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    options = LocalOptions(report_to=("tensorboard",))
    job = train(make_job(tmp_path, tiny, options=options))
    (job.checkpoints / "checkpoint-4" / "manifest.json").unlink()
    train(job)
    assert [step for step, _ in scalars(job, "train/loss")] == [1, 2, 3, 4]


def test_a_job_that_does_not_ask_reports_nowhere(tiny: Path, tmp_path: Path) -> None:
    job = train(make_job(tmp_path, tiny))
    assert not {"tensorboard", "wandb", "runs"} & {path.name for path in job.path.iterdir()}


@pytest.mark.parametrize("place", ["tensorboard", "wandb", "trackio"])
def test_a_package_that_is_missing_is_said_before_anything_is_loaded(
    place: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> ModuleSpec | None:
        return None if name.lower().startswith(place) else importlib.util.find_spec(name)

    monkeypatch.setattr(reports, "find_spec", find)
    options = LocalOptions.model_validate({"report_to": [place]})
    job = make_job(tmp_path, tiny, options=options)
    code, message = failure(job)
    assert code == "missing_package"
    assert f"pip install {place}" in message
    assert job.read("choices") is None


def test_keys_pass_only_to_a_job_that_reports_there(tiny: Path, tmp_path: Path) -> None:
    environ = {
        KEY: "k" * 40,
        "TRACKIO_SPACE_ID": "me/space",
        "WANDB_SERVICE": "socket",
        "PATH": "/",
    }
    asked: dict[str, tuple[str, ...]] = {}
    for name, places in (("none", None), ("wandb", ("wandb",)), ("trackio", ("trackio",))):
        options = LocalOptions.model_validate({"report_to": places})
        job = make_job(tmp_path, tiny, name=f"ftjob-{name}", options=options)
        asked[name] = tuple(child_environment(environ, reports_of(job.path / "spec.json")))
    assert asked == {
        "none": ("PATH",),
        "wandb": (KEY, "PATH"),
        "trackio": ("TRACKIO_SPACE_ID", "PATH"),
    }
    assert "k" * 40 in secrets(environ)


def test_an_address_of_a_report_passes_without_its_password() -> None:
    given = {"WANDB_BASE_URL": "https://user:password@wandb.example"}
    assert child_environment(given, ("wandb",)) == {}
    given = {"WANDB_BASE_URL": "https://wandb.example"}
    assert child_environment(given, ("wandb",)) == given
    assert child_environment(given) == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"options": {"report_to": 7}}', '{"options": [1]}']
)
def test_a_spec_that_cannot_be_read_reports_nowhere(text: str, tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(text, encoding="utf-8")
    assert reports_of(tmp_path / "spec.json") == ()
    assert reports_of(tmp_path / "missing.json") == ()
