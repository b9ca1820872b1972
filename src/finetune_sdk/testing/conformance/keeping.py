"""Laws of what a job leaves behind."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from finetune_sdk.errors import NotFoundError, UnsupportedError
from finetune_sdk.providers.base import (
    CanClean,
    CanDownloadModels,
    CanExport,
    CanFindJob,
    CanListCheckpoints,
    CanListModels,
    CanManageDatasets,
    CanRescue,
)
from finetune_sdk.testing.conformance.bench import NOBODY, ROWS, ConformanceBench
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.testing.conformance.reading import pages
from finetune_sdk.types import Checkpoint, DatasetFile, Model


class KeepingLaws(ConformanceBench):
    """Checkpoints, models, rows, finding again."""

    @law(CanListCheckpoints)
    def test_checkpoints_are_of_their_job_and_newest_first(self, tmp_path: Path) -> None:
        """The short job has checkpoints: each once, newest first, with the model to go on from.

        Each can be the `model` of a new job and of a deployment.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanListCheckpoints)
            found = list(client.jobs.checkpoints(job))
            assert found, "the short job of the stand-in saves a checkpoint"
            steps = [one.step for one in found]
            assert steps == sorted(set(steps), reverse=True)
            assert len({one.id for one in found}) == len(found)
            assert {(one.job_id, one.provider) for one in found} == {(job.id, job.provider)}
            assert all(one.model for one in found)
            assert [Checkpoint.from_json(one.to_json()) for one in found] == found
            paged = pages(lambda at: provider.list_checkpoints(job.id, limit=1, cursor=at))
            assert list(paged) == found

    @law(CanListModels)
    def test_a_model_that_was_made_is_got_until_it_is_deleted(self, tmp_path: Path) -> None:
        """`get_model` gives the fine-tune of a job, and no longer once it is deleted.

        A model that is kept by mistake is found and deleted; one that is gone is not found.
        """
        with self._client(tmp_path) as client:
            made = self._succeeded(client).fine_tuned_model
            assert made is not None
            model = client.models.get(made)
            assert (model.id, model.kind) == (made, "fine_tuned")
            assert model.provider == client.provider.name
            assert Model.from_json(model.to_json()) == model
            client.models.delete(model)
            for verb in (client.models.get, client.models.delete):
                with pytest.raises(NotFoundError):
                    verb(made)

    @law(CanListModels)
    def test_models_are_listed_once_and_to_the_end(self, tmp_path: Path) -> None:
        """`list_models` gives each model once and has the fine-tune of a job that succeeded.

        It is how people see what they have.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanListModels)
            listed = [model.id for model in client.models.list()]
            assert len(set(listed)) == len(listed)
            assert job.fine_tuned_model in listed

    @law(CanListModels)
    def test_a_base_model_is_not_deleted(self, tmp_path: Path) -> None:
        """Deleting a base model is an `UnsupportedError`, or there is none of that id.

        What is not ours must not be lost by a slip.
        """
        with self._client(tmp_path) as client:
            with suppress(NotFoundError):
                if client.models.get(self.model).kind != "base":
                    self.cannot("name a base model that is not the caller's own")
            with pytest.raises((UnsupportedError, NotFoundError)):
                client.models.delete(self.model)

    @law(CanDownloadModels)
    def test_a_model_is_downloaded_to_a_folder_of_its_own(self, tmp_path: Path) -> None:
        """`download_model` fills a folder with the model's files; an unknown one leaves nothing.

        What was trained belongs to the caller.
        """
        with self._client(tmp_path / "provider") as client:
            job = self._succeeded(client)
            folder = client.models.download(job, tmp_path / "model")
            assert any(folder.iterdir())
            with pytest.raises(NotFoundError):
                client.models.download("nobody-knows", tmp_path / "other")
            assert not (tmp_path / "other").exists()

    @law(CanFindJob)
    def test_a_job_is_found_by_its_key(self, tmp_path: Path) -> None:
        """`jobs.recover` finds the job that a key has made, and says when there is none.

        It is the way on when an answer was lost.
        """
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            made = self._create_with(client, words, idempotency_key="key-1")
            assert client.jobs.recover("key-1").id == made.id
            with pytest.raises(NotFoundError):
                client.jobs.recover("key-2")
            client.jobs.cancel(made)

    @law(CanExport)
    def test_the_rows_of_a_job_come_back(self, tmp_path: Path) -> None:
        """`download_dataset` writes the very rows that a job has learned from.

        A job can be repeated elsewhere only with its own data.
        """
        with self._client(tmp_path / "provider") as client:
            job = self._succeeded(client)
            made = client.jobs.export(job, tmp_path / "out")
            assert not [gap for gap in made.lineage.gaps if gap.what == "training data"]
            lines = (Path(made.folder) / "training.jsonl").read_text().splitlines()
            assert [json.loads(line) for line in lines] == list(ROWS)
            assert client.jobs.export(job, tmp_path / "out").outcome == "kept"

    @law(CanManageDatasets)
    def test_dataset_files_are_listed_until_they_are_deleted(self, tmp_path: Path) -> None:
        """Uploads are listed once each, got by id, deleted, and then not found.

        Rows are somebody's data: whoever has to delete them must be able to.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            assert isinstance(provider, CanManageDatasets)
            made = [client.datasets.upload(ROWS), client.datasets.upload(ROWS[:2])]
            paged = pages(lambda at: provider.list_dataset_files(limit=1, cursor=at))
            listed = [file.id for file in paged]
            assert sorted(listed) == sorted({file.id for file in client.datasets.list()})
            assert {file.id for file in made} <= set(listed)
            client.datasets.delete(made[0])
            for verb in (client.datasets.get, client.datasets.delete):
                with pytest.raises(NotFoundError):
                    verb(made[0])
            file = client.datasets.get(made[1])
            assert file.id == made[1].id
            assert DatasetFile.from_json(file.to_json()) == file

    @law(CanClean)
    def test_what_is_left_over_is_deleted_and_costs_no_model(self, tmp_path: Path) -> None:
        """What `list_leftovers` tells can be deleted, twice too; the model of a job stays.

        A disk is cleaned by people who do not know what each folder is.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanClean)
            self.leave_behind(provider)
            left = provider.list_leftovers()
            for one in left * 2:
                provider.delete_leftover(one)
            assert not {one.path for one in left} & {one.path for one in provider.list_leftovers()}
            assert client.jobs.get(job).fine_tuned_model == job.fine_tuned_model
            if not left:
                self.cannot("leave anything behind")

    @law(CanRescue)
    def test_a_rescue_of_nothing_is_not_found(self, tmp_path: Path) -> None:
        """`rescue_job` of an unknown job is a `NotFoundError`; one that needs none is given back.

        People try it in despair: it must not harm what is whole.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanRescue)
            with pytest.raises(NotFoundError):
                provider.rescue_job(NOBODY)
            kept = provider.rescue_job(job.id)
            assert (kept.id, kept.fine_tuned_model) == (job.id, job.fine_tuned_model)

    @law(CanRescue)
    def test_a_stranded_model_is_rescued(self, tmp_path: Path) -> None:
        """`rescue_job` gets a model that was trained to its place; the job has succeeded then.

        What was paid for is not trained again.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            assert isinstance(provider, CanRescue)
            job = self._create_with(client, self.strand(provider))
            list(client.jobs.events(job, follow=True))
            assert client.jobs.get(job).fine_tuned_model is None
            assert provider.rescue_job(job.id).fine_tuned_model
            assert client.jobs.get(job).fine_tuned_model
