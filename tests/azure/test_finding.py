"""Which job a lost create has made, where the service keeps no mark and changes what was asked."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    FineTuneClient,
    IdempotencyConflictError,
    SubmissionUnknownError,
    Supervised,
)
from finetune_sdk.providers.azure_openai.trainer import AzureOpenAITrainer
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import DatasetFile
from tests.azure.bench import ROWS
from tests.standins.azure import AzureService
from tests.standins.openai import DropAfter, DropBefore, Fault

MODEL = "gpt-4.1-mini-2025-04-14"
METHOD = Supervised(epochs=2, batch_size=4)


@pytest.fixture
def service() -> Generator[AzureService]:
    with AzureService(VirtualClock()) as service:
        yield service


def opened(service: AzureService, home: Path, endpoint: str = "") -> FineTuneClient:
    provider = AzureOpenAITrainer(
        endpoint=endpoint or service.endpoint,
        api_key=service.key,
        home=home,
        clock=service.clock,
        environ={},
    )
    return FineTuneClient(provider, home=home)


def uploaded(client: FineTuneClient) -> DatasetFile:
    return client.datasets.upload(ROWS)


def create(client: FineTuneClient, rows: Any = ROWS, **words: Any) -> str:
    words = {"model": MODEL, "method": METHOD, "training_data": rows, **words}
    return client.jobs.create(**words).id


@pytest.mark.parametrize("shows", ["all", "epochs", "none"])
def test_a_job_of_our_own_rows_is_found_whatever_it_goes_by(
    service: AzureService, tmp_path: Path, shows: Any
) -> None:
    service.ignores, service.shows = {"batch_size"}, shows
    service.faults.add(Fault(action=DropAfter()))
    with opened(service, tmp_path) as client:
        found = create(client)
    assert list(service.jobs) == [found]


@pytest.mark.parametrize("shows", ["epochs", "none"])
def test_what_is_not_said_is_no_difference(
    service: AzureService, tmp_path: Path, shows: Any
) -> None:
    service.ignores, service.shows = {"batch_size"}, shows
    service.faults.add(Fault(action=DropAfter()))
    with opened(service, tmp_path) as client:
        found = create(client, uploaded(client))
    assert list(service.jobs) == [found]


def test_a_colleagues_sweep_on_the_same_file_is_not_ours(
    service: AzureService, tmp_path: Path
) -> None:
    with opened(service, tmp_path / "theirs") as other:
        file = uploaded(other)
        theirs = create(other, file, method=Supervised(epochs=2, batch_size=8))
    service.faults.add(Fault(action=DropBefore()))
    with opened(service, tmp_path / "mine") as client, pytest.raises(SubmissionUnknownError):
        create(client, file)
    assert list(service.jobs) == [theirs]


def test_a_key_of_another_machine_is_found_by_its_file(
    service: AzureService, tmp_path: Path
) -> None:
    with opened(service, tmp_path / "one") as one, opened(service, tmp_path / "two") as two:
        made = create(one, idempotency_key="recipes-1")
        assert create(two, idempotency_key="recipes-1") == made
    with opened(service, tmp_path / "three") as three, pytest.raises(IdempotencyConflictError):
        create(three, model="gpt-4.1-2025-04-14", idempotency_key="recipes-1")
    assert list(service.jobs) == [made]


@pytest.mark.parametrize("ending", ["/", "/openai/v1", "/openai/v1/", "/openai"])
def test_an_endpoint_is_one_account_however_it_is_spelled(
    service: AzureService, tmp_path: Path, ending: str
) -> None:
    plain = service.endpoint.replace("127.0.0.1", "localhost")
    other = plain.replace("localhost", "LocalHost").replace("http:", "HTTP:") + ending
    with opened(service, tmp_path, plain) as client:
        made = create(client, idempotency_key="recipes-1")
    with opened(service, tmp_path, other) as client:
        assert create(client, idempotency_key="recipes-1") == made
    assert list(service.jobs) == [made]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("HTTPS://My-Resource.OpenAI.Azure.com:443/", "https://my-resource.openai.azure.com"),
        ("https://my-resource.openai.azure.com:8443", "https://my-resource.openai.azure.com:8443"),
        ("http://[::1]:80/gateway/", "http://[::1]/gateway"),
    ],
)
def test_the_account_is_named_in_one_spelling(said: str, meant: str, tmp_path: Path) -> None:
    provider = AzureOpenAITrainer(endpoint=said, api_key="key", home=tmp_path, environ={})
    assert provider.account == f"{meant}/openai/v1"
