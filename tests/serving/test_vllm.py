"""vLLM behind the gate, with a stand-in for its command that records how it is called."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import openai
import pytest

from finetune_sdk import FineTuneClient, LocalDeploymentOptions
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.provider import LocalProvider
from finetune_sdk.providers.local.serving.deployments import LocalDeployments
from finetune_sdk.types import Deployment, DeploymentSpec, DeploymentStatus
from tests.serving import fake_vllm
from tests.serving.conftest import environment, settled
from tests.support import eventually

ASK: list[Any] = [{"role": "user", "content": "hello"}]
VLLM = LocalDeploymentOptions(server="vllm")


@dataclass
class Bench:
    """A client whose vLLM is the stand-in, and what that one has noted."""

    home: Path
    notes: Path
    mood: str = "well"

    @property
    def command(self) -> list[str]:
        program = [sys.executable, fake_vllm.__file__]
        return [*program, "--notes", str(self.notes), "--mood", self.mood]

    def provider(self, environ: Mapping[str, str] | None = None) -> LocalProvider:
        return LocalProvider(
            home=self.home, environ=environ or environment(), vllm_command=self.command
        )

    def called(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads((self.notes / "called").read_text()))

    def asked(self) -> list[Any]:
        return [json.loads(line) for line in (self.notes / "asked").read_text().splitlines()]

    def pids(self) -> list[int]:
        return cast("list[int]", json.loads((self.notes / "pids").read_text()))


def gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return status[0] == "Z"


def linux() -> None:
    if sys.platform != "linux":
        pytest.skip("reads /proc")


@pytest.fixture
def bench(tmp_path: Path) -> Generator[Bench]:
    notes = tmp_path / "notes"
    notes.mkdir()
    made = Bench(tmp_path / "home", notes)
    yield made
    with FineTuneClient(made.provider()) as client:
        for deployment in client.deployments.list():
            client.deployments.delete(deployment)


def deploy(client: FineTuneClient, model: Path) -> Deployment:
    made = client.deployments.create(str(model), name="recipes", options=[VLLM])
    return client.deployments.wait(made)


def test_it_is_called_with_what_it_needs_and_its_key_is_nowhere_to_be_seen(
    bench: Bench, model: Path
) -> None:
    environ = {
        **environment(),
        "VLLM_ATTENTION_BACKEND": "X",
        "PYTHONPATH": "/ours",
        "HF_TOKEN": "hf_x",
    }
    with FineTuneClient(bench.provider(environ)) as client:
        made = deploy(client, model)
        called = bench.called()
        key = (bench.home / "local" / "deployments" / "recipes" / "key").read_text()
    words, given = called["arguments"], called["environment"]
    assert words[:2] == ["serve", str(model)]
    assert words[2:4] == ["--served-model-name", "recipes"]
    assert words[6:] == ["--dtype", "auto", "--disable-uvicorn-access-log"]
    assert given["VLLM_API_KEY"] not in " ".join(words)
    assert given["VLLM_API_KEY"] != key
    assert given["VLLM_ATTENTION_BACKEND"] == "X"
    assert (given["HF_HUB_OFFLINE"], given["VLLM_NO_USAGE_STATS"]) == ("1", "1")
    assert not {"PYTHONPATH", "SOME_VENDOR_API_KEY", "HF_TOKEN"} & set(given)
    assert made.settings["server"] == "vllm, as `LocalDeploymentOptions.server` says"


def test_what_is_said_of_it_is_passed_on(bench: Bench, model: Path) -> None:
    options = LocalDeploymentOptions(
        server="vllm", precision="bfloat16", max_length=4096, gpu_memory=0.5
    )
    with FineTuneClient(bench.provider()) as client:
        made = client.deployments.create(str(model), name="recipes", options=[options])
        client.deployments.wait(made)
    words = bench.called()["arguments"]
    assert words[6:8] == ["--dtype", "bfloat16"]
    assert words[9:] == ["--max-model-len", "4096", "--gpu-memory-utilization", "0.5"]


def test_it_answers_many_at_a_time_in_openais_words(bench: Bench, model: Path) -> None:
    with FineTuneClient(bench.provider()) as client:
        made = deploy(client, model)
        replies: list[str] = []

        def ask() -> None:
            question = [{"role": "user", "content": "together"}]
            replies.append(str(client.deployments.chat(made, question)))

        threads = [threading.Thread(target=ask) for _ in range(fake_vllm.TOGETHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert replies == ["hello from vLLM"] * fake_vllm.TOGETHER
        with client.deployments.openai(made) as talk:
            stream = talk.chat.completions.create(
                model=made.id, messages=ASK, stream=True, logprobs=True, n=1
            )
            said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert said == "one two"
    path, body = bench.asked()[-1]
    assert path == "/v1/chat/completions"
    assert body["logprobs"] is True


def test_only_who_has_the_key_gets_through_and_only_to_what_answers(
    bench: Bench, model: Path
) -> None:
    with FineTuneClient(bench.provider()) as client:
        made = deploy(client, model)
        stranger = openai.OpenAI(base_url=made.url, api_key="sk-no", max_retries=0)
        with stranger, pytest.raises(openai.AuthenticationError):
            stranger.chat.completions.create(model=made.id, messages=ASK)
        with client.deployments.openai(made) as talk:
            with pytest.raises(openai.NotFoundError, match="'other' is not here"):
                talk.chat.completions.create(model="other", messages=ASK)
            with pytest.raises(openai.NotFoundError):
                talk.post("/load_lora_adapter", body={"lora_path": "/etc"}, cast_to=object)
            assert [one.id for one in talk.models.list()] == ["recipes"]
            with pytest.raises(openai.BadRequestError) as told:
                talk.chat.completions.create(
                    model=made.id, messages=[{"role": "user", "content": "wrong"}]
                )
    assert str(model) not in str(told.value)
    assert not (bench.notes / "asked").read_text().count("load_lora")


def test_one_that_dies_before_it_is_ready_says_why(bench: Bench, model: Path) -> None:
    bench.mood = "dies"
    with FineTuneClient(bench.provider()) as client:
        made = client.deployments.create(str(model), name="recipes", options=[VLLM])
        eventually(lambda: client.deployments.get(made).status is DeploymentStatus.FAILED)
        error = client.deployments.get(made).error
    assert error
    assert error.code == "server_ended"
    assert "this model has no supported architecture" in error.message


def test_one_that_dies_later_is_told_as_failed(bench: Bench, model: Path) -> None:
    with FineTuneClient(bench.provider()) as client:
        made = deploy(client, model)
        with client.deployments.openai(made) as talk, pytest.raises(openai.APIError):
            talk.chat.completions.create(
                model=made.id, messages=[{"role": "user", "content": "die"}]
            )
        eventually(lambda: client.deployments.get(made).status is DeploymentStatus.FAILED)
        error = client.deployments.get(made).error
    assert error
    assert "exit code 7" in error.message


@pytest.mark.parametrize("mood", ["hangs", "stubborn"])
def test_deleting_leaves_nothing_of_it(bench: Bench, model: Path, mood: str) -> None:
    linux()
    bench.mood = mood
    before = set(Path(tempfile.gettempdir()).glob("finetune-vllm-*"))
    with FineTuneClient(bench.provider()) as client:
        made = client.deployments.create(str(model), name="recipes", options=[VLLM])
        eventually(lambda: (bench.notes / "pids").is_file())
        if mood == "stubborn":
            client.deployments.wait(made)
        client.deployments.delete(made)
        assert all(gone(pid) for pid in bench.pids())
        assert list(client.deployments.list()) == []
    assert set(Path(tempfile.gettempdir()).glob("finetune-vllm-*")) <= before


def test_nothing_of_it_outlives_a_server_that_is_killed(bench: Bench, model: Path) -> None:
    linux()
    bench.mood = "stubborn"
    with FineTuneClient(bench.provider()) as client:
        made = deploy(client, model)
        folder = bench.home / "local" / "deployments" / "recipes"
        os.kill(json.loads((folder / "state.json").read_text())["pid"], signal.SIGKILL)
        eventually(lambda: all(gone(pid) for pid in bench.pids()))
        eventually(lambda: client.deployments.get(made).status is DeploymentStatus.FAILED)
        again = deploy(client, model)
        assert again.status is DeploymentStatus.READY


def test_nothing_of_it_outlives_a_keeper_that_is_killed(bench: Bench, model: Path) -> None:
    linux()
    bench.mood = "stubborn"
    with FineTuneClient(bench.provider()) as client:
        made = deploy(client, model)
        parent = Path(f"/proc/{bench.pids()[0]}/stat").read_text().rpartition(")")[2].split()[1]
        os.kill(int(parent), signal.SIGKILL)
        eventually(lambda: all(gone(pid) for pid in bench.pids()))
        eventually(lambda: client.deployments.get(made).status is DeploymentStatus.FAILED)


def test_it_is_taken_by_itself_where_there_are_a_gpu_and_its_command(
    bench: Bench, model: Path, tmp_path: Path
) -> None:
    devices = tmp_path / "dev"
    devices.mkdir()
    (devices / "nvidia0").touch()
    spec = DeploymentSpec(name="recipes", model=str(model))
    home, environ = LocalHome(tmp_path / "other"), environment()
    deployments = LocalDeployments(home, environ, bench.command, devices)
    try:
        deployments.create(spec)
        made = settled(deployments, "recipes")
        assert made.settings == {
            "server": "vllm, because this machine has a GPU and vLLM's command"
        }
        assert deployments.connect("recipes").at_once is None
    finally:
        deployments.delete("recipes")


def test_a_program_that_is_not_there_is_an_error_before_anything_is_made(
    bench: Bench, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = LocalProvider(
        home=bench.home, environ=environment(), vllm_command="/nowhere/bin/vllm"
    )
    with (
        FineTuneClient(provider) as client,
        pytest.raises(ConfigurationError, match="vllm_command"),
    ):
        client.deployments.create(str(model), name="recipes", options=[VLLM])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vllm").write_text("#!/bin/sh")
    (tmp_path / "vllm").chmod(0o755)
    # One that lies in the working folder is not taken, whatever the path says.
    without = {**environment(), "PATH": f"/nowhere{os.pathsep}.{os.pathsep}"}
    with (
        FineTuneClient(LocalProvider(home=bench.home, environ=without)) as client,
        pytest.raises(ConfigurationError, match="no command `vllm` on the path"),
    ):
        client.deployments.create(str(model), name="recipes", options=[VLLM])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (LocalDeploymentOptions(server="vllm", threads=2), "threads"),
        (LocalDeploymentOptions(server="transformers", max_length=9), "max_length"),
        (LocalDeploymentOptions(gpu_memory=0.5), "gpu_memory"),
    ],
)
def test_what_means_nothing_to_a_server_is_refused(
    bench: Bench, model: Path, options: LocalDeploymentOptions, word: str
) -> None:
    with FineTuneClient(bench.provider()) as client, pytest.raises(ConfigurationError, match=word):
        client.deployments.create(str(model), name="recipes", options=[options])


PROFILE = '[profiles.box]\nprovider = "local"\nvllm_command = ["{}", "{}"]\n'


def test_a_projects_own_file_may_not_say_what_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "finetune.toml"
    file.write_text(PROFILE.format(sys.executable, fake_vllm.__file__))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FINETUNE_CONFIG", raising=False)
    with pytest.raises(ConfigurationError, match="somebody else's") as told:
        FineTuneClient("box", home=tmp_path / "home")
    assert "`vllm_command` says what is run" in str(told.value)
    # Named by the caller it is the caller's word, in either way.
    FineTuneClient("box", config=file, home=tmp_path / "home").close()
    monkeypatch.setenv("FINETUNE_CONFIG", str(file))
    FineTuneClient("box", home=tmp_path / "home").close()
