"""A tiny model, a state folder, and a server that another process has started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.serving.deployments import LocalDeployments
from finetune_sdk.types import Connection, Deployment, DeploymentSpec, DeploymentStatus
from tests.support import eventually
from tests.training.tiny import make_tiny_model

SECRET = "sk-a-vendors-key-of-the-callers-own"
_CREATE = """
import os, sys
from pathlib import Path
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.serving.deployments import LocalDeployments
from finetune_sdk.types import DeploymentSpec
home, spec = LocalHome(Path(sys.argv[1])), DeploymentSpec.from_json(sys.argv[2])
print(LocalDeployments(home, os.environ).create(spec).status)
heavy = {"torch", "transformers", "uvicorn", "openai"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def environment() -> dict[str, str]:
    """What a caller's environment may be: one thread is enough, and there is no network."""
    extra = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "SOME_VENDOR_API_KEY": SECRET}
    return {**os.environ, **extra}


def settled(deployments: LocalDeployments, name: str) -> Deployment:
    """The deployment when it is no longer being made."""
    eventually(lambda: deployments.get(name).status is not DeploymentStatus.CREATING, timeout=150)
    return deployments.get(name)


@contextmanager
def state_folder(root: Path) -> Generator[LocalDeployments]:
    """Deployments of a folder; none of their servers outlives the test."""
    deployments = LocalDeployments(LocalHome(root), environment())
    try:
        yield deployments
    finally:
        for deployment in deployments.list(limit=100, cursor=None).items:
            deployments.delete(deployment.name)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def deployments(tmp_path: Path) -> Generator[LocalDeployments]:
    with state_folder(tmp_path / "local") as made:
        yield made


@pytest.fixture(scope="session")
def spec(model: Path) -> DeploymentSpec:
    return DeploymentSpec(name="recipes", model=str(model))


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory, spec: DeploymentSpec
) -> Generator[LocalDeployments]:
    """A deployment that is ready; the process that created it has ended long ago."""
    # An @ and a colon mean something to transformers in a model's name.
    root = tmp_path_factory.mktemp("it's a home@x:y") / "local"
    with state_folder(root) as made:
        command = [sys.executable, "-c", _CREATE, str(root), spec.to_json()]
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) == (0, "creating\n"), done.stderr
        ready = settled(made, spec.name)
        assert ready.status is DeploymentStatus.READY, ready.error
        yield made


@pytest.fixture
def connection(served: LocalDeployments, spec: DeploymentSpec) -> Connection:
    return served.connect(spec.name)
