"""`finetune jobs show|metrics|checkpoints`: what is drawn and told of what was learned."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from finetune_sdk.cli.braille import drawn
from finetune_sdk.cli.panels import panels
from finetune_sdk.providers.base import ProviderSettings
from finetune_sdk.testing import JobScript
from finetune_sdk.types import Job, Metric
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command
from tests.cli.plugin import install
from tests.resources.bare import BareProvider


class Bare(BareProvider):
    """Each command opens the same one."""

    shared: ClassVar[BareProvider]

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> BareProvider:
        return cls.shared


HANDLE = "desk:ftjob-fake-1"
FILES = ("--training-data", "train.jsonl", "--validation-data", "train.jsonl")
CREATE = ("jobs", "create", "--model", "small", *FILES)
PNG = b"\x89PNG\r\n"


@pytest.fixture
def job(finetune: Command, account: AccountProvider) -> Job:
    made = Job.from_json(finetune(*CREATE, "--json").out)
    account.clock.advance(1000)
    return made


def test_show_draws_training_and_validation_where_it_is_told_to(
    finetune: Command, job: Job
) -> None:
    plain = finetune("jobs", "show", HANDLE).out
    assert "┤" not in plain
    done = finetune("jobs", "show", HANDLE, "--plot")
    assert "loss (fake)    line: train, o: validation" in done.out
    assert re.search("[⠁-⣿]+o[⠁-⣿]+|o$", done.out, re.MULTILINE)
    assert max(map(len, done.out.splitlines())) <= 80
    assert "the fake job has succeeded" in done.out


def test_a_job_that_has_measured_nothing_is_shown_without_a_plot(finetune: Command) -> None:
    finetune(*CREATE)
    done = finetune("jobs", "show", HANDLE, "--plot")
    assert done.code == 0
    assert "┤" not in done.out


def test_with_json_the_document_stands_alone(finetune: Command, job: Job, project: Path) -> None:
    done = finetune("jobs", "show", HANDLE, "--plot", "--png", "loss.png", "--json")
    assert Job.from_json(done.out).id == job.id
    assert done.err == ""
    assert (project / "loss.png").read_bytes().startswith(PNG)


def test_a_picture_is_not_drawn_over_a_file_unless_told(
    finetune: Command, job: Job, project: Path
) -> None:
    picture = project / "loss.png"
    picture.write_text("mine")
    refused = finetune("jobs", "show", HANDLE, "--png", "loss.png")
    assert refused.code == 1
    assert picture.read_text() == "mine"
    assert finetune("jobs", "show", HANDLE, "--png", "loss.png", "--yes").code == 0
    assert picture.read_bytes().startswith(PNG)


def test_a_picture_of_nothing_is_one_clear_error(finetune: Command, project: Path) -> None:
    finetune(*CREATE)
    done = finetune("jobs", "show", HANDLE, "--png", "loss.png")
    assert done.code == 1
    assert "measured nothing yet" in done.err
    assert not (project / "loss.png").exists()


@pytest.mark.parametrize("path", ["nowhere/loss.png", "loss.jpg"])
def test_a_picture_goes_into_a_png_file_in_a_folder_that_is_there(
    finetune: Command, job: Job, project: Path, path: str
) -> None:
    done = finetune("jobs", "show", HANDLE, "--png", path)
    assert done.code == 1
    assert path in done.err
    assert not (project / "nowhere").exists()


def test_a_picture_without_matplotlib_names_the_extra(
    finetune: Command, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = finetune("jobs", "show", HANDLE, "--png", "loss.png")
    assert done.code == 1
    assert 'pip install "finetune-anywhere[plot]"' in done.err


def test_a_provider_that_measures_nothing_says_so_only_when_asked(
    finetune: Command, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install(tmp_path / "bare", "a-bare", bare="tests.cli.test_learned:Bare")
    monkeypatch.syspath_prepend(place)  # pyright: ignore[reportUnknownMemberType]
    (project / "finetune.toml").write_text('profile = "x"\n[profiles.x]\nprovider = "bare"\n')
    Bare.shared = Bare()
    made = Job.from_json(finetune(*CREATE, "--json").out)
    assert finetune("jobs", "show", made.handle).code == 0
    done = finetune("jobs", "show", made.handle, "--plot")
    assert done.code == 1
    assert "does not support `jobs.metrics`" in done.err


def test_a_failed_job_with_checkpoints_says_what_is_kept(
    finetune: Command, account: AccountProvider
) -> None:
    account.enqueue(
        JobScript(outcome="failed", fails_at_step=60),
        JobScript(outcome="failed", fails_at_step=6),
    )
    finetune(*CREATE)
    finetune(*CREATE)
    account.clock.advance(1000)
    done = finetune("jobs", "show", HANDLE)
    assert "learned by step 50 is kept" in done.err
    assert f"Next: finetune jobs checkpoints {HANDLE}" in done.err
    bare = finetune("jobs", "show", "desk:ftjob-fake-2")
    assert "Next: finetune jobs logs desk:ftjob-fake-2" in bare.err


def test_metrics_are_a_row_a_step_or_a_document_each(finetune: Command, job: Job) -> None:
    table = finetune("jobs", "metrics", HANDLE)
    assert table.out.splitlines()[0].split() == ["step", "rows", "loss", "(fake)"]
    assert "25    validation" in table.out
    documents = finetune("jobs", "metrics", HANDLE, "--json").documents
    assert len(documents) == 104
    assert documents[25]["split"] == "validation"
    unknown = finetune("jobs", "metrics", HANDLE, "--name", "reward")
    assert unknown.out == ""
    assert "has measured only loss" in unknown.err
    named = finetune("jobs", "metrics", HANDLE, "--name", "validation_loss", "--json").documents
    assert {one["split"] for one in named} == {"validation"}
    assert len(finetune("jobs", "metrics", HANDLE, "--name", "loss", "--json").documents) == 104


def test_checkpoints_are_listed_and_can_be_deployed(finetune: Command, job: Job) -> None:
    done = finetune("jobs", "checkpoints", HANDLE)
    assert "best" in done.out.splitlines()[1]
    documents = finetune("jobs", "checkpoints", HANDLE, "--json").documents
    assert [one["step"] for one in documents] == [100, 75, 50, 25]
    newest = documents[0]["model"]
    assert f"Next: finetune deploy {newest} --name NAME --profile desk" in done.err
    assert finetune("deploy", str(newest), "--name", "half").code == 0


def test_a_job_without_checkpoints_says_so(finetune: Command) -> None:
    finetune(*CREATE)
    assert "saved no checkpoint yet" in finetune("jobs", "checkpoints", HANDLE).err


def test_a_handle_that_nobody_knows_is_an_error(finetune: Command) -> None:
    for verb in ("metrics", "checkpoints"):
        assert finetune("jobs", verb, "desk:ftjob-none").code == 1


def measured(*names: str) -> list[Metric]:
    return [Metric(step=step, name=name, value=step) for step in (1, 2) for name in names]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("grad_norm", "loss", "learning_rate", "tokens"), ["loss", "learning_rate"]),
        (
            ("rewards_margins", "rewards_accuracies", "loss", "learning_rate"),
            ["loss", "rewards_accuracies", "learning_rate"],
        ),
        (("loss", "reward", "accuracy", "rewards_margins"), ["loss", "reward", "accuracy"]),
        (("grad_norm",), []),
    ],
)
def test_the_most_telling_numbers_get_the_panels(names: tuple[str, ...], shown: list[str]) -> None:
    assert [panel.name for panel in panels(measured(*names))] == shown


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [-1e30, 1e30], [1e-300, 0.0]])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_any_numbers_can_be_drawn(values: list[float], split: str) -> None:
    metrics = [
        Metric.model_validate({"step": n, "name": "loss", "value": value, "split": split})
        for n, value in enumerate(values)
    ]
    for columns in (1, 40, 1000):
        text = drawn(panels(metrics), columns=columns, encoding="utf-8")
        assert ("o" in text.partition("\n")[2].partition("└")[0]) is (split == "validation")


def test_a_terminal_without_braille_gets_asterisks() -> None:
    text = drawn(panels(measured("loss")), columns=40, encoding="latin-1")
    assert text.isascii()
    assert "*" in text
