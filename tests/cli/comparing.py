"""An account at a stand-in of OpenAI whose tuned models shout, for tests of `finetune compare`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from finetune_sdk.transport import SYSTEM_CLOCK
from finetune_sdk.types import Comparison
from tests.cli.conftest import Command, Outcome
from tests.evaluation.conftest import KEY, LEARNED, MODEL, TESTS, says
from tests.standins.openai import JobCourse, OpenAIService

CHAT = "/chat/completions"


def write_rows(path: Path, rows: Sequence[dict[str, object]]) -> None:
    path.write_text("".join(f"{json.dumps(one)}\n" for one in rows))


def compared(finetune: Command, job: str, *words: str) -> Outcome:
    return finetune("compare", job, "--test-data", "test.jsonl", *words)


def document(finetune: Command, job: str, *words: str) -> Comparison:
    """The comparison with the fine-tuned model alone, unless the words say otherwise."""
    done = compared(finetune, job, "--baselines", "", "--json", *words)
    assert done.code == 0, done.err
    return Comparison.from_json(done.out)


def scores(made: Comparison, name: str = "fine_tuned") -> dict[str, float]:
    return {measure: one.value for measure, one in made.candidate(name).scores.items()}


@pytest.fixture
def service(
    finetune: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenAIService]:
    """The place of the profile `far`, whose tuned models shout; rows to learn and to measure on."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    write_rows(project / "train.jsonl", LEARNED)
    write_rows(project / "test.jsonl", TESTS)
    with OpenAIService(SYSTEM_CLOCK, key=KEY) as service:
        service.course = JobCourse(validating=0, queued=0, running=0, steps=4)
        service.says = says
        config = project / "finetune.toml"
        profile = f'[profiles.far]\nprovider = "openai"\nbase_url = "{service.url}"\n'
        config.write_text(config.read_text() + profile)
        yield service


@pytest.fixture
def job(finetune: Command, service: OpenAIService) -> str:
    words = f"jobs create --model {MODEL} --training-data train.jsonl --epochs 3 --profile far"
    assert finetune(*words.split()).code == 0
    return f"far:{next(iter(service.jobs))}"
