"""Deployments as folders and processes: made once, found by anybody, ended without a trace."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import cast

import pytest

from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    FineTuneError,
    MissingDependencyError,
    NotFoundError,
    ServerError,
)
from finetune_sdk.providers.local.jobs.folder import is_held
from finetune_sdk.providers.local.serving.deployments import LocalDeployments
from finetune_sdk.providers.local.serving.folder import DeploymentFolder
from finetune_sdk.types import DeploymentSpec, DeploymentStatus
from tests.serving.conftest import SECRET, settled
from tests.support import eventually


def folder_of(deployments: LocalDeployments, name: str) -> DeploymentFolder:
    return DeploymentFolder(deployments.home.deployments / name)


def pid_of(deployments: LocalDeployments, name: str) -> int:
    return int(str(folder_of(deployments, name).state()["pid"]))


def is_running(pid: int) -> bool:
    """Nobody waits for it, so a dead one may stay as a zombie until its adopter has time."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def commands() -> Iterator[bytes]:
    """The command lines of all processes."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            yield (process / "cmdline").read_bytes()


@pytest.fixture
def taken_port() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_the_same_spec_again_is_the_same_deployment(
    served: LocalDeployments, spec: DeploymentSpec
) -> None:
    pid = pid_of(served, spec.name)
    again = served.create(spec)
    assert again == served.get(spec.name)
    assert again.status is DeploymentStatus.READY
    assert (again.id, again.model, again.cost_per_hour) == ("recipes", spec.model, 0.0)
    assert pid_of(served, spec.name) == pid


@pytest.mark.parametrize("change", [{"model": "/another"}, {"options": {"threads": 1}}])
def test_the_same_name_for_something_else_is_a_conflict(
    served: LocalDeployments, spec: DeploymentSpec, change: dict[str, object]
) -> None:
    with pytest.raises(ConflictError, match="choose another `name`"):
        served.create(spec.model_copy(update=change))


def test_the_same_but_for_its_end_is_the_same_deployment(
    served: LocalDeployments, spec: DeploymentSpec
) -> None:
    pid = pid_of(served, spec.name)
    again = served.create(spec.model_copy(update={"expires_at": datetime.now(UTC)}))
    assert again == served.get(spec.name)
    assert (again.expires_at, pid_of(served, spec.name)) == (None, pid)


def test_its_end_lies_with_the_deployment(
    deployments: LocalDeployments, spec: DeploymentSpec
) -> None:
    end = datetime.now(UTC) + timedelta(hours=8)
    made = deployments.create(spec.model_copy(update={"expires_at": end}))
    others = LocalDeployments(deployments.home, {})
    (listed,) = others.list(limit=5, cursor=None).items
    assert (made.expires_at, others.get(spec.name).expires_at, listed.expires_at) == (end,) * 3


def test_the_key_lies_in_its_file_and_nowhere_else(
    served: LocalDeployments, spec: DeploymentSpec
) -> None:
    folder = folder_of(served, spec.name)
    key = served.connect(spec.name).api_key
    assert (folder.path / "key").stat().st_mode & 0o777 == 0o600
    assert folder.path.stat().st_mode & 0o777 == 0o700
    process = Path(f"/proc/{pid_of(served, spec.name)}")
    places = [process / "cmdline", process / "environ", folder.log, folder.path / "state.json"]
    assert all(key.encode() not in place.read_bytes() for place in places)
    assert SECRET.encode() not in (process / "environ").read_bytes()
    assert key not in str(served.get(spec.name))


def test_the_server_belongs_to_nobody(served: LocalDeployments, spec: DeploymentSpec) -> None:
    pid = pid_of(served, spec.name)
    status = Path(f"/proc/{pid}/status").read_text()
    assert f"\nPPid:\t{os.getpid()}\n" not in status
    assert os.getsid(pid) != os.getsid(0)
    assert is_held(folder_of(served, spec.name).lock)


def test_deployments_are_listed_in_pages(served: LocalDeployments) -> None:
    page = served.list(limit=1, cursor=None)
    assert ([one.name for one in page.items], page.next_cursor) == (["recipes"], None)
    assert served.list(limit=5, cursor="recipes").items == ()


def test_a_port_in_use_is_told_before_anything_is_made(
    deployments: LocalDeployments, spec: DeploymentSpec, taken_port: int
) -> None:
    with pytest.raises(ConflictError, match=f"`port` {taken_port} .*leave `port` out"):
        deployments.create(spec.model_copy(update={"options": {"port": taken_port}}))
    assert list(deployments.home.deployments.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "options", "error"),
    [
        ("/no/such/folder", {}, NotFoundError),
        (None, {"port": 0}, ConfigurationError),
        (None, {"prt": 8000}, ConfigurationError),
        (None, {"precision": "int4"}, ConfigurationError),
    ],
)
def test_what_cannot_work_makes_nothing(
    deployments: LocalDeployments,
    spec: DeploymentSpec,
    folder: str | None,
    options: dict[str, object],
    error: type[FineTuneError],
) -> None:
    wrong = spec.model_copy(update={"model": folder or spec.model, "options": options})
    with pytest.raises(error):
        deployments.create(wrong)
    assert not deployments.home.root.exists()


def test_what_is_broken_is_listed_and_hides_nothing(deployments: LocalDeployments) -> None:
    home = deployments.home.make(deployments.home.deployments)
    (home / "a-file").touch()
    for name, text in (("half", "{"), ("wrong", "[]")):
        (home / name).mkdir()
        (home / name / "spec.json").write_text(text)
    (home / "empty").mkdir()

    page = deployments.list(limit=9, cursor=None)
    assert [one.name for one in page.items] == ["empty", "half", "wrong"]
    assert {one.status for one in page.items} == {DeploymentStatus.UNKNOWN}
    assert all("delete the deployment" in one.warnings[0] for one in page.items)
    with pytest.raises(ServerError) as caught:
        deployments.get("half")
    assert not caught.value.retryable
    with pytest.raises(NotFoundError):
        deployments.get("a-file")
    for one in page.items:
        deployments.delete(one.name)
    assert deployments.list(limit=9, cursor=None).items == ()


@pytest.mark.parametrize("name", ["other", "../local", ".", "", "a/b"])
def test_a_name_that_nothing_has_is_not_found(deployments: LocalDeployments, name: str) -> None:
    with pytest.raises(NotFoundError):
        deployments.get(name)
    with pytest.raises(NotFoundError):
        deployments.connect(name)
    deployments.delete(name)
    assert not deployments.home.root.exists()


def test_a_missing_package_names_its_extra(
    deployments: LocalDeployments, spec: DeploymentSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[str, object]", sys.modules), "uvicorn", None)
    with pytest.raises(MissingDependencyError, match=r"finetune-anywhere\[local\]"):
        deployments.create(spec)
    assert not deployments.home.root.exists()


def test_a_transformers_that_cannot_serve_is_told_with_its_version(
    deployments: LocalDeployments,
    spec: DeploymentSpec,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "transformers").mkdir()
    (tmp_path / "transformers" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(ConfigurationError, match=version("transformers")):
        deployments.create(spec)
    assert not deployments.home.root.exists()


def test_many_who_create_the_same_get_one_server(
    deployments: LocalDeployments, spec: DeploymentSpec
) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(deployments.create, [spec] * 4))
    assert {(one.name, one.status) for one in made} == {("recipes", DeploymentStatus.CREATING)}
    assert len({one.created_at for one in made}) == 1
    path = str(folder_of(deployments, spec.name).path).encode()
    assert sum(path in command.split(b"\0") for command in commands()) == 1


def test_a_killed_server_is_gone_and_starts_again(
    deployments: LocalDeployments, spec: DeploymentSpec
) -> None:
    deployments.create(spec)
    eventually(lambda: "pid" in folder_of(deployments, spec.name).state())
    key = (folder_of(deployments, spec.name).path / "key").read_text()
    os.kill(pid_of(deployments, spec.name), signal.SIGKILL)
    gone = settled(deployments, spec.name)
    assert gone.status is DeploymentStatus.FAILED
    assert gone.error is not None
    assert gone.error.code == "server_gone"
    assert "delete the deployment and create it again" in gone.error.message
    with pytest.raises(ConflictError, match="is failed, not ready"):
        deployments.connect(spec.name)

    assert deployments.create(spec).status is DeploymentStatus.CREATING
    assert settled(deployments, spec.name).status is DeploymentStatus.READY
    assert deployments.connect(spec.name).api_key == key


def test_deleting_ends_the_server_and_leaves_nothing(
    deployments: LocalDeployments, spec: DeploymentSpec
) -> None:
    made = deployments.create(spec)
    assert made.status is DeploymentStatus.CREATING
    eventually(lambda: "pid" in folder_of(deployments, spec.name).state())
    state = folder_of(deployments, spec.name).state()
    deployments.delete(spec.name)
    assert list(deployments.home.deployments.iterdir()) == []
    eventually(lambda: not is_running(int(str(state["pid"]))))
    with socket.create_server(("127.0.0.1", int(str(state["port"])))):
        deployments.delete(spec.name)


def test_what_one_who_died_left_half_made_is_cleared_away(
    deployments: LocalDeployments, spec: DeploymentSpec
) -> None:
    draft = deployments.home.deployments / f".{spec.name}"
    draft.mkdir(parents=True)
    (draft / "key").write_text("half")
    assert deployments.list(limit=5, cursor=None).items == ()
    deployments.create(spec)
    assert [path.name for path in deployments.home.deployments.iterdir()] == [spec.name]


def test_a_server_whose_folder_is_gone_ends_by_itself(
    deployments: LocalDeployments, spec: DeploymentSpec
) -> None:
    deployments.create(spec)
    eventually(lambda: "pid" in folder_of(deployments, spec.name).state())
    pid = pid_of(deployments, spec.name)
    deployments.home.root.rename(deployments.home.root.with_name("elsewhere"))
    eventually(lambda: not is_running(pid), timeout=10)


def test_a_model_that_cannot_be_loaded_says_why(
    deployments: LocalDeployments, model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in model.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "model.safetensors").write_bytes(b"no weights at all")
    spec = DeploymentSpec(name="broken", model=str(broken))
    deployments.create(spec)
    failed = settled(deployments, "broken")
    assert failed.status is DeploymentStatus.FAILED
    assert failed.error is not None
    assert failed.error.code == "load_failed"
    assert "the model cannot be loaded: SafetensorError" in failed.error.message
    assert deployments.create(spec).status is DeploymentStatus.CREATING
