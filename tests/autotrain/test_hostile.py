"""Answers that no Hub would give: whatever they are, only our errors come out, and in time.

The random bodies are drawn as those of the tests of OpenAI are. A failure shows the seed and what
was answered.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Generator, Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.errors import FineTuneError
from finetune_sdk.providers.autotrain.hub import stack
from finetune_sdk.providers.autotrain.provider import AutoTrainProvider
from finetune_sdk.testing import VirtualClock
from finetune_sdk.types import JobStatus
from tests.autotrain.bench import ROWS, TOKEN, transport
from tests.autotrain.evil import (
    ANSWERS,
    CODES,
    FITTING,
    FLAVOR,
    HUB,
    JOB,
    JOB_ID,
    LIMITS,
    LINKS,
    REFS,
    REPO,
    SPEC,
    STATUSES,
    STREAMS,
    WHO,
)
from tests.autotrain.hubs import MODEL
from tests.openai.test_hostile import LEAVES, RAW, Dice, Fixed
from tests.openai.test_wire_jobs import JSON


def answered(status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """What the HTTP library under the package gets."""
    library = stack.library()
    return library.Response(status, headers=headers, stream=library.ByteStream(body))


class HubDice(Dice):
    """Draws answers of a Hub."""

    def answer(self, request: Any) -> Any:
        good = self._random.random() < 0.8
        status = 200 if good else self._random.choice(STATUSES)
        headers = {} if good else self._headers()
        body = self._fitting(request)
        self.count += 1
        self.last.append((f"{request.method} {request.url.path}", status, headers, body))
        return answered(status, headers, body)

    def _fitting(self, request: Any) -> bytes:
        draw, path = self._random, request.url.path
        if path.endswith("/logs"):
            return b"".join(draw.choices(STREAMS, k=draw.choice((1, 3, 9))))
        found = next((one for pattern, one in FITTING if re.fullmatch(pattern, path)), None)
        if found is None or draw.random() < 0.1:
            return self._body()
        if request.method == "POST" and path == "/api/jobs/alice":
            found = JOB
        much = draw.choice((0.0, 0.0, 1.0))
        return json.dumps(self._changed(found, much)).encode()

    def _headers(self) -> dict[str, str]:
        found = super()._headers()
        draw = self._random
        if draw.random() < 0.2:
            found["link"] = draw.choice(LINKS)
        if draw.random() < 0.2:
            found["ratelimit"] = draw.choice(LIMITS)
        if draw.random() < 0.2:
            found["x-error-code"] = draw.choice(CODES)
        return found

    def _body(self) -> bytes:
        draw = self._random
        kind = draw.random()
        if kind < 0.1:
            return draw.choice(RAW)
        if kind < 0.3:
            return b"".join(draw.choices(STREAMS, k=draw.choice((1, 3, 9))))
        body = json.dumps(
            self._changed(draw.choice(ANSWERS), draw.choice((0.0, 1.0, 1.0)))
        ).encode()
        return body[: draw.randrange(len(body))] if kind > 0.97 else body


class Same(Fixed):
    """Answers the same to everything."""

    def answer(self, request: Any) -> Any:
        status, headers, body = self._fixed
        self.last.append((str(request.method), *self._fixed))
        return answered(status, headers, body)


class Wire:
    """Whom the one provider of these tests talks to."""

    def __init__(self) -> None:
        self.dice: Dice = HubDice(0)

    def handle(self, request: Any) -> Any:
        request.read()
        return self.dice.answer(request)


def at_once(_: float) -> None:
    """Sleeps for no time."""


@pytest.fixture(scope="module")
def wire() -> Generator[Wire]:
    wire, inside = Wire(), import_module("huggingface_hub.utils._http")
    with pytest.MonkeyPatch.context() as patch:
        # Within uploads the package waits by itself.
        patch.setattr(inside, "time", SimpleNamespace(sleep=at_once, time=time.time))
        with transport(stack.library().MockTransport(wire.handle)):
            yield wire


@pytest.fixture(scope="module")
def provider(wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Generator[AutoTrainProvider]:
    """One for all: no answer may spoil it for the next one."""
    made = AutoTrainProvider(
        token=TOKEN,
        namespace="alice",
        endpoint=HUB,
        home=tmp_path_factory.mktemp("hostile"),
        environ={},
        clock=VirtualClock(),
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return load(path)


Verb = Callable[[AutoTrainProvider, Dataset], object]
VERBS: Mapping[str, Verb] = {
    "get_job": lambda p, _: p.get_job(JOB_ID),
    "list_jobs": lambda p, _: p.list_jobs(limit=2, cursor=None),
    "cancel_job": lambda p, _: p.cancel_job(JOB_ID),
    "create_job": lambda p, _: p.create_job(SPEC),
    "find_jobs": lambda p, _: p.find_jobs(SPEC.key, spec=SPEC, since=p.clock.now()),
    "list_events": lambda p, _: p.list_events(JOB_ID, limit=2, cursor=None),
    "list_metrics": lambda p, _: p.list_metrics(JOB_ID, limit=2, cursor=None),
    "read_logs": lambda p, _: p.read_logs(JOB_ID, limit=2, cursor=None),
    "list_checkpoints": lambda p, _: p.list_checkpoints(JOB_ID, limit=2, cursor=None),
    "list_dataset_files": lambda p, _: p.list_dataset_files(limit=2, cursor=None),
    "get_dataset_file": lambda p, _: p.get_dataset_file("alice/finetune-rows"),
    "delete_dataset_file": lambda p, _: p.delete_dataset_file("alice/finetune-rows"),
    "list_models": lambda p, _: p.list_models(limit=2, cursor=None),
    "get_model": lambda p, _: p.get_model(MODEL),
    "delete_model": lambda p, _: p.delete_model("alice/mine"),
    "preflight_job": lambda p, _: p.preflight_job(SPEC),
    "upload_dataset": lambda p, rows: p.upload_dataset(rows, key="k"),
    "list_deployments": lambda p, _: p.list_deployments(limit=2, cursor=None),
    "get_deployment": lambda p, _: p.get_deployment("mine"),
}


def only_our_errors(verb: str, provider: AutoTrainProvider, rows: Dataset, dice: Dice) -> None:
    words = ""
    try:
        VERBS[verb](provider, rows)
    except FineTuneError as error:
        words = str(error)
    except Exception as error:
        raise AssertionError(f"{verb}: {error!r:.300} of {list(dice.last)!r:.3000}") from error
    assert len(words) < 6000, dice.last
    assert TOKEN not in words


EXAMPLES, ROUNDS = 40, 12


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_whatever_is_answered_only_our_errors_come_out(
    wire: Wire, provider: AutoTrainProvider, rows: Dataset, seed: int
) -> None:
    """SEC-13."""
    wire.dice = HubDice(seed)
    for _ in range(ROUNDS):
        for verb in VERBS:
            only_our_errors(verb, provider, rows, wire.dice)


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 200, 200, 400, 404, 429, 500]),
)
def test_whatever_is_answered_to_everything_only_our_errors_come_out(
    wire: Wire, provider: AutoTrainProvider, rows: Dataset, body: bytes, status: int
) -> None:
    """SEC-13, in a form that Hypothesis can make smaller."""
    wire.dice = Same(status, body)
    for verb in VERBS:
        only_our_errors(verb, provider, rows, wire.dice)


@pytest.mark.parametrize("body", [*RAW, *STREAMS], ids=lambda body: repr(body[:40]))
@pytest.mark.parametrize("status", [200, 404, 429, 500])
def test_known_evil_is_no_exception_of_pythons(
    wire: Wire, provider: AutoTrainProvider, rows: Dataset, body: bytes, status: int
) -> None:
    """SEC-13."""
    wire.dice = Same(status, body)
    for verb in VERBS:
        only_our_errors(verb, provider, rows, wire.dice)


READS = ("get_job", "list_jobs", "find_jobs", "list_checkpoints", "list_models", "get_model")


@pytest.mark.parametrize("value", LEAVES, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("answer", [JOB, REPO, FLAVOR, WHO, REFS], ids=lambda one: next(iter(one)))
def test_each_field_may_be_anything(
    wire: Wire, provider: AutoTrainProvider, rows: Dataset, answer: dict[str, Any], value: Any
) -> None:
    """SEC-13."""
    for name in answer:
        odd = {**answer, name: value}
        for body in (odd, [odd, odd]):
            wire.dice = Same(200, json.dumps(body).encode())
            for verb in READS:
                only_our_errors(verb, provider, rows, wire.dice)


def test_a_good_answer_is_read_after_all_that(
    wire: Wire, provider: AutoTrainProvider, rows: Dataset
) -> None:
    wire.dice = Same(200, json.dumps({**JOB, "id": "1" * 24}).encode())
    job = provider.get_job("1" * 24)
    assert (job.status, job.model) == (JobStatus.RUNNING, MODEL)
