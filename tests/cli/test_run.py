"""`finetune run`: a recipe to a finished job."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    Job,
    JobSpec,
    JobStatus,
    Method,
    Reinforcement,
    Reward,
    StringCheckGrader,
    Supervised,
)
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


PAIR = {"prompt": "a", "chosen": "b", "rejected": "c"}
METHODS: list[tuple[str, Method, Mapping[str, object]]] = [
    ("type: dpo\n  beta: 0.2", DPO(beta=0.2), PAIR),
    ("type: orpo\n  epochs: 1", ORPO(epochs=1), PAIR),
    ("type: reward", Reward(), PAIR),
    (
        "type: kto\n  undesirable_weight: 2",
        KTO(undesirable_weight=2),
        {"prompt": "a", "completion": "b", "label": True},
    ),
    (
        "type: reinforcement\n  grader:\n    type: string_check\n    operation: eq\n"
        '    input: "{{sample.output_text}}"\n    reference: "{{item.answer}}"',
        Reinforcement(
            grader=StringCheckGrader(
                operation="eq", input="{{sample.output_text}}", reference="{{item.answer}}"
            )
        ),
        {"prompt": "a", "answer": "b"},
    ),
    (
        "type: reinforcement\n  rewards: ['my_rewards:exact']\n  reward_weights: [2]",
        Reinforcement(rewards=("my_rewards:exact",), reward_weights=(2.0,)),
        {"prompt": "a"},
    ),
]


@pytest.mark.parametrize(("table", "method", "row"), METHODS)
def test_a_recipe_may_be_of_any_method(
    finetune: Command,
    project: Path,
    account: AccountProvider,
    table: str,
    method: Method,
    row: Mapping[str, object],
) -> None:
    (project / "rows.jsonl").write_text(json.dumps(row) + "\n")
    (project / "r.yaml").write_text(f"model: m\ntraining_data: rows.jsonl\nmethod:\n  {table}\n")
    assert finetune("run", "r.yaml").code == 0
    assert created(account).method == method


@pytest.mark.parametrize("table", ["{}", "{epochs: 2}"])
def test_a_method_that_does_not_say_its_type_is_supervised(
    finetune: Command, project: Path, account: AccountProvider, table: str
) -> None:
    (project / "r.yaml").write_text(f"model: m\ntraining_data: train.jsonl\nmethod: {table}\n")
    assert finetune("run", "r.yaml").code == 0
    assert isinstance(created(account).method, Supervised)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: m\ntraining_data: t\nmethod:\n  type: dop", "r.yaml:4: `method.type` is 'dop'"),
        ("model: m\nsufix: x\ntraining_data: t", "r.yaml:2: `sufix` is no known key"),
        (
            "model: m\ntraining_data: t\nmethod:\n  type: dpo\n  bta: 1",
            "r.yaml:5: `method.bta` is no known key; did you mean `beta`?",
        ),
        (
            "model: m\nmethod:\n  type: reinforcement\n  rewards:\n    - 'a:b'\n    - c\n"
            "training_data: t",
            "r.yaml:6: `method.rewards.1` is 'c'",
        ),
        # What is missing has no line; what it is missing from may have one.
        ("model: m\n", "r.yaml: `training_data` is missing"),
        (
            "model: m\ntraining_data: t\nmethod:\n  type: reinforcement\n"
            "  grader: {type: string_check}",
            "r.yaml:5: `method.grader.input` is missing",
        ),
    ],
)
def test_a_wrong_word_is_told_with_its_line(
    finetune: Command, project: Path, text: str, words: str
) -> None:
    (project / "r.yaml").write_text(text)
    done = finetune("run", "r.yaml")
    assert done.code == 1
    assert words in done.err


def test_a_wrong_word_in_toml_is_told_with_its_file(finetune: Command, project: Path) -> None:
    (project / "r.toml").write_text(TOML.replace("supervised", "dop"))
    assert "r.toml: `method.type` is 'dop'; did you mean `dpo`?" in finetune("run", "r.toml").err


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


def test_a_key_on_the_command_line_makes_the_job_once(
    finetune: Command, account: AccountProvider, recipe: Path
) -> None:
    recipe.write_text(f"{YAML}idempotency_key: of-the-file\n")
    for _ in range(2):
        done = finetune("run", str(recipe), "--idempotency-key", "mine", "--detach")
        assert done.code == 0
        assert HANDLE in done.err
    assert [spec.key for spec in account.specs] == ["mine"]


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
        ("model: m\ntraining_data: t\nmethod: {type: dop}", "did you mean `dpo`?"),
        ("model: m\ntraining_data: t\nmethod: {type: dpo, bta: 1}", "did you mean `beta`?"),
        ("model: m\ntraining_data: t\nmethod: {beta: 1}", "belongs to: `dpo`, `orpo`, `kto`"),
        ("model: m\ntraining_data: t\nmethod: {type: dpo, train_on: all}", "to: `supervised`"),
        ("model: m\ntraining_data: t\nmethod: {type: reinforcement}", "`method`: give a `grader`"),
        (
            "model: m\ntraining_data: t\n"
            "method: {type: reinforcement, grader: {type: string_chek}}",
            "did you mean `string_check`?",
        ),
        (
            "model: m\ntraining_data: t\nmethod: {type: reinforcement, grader: {source: x}}",
            "`method.grader.type` is missing",
        ),
        ("model: m\ntraining_data: t\nmethod: dpo", "`method` is 'dpo': it should be a table"),
        ("model: m\ntraining_data: train.jsonl\nmethod: {type: dpo}", "wrong_format"),
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
