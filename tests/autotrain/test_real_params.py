"""What we write, read by AutoTrain itself.

`FINETUNE_AUTOTRAIN_VENV` is the path of a virtual environment with AutoTrain 0.8.36. Importing it
takes half a minute: one process reads all cases.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from finetune_sdk.autotrain import AutoTrainSpec, TaskName
from tests.autotrain.examples import CLASSIFIER, YAML, example
from tests.autotrain.test_trl import FULL

VENV = os.environ.get("FINETUNE_AUTOTRAIN_VENV")
pytestmark = pytest.mark.skipif(not VENV, reason="FINETUNE_AUTOTRAIN_VENV names no environment")

PROGRAM = """
import json, sys, tempfile
from pathlib import Path
from autotrain.app.api_routes import APICreateProjectModel
from autotrain.parser import AutoTrainConfigParser
from autotrain.tasks import TASKS
from autotrain.trainers.clm.params import LLMTrainingParams

answers = {}
for name, case in json.load(sys.stdin).items():
    file = Path(tempfile.mkdtemp(), "config.yml")
    file.write_text(case["yaml"])
    parser = AutoTrainConfigParser(str(file))
    told = parser.task_param_map[parser.task](**parser.parsed_config)
    answer = {"file": told.model_dump(), "id": TASKS[parser.task]}
    if case["params"]:
        answer["params"] = LLMTrainingParams(**case["params"]).model_dump()
        answer["given"] = sorted(LLMTrainingParams.model_fields)
    if case["rest"]:
        answer["rest"] = APICreateProjectModel(**case["rest"]).params.model_dump()
    answers[name] = answer
Path(sys.argv[1]).write_text(json.dumps(answers))
"""
TASKS: list[TaskName] = ["llm-sft", "llm-generic", "llm-dpo", "llm-orpo", "llm-reward"]
SPECS = {
    "as-people-have-it": AutoTrainSpec.from_yaml(YAML, source="x"),
    "classifier": AutoTrainSpec.from_yaml(CLASSIFIER, source="x"),
    **{f"{task}-plain": example(task) for task in TASKS},
    **{f"{task}-full": example(task, **FULL) for task in TASKS},
}
LLM = [name for name, spec in SPECS.items() if spec.task.startswith("llm-")]
REST = [name for name in LLM if "generic" not in name]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What AutoTrain makes of each."""
    folder = tmp_path_factory.mktemp("autotrain")
    cases = {
        name: {
            "yaml": spec.to_yaml(),
            "params": spec.to_params("alice") if name in LLM else None,
            "rest": spec.to_rest("alice", "t4-small") if name in REST else None,
        }
        for name, spec in SPECS.items()
    }
    python = Path(VENV or "", "bin", "python")
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    done = subprocess.run(
        [python, "-c", PROGRAM, folder / "answers.json"],
        input=json.dumps(cases),
        env={
            **kept,
            "HOME": str(folder),
            "HF_HOME": str(folder),
            "HF_HUB_OFFLINE": "1",
            "HF_TOKEN": "the-token",
            "HF_USERNAME": "alice",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return cast("dict[str, Any]", json.loads((folder / "answers.json").read_text()))


@pytest.mark.parametrize("name", LLM)
def test_the_trainer_takes_its_parameters_as_they_are(answers: dict[str, Any], name: str) -> None:
    given = SPECS[name].to_params("alice")
    assert sorted(given) == answers[name]["given"]
    assert answers[name]["params"] == given


@pytest.mark.parametrize("name", LLM)
def test_the_file_says_the_same(answers: dict[str, Any], name: str) -> None:
    """The token alone comes of the environment, as the file asks."""
    wanted = {**SPECS[name].to_params("alice"), "token": "the-token"}
    assert answers[name]["file"] == wanted
    assert answers[name]["id"] == SPECS[name].task_id


@pytest.mark.parametrize("name", REST)
def test_the_api_reads_what_it_is_sent(answers: dict[str, Any], name: str) -> None:
    assert answers[name]["rest"] == SPECS[name].to_rest("alice", "t4-small")["params"]


def test_a_task_that_is_only_carried_is_read_too(answers: dict[str, Any]) -> None:
    told = answers["classifier"]["file"]
    assert (told["epochs"], told["lr"], told["valid_split"]) == (3, 2e-5, "test")
    assert answers["classifier"]["id"] == SPECS["classifier"].task_id
