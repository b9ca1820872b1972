"""What the tests of the stand-in do again and again with Hugging Face's package."""

from __future__ import annotations

from typing import Any, TypeAlias

import huggingface_hub
from huggingface_hub.errors import HfHubHTTPError

from tests.standins.hub.accounts import Account
from tests.standins.hub.hub import Hub

HfApi: TypeAlias = Any
"""The package's own types are known in part only."""


def client(hub: Hub, token: str | bool) -> HfApi:
    return huggingface_hub.HfApi(endpoint=hub.url, token=token)


def other(hub: Hub, **more: Any) -> HfApi:
    """The client of another account, `bob` unless it is said."""
    told: dict[str, Any] = {"name": "bob", **more}
    return client(hub, hub.add_account(Account(**told)))


def run(api: HfApi, **more: Any) -> str:
    """Runs a job; gives its id."""
    asked: dict[str, Any] = {"image": "trl", "command": ["train"], "flavor": "t4-small"}
    job = api.run_job(**{**asked, "namespace": "alice", "timeout": 3600, **more})
    return str(job.id)


def status(error: HfHubHTTPError) -> int:
    return error.response.status_code
