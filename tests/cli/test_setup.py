"""`finetune init`, `trust`, `doctor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from finetune_sdk.config import load_file, trusted_hosts
from finetune_sdk.errors import ConfigurationError
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

SECRET = "hf_abcdefghijklmnopqrstuvwxyz"


def test_init_writes_a_config_that_loads(finetune: Command, project: Path) -> None:
    path = project / "finetune.toml"
    path.unlink()
    done = finetune("init")
    assert done.code == 0
    assert "Next: finetune doctor" in done.err
    file = load_file(path)
    assert file.profile == "local"
    assert file.profiles["local"] == {"provider": "local"}
    assert file.models["small"]["local"]


@pytest.mark.parametrize("words", [[], ["--yes"], ["--force"]])
def test_init_writes_over_a_file_only_when_told(
    finetune: Command, project: Path, words: list[str]
) -> None:
    path = project / "finetune.toml"
    before = path.read_text()
    done = finetune("init", *words)
    assert done.code == (0 if words else 1)
    assert (path.read_text() == before) is not bool(words)
    assert [entry.name for entry in project.glob(".finetune*")] == []


def test_init_writes_where_the_config_option_says(finetune: Command, project: Path) -> None:
    done = finetune("init", "--config", "deep/my.toml", "--json")
    assert done.documents == [{"written": str(project / "deep" / "my.toml")}]
    assert load_file(project / "deep" / "my.toml").profile == "local"


def test_trust_adds_a_host_once(finetune: Command) -> None:
    assert "is trusted." in finetune("trust", "my.example.com").err
    again = finetune("trust", "my.example.com", "--json")
    assert again.documents == [{"trusted": "my.example.com", "added": False}]
    assert trusted_hosts() == {"my.example.com"}


def test_trust_takes_no_wildcard(finetune: Command) -> None:
    done = finetune("trust", "*.example.com")
    assert done.code == 1
    assert "exact host name" in done.err


def test_doctor_tells_what_is_there_what_runs_and_what_costs(
    finetune: Command, account: AccountProvider
) -> None:
    finetune("jobs", "create", "--model", "m", "--training-data", "train.jsonl")
    finetune("deploy", "m", "--name", "bot")
    done = finetune("doctor", "--json")
    found = {str(entry["what"]): entry for entry in done.documents}
    assert "desk:ftjob-fake-1 queued" in str(found["jobs"]["detail"])
    assert "desk:bot ready" in str(found["deployments"]["detail"])
    assert str(found["config"]["detail"]).endswith("finetune.toml")
    assert found["profile"]["detail"] == "desk, of the provider account"
    assert {"python", "finetune-anywhere", "state folder", "trusted hosts"} <= found.keys()


def test_doctor_ends_with_1_when_the_profile_is_broken(finetune: Command, project: Path) -> None:
    (project / "finetune.toml").write_text('profile = "gone"\n')
    done = finetune("doctor")
    assert done.code == 1
    assert "Broken: profile" in done.err
    assert "ok      python" in done.out


def test_doctor_names_a_model_that_is_not_there(
    finetune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert finetune("doctor").code == 0  # where all goes with its process, any model is good
    monkeypatch.setattr(AccountProvider, "ephemeral", False)
    done = finetune("doctor")
    assert done.code == 1
    assert "Broken: model small" in done.err


def test_doctor_shows_no_secret(
    finetune: Command, account: AccountProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    account.fail_next("list_jobs", ConfigurationError(f"the key {SECRET} is wrong"))
    for words in (["doctor"], ["doctor", "--json"]):
        done = finetune(*words)
        assert SECRET not in done.out + done.err


def test_doctor_says_when_the_state_folder_cannot_be_used(
    finetune: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUNE_HOME", str(project / "train.jsonl" / "home"))
    done = finetune("doctor")
    assert done.code == 1
    assert "state folder" in done.err
    assert "FINETUNE_HOME" in done.out
