"""`finetune models get|delete|download`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

HANDLE = "desk:ftjob-fake-1"


@pytest.fixture
def model(finetune: Command, account: AccountProvider) -> str:
    finetune("jobs", "create", "--model", "m", "--training-data", "train.jsonl")
    account.clock.advance(1000)
    return str(account.get_job("ftjob-fake-1").fine_tuned_model)


def test_a_model_is_shown_with_its_job(finetune: Command, model: str) -> None:
    done = finetune("models", "get", model)
    assert HANDLE in done.out
    assert f"Next: finetune deploy {model} --name NAME" in done.err
    assert finetune("models", "get", model, "--json").documents[0]["job_id"] == "ftjob-fake-1"


def test_a_model_is_deleted(finetune: Command, model: str) -> None:
    assert finetune("models", "delete", model, "--json").documents == [{"deleted": model}]
    gone = finetune("models", "delete", model)
    assert gone.code == 1
    assert model in gone.err


def test_a_model_is_downloaded_by_its_job_or_its_name(
    finetune: Command, model: str, project: Path
) -> None:
    done = finetune("models", "download", HANDLE, "by-job")
    assert done.out == f"{project / 'by-job'}\n"
    assert list((project / "by-job").iterdir())
    by_name = finetune("models", "download", model, "by-name", "--json").documents
    assert by_name == [{"model": model, "folder": str(project / "by-name")}]


def test_a_folder_that_holds_something_is_one_clear_error(finetune: Command, model: str) -> None:
    done = finetune("models", "download", model, ".")
    assert done.code == 1
    assert "not an empty folder" in done.err
