"""Laws of what is said of a job before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.client import FineTuneClient
from finetune_sdk.datasets import load
from finetune_sdk.errors import CostLimitError
from finetune_sdk.providers.base import (
    CanEstimate,
    CanInspect,
    CanPreflight,
    CanPrepare,
    CanTokenize,
    Rows,
)
from finetune_sdk.testing.conformance.bench import ROWS, ConformanceBench
from finetune_sdk.testing.conformance.law import law
from finetune_sdk.types import CostEstimate, JobStatus, NoEstimate, Plan


class PlanningLaws(ConformanceBench):
    """Plans, costs, looks beforehand."""

    @law()
    def test_a_plan_makes_nothing_and_is_made_once(self, tmp_path: Path) -> None:
        """`jobs.plan` makes nothing; `create(plan.spec)` makes its job, and twice is one job.

        People approve a plan and mean exactly the job that it shows.
        """
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            told: Mapping[str, Any] = {"model": self.model, "training_data": ROWS, **words}
            with self._nothing_is_made(client):
                plan = client.jobs.plan(**told)
            assert plan.provider == client.provider.name
            assert Plan.from_json(plan.to_json()) == plan
            job = client.jobs.create(plan.spec)
            assert client.jobs.create(plan).id == job.id
            assert [one.id for one in client.jobs.list()] == [job.id]
            client.jobs.cancel(job)

    @law(CanEstimate)
    def test_max_cost_is_held_before_anything_is_uploaded(self, tmp_path: Path) -> None:
        """A job whose estimate is over `max_cost`, or has none, is a `CostLimitError`.

        It is the one thing between a slip and a bill. Nothing is uploaded for it.
        """
        with self._client(tmp_path) as client:
            words = self.job_words(client.provider, "endless")
            with self._nothing_is_made(client):
                cost = self._cost(client, words)
                if isinstance(cost, NoEstimate) or cost.high > 0:
                    limit = cost.high / 2 if isinstance(cost, CostEstimate) else 1e6
                    with pytest.raises(CostLimitError):
                        self._create_with(client, words, max_cost=limit)
            if isinstance(cost, CostEstimate):
                job = self._create_with(client, words, max_cost=cost.high * 2 + 1)
                client.jobs.cancel(job)

    @law(CanEstimate)
    def test_what_a_job_has_cost_is_an_estimate_or_a_reason(self, tmp_path: Path) -> None:
        """`spent` of a job that has ended is low to high, or says why nobody can tell.

        No number is made up where there is none.
        """
        with self._client(tmp_path) as client:
            job, provider = self._succeeded(client), client.provider
            assert isinstance(provider, CanEstimate)
            _is_sound(provider.spent(job))

    @law(CanPreflight)
    def test_a_look_beforehand_sends_nothing(self, tmp_path: Path) -> None:
        """`preflight_job` takes a job whose files are not sent yet, and makes nothing.

        Every create asks it first.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            assert isinstance(provider, CanPreflight)
            words = self.job_words(provider, "endless")
            with self._nothing_is_made(client):
                provider.preflight_job(self._unsent(provider, words))

    @law(CanPrepare)
    def test_preparing_may_be_done_twice(self, tmp_path: Path) -> None:
        """`prepare_job` may be called again; what it made is the job that is created then.

        A create that was cut off goes on where it stopped, and nothing runs before it.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            assert isinstance(provider, CanPrepare)
            spec = self._spec(provider, self.job_words(provider, "endless"), "key-1")
            provider.prepare_job(spec)
            assert {job.status for job in client.jobs.list()} <= {JobStatus.PENDING}
            made = provider.create_job(spec)
            assert [job.id for job in client.jobs.list()] == [made.id]
            provider.cancel_job(made.id)

    @law(CanInspect)
    def test_an_inspection_makes_nothing(self, tmp_path: Path) -> None:
        """`inspect_job` tells what a job would choose and take, twice the same, and makes nothing.

        A plan shows it; what it says of tokens and time are numbers that somebody counted.
        """
        with self._client(tmp_path) as client:
            provider = client.provider
            assert isinstance(provider, CanInspect)
            words = self.job_words(provider, "endless")
            with self._nothing_is_made(client):
                found = provider.inspect_job(
                    self._unsent(provider, words), Rows(training=load(ROWS), count=len(ROWS))
                )
            assert found.seconds is None or 0 <= found.seconds.low <= found.seconds.high
            assert found.epochs is None or found.epochs > 0

    @law(CanTokenize)
    def test_tokens_of_rows_are_what_is_learned(self, tmp_path: Path) -> None:
        """`tokenize_rows` gives the pieces of each row in order, and some of them carry loss.

        People look there for what their model really reads.
        """
        with self._loader(tmp_path / "provider") as client:
            with self._nothing_is_made(client):
                model = self.loadable_model(tmp_path)
                rows = client.datasets.tokens(ROWS[:2], model=model)
            assert len(rows) == 2
            for row, written in zip(rows, ROWS, strict=False):
                text = "".join(piece.text for piece in row)
                assert str(written["messages"][0]["content"]) in text  # type: ignore[index]
                assert any(piece.learned for piece in row)

    def _cost(self, client: FineTuneClient, words: Mapping[str, Any]) -> CostEstimate | NoEstimate:
        provider = client.provider
        assert isinstance(provider, CanEstimate)
        spec = self._unsent(provider, words)
        counted = provider.encoding(spec.model) is not None
        tokens = client.datasets.count(ROWS, model=spec.model) if counted else None
        rows = Rows(training=load(ROWS), count=len(ROWS), tokens=tokens)
        cost = provider.estimate_cost(spec, rows)
        _is_sound(cost)
        return cost


def _is_sound(cost: CostEstimate | NoEstimate) -> None:
    if isinstance(cost, NoEstimate):
        assert cost.reason
    else:
        assert 0 <= cost.low <= cost.high
        assert cost.source
