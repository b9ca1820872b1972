"""`finetune deploy`, `deployments`, `chat`, `models`."""

from __future__ import annotations

import io
import sys

import pytest

from finetune_sdk.cli import main
from tests.cli.account import AccountProvider
from tests.cli.conftest import Command

HANDLE = "desk:ftjob-fake-1"


@pytest.fixture
def bot(finetune: Command) -> str:
    assert finetune("deploy", "small", "--name", "bot").code == 0
    return "desk:bot"


def test_a_finished_job_is_deployed_by_its_handle(
    finetune: Command, account: AccountProvider
) -> None:
    finetune("jobs", "create", "--model", "m", "--training-data", "train.jsonl")
    account.clock.advance(1000)
    done = finetune("deploy", HANDLE, "--name", "bot", "--json")
    assert done.code == 0
    assert done.documents[0]["job_id"] == "ftjob-fake-1"
    assert done.documents[0]["status"] == "ready"


def test_a_base_model_is_deployed_by_its_name(finetune: Command) -> None:
    done = finetune("deploy", "small", "--name", "bot", "--detach")
    assert "base-1" in done.out
    assert "nothing by the hour" in done.out
    assert "Next: finetune chat desk:bot" in done.err


def test_a_wrong_name_is_one_clear_error(finetune: Command) -> None:
    done = finetune("deploy", "small", "--name", "a b")
    assert done.code == 1
    assert "name" in done.err
    assert "Traceback" not in done.err


def test_deployments_are_listed_and_deleted(finetune: Command, bot: str) -> None:
    listed = finetune("deployments", "list")
    assert bot in listed.out
    assert finetune("deployments", "list", "--json").documents[0]["name"] == "bot"
    assert finetune("deployments", "delete", bot, "--json").documents == [{"deleted": bot}]
    assert "desk has no deployments" in finetune("deployments", "list").err


def test_a_deployment_is_paused_and_goes_on(finetune: Command, bot: str) -> None:
    paused = finetune("deployments", "pause", bot)
    assert paused.code == 0
    assert "paused" in paused.out
    assert f"Next: finetune deployments resume {bot}" in paused.err
    asked = finetune("chat", bot, "hello")
    assert asked.code == 1
    assert "deployments.resume" in asked.err
    resumed = finetune("deployments", "resume", "bot", "--json")
    assert resumed.documents[0]["status"] == "ready"
    assert finetune("chat", bot, "hello").code == 0


def test_deleting_what_is_not_there_says_so(finetune: Command) -> None:
    told = finetune("deployments", "delete", "desk:nobody")
    assert told.code == 0
    assert "There was no deployment" in told.err
    assert "--profile desk" in told.err


def test_chat_prints_the_answer_alone_without_what_steers_a_terminal(
    finetune: Command, bot: str
) -> None:
    assert finetune("chat", bot, "Hello?").out == "Good [31mday.\n"


def test_chat_takes_its_message_from_stdin(finetune: Command, bot: str) -> None:
    assert finetune("chat", bot, stdin="Hello?\n").out.startswith("Good ")
    done = finetune("chat", bot, stdin="")
    assert done.code == 1
    assert "no message" in done.err


def test_chat_with_json_is_the_whole_reply(finetune: Command, bot: str) -> None:
    reply = finetune("chat", bot, "Hello?", "--json").documents[0]
    assert reply["content"] == "Good \x1b[31mday."
    assert reply["model"] == "bot"


def test_a_chat_at_a_terminal_is_a_conversation(
    finetune: Command,
    account: AccountProvider,
    bot: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("Hello?\n\nHello?\n"))
    capsys.readouterr()
    assert main(["chat", bot]) == 0
    assert capsys.readouterr().out.count("Good ") == 2


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 1), ("y\n", 0, 0)])
def test_a_person_is_asked_before_something_is_deleted(
    finetune: Command, bot: str, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(["deployments", "delete", bot]) == code
    assert len(finetune("deployments", "list", "--json").documents) == left


def test_models_lists_what_was_tuned(finetune: Command, account: AccountProvider) -> None:
    finetune("jobs", "create", "--model", "m", "--training-data", "train.jsonl")
    account.clock.advance(1000)
    made = account.get_job("ftjob-fake-1").fine_tuned_model
    assert str(made) in finetune("models").out
    listed = finetune("models", "list", "--json").documents
    assert made in {model["id"] for model in listed}
