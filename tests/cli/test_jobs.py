"""`finetune jobs`, on an account that outlives the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk.testing import JobScript
from finetune_sdk.types import DPO, Job, JobSpec, JobStatus, Lora, Page, Supervised
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

HANDLE = "desk:ftjob-fake-1"
CREATE = ("jobs", "create", "--model", "small", "--training-data", "train.jsonl")


@pytest.fixture
def job(finetune: Command, account: AccountProvider) -> Job:
    done = finetune(*CREATE, "--json")
    assert done.code == 0
    return Job.from_json(done.out)


def spec_of(account: AccountProvider) -> JobSpec:
    spec = next(call.arguments[0] for call in account.calls if call.name == "create_job")
    assert isinstance(spec, JobSpec)
    return spec


def test_create_gives_the_job_at_once_and_tells_how_to_wait(finetune: Command) -> None:
    done = finetune(*CREATE)
    assert HANDLE in done.out
    assert "queued" in done.out
    assert f"Next: finetune jobs wait {HANDLE}" in done.err


def test_every_option_of_create_reaches_the_provider(
    finetune: Command, account: AccountProvider
) -> None:
    words = "--epochs 2 --batch-size 4 --learning-rate 1e-4 --full --train-on all --suffix s"
    more = "--seed 7 --metadata team=a=b --max-cost 9 --idempotency-key k --no-strict"
    assert finetune(*CREATE, *words.split(), *more.split()).code == 0
    spec = spec_of(account)
    assert spec.method == Supervised(
        epochs=2, batch_size=4, learning_rate=1e-4, lora=False, train_on="all"
    )
    assert (spec.key, spec.suffix, spec.seed) == ("k", "s", 7)
    assert spec.metadata == {"team": "a=b"}


def test_what_nobody_set_is_not_sent(finetune: Command, account: AccountProvider) -> None:
    assert finetune(*CREATE).code == 0
    assert spec_of(account).method.given() == frozenset()


def test_another_method_takes_its_own_hyperparameters(
    finetune: Command, account: AccountProvider, project: Path
) -> None:
    (project / "pairs.jsonl").write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n')
    create = ("jobs", "create", "--model", "small", "--training-data", "pairs.jsonl")
    done = finetune(*create, "--method", "dpo", "--epochs", "2", "--hyperparameter", "beta=0.2")
    assert done.code == 0, done.err
    assert spec_of(account).method == DPO(epochs=2, beta=0.2)


def test_a_hyperparameter_may_be_an_object(finetune: Command, account: AccountProvider) -> None:
    done = finetune(*CREATE, "--hyperparameter", 'lora={"rank": 4}')
    assert done.code == 0, done.err
    assert spec_of(account).method == Supervised(lora=Lora(rank=4))


def test_a_finished_job_can_be_trained_on(
    finetune: Command, account: AccountProvider, job: Job
) -> None:
    account.clock.advance(1000)
    words = ("--model", job.handle, "--training-data", "train.jsonl")
    assert finetune("jobs", "create", *words).code == 0
    last = [call.arguments[0] for call in account.calls if call.name == "create_job"][-1]
    assert isinstance(last, JobSpec)
    assert last.model == account.get_job(job.id).fine_tuned_model


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--epochs", "-1"], "`method.epochs` is -1"),
        (["--metadata", "team"], "`--metadata` takes KEY=VALUE"),
        (["--metadata", "a=1", "--metadata", "a=2"], "'a' twice"),
        (["--option", "a={"], "`--option a` is no valid JSON"),
        (["--option", "a=1"], "no options of its own"),
        (["--method", "dpo", "--hyperparameter", "betta=1"], "did you mean `beta`?"),
        (["--method", "dop"], "did you mean `dpo`?"),
        (["--epochs", "2", "--hyperparameter", "epochs=3"], "`--hyperparameter epochs` stands"),
        (["--hyperparameter", "beta"], "`--hyperparameter` takes KEY=VALUE"),
    ],
)
def test_a_wrong_option_is_one_clear_error(
    finetune: Command, account: AccountProvider, words: list[str], told: str
) -> None:
    done = finetune(*CREATE, *words)
    assert done.code == 1
    assert told in done.err
    assert "create_job" not in {call.name for call in account.calls}


def test_list_shows_the_newest_first_and_says_when_there_are_more(
    finetune: Command, job: Job
) -> None:
    finetune(*CREATE)
    done = finetune("jobs", "list", "--limit", "1")
    assert "ftjob-fake-2" in done.out
    assert "ftjob-fake-1" not in done.out
    assert "--limit" in done.err


def test_list_with_json_is_a_document_a_line(finetune: Command, job: Job) -> None:
    finetune(*CREATE)
    done = finetune("--json", "jobs", "list")
    assert [found["id"] for found in done.documents] == ["ftjob-fake-2", "ftjob-fake-1"]
    assert done.err == ""


def test_an_empty_list_tells_how_to_begin(finetune: Command) -> None:
    done = finetune("jobs", "list")
    assert (done.code, done.out) == (0, "")
    assert "Next: finetune run recipe.yaml" in done.err


def test_show_tells_how_far_the_job_is(
    finetune: Command, account: AccountProvider, job: Job
) -> None:
    account.clock.advance(90)
    done = finetune("jobs", "show", HANDLE)
    assert "10/100" in done.out
    assert "the fake job runs" in done.out
    assert f"Next: finetune jobs wait {HANDLE}" in done.err


def test_wait_ends_with_the_job(finetune: Command, job: Job) -> None:
    done = finetune("jobs", "wait", job.id)
    assert done.code == 0
    assert f"Next: finetune deploy {HANDLE}" in done.err


def test_wait_gives_up_after_its_timeout_and_the_job_goes_on(finetune: Command, job: Job) -> None:
    done = finetune("jobs", "wait", HANDLE, "--timeout", "60")
    assert done.code == 1
    assert "60 s" in done.err
    assert finetune("jobs", "show", HANDLE, "--json").documents[0]["status"] == "running"


def test_a_job_that_nobody_knows_is_an_error_at_once(finetune: Command) -> None:
    for verb in ("show", "wait", "watch", "logs", "cancel"):
        done = finetune("jobs", verb, "desk:ftjob-none")
        assert done.code == 1, verb
        assert "ftjob-none" in done.err


def test_the_handle_names_the_profile(
    finetune: Command, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUNE_PROFILE", "fake")
    assert finetune("jobs", "show", HANDLE).code == 0
    assert finetune("jobs", "show", job.id).code == 1


def test_watch_prints_each_change_until_all_have_ended(finetune: Command, job: Job) -> None:
    finetune(*CREATE)
    done = finetune("jobs", "watch")
    assert done.code == 0
    last = {line.split()[0]: line.split()[1] for line in done.out.splitlines()}
    assert last == {HANDLE: "succeeded", "desk:ftjob-fake-2": "succeeded"}
    assert done.out.count(HANDLE) > 2


def test_watch_ends_with_3_when_one_failed(finetune: Command, account: AccountProvider) -> None:
    account.enqueue(JobScript(outcome="failed"))
    finetune(*CREATE)
    done = finetune("jobs", "watch", HANDLE, "--json")
    assert done.code == 3
    assert done.documents[-1]["status"] == "failed"


def test_watch_takes_jobs_of_one_profile(finetune: Command) -> None:
    done = finetune("jobs", "watch", HANDLE, "fake:ftjob-1")
    assert done.code == 1
    assert "several profiles (desk, fake)" in done.err


def test_watch_ends_with_1_when_only_a_paused_job_is_left(
    finetune: Command, account: AccountProvider, job: Job
) -> None:
    account.pause(job.id)
    done = finetune("jobs", "watch")
    assert done.code == 1
    assert done.out == f"{HANDLE}  paused\n"
    assert f"Next: finetune jobs resume {HANDLE}" in done.err


class Crowded(AccountProvider):
    """Tells the place in its queue."""

    def get_job(self, job_id: str, /) -> Job:
        return super().get_job(job_id).model_copy(update={"queue_position": 2})

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        page = super().list_jobs(limit=limit, cursor=cursor)
        return Page(tuple(self.get_job(job.id) for job in page.items), page.next_cursor)


def test_the_place_in_the_queue_is_shown(finetune: Command) -> None:
    Crowded.anew()
    finetune(*CREATE)
    assert "queued (2.)" in finetune("jobs", "list").out
    assert "queued (2.)" in finetune("jobs", "show", HANDLE).out
    assert finetune("jobs", "list", "--json").documents[0]["queue_position"] == 2


def test_logs_are_the_lines_as_they_are(
    finetune: Command, account: AccountProvider, job: Job
) -> None:
    account.clock.advance(1000)
    assert finetune("jobs", "logs", HANDLE).out.splitlines()[0].startswith("the fake job")
    assert finetune("jobs", "logs", HANDLE, "--json").documents[1] == {"line": "the fake job runs"}


def test_logs_that_are_followed_tell_each_line_once(finetune: Command, job: Job) -> None:
    lines = finetune("jobs", "logs", HANDLE, "--follow").out.splitlines()
    assert lines[-1] == "the fake job has succeeded"
    assert len(lines) == len(set(lines)) == 3


def test_cancel_ends_the_job(finetune: Command, job: Job) -> None:
    done = finetune("jobs", "cancel", HANDLE, "--json")
    assert Job.from_json(done.out).status in (JobStatus.CANCELLING, JobStatus.CANCELLED)
    assert finetune("jobs", "wait", HANDLE).code == 3


def test_cancelling_what_has_ended_says_so(finetune: Command) -> None:
    made = finetune(
        "jobs", "create", "--model", "small", "--training-data", "train.jsonl", "--json"
    )
    handle = f"desk:{made.documents[0]['id']}"
    assert "had ended before" not in finetune("jobs", "cancel", handle).err
    assert "had ended before" in finetune("jobs", "cancel", handle).err
