"""`finetune compare`, stopped, repeated, and without what it needs."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import cast

import pytest

from finetune_sdk.types import Comparison
from tests.cli.comparing import CHAT, compared
from tests.cli.comparing import job as job
from tests.cli.comparing import service as service
from tests.cli.conftest import Command
from tests.cli.test_processes import started
from tests.standins.openai import Fault, Hang, OpenAIService, Reply
from tests.support import eventually

GONE = {"error": {"message": "The model does not exist.", "code": "model_not_found"}}


@pytest.mark.parametrize(
    "package", ["bm25s", "regex", "scipy.stats", "jinja2", "matplotlib.figure"]
)
def test_a_package_that_is_missing_is_told_before_anything_is_asked(
    finetune: Command,
    service: OpenAIService,
    job: str,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
) -> None:
    monkeypatch.setitem(cast("dict[str, object]", sys.modules), package, None)
    done = compared(finetune, job, "--scorer", "regex=A")
    assert done.code == 1
    assert f"the package `{package.partition('.')[0]}` is needed" in done.err
    assert 'pip install "finetune-anywhere[evaluation]"' in done.err
    assert not service.posts(CHAT)


# The folder


def test_a_second_run_takes_the_place_of_the_first_and_asks_nothing_again(
    finetune: Command, service: OpenAIService, job: str, project: Path
) -> None:
    before = {one.name for one in project.iterdir()}
    assert compared(finetune, job).code == 0
    asked = len(service.posts(CHAT))
    assert compared(finetune, job, "--scorer", "regex=^W").code == 0
    assert len(service.posts(CHAT)) == asked == 160
    found = Comparison.from_json((project / "comparison" / "comparison.json").read_bytes())
    assert found.measures == ("regex",)
    assert {one.name for one in project.iterdir()} - before == {"comparison"}
    assert compared(finetune, job, "--fresh", "--folder", "other").code == 0
    assert len(service.posts(CHAT)) == 2 * asked
    assert (project / "other" / "report.html").is_file()


def test_a_folder_of_somebodys_notes_is_left_alone(
    finetune: Command, service: OpenAIService, job: str, project: Path
) -> None:
    notes = project / "comparison" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    done = compared(finetune, job)
    assert done.code == 1
    assert "holds no earlier comparison" in done.err
    assert [*notes.parent.iterdir()] == [notes]
    assert not service.posts(CHAT)


# Stopped, and gone on


def test_who_stops_it_is_told_the_command_that_goes_on(
    finetune: Command, service: OpenAIService, job: str, project: Path
) -> None:
    service.faults.add(Fault(path=CHAT, action=Hang(), times=None, after=50))
    words = ["compare", job, "--test-data", "test.jsonl", "--concurrency", "1"]
    words += ["--config", str(project / "finetune.toml")]
    with started(*words) as process:
        eventually(lambda: bool(service.faults.hits))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert told.splitlines()[-2:] == [
        "Stopped: what was answered is kept.",
        f"Next: {shlex.join(['finetune', *words])}",
    ]
    assert not (project / "comparison").exists()
    service.faults.clear()
    asked = len(service.posts(CHAT))
    assert finetune("deployments", "list", "--profile", "far", "--json").documents == []
    again = finetune(*shlex.split(told.rpartition("Next: finetune ")[2]))
    assert again.code == 0, again.err
    assert len(service.posts(CHAT)) - asked == 160 - 50
    assert (project / "comparison" / "report.html").is_file()


def test_a_deployment_that_dies_in_the_middle_and_the_same_command_again(
    finetune: Command, service: OpenAIService, job: str, project: Path
) -> None:
    action = Reply(status=404, body=GONE)
    service.faults.add(Fault(path=CHAT, action=action, times=None, after=90))
    done = compared(finetune, job, "--concurrency", "1")
    assert done.code == 1
    assert done.out == ""
    assert "error: 'retrieved' answers no more: " in done.err
    assert "The model does not exist." in done.err
    assert "10 of its 40 answers are here; the same comparison again goes on" in done.err
    assert not (project / "comparison").exists()
    service.faults.clear()
    asked = len(service.posts(CHAT))
    again = compared(finetune, job, "--concurrency", "1")
    assert again.code == 0, again.err
    assert len(service.posts(CHAT)) - asked == 160 - 90
    assert again.out.startswith("Better: ")
