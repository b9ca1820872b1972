"""`launcher = "ray"` on a real cluster: `on_ray.py` tries it, and this holds it to its promise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

_ALONE = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child")
"""A network with loopback alone, in which all ends with its first process."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each story. Skips where no such network can be made."""
    pytest.importorskip("ray")
    if shutil.which("unshare") is None or subprocess.run([*_ALONE, "true"], check=False).returncode:
        pytest.skip("this user may not make a network of its own")
    folder = tmp_path_factory.mktemp("ray")
    program = [*_ALONE, sys.executable, "-m", "tests.local.on_ray", str(folder)]
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(
        program, cwd=Path(__file__).parents[2], env=environ, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-5000:]
    value: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return value


def _steps(story: dict[str, Any]) -> list[int]:
    return sorted(int(step) for step in story["losses"])


def _apart(one: dict[str, Any], other: dict[str, Any], *, first: int | None = None) -> float:
    """The largest difference between the losses of two runs, which took the same steps."""
    assert _steps(one) == _steps(other) != []
    here, there = one["losses"], other["losses"]
    return max(abs(float(here[str(n)]) - float(there[str(n)])) for n in _steps(one)[:first])


def _types(story: dict[str, Any]) -> list[str]:
    return [type_ for _, type_, _ in story["events"]]


def test_a_cluster_learns_what_this_machine_learns(told: dict[str, Any]) -> None:
    assert told["there"]["status"] == "succeeded"
    assert _apart(told["alone"], told["there"]) <= 1e-6
    settings = told["there"]["settings"]
    assert "the Ray cluster at 'http://127.0.0.1:8265': 1 process with 1 CPU" in settings["runs_on"]
    assert settings["memory"].startswith("not checked")
    # The adapter names its base model as it is called here.
    assert told["there"]["base"] == told["alone"]["base"]


def test_a_lost_machine_changes_nothing_of_what_is_learned(told: dict[str, Any]) -> None:
    story = told["lost"]
    assert story["status"] == "succeeded"
    assert _types(story).count("lost") == 1
    (words,) = [message for _, type_, message in story["events"] if type_ == "lost"]
    assert "goes on from step" in words
    (again,) = [message for _, type_, message in story["events"] if type_ == "continued"]
    assert int(again.partition("checkpoint-")[2].partition(",")[0]) >= 40
    # LOC-13: resumed against straight, on a CPU.
    assert _apart(told["alone"], story) <= 1e-6


def test_a_trainer_that_is_killed_waits_with_a_reason(told: dict[str, Any]) -> None:
    story = told["killed"]
    assert (story["status"], story["code"]) == ("paused", "killed_out_of_memory_likely")
    assert "`jobs.resume` goes on from there" in story["error"]


def test_two_processes_share_a_batch(told: dict[str, Any]) -> None:
    story = told["two"]
    assert story["status"] == "succeeded"
    # The sums are the same and in another order; what that changes grows with the steps.
    assert _apart(told["alone"], story, first=4) <= 1e-4
    assert "2 processes" in json.dumps(story["settings"])


def test_a_deaf_trainer_and_its_child_are_ended(told: dict[str, Any]) -> None:
    assert (told["deaf"]["status"], told["deaf"]["word"]) == ("cancelled", "STOPPED")
    assert told["deaf"]["seconds"] < 60
    assert told["left"] == []


def test_what_there_is_no_room_for_is_queued(told: dict[str, Any]) -> None:
    story = told["no_room"]
    assert (story["status"], story["then"]) == ("queued", "cancelled")
    assert "it asks for 64 CPUs; the cluster has 2 CPUs" in story["warnings"][0]


def test_a_wrong_token_is_told(told: dict[str, Any]) -> None:
    assert told["wrong_token"]["kind"] == "AuthenticationError"
    assert "RAY_AUTH_TOKEN" in told["wrong_token"]["message"]


def test_a_storage_that_machines_do_not_see(told: dict[str, Any]) -> None:
    assert (told["hidden"]["status"], told["hidden"]["code"]) == ("failed", "storage_not_shared")
