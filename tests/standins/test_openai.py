"""The stand-in of OpenAI, driven by OpenAI's own package: files, uploads, models, the service."""

from __future__ import annotations

import hashlib
import io
import threading
import tracemalloc
from typing import Any, cast

import openai
import pytest

from finetune_sdk.testing import VirtualClock
from tests.standins.driving import BASE, ROWS, in_process, refused, start, upload
from tests.standins.http import http
from tests.standins.openai import TRUTH, JobCourse, OpenAIService


class TestFiles:
    def test_go_round(self, client: openai.OpenAI, service: OpenAIService) -> None:
        made = client.files.create(
            file=("rows.jsonl", ROWS),
            purpose="fine-tune",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert (made.bytes, made.filename, made.status) == (len(ROWS), "rows.jsonl", "processed")
        assert made.expires_at == made.created_at + 3600
        assert client.files.retrieve(made.id) == made
        assert client.files.content(made.id).read() == ROWS
        assert service.files[made.id].blob.lines == 12
        assert client.files.delete(made.id).deleted
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            client.files.retrieve(made.id)

    def test_are_listed_by_the_page(self, client: openai.OpenAI) -> None:
        ids = [upload(client) for _ in range(5)]
        client.files.create(file=("x.txt", b"hello"), purpose="user_data")
        tuned = client.files.list(purpose="fine-tune", limit=2)
        assert [file.id for file in tuned] == ids[::-1]
        assert [file.id for file in client.files.list(order="asc", after=ids[0])][:4] == ids[1:]

    def test_are_processed_by_the_clock(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        service.file_delay = 60
        good = upload(client)
        service.file_error = "Row 7 is no JSON."
        bad = upload(client)
        service.say(good, "pending")
        assert cast("str", client.files.retrieve(good).status) == "pending"
        service.say(good, TRUTH)
        assert client.files.retrieve(good).status == "uploaded"
        clock.advance(60)
        assert client.files.retrieve(good).status == "processed"
        seen = client.files.retrieve(bad)
        assert (seen.status, seen.status_details) == ("error", "Row 7 is no JSON.")

    @pytest.mark.parametrize(("name", "rows"), [("rows.jsonl", b""), ("rows.csv", ROWS)])
    def test_that_are_no_good_are_refused(
        self, client: openai.OpenAI, name: str, rows: bytes
    ) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            upload(client, rows, name)
        assert caught.value.param == "file"

    def test_that_are_large_are_never_in_the_memory(self, clock: VirtualClock) -> None:
        size = 24 * 1024 * 1024
        rows = io.BytesIO((b"x" * 1023 + b"\n") * 1024 * 24)
        with (
            OpenAIService(clock, keep_bytes=False) as service,
            openai.OpenAI(api_key=service.key, base_url=service.url) as client,
        ):
            tracemalloc.start()
            made = client.files.create(file=("rows.jsonl", rows), purpose="fine-tune")
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            blob = service.files[made.id].blob
            assert (made.bytes, blob.lines, blob.content) == (size, 24 * 1024, b"")
            assert blob.sha256 == hashlib.sha256(rows.getvalue()).hexdigest()
            assert service.posts("/files")[0].body == b""
            assert peak < 2 * 1024 * 1024


class TestUploads:
    def test_become_a_file(self, client: openai.OpenAI, service: OpenAIService) -> None:
        done = client.uploads.upload_file_chunked(
            file=ROWS,
            filename="rows.jsonl",
            bytes=len(ROWS),
            mime_type="application/jsonl",
            purpose="fine-tune",
            part_size=100,
            md5=hashlib.md5(ROWS, usedforsecurity=False).hexdigest(),
        )
        assert done.status == "completed"
        assert done.file is not None
        assert client.files.content(done.file.id).read() == ROWS
        assert start(client, training_file=done.file.id) in service.jobs

    def test_are_measured(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        asked: dict[str, Any] = {"mime_type": "application/jsonl", "purpose": "fine-tune"}
        begun = client.uploads.create(bytes=100, filename="rows.jsonl", **asked)
        part = client.uploads.parts.create(begun.id, data=b"too short")
        with pytest.raises(openai.BadRequestError, match="Expected 100 bytes"):
            client.uploads.complete(begun.id, part_ids=[part.id])
        with pytest.raises(openai.BadRequestError, match="No such part"):
            client.uploads.complete(begun.id, part_ids=["part_0"])
        assert client.uploads.cancel(begun.id).status == "cancelled"
        late = client.uploads.create(bytes=100, filename="rows.jsonl", **asked)
        clock.advance(3600)
        with pytest.raises(openai.BadRequestError, match="expired"):
            client.uploads.parts.create(late.id, data=b"too late")

    def test_count_their_lines_without_their_bytes(self, clock: VirtualClock) -> None:
        service = OpenAIService(clock, keep_bytes=False)
        with in_process(service) as client:
            done = client.uploads.upload_file_chunked(
                file=ROWS[:-1],
                filename="rows.jsonl",
                bytes=len(ROWS) - 1,
                mime_type="application/jsonl",
                purpose="fine-tune",
                part_size=33,
            )
        assert done.file is not None
        assert service.files[done.file.id].blob.lines == 12


class TestModels:
    def test_are_shown_and_deleted(self, client: openai.OpenAI, clock: VirtualClock) -> None:
        dates = {model.id: model.shutdown_date for model in client.models.list()}
        assert dates[BASE] == "2027-01-14"
        assert dates["gpt-5-2025-08-07"] is None
        start(client)
        clock.advance(630)
        (tuned, *_) = [model.id for model in client.models.list() if model.id not in dates]
        assert client.models.retrieve(tuned).owned_by == "org-standin"
        assert client.models.delete(tuned).deleted
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve(tuned)
        assert refused(caught.value) == (404, "model_not_found", "model")
        with pytest.raises(openai.PermissionDeniedError):
            client.models.delete(BASE)

    def test_answer_when_they_are_served(
        self, client: openai.OpenAI, service: OpenAIService, clock: VirtualClock
    ) -> None:
        service.course = JobCourse(served_after=120)
        job = start(client)
        clock.advance(630)
        tuned = client.fine_tuning.jobs.retrieve(job).fine_tuned_model or ""
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model=tuned, messages=[])
        assert caught.value.code == "model_not_found"
        clock.advance(120)
        said = client.chat.completions.create(
            model=tuned, messages=[{"role": "user", "content": "hello"}]
        )
        assert said.choices[0].message.content == f"{tuned}: hello"


class TestService:
    def test_wants_its_key(self, service: OpenAIService) -> None:
        with (
            openai.OpenAI(api_key="sk-wrong", base_url=service.url, max_retries=0) as client,
            pytest.raises(openai.AuthenticationError) as caught,
        ):
            client.models.list()
        assert caught.value.code == "invalid_api_key"

    def test_knows_its_addresses(self, client: openai.OpenAI) -> None:
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            client.get("/nothing", cast_to=object)
        with pytest.raises(openai.APIStatusError) as caught:
            client.delete("/fine_tuning/jobs", cast_to=object)
        assert caught.value.status_code == 405

    def test_leaves_nothing_behind(self, clock: VirtualClock) -> None:
        before = set(threading.enumerate())
        with OpenAIService(clock) as service, http.Client() as client:
            # The connection stays open: the service ends before the client does.
            assert client.get(f"{service.url}/models").status_code == 401
            service.stop()
            assert set(threading.enumerate()) == before

    def test_works_without_sockets(self, clock: VirtualClock) -> None:
        service = OpenAIService(clock)
        with in_process(service) as client:
            job = start(client, metadata={"k": "a b&c"})
            clock.advance(700)
            listed = client.fine_tuning.jobs.list(metadata={"k": "a b&c"})
            assert [one.id for one in listed] == [job]
            (result,) = client.fine_tuning.jobs.retrieve(job).result_files
            assert client.files.content(result).read().startswith(b"step,")
        assert [one.path for one in service.requests][:2] == ["/files", "/fine_tuning/jobs"]
