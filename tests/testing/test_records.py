"""What a fake was asked: pleasant to assert on, and to read where that fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from finetune_sdk import NotFoundError, Supervised
from finetune_sdk.testing import Calls, FakeProvider, RecordedCall
from tests.testing.both import QUESTION, ROWS, Both


def test_calls_are_found_by_their_names(both: Both) -> None:
    job = both.wait(both.create())
    both.jobs("cancel", job)
    calls = both.fake.calls
    assert calls.named("create_job", "cancel_job").names == ["create_job", "cancel_job"]
    assert calls.named("cancel_job") == [RecordedCall("cancel_job", (job.id,))]
    assert calls.named("pause_job") == []
    assert isinstance(calls.named("get_job"), Calls)
    assert calls.named("download_dataset", "parse_webhook", "chat", "close") == []
    for name in ("cancel_jobs", "__init__", "capabilities", "values"):
        with pytest.raises(ValueError, match=f"there is no call '{name}'.* `?cancel_job"):
            calls.named(name)
    first = calls.named("get_job")[0]
    assert first.at == datetime(2026, 1, 1, tzinfo=UTC)
    assert calls[-1].at == both.fake.clock.now()


def test_jobs_are_known_by_what_they_were_made_of(both: Both) -> None:
    job = both.create(method=Supervised(epochs=3), suffix="recipes")
    other = both.create(training_data=ROWS[:5])
    first, second = both.fake.specs
    assert (first.method, first.suffix, first.model) == (Supervised(epochs=3), "recipes", "base")
    assert both.fake.rows(job) == both.fake.rows(first) == tuple(ROWS)
    assert both.fake.rows(other) == both.fake.rows(second) == tuple(ROWS[:5])


def test_rows_of_another_fake_are_not_found_here(both: Both) -> None:
    with pytest.raises(NotFoundError, match="was uploaded here"):
        FakeProvider().rows(both.create())


def test_questions_are_kept_whole(both: Both) -> None:
    made = both.deployments("create", "base", name="x")
    both.deployments("chat", made, QUESTION, temperature=0, max_tokens=5)
    assert both.fake.chats == [
        {"model": "x", "messages": QUESTION, "temperature": 0, "max_tokens": 5}
    ]
    assert both.fake.calls.named("chat")[0].arguments[0] == "x"


def test_a_call_reads_as_it_was_written() -> None:
    both = Both(FakeProvider(), asynchronous=False)
    job = both.create(method=Supervised(epochs=3), suffix="recipes", metadata={"team": "a"})
    both.jobs("cancel", job)
    both.create()
    both.deployments("create", "base", name="x")
    shown = repr(both.fake.calls.named("create_job", "cancel_job", "create_deployment"))
    assert shown == (
        "[create_job(<supervised of 'base': epochs=3.0, suffix='recipes', team='a'>), "
        "cancel_job('ftjob-fake-1'), "
        "create_job(<supervised of 'base': all by default>), "
        "create_deployment(<'x' of 'base'>)]"
    )
    assert len(repr(RecordedCall("chat", ("x", {"messages": "word " * 1000})))) < 100
    assert repr(both.fake).startswith("<FakeProvider: 2 job(s), ")


def test_calls_that_differ_in_time_alone_are_equal() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    later = RecordedCall("get_job", ("a",), now + timedelta(days=1))
    assert RecordedCall("get_job", ("a",), now) == later
