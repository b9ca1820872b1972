"""No secret comes out of a client, whatever is done with it."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_sdk import FineTuneClient
from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers.local.provider import LocalProvider

CANARY = "hf_canarycanarycanarycanary"


@pytest.fixture
def client(tmp_path: Path) -> FineTuneClient:
    environ = {"HF_TOKEN": CANARY, "WANDB_API_KEY": CANARY, "PATH": "/usr/bin:/bin"}
    return FineTuneClient(LocalProvider(home=tmp_path, environ=environ))


def test_sec_03_a_client_shows_none(client: FineTuneClient) -> None:
    shown = [repr(client), str(vars(client)), repr(client.provider), str(vars(client.provider))]
    shown += [repr(client.jobs), repr(client.models), repr(client.deployments)]
    assert not any(CANARY in text for text in shown)


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_sec_03_a_provider_takes_none_with_it(
    client: FineTuneClient, way: Callable[[object], object]
) -> None:
    with pytest.raises(TypeError, match="open it anew") as caught:
        way(client.provider)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_sec_03_an_error_has_none(client: FineTuneClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.jobs.get("ftjob-0000000000000000")
    error = caught.value
    told = [str(error), repr(error), str(vars(error)), str(pickle.dumps(error))]
    told += ["".join(traceback.format_exception(error)), repr(copy.deepcopy(error))]
    assert not any(CANARY in text for text in told)
