"""Microsoft's and OpenAI's own packages, as clients of the stand-ins."""

from __future__ import annotations

from typing import Any, cast

import openai
import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from finetune_sdk.testing import VirtualClock
from tests.standins.azure.cloud import Azure

BASE = "gpt-4.1-mini-2025-04-14"
ROWS = b'{"messages": []}\n' * 12


def data_client(azure: Azure, key: Any = None, url: str | None = None) -> openai.OpenAI:
    """A client of the data plane that tries nothing twice."""
    key = azure.data.key if key is None else key
    return openai.OpenAI(api_key=key, base_url=url or azure.data.url, max_retries=0)


def credential(azure: Azure, secret: str | None = None) -> ClientSecretCredential:
    """A service principal. It needs `REQUESTS_CA_BUNDLE` from `azure.environ`."""
    authority = azure.authority
    return ClientSecretCredential(
        authority.tenant,
        authority.client_id,
        authority.secret if secret is None else secret,
        authority=authority.url,
        disable_instance_discovery=True,
        retry_total=0,
    )


def management(
    azure: Azure, credential: Any, subscription: str | None = None
) -> CognitiveServicesManagementClient:
    """A client of the control plane that tries nothing twice."""
    return CognitiveServicesManagementClient(
        credential, subscription or azure.subscription, base_url=azure.arm.url, retry_total=0
    )


def upload(client: openai.OpenAI, rows: bytes = ROWS) -> str:
    return client.files.create(file=("rows.jsonl", rows), purpose="fine-tune").id


def start(client: openai.OpenAI, tier: object = "GlobalStandard", **more: Any) -> str:
    """A job, by default of a new file."""
    asked: dict[str, Any] = {"model": BASE, "extra_body": {"trainingType": tier}, **more}
    if "training_file" not in asked:
        asked["training_file"] = upload(client)
    return client.fine_tuning.jobs.create(**asked).id


def wanted(model: str, sku: str = "GlobalStandard", capacity: int = 1, **more: Any) -> Any:
    """The body of a deployment."""
    described = {"format": "OpenAI", "name": model, "version": "1", **more}
    return {"sku": {"name": sku, "capacity": capacity}, "properties": {"model": described}}


def tuned_model(azure: Azure) -> str:
    """A model that a job has made, after virtual seconds."""
    with data_client(azure) as client:
        job_id = start(client)
        cast("VirtualClock", azure.clock).advance(1000)
        return client.fine_tuning.jobs.retrieve(job_id).fine_tuned_model or ""


class Deployer:
    """Does one thing after the other at an account, to its end."""

    def __init__(self, azure: Azure, client: CognitiveServicesManagementClient) -> None:
        self.azure = azure
        self.deployments: Any = client.deployments
        self.place = (azure.group, azure.account)

    def begin(self, name: str, body: Any) -> Any:
        return self.deployments.begin_create_or_update(*self.place, name, body, polling_interval=0)

    def make(self, name: str, body: Any) -> Any:
        poller = self.begin(name, body)
        cast("VirtualClock", self.azure.clock).advance(60)
        return poller.result()

    def get(self, name: str) -> Any:
        return self.deployments.get(*self.place, name)

    def state(self, name: str) -> str:
        return str(self.get(name).properties.provisioning_state)

    def names(self) -> list[str]:
        return [one.name for one in self.deployments.list(*self.place)]

    def delete(self, name: str) -> None:
        poller = self.deployments.begin_delete(*self.place, name, polling_interval=0)
        cast("VirtualClock", self.azure.clock).advance(20)
        poller.result()


def refused(error: HttpResponseError) -> tuple[int | None, str | None]:
    """The status and the code of an error of the control plane."""
    return error.status_code, error.error.code if error.error else None


def get(client: openai.OpenAI, job_id: str) -> Any:
    return client.fine_tuning.jobs.retrieve(job_id)


def error_of(caught: pytest.ExceptionInfo[openai.APIStatusError]) -> Any:
    """What the service said is wrong."""
    return caught.value.response.json()["error"]
