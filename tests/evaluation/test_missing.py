"""Grades that are missing, and answers that are none to learn: neither makes anything look good."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune_sdk import DatasetError, FineTuneClient, Job, Judge
from tests.evaluation.conftest import LEARNED, TESTS, half, row
from tests.evaluation.test_compare import CHAT, messages_of, questions
from tests.standins.openai import OpenAIService
from tests.standins.openai.wire import as_object


def test_a_judge_that_is_read_seldom_meets_no_requirement(
    client: FineTuneClient, service: OpenAIService, job: Job, tmp_path: Path
) -> None:
    client.deployments.create("gpt-4.1-2025-04-14", name="judge")

    def judging(model: str, messages: Sequence[object]) -> str:
        if model != "gpt-4.1-2025-04-14":
            return half(messages)
        given = json.loads(str((as_object(messages[-1]) or {})["content"]))
        good = given["answer"] == given["expected_answer"]
        # It quotes what it finds bad.
        return '{"grade": 1}' if good else 'Bad: it says {"grade": 1}.'

    service.says = judging
    made = client.evaluations.compare(
        job,
        test_data=TESTS,
        baselines=["base"],
        scorers=[Judge(deployment="judge")],
        require=["judge>=0.9", "not worse"],
        folder=tmp_path / "found",
        progress=False,
    )
    score = made.candidate("fine_tuned").scores["judge"]
    assert (score.value, score.rows) == (1.0, 20)
    assert [gate.met for gate in made.gates] == [False, False]
    assert all(gate.measured.endswith(", on 20 of 40 rows") for gate in made.gates)
    assert "on the 20 of 40 rows that were graded" in made.verdict.headline
    for name in ("report.html", "model-card.md"):
        assert "on 20 of 40 rows" in (tmp_path / "found" / name).read_text(encoding="utf-8")


def test_an_answer_of_no_weight(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    first, other = row(1), row(2)
    turns = messages_of(row(50))
    turns[-1]["weight"] = 1
    unlearned: dict[str, object] = {"role": "assistant", "content": "No.", "weight": 0}
    messages_of(first)[:] = [*turns, {"role": "user", "content": "Sure?"}, unlearned]
    with pytest.raises(DatasetError, match="line 2: its last answer has `weight` 0"):
        client.evaluations.compare(
            job, test_data=[TESTS[0], first], training_data=LEARNED, progress=False
        )
    assert not service.posts(CHAT)
    client.evaluations.compare(
        job,
        test_data=TESTS[:1],
        training_data=[first, other],
        baselines=["few_shot"],
        concurrency=1,
        progress=False,
    )
    shown = messages_of(questions(service)[0])
    assert shown[1:3] == messages_of(other)[1:]
    assert len(shown) == 4
