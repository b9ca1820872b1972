"""Answers that call tools: the calls are held against those that are expected."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
from pydantic import JsonValue

from finetune_sdk import (
    ChatReply,
    ExactMatch,
    FineTuneClient,
    Job,
    JsonMatch,
    SimilarText,
)
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Comparison
from finetune_sdk.types.scorer import Scorer
from tests.evaluation.conftest import LEARNED
from tests.standins.openai import Fault, OpenAIService, Reply
from tests.standins.openai.wire import as_object

CHAT = "/chat/completions"
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]

Messages = Sequence[Mapping[str, object]]
Answers = Callable[[Messages], ChatReply | str]


def call(number: int | str, name: str = "find") -> dict[str, JsonValue]:
    arguments = number if isinstance(number, str) else f'{{"number": {number}}}'
    return {
        "id": f"call-{name}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def row(number: int, *, said: str | None, calls: bool = True) -> dict[str, object]:
    """Asks to find a number, which the answer does by a tool."""
    answer: dict[str, object] = {"role": "assistant", "content": said}
    if calls:
        answer["tool_calls"] = [call(number)]
    return {
        "messages": [{"role": "user", "content": f"find the number {number}"}, answer],
        "tools": TOOLS,
    }


def number_of(messages: Messages) -> int:
    return int(str(messages[-1]["content"]).split()[-1])


def calling(said: str, *, wrong: int = 0) -> Answers:
    """One that calls the tool."""

    def answer(messages: Messages) -> ChatReply:
        made = call(number_of(messages) + wrong)
        return ChatReply(content=said, model="m", tool_calls=(made,))

    return answer


def twice(messages: Messages) -> ChatReply:
    """One whose argument stands there twice, and may be either."""
    made = call(f'{{"number": 0, "number": {number_of(messages)}}}')
    return ChatReply(content="", model="m", tool_calls=(made,))


def looking(messages: Messages) -> str:
    """One that writes what looks like a call, and calls nothing."""
    return json.dumps([{"arguments": {"number": number_of(messages)}, "name": "find"}])


OTHERS: dict[str, Answers] = {
    "right": calling(""),
    "right, with a word": calling("Let me look."),
    "wrong": calling("Sure.", wrong=1),
    "none": lambda _: "Sure.",
    "text that looks like it": looking,
    "either": twice,
}


@pytest.fixture
def fake() -> Iterator[FineTuneClient]:
    with FineTuneClient(FakeProvider()) as client:
        yield client


def compared(
    client: FineTuneClient,
    tests: list[dict[str, object]],
    *scorers: Scorer,
    folder: Path | None = None,
) -> Comparison:
    job = client.jobs.wait(client.jobs.create(model="m", training_data=LEARNED), progress=False)
    return client.evaluations.compare(
        job,
        test_data=tests,
        baselines=[],
        scorers=scorers or (ExactMatch(),),
        others=OTHERS,
        folder=folder,
        progress=False,
    )


def scores(made: Comparison, measure: str) -> dict[str, float]:
    return {one.name: one.scores[measure].value for one in made.candidates if one.kind == "other"}


@pytest.mark.parametrize("said", [None, "Sure."])
@pytest.mark.parametrize("scorer", [ExactMatch(), JsonMatch()])
def test_calls_are_compared_whatever_is_said_beside_them(
    fake: FineTuneClient, scorer: Scorer, said: str | None
) -> None:
    tests = [row(number, said=said) for number in range(6)]
    made = compared(fake, tests, scorer)
    measure = "exact_match" if isinstance(scorer, ExactMatch) else "json_fields"
    assert scores(made, measure) == {
        "right": 1.0,
        "right, with a word": 1.0,
        "wrong": 0.0,
        "none": 0.0,
        "text that looks like it": 0.0,
        "either": 0.0,
    }


def test_a_call_where_none_is_expected_is_wrong(fake: FineTuneClient) -> None:
    tests = [row(number, said="Sure.", calls=False) for number in range(6)]
    found = scores(compared(fake, tests), "exact_match")
    assert found["none"] == 1.0
    assert found["wrong"] == 0.0


def test_what_is_said_can_be_graded_too(fake: FineTuneClient) -> None:
    tests = [row(number, said="Sure.") for number in range(6)]
    found = scores(compared(fake, tests, SimilarText()), "rouge_l")
    assert found["none"] == found["wrong"] == 1.0


def test_text_and_calls_are_told_apart(fake: FineTuneClient, tmp_path: Path) -> None:
    tests = [row(number, said="Sure.") for number in range(6)]
    made = compared(fake, tests, folder=tmp_path / "found")
    first = made.compared[0]
    assert first.expected == "Sure."
    assert first.expected_calls == '[{"arguments": {"number": 0}, "name": "find"}]'
    answers = first.answers
    assert (answers["right"].text, answers["right"].calls) == ("", first.expected_calls)
    assert answers["right, with a word"].text == "Let me look."
    assert answers["none"].calls is None
    page = (tmp_path / "found" / "report.html").read_text(encoding="utf-8")
    assert "{&#34;number&#34;: 0}" in page
    with (tmp_path / "found" / "rows.csv").open(newline="", encoding="utf-8") as file:
        cells = next(csv.DictReader(file))
    assert cells["expected"] == f"Sure.\n{first.expected_calls}"
    assert cells["right, with a word"] == f"Let me look.\n{first.expected_calls}"


def test_examples_show_calls_as_calls(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    learned = [row(number, said="Sure.") for number in range(100, 104)]
    client.evaluations.compare(
        job,
        test_data=[row(7, said=None)],
        training_data=learned,
        baselines=["few_shot"],
        shots=1,
        concurrency=1,
        progress=False,
    )
    body = as_object(service.posts(CHAT)[0].json) or {}
    asked, answer, result, question = cast("list[dict[str, object]]", body["messages"])
    [shown] = [one for one in learned if cast("list[object]", one["messages"])[0] == asked]
    assert answer == cast("list[object]", shown["messages"])[1]
    # A server refuses a conversation that goes on while a call has no result.
    assert result == {"role": "tool", "tool_call_id": "call-find", "content": ""}
    assert question["content"] == "find the number 7"


def test_calls_are_kept_as_calls(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {"role": "assistant", "content": None, "tool_calls": [call(1)]},
            }
        ],
    }
    service.faults.add(Fault(path=CHAT, action=Reply(status=200, body=body), times=None))
    found = [
        client.evaluations.compare(
            job, test_data=[row(1, said="Sure.")], baselines=[], progress=False
        ).candidate("fine_tuned")
        for _ in range(2)
    ]
    assert [one.usage.cached for one in found] == [0, 1]
    assert [one.scores["exact_match"].value for one in found] == [1.0, 1.0]
