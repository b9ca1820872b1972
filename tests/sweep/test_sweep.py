"""Many jobs at a fake: how many at a time, which is best, what becomes of those that fail."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    FineTuneClient,
    InvalidRequestError,
    Job,
    JobStatus,
    Metric,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    StatusUnavailableError,
    Supervised,
    Sweep,
    Trial,
    WaitTimeoutError,
)
from finetune_sdk.testing import FakeProvider, JobScript
from finetune_sdk.types import CostEstimate, Page
from tests.sweep.calls import RATES, ROWS, call, count, statuses


class Steps(FakeProvider):
    """Jobs that go so many steps: the loss of a fake falls with them."""

    def __init__(self, *steps: int) -> None:
        super().__init__(cost=5.0)
        self.enqueue(*(JobScript(steps=one) for one in steps))


def test_a_grid_is_every_combination_and_the_last_name_changes_fastest(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    grid = {"learning_rate": [1e-4, 2e-4], "lora.rank": [4, 8], "seed": [1, 2]}
    done = client.jobs.sweep(**call(grid=grid, method=Supervised(epochs=2)))
    assert [one.values for one in done.trials[:3]] == [
        {"learning_rate": 1e-4, "lora.rank": 4, "seed": 1},
        {"learning_rate": 1e-4, "lora.rank": 4, "seed": 2},
        {"learning_rate": 1e-4, "lora.rank": 8, "seed": 1},
    ]
    assert len({one.job.id for one in done.trials if one.job}) == 8
    job = done.trials[-1].job
    assert job is not None
    assert isinstance(job.method, Supervised)
    assert job.method.epochs == 2
    assert (job.method.learning_rate, job.seed) == (2e-4, 2)
    assert job.method.model_dump()["lora"]["rank"] == 8
    assert done.complete
    assert count(fake, "upload_dataset") == 1


def test_a_list_of_trials_says_of_each_what_differs(client: FineTuneClient) -> None:
    trials: Sequence[dict[str, object]] = [{}, {"epochs": 3}, {"learning_rate": None, "epochs": 4}]
    method = Supervised(learning_rate=1e-4, epochs=2)
    done = client.jobs.sweep(**call(trials=trials, method=method))
    made = [one.job.method for one in done.trials if one.job and one.job.method]
    assert [(one.learning_rate, one.epochs) for one in made] == [(1e-4, 2), (1e-4, 3), (None, 4)]
    assert done.trials[2].values == {"learning_rate": None, "epochs": 4.0}
    assert Sweep.from_json(done.to_json()) == done


@pytest.mark.parametrize("at_once", [1, 2, 3, 9])
def test_so_many_run_at_a_time_and_no_more(
    client: FineTuneClient, fake: FakeProvider, at_once: int
) -> None:
    most = 0

    def look(_: Trial) -> None:
        nonlocal most
        jobs = fake.list_jobs(limit=99, cursor=None).items
        most = max(most, sum(not one.status.terminal for one in jobs))

    grid = {"seed": [1, 2, 3, 4, 5]}
    assert client.jobs.sweep(**call(grid=grid, at_once=at_once, on_trial=look)).complete
    assert most == min(at_once, 5)


def test_a_look_is_one_listing_however_many_run(client: FineTuneClient, fake: FakeProvider) -> None:
    client.jobs.sweep(**call(grid={"seed": list(range(20))}, at_once=20, poll_interval=630))
    assert count(fake, "list_jobs") == 1
    assert count(fake, "get_job") == 0


@pytest.mark.parametrize(("goal", "best"), [("min", 2), ("max", 1)])
def test_the_best_is_the_one_with_the_least_or_most_of_the_metric(goal: str, best: int) -> None:
    with FineTuneClient(Steps(10, 90, 50)) as client:
        done = client.jobs.sweep(**call(goal=goal))
    assert done.best is not None
    assert done.best.number == best
    assert done.best == done.trials[best - 1]
    values = [one.metric.value for one in done.trials if one.metric]
    steps = [one.metric.step for one in done.trials if one.metric]
    assert steps == [10, 90, 50]
    assert done.best.metric is not None
    assert done.best.metric.value == (min if goal == "min" else max)(values)


def test_of_equals_the_first_is_the_best() -> None:
    with FineTuneClient(Steps(10, 50, 50)) as client:
        done = client.jobs.sweep(**call())
    assert done.best is not None
    assert done.best.number == 2
    assert [one for one in done.warnings if "trials 2, 3 measured the very same `loss`" in one]


def test_rows_to_measure_on_are_what_is_measured_on(client: FineTuneClient) -> None:
    done = client.jobs.sweep(**call(validation_data=ROWS))
    assert done.split == "validation"
    assert {one.metric.split for one in done.trials if one.metric} == {"validation"}
    again = client.jobs.sweep(**call(validation_data=ROWS, split="train"))
    assert {one.metric.split for one in again.trials if one.metric} == {"train"}


class Measures(FakeProvider):
    """Jobs that measure what a test says."""

    told: Sequence[Sequence[tuple[int, float]]] = ()

    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        values = self.told[int(job_id.rpartition("-")[2]) - 1]
        made = [
            Metric.model_construct(step=step, name="loss", value=value, split="train")
            for step, value in values
        ]
        return Page(tuple(made), None)


def test_what_is_no_number_never_wins_and_what_is_not_measured_is_not_made_up() -> None:
    fake = Measures()
    fake.told = [[(1, 0.5), (2, math.nan)], [(1, 0.1), (2, 0.9)], []]
    with FineTuneClient(fake) as client:
        done = client.jobs.sweep(**call())
    assert [one.metric.value if one.metric else None for one in done.trials] == [None, 0.9, None]
    assert [one.trouble for one in done.trials] == [
        "its last `loss` (train) is nan, which is no number",
        None,
        "it measured no `loss` (train); it measured nothing",
    ]
    assert done.best is not None
    assert done.best.number == 2
    assert Sweep.from_json(done.to_json()) == done


def test_the_last_is_of_the_last_step_in_whatever_order_they_come() -> None:
    fake = Measures()
    fake.told = [[(9, 0.2), (1, 0.7)], [(1, 0.6), (9, 0.3)], [(9, 0.5), (9, 0.4)]]
    with FineTuneClient(fake) as client:
        done = client.jobs.sweep(**call())
    assert [one.metric.value for one in done.trials if one.metric] == [0.2, 0.3, 0.4]


def test_without_a_metric_nothing_is_compared(client: FineTuneClient, fake: FakeProvider) -> None:
    done = client.jobs.sweep(**call(metric=None))
    assert done.complete
    assert done.best is None
    assert count(fake, "list_metrics") == 0


def test_what_nobody_measures_has_no_best(client: FineTuneClient) -> None:
    done = client.jobs.sweep(**call(metric="charm", goal="max"))
    assert done.complete
    assert done.best is None
    told = done.trials[0].trouble or ""
    assert told.startswith("it measured no `charm` (train); it measured `loss` (train)")


def test_a_job_that_fails_is_told_and_ends_nothing(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    fake.enqueue(JobScript(outcome="failed", steps=100), JobScript(steps=9), JobScript(steps=9))
    done = client.jobs.sweep(**call(goal="min"))
    assert statuses(done) == ["failed", "succeeded", "succeeded"]
    first = done.trials[0]
    assert first.job is not None
    assert first.job.error is not None
    assert first.metric is None
    assert first.cost is not None
    assert done.complete
    assert done.best is not None
    assert done.best.number == 2


def test_where_all_fail_there_is_no_best(client: FineTuneClient, fake: FakeProvider) -> None:
    fake.enqueue(*[JobScript(outcome="failed")] * 3)
    done = client.jobs.sweep(**call())
    assert statuses(done) == ["failed"] * 3
    assert done.best is None


def test_a_job_that_is_gone_is_told_of_its_trial(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    client.jobs.sweep(**call(grid={"seed": [1, 2]}))
    fake.fail_next("get_job", NotFoundError("no such job", provider="fake"))
    done = client.jobs.sweep(**call(grid={"seed": [1, 2, 3]}))
    assert statuses(done) == ["refused", "succeeded", "succeeded"]
    assert done.trials[0].trouble == "no such job"
    assert count(fake, "create_job") == 3


class Forgets(Steps):
    """A provider whose second job is deleted while it runs."""

    gone = False

    def get_job(self, job_id: str, /) -> Job:
        if self.gone and job_id == "ftjob-fake-2":
            raise NotFoundError("no such job", provider="fake")
        return super().get_job(job_id)

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        page = super().list_jobs(limit=limit, cursor=cursor)
        left = (job for job in page.items if not self.gone or job.id != "ftjob-fake-2")
        return Page(tuple(left), page.next_cursor)


def test_a_job_that_is_deleted_meanwhile_is_told_of_its_trial() -> None:
    fake = Forgets(9, 9999, 9, 9)

    def delete(trial: Trial) -> None:
        fake.gone = fake.gone or (trial.job is not None and trial.number == 2)

    with FineTuneClient(fake) as client:
        done = client.jobs.sweep(**call(grid={"seed": [1, 2, 3, 4]}, on_trial=delete))
        assert statuses(done) == ["succeeded", "refused", "succeeded", "succeeded"]
        assert done.trials[1].trouble == "its job fake:ftjob-fake-2 is gone: no such job"
        planned = client.jobs.sweep(**call(grid={"seed": [1, 2, 3, 4]}, plan_only=True))
        assert statuses(planned) == statuses(done)


def test_the_money_of_a_job_that_is_gone_is_not_spent_again() -> None:
    class Bills(Forgets):
        def spent(self, job: Job, /) -> CostEstimate:
            return CostEstimate(low=10, high=10, source="the bill")

    fake = Bills(9, 9, 9)
    with FineTuneClient(fake) as client:
        client.jobs.sweep(**call(grid={"seed": [1, 2]}, at_once=1))
        fake.gone = True
        done = client.jobs.sweep(**call(grid={"seed": [1, 2, 3]}, max_cost=15, at_once=1))
    # 10 for the first and 5, at least, for the one that is gone.
    assert statuses(done) == ["succeeded", "refused", "waiting"]


def test_rows_that_change_meanwhile_are_those_that_were_sent(
    client: FineTuneClient, fake: FakeProvider, tmp_path: Path
) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def change(_: Trial) -> None:
        file.write_text(json.dumps(ROWS[0]) + "\n")

    done = client.jobs.sweep(**call(training_data=file, at_once=1, on_trial=change))
    assert done.complete
    assert {len(rows) for rows in fake.uploads.values()} == {len(ROWS)}
    # Of other rows it is another sweep.
    client.jobs.sweep(**call(training_data=file))
    assert count(fake, "create_job") == 6


def test_values_that_the_provider_refuses_are_told_of_that_trial_alone(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    fake.fail_next("create_job", InvalidRequestError("too fast", provider="fake"))
    done = client.jobs.sweep(**call())
    assert statuses(done) == ["refused", "succeeded", "succeeded"]
    assert done.trials[0].trouble == "too fast"
    assert done.complete
    assert statuses(client.jobs.sweep(**call())) == ["succeeded"] * 3


def test_where_all_are_refused_that_is_an_error(client: FineTuneClient, fake: FakeProvider) -> None:
    fake.fail_next("create_job", *[InvalidRequestError("too fast", provider="fake")] * 3)
    with pytest.raises(InvalidRequestError, match="too fast"):
        client.jobs.sweep(**call())


def test_what_concerns_all_of_them_is_raised_and_the_same_call_goes_on(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    seen: list[Trial] = []

    def then_shut(trial: Trial) -> None:
        if not seen:
            fake.fail_next("create_job", PermissionDeniedError("shut", provider="fake"))
        seen.append(trial)

    with pytest.raises(PermissionDeniedError, match="shut"):
        client.jobs.sweep(**call(on_trial=then_shut))
    (job,) = fake.list_jobs(limit=9, cursor=None).items
    assert not job.status.terminal
    done = client.jobs.sweep(**call())
    assert statuses(done) == ["succeeded"] * 3
    assert done.trials[0].job is not None
    assert done.trials[0].job.id == job.id
    assert len(fake.list_jobs(limit=9, cursor=None).items) == 3


def test_a_place_that_takes_no_more_at_a_time_is_asked_again_when_one_has_ended(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    class Full(FakeProvider):
        def create_job(self, spec: object, /) -> Job:
            running = [one for one in self._jobs.values() if not one.status.terminal]
            if running:
                raise RateLimitError("one at a time", provider="fake")
            return super().create_job(spec)  # type: ignore[arg-type]

    full = Full()
    with FineTuneClient(full) as busy:
        done = busy.jobs.sweep(**call(at_once=3))
    assert statuses(done) == ["succeeded"] * 3
    starts = [one.job.created_at for one in done.trials if one.job]
    assert len(set(starts)) == 3


def test_looks_that_fail_are_borne_and_long_silence_is_told(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    fake.fail_next("list_jobs", *[ServerError("500", provider="fake")] * 3)
    assert client.jobs.sweep(**call()).complete
    fake.fail_next("list_jobs", *[ServerError("500", provider="fake")] * 999)
    with pytest.raises(StatusUnavailableError, match="no contact"):
        client.jobs.sweep(**call(name="another"))


def test_metrics_that_cannot_be_read_now_are_read_at_the_next_look(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    fake.fail_next("list_metrics", *[ServerError("500", provider="fake")] * 4)
    done = client.jobs.sweep(**call())
    assert all(one.metric for one in done.trials)


def test_metrics_that_can_never_be_read_are_told_of_their_trial(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    fake.fail_next("list_metrics", PermissionDeniedError("not yours", provider="fake"))
    done = client.jobs.sweep(**call(at_once=1))
    assert done.trials[0].trouble == "its metrics cannot be read: not yours"
    assert done.trials[0].metric is None
    assert statuses(done) == ["succeeded"] * 3
    assert done.best is not None
    assert done.best.number == 2


def test_paused_jobs_keep_their_place_and_are_told(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    def pause_the_first(trial: Trial) -> None:
        if trial.number == 1 and trial.status == "running" and trial.job:
            fake.pause(trial.job.id)

    done = client.jobs.sweep(**call(on_trial=pause_the_first))
    assert statuses(done) == ["paused", "succeeded", "succeeded"]
    assert not done.complete
    assert "`jobs.resume`" in done.warnings[-1]
    job = done.trials[0].job
    assert job is not None
    assert job.handle in done.warnings[-1]

    client.jobs.resume(job)
    again = client.jobs.sweep(**call())
    assert again.complete
    assert not [one for one in again.warnings if "`jobs.resume`" in one]
    assert count(fake, "create_job") == 3


def test_where_all_places_are_paused_the_sweep_comes_back(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    def pause(trial: Trial) -> None:
        if trial.status == "running" and trial.job:
            fake.pause(trial.job.id)

    done = client.jobs.sweep(**call(on_trial=pause, at_once=1))
    assert statuses(done) == ["paused", "waiting", "waiting"]
    assert not done.complete


def test_patience_ends_and_the_jobs_go_on(client: FineTuneClient, fake: FakeProvider) -> None:
    with pytest.raises(WaitTimeoutError, match=r"2 job\(s\) of a sweep of 3"):
        client.jobs.sweep(**call(timeout=60))
    assert [one.status for one in client.jobs.list()] == [JobStatus.RUNNING] * 2
    assert client.jobs.sweep(**call()).complete
    assert count(fake, "create_job") == 3


def test_a_callback_that_raises_is_logged_and_ends_nothing(
    client: FineTuneClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fall(_: Trial) -> None:
        raise RuntimeError("oh")

    assert client.jobs.sweep(**call(on_trial=fall)).complete
    assert "`on_trial` raised on trial 1" in caplog.text


def test_each_change_is_told_once_and_at_last_what_the_sweep_has(client: FineTuneClient) -> None:
    told: list[Trial] = []
    done = client.jobs.sweep(**call(on_trial=told.append))
    assert all(one != two for one, two in pairwise(told))
    last = {one.number: one for one in told}
    assert tuple(last.values()) == done.trials


def test_a_table_fills(client: FineTuneClient, capsys: pytest.CaptureFixture[str]) -> None:
    client.jobs.sweep(**call(progress=True))
    drawn = capsys.readouterr()
    assert drawn.out == ""
    assert "learning_rate" in drawn.err
    assert "succeeded" in drawn.err
    client.jobs.sweep(**call(name="quiet"))
    assert capsys.readouterr().err == ""


async def _swept() -> tuple[Sweep, FakeProvider]:
    fake = Steps(10, 90, 50)
    async with AsyncFineTuneClient(fake) as client:
        return await client.jobs.sweep(**call(max_cost=20)), fake


def test_asynchronously_it_is_the_same() -> None:
    done, fake = asyncio.run(_swept())
    with FineTuneClient(Steps(10, 90, 50)) as client:
        same = client.jobs.sweep(**call(max_cost=20))
    assert statuses(done) == ["succeeded"] * 3
    assert done == same
    assert count(fake, "upload_dataset") == 1
    assert [one.values for one in done.trials] == [{"learning_rate": rate} for rate in RATES]


async def _cancelled(fake: FakeProvider) -> Sweep:
    async with AsyncFineTuneClient(fake) as client:

        def stop(trial: Trial) -> None:
            if trial.number == 2:
                task.cancel()

        task = asyncio.create_task(client.jobs.sweep(**call(on_trial=stop)))
        with pytest.raises(asyncio.CancelledError):
            await task
        return await client.jobs.sweep(**call())


def test_a_cancelled_await_leaves_the_jobs_alone_and_the_same_call_goes_on(
    fake: FakeProvider,
) -> None:
    done = asyncio.run(_cancelled(fake))
    assert statuses(done) == ["succeeded"] * 3
    assert len(fake.list_jobs(limit=9, cursor=None).items) == 3
    assert not count(fake, "cancel_job")
