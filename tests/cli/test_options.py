"""The global options, usage, and what is never shown."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from finetune_sdk import __version__
from finetune_sdk.cli import main
from finetune_sdk.cli.app import hoisted
from tests.cli.conftest import Command


def test_the_version_is_the_packages_own(finetune: Command) -> None:
    assert finetune("--version").out == f"finetune-anywhere {__version__}\n"


@pytest.mark.parametrize(
    "words", [["--help"], ["-h"], ["jobs", "--help"], ["jobs", "create", "--help"]]
)
def test_help_ends_with_0(finetune: Command, words: list[str]) -> None:
    done = finetune(*words)
    assert done.code == 0
    assert "Usage: finetune" in done.out


@pytest.mark.parametrize(
    "words",
    [
        ["--profile"],
        ["jobs", "shwo"],
        ["jobs", "list", "--limit", "many"],
        ["jobs", "list", "--limit", "0"],
        ["jobs", "show"],
        ["--no-such-option"],
        ["deploy", "job"],
    ],
)
def test_wrong_usage_ends_with_2(finetune: Command, words: list[str]) -> None:
    done = finetune(*words)
    assert done.code == 2
    assert done.out == ""
    assert "Error: " in done.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["jobs", "list", "--json"], ["--json", "jobs", "list"]),
        (["jobs", "list", "--profile", "x"], ["--profile", "x", "jobs", "list"]),
        (["jobs", "list", "--profile=x"], ["--profile=x", "jobs", "list"]),
        (["chat", "bot", "--", "--json"], ["chat", "bot", "--", "--json"]),
        (["jobs", "list", "--profile"], ["jobs", "list", "--profile"]),
        (["-y", "init", "--config", "f"], ["-y", "--config", "f", "init"]),
    ],
)
def test_global_options_may_follow_the_command(words: list[str], expected: list[str]) -> None:
    assert hoisted(words) == expected


def test_a_profile_from_the_command_line_wins(
    finetune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUNE_PROFILE", "desk")
    done = finetune("jobs", "list", "--profile", "fake")
    assert "fake has no jobs yet" in done.err
    assert "--profile fake" in done.err


def test_a_config_from_the_command_line_wins_and_is_named_in_the_next_command(
    finetune: Command, project: Path
) -> None:
    other = project / "other.toml"
    other.write_text('profile = "lab"\n[profiles.lab]\nprovider = "account"\n')
    done = finetune("jobs", "list", "--config", "other.toml")
    assert "lab has no jobs yet" in done.err
    assert "Next: finetune run recipe.yaml --config other.toml" in done.err


def test_an_unknown_profile_lists_those_that_are_there(finetune: Command) -> None:
    done = finetune("jobs", "list", "--profile", "dsk")
    assert done.code == 1
    assert "did you mean `desk`?" in done.err
    assert "`fake`, `local`" in done.err


def test_no_profile_names_the_ways_on(finetune: Command, project: Path) -> None:
    (project / "finetune.toml").unlink()
    done = finetune("jobs", "list")
    assert done.code == 1
    for way in ('FineTuneClient("local")', "finetune init", "$FINETUNE_PROFILE", "--profile"):
        assert way in done.err


def test_a_wrong_key_in_the_config_is_one_clear_error(finetune: Command, project: Path) -> None:
    (project / "finetune.toml").write_text('profiel = "desk"\n')
    done = finetune("jobs", "list")
    assert done.code == 1
    assert done.err.startswith(f"error: {project}/finetune.toml: `profiel` is no known key")
    assert "Traceback" not in done.err


class BrokenInput(io.StringIO):
    """A stdin that fails as nobody foresaw."""

    def read(self, size: int | None = -1) -> str:
        raise RuntimeError("boom sk-abcdefghijklmnopqrstuvwxyz")


def test_a_traceback_is_for_those_who_ask_for_it(
    finetune: Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", BrokenInput())
    assert main(["chat", "bot"]) == 1
    calm = capsys.readouterr().err
    assert calm == (
        "error: RuntimeError: boom [redacted]. This is a fault of finetune itself; "
        "run it again with --debug for the details\n"
    )
    assert main(["chat", "bot", "--debug"]) == 1
    loud = capsys.readouterr().err
    assert "Traceback" in loud
    assert "sk-abc" not in loud
