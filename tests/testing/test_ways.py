"""Each way that a job can go, as both clients see it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    FineTuneClient,
    Job,
    JobFailedError,
    JobPausedError,
    JobStatus,
    SunsetError,
    WaitTimeoutError,
)
from finetune_sdk.testing import FakeProvider, JobScript, VirtualClock
from finetune_sdk.types import JobError, JobEvent
from tests.testing.both import ROWS, Both

DAY = 86_400.0
Open = Callable[[FakeProvider], Both]


def at(seconds: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def statuses(both: Both, job: Job) -> list[str]:
    """The words that a watcher sees, each once."""
    seen = [str(one.raw_status) for one in both.jobs("watch", [job])]
    return list(dict.fromkeys(seen))


def test_a_job_is_validated_queued_and_runs(both: Both) -> None:
    both.fake.enqueue(JobScript(validating=300, queued=300, running=300))
    assert statuses(both, both.create()) == ["validating", "queued", "running", "succeeded"]


def test_a_slow_queue_and_a_job_of_ten_days_take_no_time(both: Both) -> None:
    both.fake.enqueue(JobScript(queued=3 * DAY, running=10 * DAY))
    job = both.create()
    done = both.wait(job)
    assert done.finished_at == at(13 * DAY)
    assert at(13 * DAY) <= both.fake.clock.now() <= at(13 * DAY + 600)
    # A look costs what it costs: that they are few is what makes it quick.
    assert len(both.fake.calls.named("get_job")) < 2000


def test_patience_goes_by_the_virtual_clock(both: Both) -> None:
    both.fake.enqueue(JobScript(queued=DAY))
    job = both.create()
    with pytest.raises(WaitTimeoutError, match="after 3600 s"):
        both.wait(job, timeout=3600)
    assert both.fake.clock.now() == at(3600)
    assert both.wait(job, timeout=2 * DAY, poll_interval=0.5 * DAY).finished_at == at(DAY + 600)
    assert both.fake.clock.now() == at(3600 + DAY)


def test_many_long_jobs_one_after_the_other_do_end() -> None:
    fake = FakeProvider(script=JobScript(running=10 * DAY))
    with FineTuneClient(fake) as client:
        for _ in range(80):
            job = client.jobs.create(model="base", training_data=ROWS)
            client.jobs.wait(job, poll_interval=6000, progress=False)
    assert fake.clock.now() >= at(800 * DAY)
    assert len(fake.calls.named("get_job")) > 10_000


def test_those_who_wait_together_let_no_one_run_out_of_time() -> None:
    async def main() -> list[JobStatus]:
        async with AsyncFineTuneClient(FakeProvider()) as client:
            jobs = [await client.jobs.create(model="base", training_data=ROWS) for _ in range(10)]
            waits = [client.jobs.wait(job, timeout=700, progress=False) for job in jobs]
            return [job.status for job in await asyncio.gather(*waits)]

    assert asyncio.run(main()) == [JobStatus.SUCCEEDED] * 10


def test_time_goes_on_and_not_beyond_the_calendar() -> None:
    clock = VirtualClock()
    with pytest.raises(ValueError, match="no date is later than the year 9999"):
        clock.advance(1e15)
    clock.advance(60)
    assert clock.now() == at(60)


def test_what_is_silent_is_told_where_patience_ends(both: Both) -> None:
    job = both.create()
    both.fake.go_down()
    with pytest.raises(WaitTimeoutError, match=r"as far as one can see: no look has succeeded for"):
        both.wait(job, timeout=600)


def test_events_are_followed_without_waiting_for_real(both: Both) -> None:
    both.fake.enqueue(JobScript(queued=DAY, running=10 * DAY, pauses_at_step=50))
    job = both.create()
    first = both.jobs("events", job, follow=True)
    assert [event.created_at for event in first] == [at(0), at(DAY), at(6 * DAY)]
    assert first[-1].message == "the fake job is paused at step 50"
    both.jobs("resume", job)
    assert both.jobs("events", job, follow=True)[-1].message == "the fake job has succeeded"


def test_a_failure_tells_its_step_and_its_reason(both: Both) -> None:
    reason = JobError(code="out_of_memory", message="a batch of 64 does not fit")
    both.fake.enqueue(JobScript(fails_at_step=30, error=reason))
    told: list[JobEvent] = []
    with pytest.raises(JobFailedError, match="out_of_memory") as caught:
        both.wait(both.create(), on_event=told.append)
    job, events = caught.value.job, caught.value.events
    assert (job.error, job.finished_at) == (reason, at(30 + 180))
    assert job.progress is not None
    assert job.progress.step == 30
    assert (events[-1].level, events[-1].created_at) == ("error", at(210))
    assert events[-1].message == "the fake job has failed at step 30: a batch of 64 does not fit"
    assert [one.id for one in told] == [one.id for one in events]
    assert [one.step for one in both.jobs("checkpoints", job)] == [25]


def test_one_may_fail_before_it_runs(both: Both) -> None:
    both.fake.enqueue(JobScript(validating=60, queued=0, fails_at_step=0))
    job = both.create()
    assert statuses(both, job) == ["validating", "failed"]
    assert both.jobs("get", job).progress is None
    assert both.jobs("metrics", job) == []


def test_somebody_else_pauses_it_at_a_step(both: Both) -> None:
    both.fake.enqueue(JobScript(running=1000, pauses_at_step=40))
    job = both.create()
    with pytest.raises(JobPausedError) as caught:
        both.wait(job)
    assert caught.value.job.progress is not None
    assert caught.value.job.progress.step == 40
    both.fake.clock.advance(timedelta(days=2))
    resumed = both.fake.clock.now()
    both.jobs("resume", job)
    done = both.wait(job)
    assert done.finished_at == resumed + timedelta(seconds=600)
    assert [one.step for one in both.jobs("checkpoints", job)] == [100, 75, 50, 40, 25]


def test_a_paused_job_can_be_cancelled(both: Both) -> None:
    both.fake.enqueue(JobScript(pauses_at_step=40))
    job = both.create()
    both.fake.clock.advance(DAY)
    assert both.jobs("get", job).status is JobStatus.PAUSED
    assert both.jobs("cancel", job).status is JobStatus.CANCELLED
    assert both.jobs("get", job).progress.step == 40


def test_a_cancel_may_take_its_time(both: Both) -> None:
    both.fake.enqueue(JobScript(cancelling=120))
    job = both.create()
    both.fake.clock.advance(100)
    assert both.jobs("cancel", job).status is JobStatus.CANCELLING
    both.fake.clock.advance(119)
    again = both.jobs("cancel", job)
    assert again.status is JobStatus.CANCELLING
    with pytest.raises(JobFailedError, match="was cancelled") as caught:
        both.wait(job)
    assert caught.value.job.finished_at == at(220)


def test_a_job_that_ends_while_it_is_cancelled_has_succeeded(both: Both) -> None:
    both.fake.enqueue(JobScript(cancelling=120))
    job = both.create()
    both.fake.clock.advance(600)
    assert both.jobs("cancel", job).status is JobStatus.CANCELLING
    assert both.wait(job).finished_at == at(630)


def test_a_cancel_may_come_too_late(both: Both) -> None:
    both.fake.enqueue(JobScript(cancel_too_late=True))
    job = both.create()
    both.fake.clock.advance(100)
    late = both.jobs("cancel", job)
    assert late.status is JobStatus.SUCCEEDED
    assert late.fine_tuned_model
    assert late.finished_at == at(100)
    moments = [event.created_at for event in both.jobs("events", job)]
    assert moments == sorted(moments)
    assert max(moments) == at(100)
    both.fake.clock.advance(DAY)
    assert both.jobs("get", job) == late


def test_a_service_may_use_words_that_nobody_knows(
    both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    both.fake.enqueue(JobScript(words={JobStatus.RUNNING: "distilling"}))
    job = both.create()
    both.fake.clock.advance(100)
    seen = both.jobs("get", job)
    assert (seen.status, seen.raw_status) == (JobStatus.UNKNOWN, "distilling")
    assert both.wait(job).status is JobStatus.SUCCEEDED
    assert "'distilling', which this version does not know" in caplog.text


def test_success_is_believed_once_the_model_is_named(both: Both) -> None:
    both.fake.enqueue(JobScript(names_model_after=600))
    job = both.create()
    both.fake.clock.advance(630)
    early = both.jobs("get", job)
    assert (early.status, early.fine_tuned_model) == (JobStatus.SUCCEEDED, None)
    assert both.wait(job).fine_tuned_model
    assert both.fake.clock.now() >= at(1230)


def test_somebody_else_may_cancel_it(both: Both) -> None:
    both.fake.enqueue(JobScript(outcome="cancelled"))
    with pytest.raises(JobFailedError, match="was cancelled"):
        both.wait(both.create())
    job = both.create()
    both.fake.cancel(job.id)
    assert both.jobs("get", job).status is JobStatus.CANCELLED
    assert both.fake.calls.named("cancel_job") == []


# Sunsets


def test_a_base_model_is_warned_of_and_then_refused(open_both: Open) -> None:
    fake = FakeProvider(sunsets={"old": date(2026, 1, 5)})
    both = open_both(fake)
    (warning,) = both.create(model="old").warnings
    assert "shuts down on 2026-01-05, in 4 days" in warning
    assert both.create(model="new").warnings == ()
    fake.clock.advance_to(datetime(2026, 1, 5, tzinfo=UTC))
    with pytest.raises(SunsetError, match="since 2026-01-05") as caught:
        both.create(model="old")
    assert "openai" in caught.value.able
    assert fake.calls.named("create_job").names == ["create_job"] * 2


def test_a_service_ends_its_tuning(open_both: Open) -> None:
    fake = FakeProvider(new_jobs_end=date(2026, 1, 3))
    both = open_both(fake)
    done = both.wait(both.create())
    (tuned,) = both.models("list")
    assert (tuned.id, tuned.new_jobs_end) == (done.fine_tuned_model, date(2026, 1, 3))
    fake.clock.advance(2 * DAY)
    with pytest.raises(SunsetError, match="has taken no new jobs since 2026-01-03"):
        both.create()


def test_a_service_may_refuse_what_its_table_still_has(both: Both) -> None:
    both.fake.fail_next("create_job", SunsetError("this organization is shut out"))
    with pytest.raises(SunsetError, match="shut out"):
        both.create()
    assert both.fake.specs == []
    assert both.create().id


# Numbers


def test_metrics_look_like_a_training_and_say_that_they_are_none(both: Both) -> None:
    job = both.wait(both.create(validation_data=ROWS, seed=7))
    found = both.jobs("metrics", job)
    assert {metric.unit for metric in found} == {"fake"}
    losses = {metric.step: metric.value for metric in found if metric.split == "train"}
    assert list(losses) == list(range(1, 101))
    assert losses[1] > 2.0
    assert losses[100] == pytest.approx(0.5, abs=0.1)
    assert any(losses[step] < losses[step + 1] for step in range(50, 100))
    validated = [metric.step for metric in found if metric.split == "validation"]
    assert validated == [25, 50, 75, 100]


def losses_of(seed: int | None, script: JobScript | None = None) -> list[float]:
    both = Both(FakeProvider(script=script), asynchronous=False)
    job = both.wait(both.create(seed=seed))
    return [metric.value for metric in both.jobs("metrics", job)]


def test_metrics_are_the_same_each_time_and_differ_by_seed() -> None:
    assert losses_of(7) == losses_of(7)
    assert losses_of(7) != losses_of(8)
    assert losses_of(7)[0] == pytest.approx(2.4003898)


def test_a_script_says_where_the_loss_falls_to() -> None:
    assert losses_of(7, JobScript(final_loss=1.5))[-1] > losses_of(7)[-1] + 0.9


def test_the_best_checkpoint_is_the_one_before_it_overfits(both: Both) -> None:
    both.fake.enqueue(JobScript(overfits_at_step=50))
    job = both.wait(both.create(validation_data=ROWS))
    found = both.jobs("checkpoints", job)
    assert [one.step for one in found if one.best] == [50]
    losses = [one.metrics["validation_loss"] for one in found]
    assert min(losses) == losses[2]


def test_nothing_is_best_where_nothing_was_validated(both: Both) -> None:
    job = both.wait(both.create())
    assert not any(one.best for one in both.jobs("checkpoints", job))


# What a script may not say


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"queued": -1}, "queued"),
        ({"running": math.inf}, "running"),
        ({"running": 1e11}, "running"),
        ({"steps": 0}, "steps"),
        ({"fails_at_step": 101}, "`fails_at_step` is 101 of 100 `steps`"),
        ({"pauses_at_step": 10, "steps": 10}, "`pauses_at_step` is 10, and it ends at 10"),
        ({"pauses_at_step": 5, "fails_at_step": 3}, "`pauses_at_step` is 5, and it ends at 3"),
        ({"pauses_at_step": 5, "running": 0}, "`running` is 0 seconds"),
        ({"outcome": "succeeded", "fails_at_step": 3}, "`outcome` is 'succeeded'"),
        ({"outcome": "cancelled", "error": JobError(message="x")}, "`outcome` is 'cancelled'"),
        ({"words": {"walking": "x"}}, "words"),
        ({"final_loss": 0}, "final_loss"),
        ({"queueing": 3}, "queueing"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JobScript(**words)


def test_a_script_goes_to_json_and_back() -> None:
    script = JobScript(fails_at_step=3, words={JobStatus.RUNNING: "x"})
    assert script.outcome == "failed"
    assert JobScript.model_validate_json(script.model_dump_json()) == script


# The clock


def test_time_only_goes_on() -> None:
    clock = VirtualClock(datetime(2027, 1, 6, 12, tzinfo=UTC))
    clock.advance(1.5)
    clock.advance(timedelta(minutes=1))
    assert clock.monotonic() == 61.5
    clock.advance_to(datetime(2027, 1, 7, tzinfo=UTC))
    assert repr(clock) == "<VirtualClock at 2027-01-07 00:00:00 UTC>"
    with pytest.raises(ValueError, match="time only goes on"):
        clock.advance_to(datetime(2027, 1, 6, tzinfo=UTC))
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="time only goes on"):
            clock.advance(wrong)
    for naive in (VirtualClock, clock.advance_to):
        with pytest.raises(ValueError, match="time zone"):
            naive(datetime(2027, 1, 8))


@pytest.mark.parametrize(
    ("seconds", "times"), [(DAY / 10, 10_000), (0.1, 1_000_000)], ids=["long", "often"]
)
def test_what_never_ends_is_told_and_not_waited_for_without_end(seconds: float, times: int) -> None:
    clock = VirtualClock()
    for _ in range(times):
        clock.sleep(seconds)
    with pytest.raises(RuntimeError, match="give the wait a `timeout`"):
        clock.sleep(seconds)
    clock.advance(0)
    clock.sleep(seconds)


def test_a_wait_of_a_word_that_no_end_has_ends(both: Both) -> None:
    both.fake.enqueue(JobScript(words={JobStatus.SUCCEEDED: "finito"}))
    with pytest.raises(RuntimeError, match="what is waited for never ends"):
        both.wait(both.create(), poll_interval=DAY)


def test_two_fakes_may_share_a_clock(open_both: Open) -> None:
    clock = VirtualClock()
    one, other = (open_both(FakeProvider(clock=clock)) for _ in range(2))
    job = other.create()
    one.wait(one.create())
    assert other.jobs("get", job).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("words", [{"cost": -1}, {"cost": math.nan}, {"cost_per_hour": math.inf}])
def test_a_cost_that_is_none_is_told_at_once(words: Any) -> None:
    with pytest.raises(ValueError, match="it is in US dollars, 0 or more"):
        FakeProvider(**words)
    wrong: dict[str, Any] = dict.fromkeys(words, "3")
    with pytest.raises(TypeError, match="it takes a int or a float"):
        FakeProvider(**wrong)
