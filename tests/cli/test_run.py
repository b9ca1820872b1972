"""`finetune run`: a recipe to a finished job."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk.errors import (
    CostLimitError,
    FineTuneError,
    JobPausedError,
    ProviderError,
    StatusUnavailableError,
    SubmissionUnknownError,
)
from finetune_sdk.testing import JobScript
from finetune_sdk.types import Job, JobSpec, JobStatus, Supervised
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

YAML = """\
model: small
training_data: train.jsonl
method: {type: supervised, epochs: 2, lora: {rank: 8}}
suffix: recipes
seed: 7
metadata: {team: search}
max_cost: 20
"""
TOML = """\
model = "small"
training_data = "train.jsonl"
suffix = "recipes"
seed = 7
max_cost = 20
[method]
type = "supervised"
epochs = 2
lora = {rank = 8}
[metadata]
team = "search"
"""
HANDLE = "desk:ftjob-fake-1"


@pytest.fixture
def recipe(project: Path) -> Path:
    path = project / "recipe.yaml"
    path.write_text(YAML)
    return path


def created(account: AccountProvider) -> JobSpec:
    specs = [call.arguments[0] for call in account.calls if call.name == "create_job"]
    assert isinstance(specs[0], JobSpec)
    return specs[0]


@pytest.mark.parametrize(("name", "text"), [("r.yaml", YAML), ("r.yml", YAML), ("r.toml", TOML)])
def test_every_word_of_a_recipe_reaches_the_provider(
    finetune: Command, project: Path, account: AccountProvider, name: str, text: str
) -> None:
    (project / name).write_text(text)
    assert finetune("run", name).code == 0
    spec = created(account)
    assert spec.model == "base-1"
    assert isinstance(spec.method, Supervised)
    assert (spec.method.epochs, spec.suffix, spec.seed) == (2, "recipes", 7)
    assert spec.metadata == {"team": "search"}
    assert spec.training_file.rows == 10


def test_it_waits_and_names_the_next_command(finetune: Command, recipe: Path) -> None:
    done = finetune("run", str(recipe))
    assert "succeeded" in done.out
    assert HANDLE in done.out
    assert f"Next: finetune deploy {HANDLE} --name recipes" in done.err
    assert "the fake job runs" in done.err


def test_with_json_stdout_is_the_job_and_stderr_is_silent(finetune: Command, recipe: Path) -> None:
    done = finetune("run", str(recipe), "--json")
    job = Job.from_json(done.out)
    assert (job.status, job.profile) == (JobStatus.SUCCEEDED, "desk")
    assert done.err == ""


def test_detached_it_comes_back_while_the_job_waits(finetune: Command, recipe: Path) -> None:
    done = finetune("run", str(recipe), "--detach")
    assert done.code == 0
    assert "queued" in done.out
    assert f"Next: finetune jobs wait {HANDLE}" in done.err


def test_paths_are_relative_to_the_recipe(finetune: Command, project: Path) -> None:
    folder = project / "recipes"
    folder.mkdir()
    (folder / "r.yaml").write_text("model: m\ntraining_data: ../train.jsonl\n")
    assert finetune("run", "recipes/r.yaml").code == 0


def test_a_model_folder_beside_the_recipe_is_meant_by_its_path(
    finetune: Command, project: Path, account: AccountProvider
) -> None:
    (project / "r.yaml").write_text("model: ./weights\ntraining_data: train.jsonl\n")
    assert finetune("run", "r.yaml").code == 0
    assert created(account).model == str(project / "weights")


def test_a_file_that_the_provider_holds_is_not_uploaded(
    finetune: Command, project: Path, account: AccountProvider
) -> None:
    (project / "r.yaml").write_text("model: m\ntraining_data: {id: file-9}\n")
    assert finetune("run", "r.yaml").code == 0
    assert created(account).training_file.id == "file-9"
    assert not account.uploads


def test_a_job_that_failed_ends_with_3_and_points_at_its_log(
    finetune: Command, recipe: Path, account: AccountProvider
) -> None:
    account.enqueue(JobScript(outcome="failed"))
    done = finetune("run", str(recipe))
    assert done.code == 3
    assert "failed" in done.out
    assert done.err.rstrip().endswith(f"Next: finetune jobs logs {HANDLE}")


def test_with_json_a_job_that_failed_is_still_told(
    finetune: Command, recipe: Path, account: AccountProvider
) -> None:
    account.enqueue(JobScript(outcome="failed"))
    done = finetune("run", str(recipe), "--json")
    assert done.code == 3
    assert Job.from_json(done.out).status is JobStatus.FAILED


JOB = Job(id="ftjob-fake-1", provider="account", status=JobStatus.PAUSED, model="base-1")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SubmissionUnknownError("nobody can tell", submission_id="s-1"), 4),
        (StatusUnavailableError("no contact", handle=HANDLE), 5),
        (CostLimitError("too dear"), 6),
        (JobPausedError("it is paused", job=JOB), 1),
        (ProviderError("it said no", provider="account"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    finetune: Command, recipe: Path, account: AccountProvider, error: FineTuneError, code: int
) -> None:
    account.fail_next("create_job", error)
    done = finetune("run", str(recipe))
    assert done.code == code
    assert f"error: {error}" in done.err
    assert done.out == ""


def test_an_estimate_over_the_limit_ends_with_6_and_creates_nothing(
    finetune: Command, project: Path, account: AccountProvider
) -> None:
    (project / "r.yaml").write_text("model: m\ntraining_data: train.jsonl\nmax_cost: 1\n")
    assert finetune("run", "r.yaml").code == 6
    assert "create_job" not in {call.name for call in account.calls}


def test_ctrl_c_leaves_the_job_alone_and_tells_how_to_go_on(
    finetune: Command,
    recipe: Path,
    account: AccountProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(account.clock, "sleep", interrupted)
    done = finetune("run", str(recipe))
    assert done.code == 130
    assert f"the job {HANDLE} goes on" in done.err
    assert f"Next: finetune jobs wait {HANDLE}" in done.err
    assert "cancel_job" not in {call.name for call in account.calls}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: m\ntraining_data: t\nmethod: {epoch: 2}", "`method.epoch` is no known key"),
        ("model: m\ntraining_data: t\nmethod: {epoch: 2}", "did you mean `epochs`?"),
        ("model: m\ntraining_data: t\nmethod: {lora: {rnk: 2}}", "did you mean `rank`?"),
        ("model: m\ntraining_data: t\nsufix: x", "did you mean `suffix`?"),
        ("model: m\ntraining_data: t\nmethod: {epochs: -1}", "`method.epochs` is -1"),
        ("model: m\ntraining_data: t\nmethod: {epochs: many}", "`method.epochs` is 'many'"),
        ("model: m\ntraining_data: t\nmethod: {type: magic}", "`method.type` is 'magic'"),
        ("model: m\ntraining_data: t\nseed: [1]", "`seed` is a list"),
        ("model: m\n", "`training_data` is missing"),
        ("model: m\nmodel: n\ntraining_data: t", "r.yaml:2: no valid YAML: the key 'model'"),
        ("model: [m", "r.yaml:1"),
        ("- model", "write `model: ...`"),
        ("", "write `model: ...`"),
        ("model: m\ntraining_data: missing.jsonl", "missing.jsonl"),
        ("model: m\ntraining_data: train.jsonl\noptions: {loca: {}}", "did you mean `local`?"),
        ("model: m\ntraining_data: train.jsonl\noptions: {account: {a: 1}}", "no options"),
    ],
)
def test_a_wrong_recipe_is_one_clear_error_and_no_job(
    finetune: Command, project: Path, account: AccountProvider, text: str, words: str
) -> None:
    (project / "r.yaml").write_text(text)
    done = finetune("run", "r.yaml")
    assert done.code == 1
    assert words in done.err
    assert "Traceback" not in done.err
    assert "create_job" not in {call.name for call in account.calls}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("r.toml", b"model = ", "no valid TOML"),
        ("r.json", b"{}", "ends in `.yaml`, `.yml` or `.toml`"),
        ("r.yaml", b"\xff\xfe\x00", "UTF-8"),
        ("r.yaml", b"a: \x00", "no valid YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_one_clear_error(
    finetune: Command, project: Path, name: str, content: bytes, words: str
) -> None:
    (project / name).write_bytes(content)
    done = finetune("run", name)
    assert done.code == 1
    assert words in done.err
    assert name in done.err


def test_a_recipe_that_is_not_there_names_its_path(finetune: Command) -> None:
    done = finetune("run", "nowhere.yaml")
    assert done.code == 1
    assert "nowhere.yaml: cannot be read: No such file" in done.err


def test_options_of_another_provider_are_passed_over(
    finetune: Command, project: Path, account: AccountProvider
) -> None:
    (project / "r.yaml").write_text(
        "model: m\ntraining_data: train.jsonl\noptions: {local: {threads: 2}}\n"
    )
    assert finetune("run", "r.yaml").code == 0
    assert created(account).options == {}
