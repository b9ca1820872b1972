"""`finetune export`, on a stand-in of OpenAI."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_sdk.transport import SYSTEM_CLOCK
from tests.cli.conftest import Command
from tests.standins.openai import DropBefore, Fault, JobCourse, OpenAIService, Reply

KEY = "sk-canarycanarycanarycanary"
MODEL = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def service(
    finetune: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenAIService]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with OpenAIService(SYSTEM_CLOCK, key=KEY) as service:
        service.course = JobCourse(validating=0, queued=0, running=0, steps=4)
        config = project / "finetune.toml"
        profile = f'[profiles.far]\nprovider = "openai"\nbase_url = "{service.url}"\n'
        config.write_text(config.read_text() + profile)
        yield service


def create(finetune: Command, suffix: str) -> None:
    words = f"jobs create --model {MODEL} --training-data train.jsonl --suffix {suffix}"
    assert finetune(*words.split(), "--profile", "far").code == 0


def test_a_whole_account_comes_out_and_the_next_run_keeps_it(
    finetune: Command, service: OpenAIService, project: Path
) -> None:
    for suffix in ("one", "two"):
        create(finetune, suffix)
    done = finetune("export", "--all", "far", "out")
    assert done.code == 0, done.err
    assert len([*(project / "out").glob("[!.]*")]) == 3
    assert (project / "out" / "inventory.json").is_file()
    assert "2 job(s) are out, 0 of them from before." in done.err
    assert "Nothing is missing." in done.err
    assert "2 of them from before" in finetune("export", "--all", "far", "out").err


def test_a_line_steers_no_terminal(finetune: Command, service: OpenAIService) -> None:
    create(finetune, "one")
    job, folder = f"far:{next(iter(service.jobs))}", "out\x1b[2J"
    assert "\x1b" not in finetune("export", job, folder).out
    (told,) = finetune("export", job, folder, "--json").documents
    assert folder in str(told["folder"])


def test_the_next_command_trains_it_elsewhere(
    finetune: Command, service: OpenAIService, project: Path
) -> None:
    create(finetune, "one")
    said = finetune("export", "--all", "far", "out").err
    words = shlex.split(said.rpartition("Next: finetune ")[2])
    words = ["base-1" if word == "MODEL" else "desk" if word == "local" else word for word in words]
    done = finetune(*words)
    assert done.code == 0, done.err
    assert "desk:ftjob-fake-1" in done.err


def test_one_job_comes_out_by_its_handle(
    finetune: Command, service: OpenAIService, project: Path
) -> None:
    create(finetune, "one")
    handle = f"far:{next(iter(service.jobs))}"
    done = finetune("export", handle, "out", "--json")
    assert done.code == 0, done.err
    assert done.documents[0]["outcome"] == "exported"
    assert (project / "out" / handle.partition(":")[2] / "recipe.yaml").is_file()


def test_what_could_not_be_had_stands_in_a_table(finetune: Command, service: OpenAIService) -> None:
    create(finetune, "one")
    service.faults.add(Fault(method="GET", path="/files/.*/content", action=Reply(404), times=None))
    done = finetune("export", "--all", "far", "out")
    assert done.code == 0
    assert "What could not be had:" in done.err
    assert "training data" in done.out
    assert "404" in done.out


def test_a_line_that_goes_down_is_told_and_the_same_command_goes_on(
    finetune: Command, service: OpenAIService, project: Path
) -> None:
    for suffix in ("one", "two"):
        create(finetune, suffix)
    first = next(iter(service.jobs))
    down = Fault(method="GET", path=f"/fine_tuning/jobs/{first}", action=Reply(400), times=None)
    service.faults.add(down)
    done = finetune("export", "--all", "far", "out")
    assert done.code == 1
    assert "the job" in done.out
    assert "Next: finetune export --all far out" in done.err
    service.faults.clear()
    assert "1 of them from before" in finetune("export", "--all", "far", "out").err


def test_an_unplugged_service_is_one_clear_line(
    finetune: Command, service: OpenAIService, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(finetune, "one")
    monkeypatch.setattr("finetune_sdk.transport.policy._BASE", 0.01)
    service.faults.add(Fault(method="GET", path=".*", action=DropBefore(), times=None))
    done = finetune("export", "--all", "far", "out")
    assert done.code == 1
    assert "error: openai: no answer from" in done.err
    assert "Traceback" not in done.err


def test_a_profile_that_is_none_comes_before_the_folder(
    finetune: Command, service: OpenAIService
) -> None:
    assert finetune("export", "--all", "far", "out").code == 0
    done = finetune("export", "--all", "opena", "out")
    assert done.code == 1
    assert "did you mean `openai`?" in done.err
    assert "inventory" not in done.err


def test_two_profiles_at_once_are_one_too_many(finetune: Command, service: OpenAIService) -> None:
    done = finetune("export", "--all", "far", "out", "--profile", "desk")
    assert done.code == 1
    assert "--all names the profile 'far', and --profile names 'desk'" in done.err


def test_another_model_than_the_recipes(finetune: Command, project: Path) -> None:
    (project / "recipe.yaml").write_text("model: no-such\ntraining_data: train.jsonl\n")
    done = finetune("run", "recipe.yaml", "--model", "small", "--detach")
    assert done.code == 0, done.err
    assert "base-1" in done.out
    assert "base-1" in finetune("plan", "recipe.yaml", "--model", "small").out


def test_what_the_create_warns_of_is_told_before_the_wait(
    finetune: Command, service: OpenAIService, project: Path
) -> None:
    recipe = "model: m\ntraining_data: train.jsonl\nmethod: {learning_rate: 0.1}\nstrict: false\n"
    (project / "recipe.yaml").write_text(recipe.replace("model: m", f"model: {MODEL}"))
    done = finetune("run", "recipe.yaml", "--profile", "far")
    assert done.code == 0, done.err
    assert "warning: left out, because strict=False" in done.err
    assert "shuts down on 2027-01-14" in done.err


class TestRecover:
    def test_an_unknown_submission_ends_with_its_own_code_and_the_way_on(
        self, finetune: Command, service: OpenAIService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("finetune_sdk.submission.desk.LOOKS", (0.0,))
        service.faults.add(Fault(action=Reply(500)))
        words = f"jobs create --model {MODEL} --training-data train.jsonl --profile far"
        done = finetune(*words.split())
        assert done.code == 4
        way_on = shlex.split(done.err.rpartition("Next: finetune ")[2])
        assert way_on[:2] == ["jobs", "recover"]
        # Without a profile: the journal knows whose it was.
        assert finetune(*way_on).code == 4
        assert "may have made a job" in finetune("doctor").out
        given_up = finetune(*way_on, "--abandon")
        assert given_up.code == 0
        assert "is given up" in given_up.err
        assert finetune(*words.split()).code == 0
        assert len(service.jobs) == 1
