"""Azure's data plane beside its jobs: who gets in, files, models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from finetune_sdk.testing import VirtualClock
from tests.standins.azure import Azure, AzureModel
from tests.standins.azure.clients import BASE, ROWS, data_client, error_of, get, start, upload


@pytest.fixture
def client(azure: Azure) -> Iterator[openai.OpenAI]:
    with data_client(azure) as client:
        yield client


class TestAccess:
    def test_the_key_is_a_bearers(self, azure: Azure, client: openai.OpenAI) -> None:
        client.files.list()
        assert azure.data.requests[0].headers["authorization"] == f"Bearer {azure.data.key}"

    def test_the_key_has_a_header_of_its_own(self, azure: Azure) -> None:
        with openai.AzureOpenAI(
            base_url=azure.data.url, api_key=azure.data.key, api_version="preview", max_retries=0
        ) as client:
            client.files.list()
        assert azure.data.requests[0].headers["api-key"] == azure.data.key
        assert "authorization" not in azure.data.requests[0].headers

    def test_another_key_is_refused(self, azure: Azure) -> None:
        with (
            data_client(azure, "another") as client,
            pytest.raises(openai.AuthenticationError) as caught,
        ):
            client.files.list()
        assert error_of(caught)["code"] == "401"
        assert error_of(caught)["message"].startswith("Access denied due to invalid subscription")

    def test_a_project_has_an_address_too(self, azure: Azure) -> None:
        with data_client(azure, url=azure.data.project("mine")) as client:
            upload(client)
        assert azure.data.requests[0].path == "/files"

    @pytest.mark.parametrize("root", ["/openai", "/v1", "/openai/deployments/x"])
    def test_nothing_is_elsewhere(self, azure: Azure, root: str) -> None:
        with (
            data_client(azure, url=azure.data.endpoint + root) as client,
            pytest.raises(openai.NotFoundError) as caught,
        ):
            client.fine_tuning.jobs.list()
        assert error_of(caught)["code"] == "notFound"

    def test_requests_are_known_by_another_header(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            get(client, "none")
        headers = caught.value.response.headers
        assert "apim-request-id" in headers
        assert "x-request-id" not in headers
        assert caught.value.request_id is None


class TestFiles:
    @pytest.mark.parametrize(("error", "end"), [(None, "processed"), ("Row 3.", "error")])
    def test_states(
        self,
        azure: Azure,
        client: openai.OpenAI,
        clock: VirtualClock,
        error: str | None,
        end: str,
    ) -> None:
        azure.data.file_delay, azure.data.file_error = 20, error
        file_id = upload(client)
        found: list[str] = []
        for seconds in (0, 10, 10):
            clock.advance(seconds)
            found.append(client.files.retrieve(file_id).status)
        assert found == ["pending", "running", end]

    def test_a_job_may_have_to_wait_for_its_file(
        self, azure: Azure, client: openai.OpenAI, clock: VirtualClock
    ) -> None:
        azure.data.strict_files, azure.data.file_delay = True, 20
        file_id = upload(client)
        with pytest.raises(openai.BadRequestError, match="not ready"):
            start(client, training_file=file_id)
        clock.advance(20)
        start(client, training_file=file_id)

    def test_a_file_has_a_largest_size(self, azure: Azure, client: openai.OpenAI) -> None:
        assert azure.data.largest == 512 * 1024**2
        azure.data.largest = len(ROWS)
        upload(client)
        with pytest.raises(openai.APIStatusError) as caught:
            upload(client, ROWS + b"\n")
        assert caught.value.status_code == 413

    def test_files_live_for_two_weeks_at_least(self, client: openai.OpenAI) -> None:
        def send(seconds: int) -> Any:
            return client.files.create(
                file=("rows.jsonl", ROWS),
                purpose="fine-tune",
                expires_after={"anchor": "created_at", "seconds": seconds},
            )

        with pytest.raises(openai.BadRequestError):
            send(3600)
        file = send(1_209_600)
        assert file.expires_at == file.created_at + 1_209_600

    @pytest.mark.parametrize("known", [False, True])
    def test_uploads_are_there_or_not(
        self, clock: VirtualClock, tmp_path: Path, known: bool
    ) -> None:
        asked: Any = {"filename": "rows.jsonl", "purpose": "fine-tune", "bytes": len(ROWS)}
        with Azure(clock, tmp_path, uploads=known) as azure, data_client(azure) as client:
            if known:
                assert client.uploads.create(**asked, mime_type="text/plain").status == "pending"
            else:
                with pytest.raises(openai.NotFoundError):
                    client.uploads.create(**asked, mime_type="text/plain")


class TestModels:
    def test_a_list_of_what_can_be_tuned_and_was(
        self, azure: Azure, client: openai.OpenAI, clock: VirtualClock
    ) -> None:
        azure.data.models[BASE] = AzureModel(BASE, tune_until=1_800_000_000)
        job_id = start(client)
        clock.advance(1000)
        found: dict[str, Any] = {one.id: one for one in client.models.list()}
        assert found[BASE].capabilities["fine_tune"] is True
        assert found[BASE].deprecation["fine_tune"] == 1_800_000_000
        assert found[BASE].lifecycle_status == "generally-available"
        assert found["gpt-6-luna"].capabilities["fine_tune"] is False
        made = found[get(client, job_id).fine_tuned_model]
        assert (made.model, made.fine_tune) == (BASE, job_id)
        assert not [name for name in found if name.startswith("ftchkpt-")]

    def test_only_what_was_made_can_be_deleted(
        self, client: openai.OpenAI, clock: VirtualClock
    ) -> None:
        job_id = start(client)
        clock.advance(1000)
        model = get(client, job_id).fine_tuned_model
        assert client.models.delete(model).deleted
        for name, refused in ((model, openai.NotFoundError), (BASE, openai.PermissionDeniedError)):
            with pytest.raises(refused):
                client.models.delete(name)

    def test_without_a_deployment_nothing_answers(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model=BASE, messages=[])
        assert caught.value.code == "DeploymentNotFound"
