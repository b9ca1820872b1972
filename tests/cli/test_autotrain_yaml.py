"""`finetune run` with AutoTrain's own configuration file, at a provider that is not AutoTrain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune_sdk.cli import recipe as recipes
from finetune_sdk.providers import registry
from finetune_sdk.types import DPO, HubDataset, JobSpec, Lora, Supervised
from tests.autotrain.examples import YAML
from tests.cli.account import AccountProvider
from tests.cli.conftest import ROW, Command
from tests.cli.plugin import install

PAIRS = """\
task: llm-dpo
base_model: org/model
project_name: pairs
log: tensorboard
backend: local
data:
  path: rows
  train_split: train
  valid_split: null
  chat_template: null
  column_mapping:
    prompt_text_column: prompt
    text_column: chosen
    rejected_text_column: rejected
params: {dpo_beta: 0.3, epochs: 1, peft: true, quantization: null}
"""
LOCAL = YAML.replace("alice/rows", "rows")


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AutoTrain's provider is installed, whose options others pass over."""
    if "autotrain" not in registry.names():
        place = install(tmp_path / "at", "an-autotrain", autotrain="tests.cli.account:None")
        monkeypatch.syspath_prepend(place)  # pyright: ignore[reportUnknownMemberType]


@pytest.fixture
def rows(project: Path) -> Path:
    folder = project / "rows"
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(ROW % number for number in range(10)))
    (folder / "test.jsonl").write_text(ROW % 11)
    return folder


def created(account: AccountProvider) -> JobSpec:
    specs = [call.arguments[0] for call in account.calls if call.name == "create_job"]
    assert isinstance(specs[0], JobSpec)
    return specs[0]


def test_a_file_runs_as_it_is(
    finetune: Command, project: Path, account: AccountProvider, rows: Path
) -> None:
    (project / "at.yml").write_text(LOCAL.replace("valid_split: null", "valid_split: test"))
    done = finetune("run", "at.yml")
    assert done.code == 0, done.err
    spec = created(account)
    assert isinstance(spec.method, Supervised)
    assert spec.model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert (spec.suffix, spec.seed, spec.options) == ("my-recipes", 42, {})
    assert (spec.method.epochs, spec.method.batch_size, spec.method.max_length) == (2, 8, 1024)
    assert spec.method.learning_rate == 2e-4
    assert spec.method.lora == Lora(rank=16, alpha=32, dropout=0.05)
    assert spec.training_file.rows == 10
    assert spec.validation_file is not None
    assert spec.validation_file.rows == 1


def test_what_is_lost_is_a_warning_of_the_job(finetune: Command, project: Path, rows: Path) -> None:
    (project / "at.yml").write_text(LOCAL)
    (job,) = finetune("--json", "run", "--detach", "at.yml").documents
    warnings = " ".join(map(str, job["warnings"]))  # type: ignore[call-overload]
    assert "only AutoTrain reads `chat_template`" in warnings
    assert "AutoTrain learns all tokens of a row" in warnings
    (plan,) = finetune("--json", "plan", "at.yml").documents
    assert "AutoTrain learns all tokens of a row" in str(plan["warnings"])


def test_at_autotrain_itself_nothing_is_lost(project: Path, rows: Path) -> None:
    (project / "at.yml").write_text(LOCAL)
    recipe = recipes.load(project / "at.yml")
    assert recipe.warnings("autotrain") == ()
    assert recipe.options["autotrain"] == {
        "project_name": "my-recipes",
        "hardware": "a10g-small",
        "chat_template": "tokenizer",
        "gradient_accumulation": 4,
        "mixed_precision": "bf16",
        "quantization": "none",
    }


def test_preferences_are_read_by_their_columns(
    finetune: Command, project: Path, account: AccountProvider
) -> None:
    (project / "rows").mkdir()
    row = {"prompt": "a", "chosen": "b", "rejected": "c"}
    (project / "rows" / "train.jsonl").write_text(json.dumps(row) + "\n")
    (project / "at.yml").write_text(PAIRS)
    done = finetune("run", "at.yml")
    assert done.code == 0, done.err
    method = created(account).method
    assert isinstance(method, DPO)
    assert method.beta == 0.3


def test_a_file_may_be_named_and_lies_beside_the_configuration(
    finetune: Command, project: Path, account: AccountProvider, rows: Path
) -> None:
    folder = project / "configs"
    folder.mkdir()
    (folder / "at.yml").write_text(YAML.replace("alice/rows", "../rows/train.jsonl"))
    assert finetune("run", "configs/at.yml").code == 0
    assert created(account).training_file.rows == 10


def test_a_dataset_of_the_hub_stays_there(finetune: Command, project: Path) -> None:
    (project / "at.yml").write_text(YAML.replace("train_split: train", "train_split: en:train"))
    recipe = recipes.load(project / "at.yml")
    assert recipe.training_data == HubDataset(id="alice/rows", split="train", config="en")
    done = finetune("run", "at.yml")
    assert done.code == 1
    assert "Hugging Face Hub" in done.err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("path: rows", "path: ./other", "there is neither"),
        ("messages", "talk", "at.yml:12: `data.column_mapping.text_column` is 'talk': rename it"),
        ("lr: 2e-4", "lr: fast", "at.yml:17: `params.lr` is 'fast'"),
        ("token: ${HF_TOKEN}", "token: mysecretword", "at.yml:23: `hub.token` holds the token"),
        ("llm-sft", "llm-sfd", "at.yml:1: `task` is 'llm-sfd'; did you mean `llm-sft`"),
    ],
)
def test_a_wrong_word_is_told(
    finetune: Command, project: Path, rows: Path, old: str, new: str, words: str
) -> None:
    (project / "at.yml").write_text(LOCAL.replace(old, new))
    done = finetune("run", "at.yml")
    assert done.code == 1
    assert words in done.err
    assert "mysecretword" not in done.err


def test_another_task_is_refused(finetune: Command, project: Path) -> None:
    text = LOCAL.replace("llm-sft", "seq2seq").replace("messages", "t\n    target_column: s")
    (project / "at.yml").write_text(text)
    done = finetune("run", "at.yml")
    assert done.code == 1
    assert "`seq2seq` trains no language model" in done.err


def test_the_command_may_name_another_model(
    finetune: Command, project: Path, account: AccountProvider, rows: Path
) -> None:
    (project / "at.yml").write_text(LOCAL)
    assert finetune("run", "at.yml", "--model", "small").code == 0
    assert created(account).model == "base-1"


LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{step}: &a{step} [{', '.join([f'*a{step - 1}'] * 9)}]\n" for step in range(1, 11)
)


@pytest.mark.parametrize(
    "head",
    [
        LAUGHS,
        "a: &a [*a]\n",
        LAUGHS + "? [*a10]\n: x\n",
        "a0: &a0 {x: 1, y: 2}\n"
        + "".join(
            f"a{step}: &a{step} {{<<: [{', '.join([f'*a{step - 1}'] * 9)}]}}\n"
            for step in range(1, 11)
        ),
    ],
    ids=["lists", "itself", "key", "merges"],
)
def test_aliases_that_stand_for_billions_are_refused(
    finetune: Command, project: Path, rows: Path, head: str
) -> None:
    (project / "at.yml").write_text(head + LOCAL)
    done = finetune("run", "at.yml")
    assert done.code == 1
    assert "with its aliases written out" in done.err


def test_aliases_may_save_words(finetune: Command, project: Path, rows: Path) -> None:
    text = LOCAL.replace("split: train", "split: &all train").replace("null", "*all", 1)
    assert "valid_split: *all" in text
    (project / "at.yml").write_text(text)
    done = finetune("run", "at.yml")
    assert done.code == 0, done.err
