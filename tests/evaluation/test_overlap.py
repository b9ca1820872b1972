"""Questions that were learned, in whatever dress they come."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from finetune_sdk import DatasetError, FineTuneClient, Job
from tests.evaluation.conftest import TESTS, row
from tests.standins.openai import OpenAIService
from tests.standins.openai.wire import as_object

CHAT = "/chat/completions"


def changed(number: int, **said: str) -> dict[str, Any]:
    """A row with other words for some roles."""
    made: dict[str, Any] = deepcopy(row(number))
    for turn in made["messages"]:
        turn["content"] = said.get(turn["role"], turn["content"])
    return made


CAFE, CAFÉ = "the cafe\u0301 of number 1", "the caf\u00e9 of number 1"
DRESSES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "case": (row(1), changed(1, user="The WORD1 of number 1")),
    "blanks": (row(1), changed(1, user="the  word1\nof number 1 ")),
    "another answer": (row(1), changed(1, assistant="nothing")),
    "another system": (row(1), changed(1, system="Shout louder.")),
    "no system": (row(1), {"messages": row(1)["messages"][1:]}),  # type: ignore[index]
    "unicode": (changed(1, user=CAFE), changed(1, user=CAFÉ)),
    "unseen": (row(1), changed(1, user="the wo\u200brd1 of number 1")),
    "within": (
        {"messages": [*row(1)["messages"], {"role": "user", "content": "And now?"},  # type: ignore[misc]
                      {"role": "assistant", "content": "More."}]},
        row(1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dress", DRESSES)
def test_a_question_that_was_learned_is_refused(
    client: FineTuneClient, service: OpenAIService, job: Job, dress: str
) -> None:
    learned, test = DRESSES[dress]
    with pytest.raises(DatasetError, match=r"rows:6 is rows:1"):
        client.evaluations.compare(
            job, test_data=[*TESTS[:5], test], training_data=[learned], progress=False
        )
    assert not service.posts(CHAT)


def test_another_task_on_the_same_text_is_told_and_gives_nothing_away(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    test = changed(50, system="Whisper.", assistant="hush")
    made = client.evaluations.compare(
        job,
        test_data=[*TESTS[:5], test],
        training_data=[row(50), row(1)],
        shots=2,
        progress=False,
    )
    assert any("6 (1 there)" in warning for warning in made.warnings)
    prompts = [str((as_object(one.json) or {})["messages"]) for one in service.posts(CHAT)]
    whispered = [one for one in prompts if "Whisper." in one]
    assert whispered
    assert all("WORD50" not in one for one in whispered)


def test_other_images_are_other_questions(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    service.says = lambda _model, _messages: "a shoe"

    def seen(number: int) -> dict[str, Any]:
        picture = {"type": "image_url", "image_url": {"url": f"https://a.example/{number}.png"}}
        words = {"type": "text", "text": "Which product is this?"}
        return {
            "messages": [
                {"role": "user", "content": [words, picture]},
                {"role": "assistant", "content": "a shoe"},
            ]
        }

    made = client.evaluations.compare(
        job,
        test_data=[seen(number) for number in range(20)],
        training_data=[seen(number) for number in range(20, 40)],
        baselines=["base"],
        progress=False,
    )
    assert made.candidate("fine_tuned").scores["exact_match"].value == 1.0
    with pytest.raises(DatasetError, match="ask what was learned"):
        client.evaluations.compare(
            job, test_data=[seen(1)], training_data=[seen(1)], baselines=["base"], progress=False
        )


def test_rows_without_a_word_are_retrieved_from_by_nobody(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    service.says = lambda _model, _messages: "yes"
    learned = [
        {
            "messages": [
                {"role": "user", "content": "🙂" * number},
                {"role": "assistant", "content": "yes"},
            ]
        }
        for number in range(1, 5)
    ]
    made = client.evaluations.compare(
        job, test_data=TESTS[:3], training_data=learned, baselines=["retrieved"], progress=False
    )
    assert made.candidate("retrieved").usage.failed == 0


def test_a_question_that_is_asked_twice_is_refused(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    with pytest.raises(DatasetError, match=r"rows"):
        client.evaluations.compare(job, test_data=[*TESTS, TESTS[3]], progress=False)
    assert not service.posts(CHAT)
