"""`finetune sweep`: a table that fills, the best, and how to go on."""

from __future__ import annotations

import io
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune_sdk import InvalidRequestError, Job, SubmissionUnknownError, Sweep
from finetune_sdk.cli import main
from finetune_sdk.testing import JobScript
from finetune_sdk.types import Page
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command
from tests.cli.test_processes import started
from tests.local.small_jobs import Bench

SWEEP = ("sweep", "small", "train.jsonl")
GRID = ("--grid", "learning_rate=1e-4,2e-4", "--grid", "seed=1,2")
RECIPE = "model: small\ntraining_data: train.jsonl\nmethod:\n  epochs: 2\nseed: 3\nmax_cost: 9\n"


def made(account: AccountProvider) -> list[Job]:
    return list(account.list_jobs(limit=99, cursor=None).items)[::-1]


def test_the_best_of_a_grid(finetune: Command, account: AccountProvider) -> None:
    account.enqueue(*(JobScript(steps=steps) for steps in (10, 20, 90, 40)))
    done = finetune(*SWEEP, *GRID, "--at-once", "4", "--max-cost", "20", "--seed", "7")
    assert done.code == 0, done.err
    assert [job.seed for job in made(account)] == [1, 2, 1, 2]
    assert "3 *    0.0002         1     desk:ftjob-fake-3  succeeded" in done.out
    assert "trial 3 (learning_rate=0.0002, seed=1): desk:ftjob-fake-3 running" in done.err
    assert "The best is trial 3 (learning_rate=0.0002, seed=1): loss (train) 0.5541" in done.err
    assert "Next: finetune deploy desk:ftjob-fake-3 --name NAME" in done.err


def test_programs_get_the_sweep_as_one_document(finetune: Command) -> None:
    done = finetune(*SWEEP, *GRID, "--json")
    assert (done.code, done.err) == (0, "")
    told = Sweep.from_json(done.out)
    assert told.complete
    (document,) = done.documents
    assert document["best"] == document["trials"][0]  # type: ignore[index]


def test_a_plan_shows_and_makes_nothing(finetune: Command, account: AccountProvider) -> None:
    done = finetune(*SWEEP, *GRID, "--plan", "--max-cost", "19")
    assert done.code == 0, done.err
    assert "Nothing was made." in done.err
    assert "a sweep would refuse: the 4 jobs may cost up to 20.00" in done.err
    assert "up to 5.00" in done.out
    assert not made(account)
    (document,) = finetune(*SWEEP, *GRID, "--plan", "--json").documents
    assert len(document["trials"]) == 4  # type: ignore[arg-type]
    assert not made(account)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code", "jobs"), [("n\n", 1, 1), ("y\n", 0, 4)])
def test_a_person_is_asked_before_it_is_paid(
    finetune: Command,
    account: AccountProvider,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    jobs: int,
) -> None:
    assert finetune(*SWEEP, "--grid", "learning_rate=1e-4", "--grid", "seed=1").code == 0
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    capsys.readouterr()
    assert main([*SWEEP, *GRID]) == code
    told = capsys.readouterr()
    assert "Make 3 job(s) at desk (1 are made already), 2 at a time?" in told.err
    assert "Cost of all 4: up to 20.00 US dollars" in told.err
    assert len(made(account)) == jobs


def test_over_the_limit_is_exit_code_6(finetune: Command, account: AccountProvider) -> None:
    done = finetune(*SWEEP, *GRID, "--max-cost", "19")
    assert done.code == 6
    assert "over `max_cost` 19.00; nothing was sent" in done.err
    assert not made(account)


def test_trials_are_said_one_by_one(finetune: Command, account: AccountProvider) -> None:
    words = ("--trial", "learning_rate=1e-4,lora.rank=4", "--trial", "epochs=2,lora=false")
    assert finetune(*SWEEP, *words, "--hyperparameter", "batch_size=8").code == 0
    first, second = (job.method for job in made(account))
    assert first is not None
    assert second is not None
    assert first.model_dump()["lora"]["rank"] == 4
    assert (first.learning_rate, first.batch_size) == (1e-4, 8)
    assert (second.lora, second.epochs, second.batch_size) == (False, 2, 8)


def test_values_with_a_comma_are_a_json_list(finetune: Command, account: AccountProvider) -> None:
    grid = 'lora.target_modules=[["q_proj", "v_proj"], "all-linear"]'
    done = finetune(*SWEEP, "--grid", grid)
    assert done.code == 0, done.err
    first, second = (job.method.model_dump()["lora"] for job in made(account) if job.method)
    assert first["target_modules"] == ("q_proj", "v_proj")
    assert second["target_modules"] == "all-linear"


def test_a_recipe_says_what_they_share(
    finetune: Command, account: AccountProvider, project: Path
) -> None:
    (project / "r.yaml").write_text(RECIPE)
    assert finetune("sweep", "r.yaml", "--grid", "batch_size=4,8").code == 6
    done = finetune("sweep", "r.yaml", "--grid", "batch_size=4,8", "--max-cost", "10")
    assert done.code == 0, done.err
    jobs = made(account)
    assert [(job.model, job.seed, job.method and job.method.epochs) for job in jobs] == [
        ("base-1", 3, 2)
    ] * 2
    refused = finetune("sweep", "r.yaml", "--grid", "batch_size=4,8", "--suffix", "x")
    assert refused.code == 1
    assert "a recipe says `suffix` itself" in refused.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("sweep", "small"), "`sweep` takes a recipe file"),
        (("sweep", "small", "train.jsonl", "more"), "`sweep` takes a recipe file"),
        (SWEEP, "either `grid`, values for each name, or `trials`"),
        ((*SWEEP, "--grid", "seed"), "`--grid` takes KEY=VALUE"),
        ((*SWEEP, "--grid", "seed=1", "--grid", "seed=2"), "`--grid` has 'seed' twice"),
        ((*SWEEP, "--grid", "seed=[1"), "`--grid seed` is no valid JSON"),
        ((*SWEEP, "--grid", "sead=1"), "did you mean `seed`"),
        ((*SWEEP, "--grid", "epochs=two"), "`epochs` is 'two'"),
        ((*SWEEP, "--grid", "seed=1,"), "`seed` is ''"),
        ((*SWEEP, "--trial", "seed"), "`--trial` takes KEY=VALUE"),
        (("sweep", "nothing.yaml", "--grid", "seed=1"), "cannot be read"),
    ],
)
def test_wrong_words_are_told(
    finetune: Command, account: AccountProvider, words: Sequence[str], told: str
) -> None:
    done = finetune(*words)
    assert done.code == 1
    assert told in done.err
    assert not made(account)


def test_where_none_succeeds_it_is_exit_code_3(finetune: Command, account: AccountProvider) -> None:
    account.enqueue(*[JobScript(outcome="failed")] * 4)
    done = finetune(*SWEEP, *GRID)
    assert done.code == 3
    assert "No trial has measured loss (train), so none is the best." in done.err
    assert done.out.count("failed") == 4


def test_a_trial_that_is_refused_says_why(finetune: Command, account: AccountProvider) -> None:
    account.fail_next("create_job", InvalidRequestError("too fast", provider="account"))
    done = finetune(*SWEEP, *GRID)
    assert done.code == 0
    assert "trial 1 (learning_rate=0.0001, seed=1): refused: too fast" in done.err
    assert "trial 1: too fast" in done.err


def test_a_create_that_nobody_knows_of_is_exit_code_4(
    finetune: Command, account: AccountProvider
) -> None:
    lost = SubmissionUnknownError("nobody knows", submission_id="sub-1")
    account.fail_next("create_job", lost)
    done = finetune(*SWEEP, *GRID)
    assert done.code == 4
    assert "Next: finetune jobs recover sub-1" in done.err
    assert not made(account)


def test_paused_jobs_are_exit_code_1_and_say_how_to_go_on(
    finetune: Command, account: AccountProvider
) -> None:
    account.enqueue(JobScript(queued=0))
    listed = AccountProvider.list_jobs

    def paused(self: AccountProvider, *, limit: int, cursor: str | None) -> Page[Job]:
        account.pause("ftjob-fake-1")
        return listed(self, limit=limit, cursor=cursor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AccountProvider, "list_jobs", paused)
        done = finetune(*SWEEP, *GRID)
    assert done.code == 1
    assert "warning: paused: desk:ftjob-fake-1" in done.err
    assert finetune("jobs", "resume", "desk:ftjob-fake-1").code == 0
    assert finetune(*SWEEP, *GRID).code == 0


def test_ctrl_c_leaves_the_jobs_alone_and_the_next_command_is_one_that_works(
    finetune: Command, account: AccountProvider
) -> None:
    def stop(self: AccountProvider, *, limit: int, cursor: str | None) -> Page[Job]:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AccountProvider, "list_jobs", stop)
        stopped = finetune(*SWEEP, *GRID, "--profile", "desk")
    assert stopped.code == 130
    assert "the jobs that were begun go on" in stopped.err
    assert all(not job.status.terminal for job in made(account))
    words = shlex.split(stopped.err.rpartition("Next: finetune ")[2])
    done = finetune(*words)
    assert done.code == 0, done.err
    assert len(made(account)) == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_sweep_that_is_ended_goes_on_by_the_same_command(
    finetune: Command, box: Bench, project: Path, number: signal.Signals, code: int
) -> None:
    recipe = (
        "model: a-base-model\ntraining_data: train.jsonl\nmetadata: {pause: '0.05', steps: '9'}"
    )
    (project / "r.yaml").write_text(recipe)
    words = ("sweep", "r.yaml", "--grid", "seed=1,2,3", "--at-once", "2")
    with started(*words) as process:
        assert process.stderr is not None
        told = iter(process.stderr.readline, "")
        first = next(line for line in told if line.startswith("trial 1"))
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait() == code
    assert "Traceback" not in rest
    assert (f"Next: finetune {shlex.join(words)}" in rest) == (code > 0)
    done = finetune(*words, "--json")
    assert done.code == 0, done.err
    jobs = [one.job for one in Sweep.from_json(done.out).trials if one.job]
    assert len({job.id for job in jobs}) == 3
    assert jobs[0].handle in first
    assert len(box.provider.list_jobs(limit=9, cursor=None).items) == 3
