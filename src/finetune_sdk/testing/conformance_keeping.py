"""Laws of what a job leaves behind, and of jobs that stand still."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finetune_sdk.errors import ConflictError, JobFailedError, JobPausedError, NotFoundError
from finetune_sdk.providers.base import (
    CanDownloadModels,
    CanExport,
    CanFindJob,
    CanListCheckpoints,
    CanManageDatasets,
    CanPause,
)
from finetune_sdk.testing.conformance_bench import ROWS, ConformanceBench
from finetune_sdk.types import JobStatus


class KeepingLaws(ConformanceBench):
    """Pausing, checkpoints, downloads, finding again."""

    # Pause

    def test_a_paused_job_goes_on_when_it_is_resumed(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanPause)
            job = self._create(client, "endless")
            assert client.jobs.resume(job).id == job.id
            self.let_it_train(client.provider, job.id)
            client.jobs.pause(job)
            with pytest.raises(JobPausedError):
                self._wait(client, job)
            assert client.jobs.pause(job).status is JobStatus.PAUSED
            stands = (JobStatus.PAUSED, JobStatus.PAUSING)
            assert client.jobs.resume(job).status not in stands
            seen = client.jobs.get(job).status
            assert seen not in stands
            assert not seen.terminal
            client.jobs.cancel(job)

    def test_a_paused_job_can_be_cancelled(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanPause)
            job = self._create(client, "endless")
            self.let_it_train(client.provider, job.id)
            client.jobs.pause(job)
            with pytest.raises(JobPausedError):
                self._wait(client, job)
            client.jobs.cancel(job)
            with pytest.raises(JobFailedError, match="cancelled"):
                self._wait(client, job)

    def test_what_has_ended_is_neither_paused_nor_resumed(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanPause)
            job = self._wait(client, self._create(client, "short"))
            for verb in (client.jobs.pause, client.jobs.resume):
                with pytest.raises(ConflictError):
                    verb(job)
                with pytest.raises(NotFoundError):
                    verb("ftjob-nobody-knows")
            assert client.jobs.get(job).status is JobStatus.SUCCEEDED

    # What a job leaves

    def test_checkpoints_are_of_their_job_and_newest_first(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanListCheckpoints)
            job = self._wait(client, self._create(client, "short"))
            found = list(client.jobs.checkpoints(job))
            assert found, "the short job of the stand-in saves a checkpoint"
            steps = [one.step for one in found]
            assert steps == sorted(set(steps), reverse=True)
            assert len({one.id for one in found}) == len(found)
            assert {(one.job_id, one.provider) for one in found} == {(job.id, job.provider)}
            assert all(one.model for one in found)

    def test_a_model_is_downloaded_to_a_folder_of_its_own(self, tmp_path: Path) -> None:
        with self._client(tmp_path / "provider") as client:
            self._need(client, CanDownloadModels)
            job = self._wait(client, self._create(client, "short"))
            folder = client.models.download(job, tmp_path / "model")
            assert any(folder.iterdir())
            with pytest.raises(NotFoundError):
                client.models.download("nobody-knows", tmp_path / "other")
            assert not (tmp_path / "other").exists()

    def test_a_job_is_found_by_its_key(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanFindJob)
            words = self.job_words(client.provider, "endless")
            made = self._create_with(client, words, idempotency_key="key-1")
            assert client.jobs.recover("key-1").id == made.id
            with pytest.raises(NotFoundError):
                client.jobs.recover("key-2")
            client.jobs.cancel(made)

    def test_the_rows_of_a_job_come_back(self, tmp_path: Path) -> None:
        with self._client(tmp_path / "provider") as client:
            self._need(client, CanExport)
            job = self._wait(client, self._create(client, "short"))
            made = client.jobs.export(job, tmp_path / "out")
            assert not [gap for gap in made.lineage.gaps if gap.what == "training data"]
            lines = (Path(made.folder) / "training.jsonl").read_text().splitlines()
            assert [json.loads(line) for line in lines] == list(ROWS)
            assert client.jobs.export(job, tmp_path / "out").outcome == "kept"

    def test_dataset_files_are_listed_until_they_are_deleted(self, tmp_path: Path) -> None:
        with self._client(tmp_path) as client:
            self._need(client, CanManageDatasets)
            made = [client.datasets.upload(ROWS), client.datasets.upload(ROWS[:2])]
            assert {file.id for file in made} <= {file.id for file in client.datasets.list()}
            client.datasets.delete(made[0])
            with pytest.raises(NotFoundError):
                client.datasets.get(made[0])
            assert client.datasets.get(made[1]).id == made[1].id
