"""`finetune migrate`: from a stand-in of OpenAI, or a folder, to the project's own profile."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import cast

import pytest

from finetune_sdk import FineTuneClient, PythonGrader, Reinforcement
from finetune_sdk.cli import main
from finetune_sdk.testing import FakeProvider
from finetune_sdk.transport import SYSTEM_CLOCK
from finetune_sdk.types import Migration
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command
from tests.standins.openai import JobCourse, OpenAIService

KEY = "sk-canarycanarycanarycanary"
MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def service(
    finetune: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenAIService]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with OpenAIService(SYSTEM_CLOCK, key=KEY) as service:
        service.course = JobCourse(validating=0, queued=0, running=0, steps=4)
        config = project / "finetune.toml"
        profile = f'[profiles.far]\nprovider = "openai"\nbase_url = "{service.url}"\n'
        config.write_text(config.read_text() + profile)
        yield service


@pytest.fixture
def job(finetune: Command, service: OpenAIService) -> str:
    words = f"jobs create --model {MODEL} --training-data train.jsonl --epochs 3 --suffix one"
    assert finetune(*words.split(), "--profile", "far").code == 0
    return f"far:{next(iter(service.jobs))}"


def made(account: AccountProvider) -> int:
    return sum(call.name == "create_job" for call in account.calls)


def test_a_job_is_made_again_and_each_word_is_told(
    finetune: Command, account: AccountProvider, job: str
) -> None:
    done = finetune("migrate", job, "--to", "desk", "--model", "small", "--learning-rate", "2e-5")
    assert done.code == 0, done.err
    for word in ("model", "rows", "epochs", "learning_rate_multiplier", "suffix", "cost"):
        assert word in done.out
    assert "base-1" in done.out
    assert "2e-05" in done.out
    assert f"{job} is made again as desk:ftjob-fake-1" in done.err
    assert "Next: finetune jobs wait desk:ftjob-fake-1" in done.err
    (made_job,) = account.list_jobs(limit=9, cursor=None).items
    assert made_job.model == "base-1"
    assert made_job.method is not None
    assert made_job.method.learning_rate == 2e-5
    assert made_job.metadata["migrated_from"] == job.replace("far:", "openai:")


def test_the_next_command_is_one_that_works(finetune: Command, job: str) -> None:
    said = finetune("migrate", job, "--to", "desk", "--model", "small").err
    words = shlex.split(said.rpartition("Next: finetune ")[2])
    done = finetune(*words)
    assert done.code == 0, done.err


def test_a_plan_shows_and_makes_nothing(
    finetune: Command, account: AccountProvider, job: str
) -> None:
    done = finetune("migrate", job, "--to", "desk", "--model", "small", "--plan")
    assert done.code == 0, done.err
    assert "learning_rate_multiplier" in done.out
    assert "3, as the job was made with" in done.out
    assert "Nothing was made." in done.err
    assert made(account) == 0
    said = finetune("migrate", job, "--to", "desk", "--model", "small", "--plan", "--epochs", "2")
    assert "2, as you said" in said.out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "jobs"), [("n\n", 1, 0), ("y\n", 0, 1)])
def test_a_person_is_asked_before_it_is_paid(
    account: AccountProvider,
    job: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    jobs: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    capsys.readouterr()
    assert main(["migrate", job, "--to", "desk", "--model", "small"]) == code
    told = capsys.readouterr()
    assert "learning_rate_multiplier" in told.out
    assert "Cost: 5.00 US dollars" in told.err
    assert made(account) == jobs


def test_twice_is_one_job(finetune: Command, account: AccountProvider, job: str) -> None:
    first = finetune("migrate", job, "--to", "desk", "--model", "small")
    again = finetune("migrate", job, "--to", "desk", "--model", "small")
    assert (first.code, again.code) == (0, 0), again.err
    assert "made before by the key" not in first.err
    assert "made before by the key" in again.err
    assert made(account) == 1
    words = ("--model", "small", "--idempotency-key", "second")
    assert finetune("migrate", job, "--to", "desk", *words).code == 0
    assert made(account) == 2


def test_programs_get_the_migration_as_a_document(finetune: Command, job: str) -> None:
    words = ("migrate", job, "--to", "desk", "--model", "small", "--json")
    (planned,) = finetune(*words, "--plan").documents
    assert "job" not in planned
    done = finetune(*words)
    told = Migration.from_json(done.out)
    assert told.job is not None
    assert (told.source, told.target, told.job.handle) == (job, "desk", "desk:ftjob-fake-1")
    assert done.err == ""


def test_a_folder_is_made_again_when_its_place_is_gone(
    finetune: Command, account: AccountProvider, service: OpenAIService, job: str, project: Path
) -> None:
    assert finetune("export", job, "out").code == 0
    folder = f"out/{job.partition(':')[2]}"
    config = project / "finetune.toml"
    config.write_text(config.read_text().partition("[profiles.far]")[0])
    before = len(service.requests)
    done = finetune("migrate", folder, "--to", "desk", "--model", "small")
    assert done.code == 0, done.err
    assert len(service.requests) == before
    assert made(account) == 1
    assert (project / folder / "migration.json").is_file()


def test_a_folder_that_holds_exports_names_them(
    finetune: Command, account: AccountProvider, job: str, project: Path
) -> None:
    assert finetune("export", job, "out").code == 0
    done = finetune("migrate", "out", "--to", "desk", "--model", "small")
    assert done.code == 1
    assert f"holds 1 exported job(s); name one: 'out/{job.partition(':')[2]}'" in done.err
    first = project / "out" / job.partition(":")[2]
    for number in range(6):
        (project / "out" / f"other-{number}").mkdir()
        (project / "out" / f"other-{number}" / "job.json").write_bytes(
            (first / "job.json").read_bytes()
        )
    err = finetune("migrate", "out", "--to", "desk", "--model", "small").err
    assert "holds 7 exported job(s)" in err
    assert err.rstrip().endswith("and 2 more")
    assert made(account) == 0


def test_a_folder_that_is_none_is_told(finetune: Command, project: Path) -> None:
    done = finetune("migrate", "out/nothere", "--to", "desk")
    assert done.code == 1
    assert "'out/nothere': there is no such folder" in done.err
    (project / "empty").mkdir()
    done = finetune("migrate", "empty", "--to", "desk")
    assert "'empty' is a folder without a job.json" in done.err


def test_a_model_that_nobody_has_said_is_asked_for(
    finetune: Command, account: AccountProvider, job: str
) -> None:
    done = finetune("migrate", job, "--to", "desk")
    assert done.code == 1
    assert f'[models."{MODEL}"]' in done.err
    assert "--model" in done.err
    assert made(account) == 0


def test_more_than_may_be_spent_has_its_own_exit_code(
    finetune: Command, account: AccountProvider, job: str
) -> None:
    done = finetune("migrate", job, "--to", "desk", "--model", "small", "--max-cost", "1")
    assert done.code == 6
    assert made(account) == 0


def test_the_methods_other_words_and_an_empty_one_that_leaves_out(
    finetune: Command, account: AccountProvider, job: str
) -> None:
    words = "--hyperparameter lora=false --hyperparameter batch_size= --epochs 1 --suffix two"
    done = finetune("migrate", job, "--to", "desk", "--model", "small", *words.split())
    assert done.code == 0, done.err
    (made_job,) = account.list_jobs(limit=9, cursor=None).items
    assert made_job.method is not None
    assert (made_job.method.lora, made_job.method.batch_size) == (False, None)
    assert (made_job.method.epochs, made_job.suffix) == (1, "two")


def test_a_word_that_comes_twice_is_told(finetune: Command, job: str) -> None:
    words = ("--epochs", "1", "--hyperparameter", "epochs=2")
    done = finetune("migrate", job, "--to", "desk", "--model", "small", *words)
    assert done.code == 1
    assert "stands beside an option" in done.err


def test_a_target_has_to_be_named(finetune: Command, job: str) -> None:
    done = finetune("migrate", job)
    assert done.code == 2
    assert "--to" in done.err


def test_the_document_of_a_plan_is_one_that_is_made_as_it_was_planned(
    finetune: Command, job: str
) -> None:
    words = ("migrate", job, "--to", "desk", "--model", "small", "--json")
    (planned,) = finetune(*words, "--plan").documents
    (after,) = finetune(*words).documents
    keys = [
        cast("dict[str, dict[str, str]]", one["plan"])["spec"]["key"] for one in (planned, after)
    ]
    assert keys[0] == keys[1]


PROGRAM = f"def grade(sample, item):\n    # {'x' * 200}\n    return 1.0  # the last line\n"


@pytest.fixture
def graded(project: Path) -> str:
    """The folder of a job that learned by a program."""
    rows = [{"messages": [{"role": "user", "content": f"Say {n}."}]} for n in range(12)]
    method = Reinforcement(grader=PythonGrader(source=PROGRAM))
    with FineTuneClient(FakeProvider()) as client:
        job = client.jobs.create(model="base-1", training_data=rows, method=method)
        job = client.jobs.wait(job, progress=False)
        return client.jobs.export(job, project / "theirs").folder


def test_a_folders_program_needs_a_word_and_is_shown_whole(
    finetune: Command, account: AccountProvider, graded: str
) -> None:
    words = ("migrate", graded, "--to", "desk", "--model", "small")
    refused = finetune(*words)
    assert refused.code == 1
    assert "--trust-programs" in refused.err
    assert "job.json" in refused.err
    shown = finetune(*words, "--trust-programs", "--plan")
    assert shown.code == 0, shown.err
    assert indent(PROGRAM, "    ") in shown.out
    assert made(account) == 0
    assert finetune(*words, "--trust-programs").code == 0
    assert made(account) == 1


def test_rewards_are_shown_by_their_names(finetune: Command, graded: str) -> None:
    folder = Path(graded)
    told = json.loads((folder / "job.json").read_text())
    names = [f"mine.{'x' * 30}:f{number}" for number in range(5)]
    told["method"] = {"type": "reinforcement", "rewards": names}
    (folder / "job.json").write_text(json.dumps(told))
    words = ("--to", "desk", "--model", "small", "--trust-programs", "--plan")
    shown = finetune("migrate", graded, *words)
    assert shown.code == 0, shown.err
    assert indent("\n".join(names), "    ") in shown.out
