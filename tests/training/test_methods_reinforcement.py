"""Learning from graded answers: real runs of a tiny model, and all that a reward can do wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.reading import is_complete
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.methods.reinforcement import Turns
from finetune_sdk.types import PythonGrader, Reinforcement, StringCheckGrader
from tests.training.jobs import (
    VENDOR_WARNINGS,
    Row,
    events,
    failure,
    make_job,
    metrics,
    settings,
    train,
)
from tests.training.test_methods import but
from tests.training.tiny import CHATML

pytestmark = VENDOR_WARNINGS

QUESTIONS: Sequence[Row] = [
    {"messages": [{"role": "user", "content": f"what is {i}?"}], "answer": str(i)} for i in range(8)
]
TEXTS: Sequence[Row] = [{"prompt": f"what is {i}?", "answer": str(i)} for i in range(8)]
SHORT: dict[str, Any] = {
    "batch_size": 4,
    "num_generations": 4,
    "max_completion_length": 6,
    "epochs": 1,
}
PLAIN = LocalOptions(lr_scheduler="constant", warmup_steps=0)

LETTERS = PythonGrader(
    name="letters",
    source="""
def grade(sample, item):
    text = sample["output_text"]
    return sum(c.isascii() and c.isalpha() for c in text) / max(len(text), 1)
""",
)


def with_module(folder: JobFolder, name: str, source: str) -> JobFolder:
    """Puts a module of reward functions beside the job, as the caller's own folder."""
    place = folder.path.parent / "own"
    place.mkdir(exist_ok=True)
    (place / f"{name}.py").write_text(source, encoding="utf-8")
    Created(created_at=now(), modules=str(place)).save(folder)
    return folder


def test_rewarded_answers_become_likelier(tiny: Path, tmp_path: Path) -> None:
    method = Reinforcement(**but(SHORT, epochs=6), grader=LETTERS, learning_rate=1e-2, lora=False)
    folder = train(
        make_job(tmp_path, tiny, QUESTIONS, method=method, options=PLAIN, validation=QUESTIONS[:4])
    )
    rewards = metrics(folder, "reward", "validation")
    assert len(rewards) == 6
    assert rewards[-1] > rewards[0] + 0.2
    assert metrics(folder, "reward")[-1] > metrics(folder, "reward")[0] + 0.2
    assert len(metrics(folder, "loss", "validation")) == 6
    assert metrics(folder, "tokens")[-1] > 12 * 16 * 20
    assert is_complete(folder.model)
    assert settings(folder)["answers"] == "16 a step: 4 to a prompt"
    assert settings(folder)["temperature"] == "1.0, TRL's default"


def test_adapters_learn_from_functions_of_the_callers_own(tiny: Path, tmp_path: Path) -> None:
    source = """
seen = []

def letters(completions, **fields):
    seen.append((completions, fields))
    return [sum(c.isalpha() for c in text) / 9 for text in completions]
"""
    method = Reinforcement(**SHORT, rewards=("own_letters:letters",), learning_rate=1e-2, beta=0.1)
    job = make_job(tmp_path, tiny, QUESTIONS, method=method)
    before = list(sys.path)
    folder = train(with_module(job, "own_letters", source))
    assert sys.path == before
    assert metrics(folder, "reward")[0] > 0.1
    assert (folder.model / "adapter_model.safetensors").exists()
    assert metrics(folder, "kl")[0] == 0.0
    completions, fields = import_module("own_letters").seen[0]
    assert {type(text) for text in completions} == {str}
    assert len(completions) == 16
    assert fields.keys() == {"prompts", "messages", "answer"}
    assert all(len(values) == 16 for values in fields.values())
    answers, prompts = fields["answer"], fields["prompts"]
    for answer, prompt, messages in zip(answers, prompts, fields["messages"], strict=True):
        assert prompt == f"<|im_start|>user\nwhat is {answer}?<|im_end|>\n<|im_start|>assistant\n"
        assert messages == [{"role": "user", "content": f"what is {answer}?"}]
    assert Counter(answers) == dict.fromkeys(set(answers), 4)


def test_grader_and_functions_add_up_by_their_weights(tiny: Path, tmp_path: Path) -> None:
    source = """
def one(completions, **fields): return [1.0] * len(completions)
def two(completions, **fields): return [2] * len(completions)
"""
    method = Reinforcement(
        **SHORT,
        grader=StringCheckGrader(input="{{item.answer}}", reference="x", operation="ne"),
        rewards=("own_sums:one", "own_sums:two"),
        reward_weights=(10.0, 0.5),
    )
    job = with_module(make_job(tmp_path, tiny, TEXTS[:4], method=method), "own_sums", source)
    assert metrics(train(job), "reward") == [12.0]


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("raise KeyError('x')", "reward_failed", "raised KeyError: 'x' (line 2 of"),
        ("return [1.0]", "reward_failed", "gave 1 values for 16 answers"),
        ("return None", "reward_failed", "gave None for 16 answers"),
        ("return [float('nan')] * 16", "reward_failed", "gave nan"),
        ("return ['1'] * 16", "reward_failed", "gave '1'"),
        ("return [None] * 16", "reward_failed", "gave None"),
    ],
)
def test_a_reward_that_is_none(
    tiny: Path, tmp_path: Path, body: str, code: str, words: str
) -> None:
    name = f"own_{abs(hash(body))}"
    method = Reinforcement(**SHORT, rewards=(f"{name}:f",))
    job = make_job(tmp_path, tiny, QUESTIONS, method=method)
    got, message = failure(with_module(job, name, f"def f(completions, **fields):\n    {body}\n"))
    assert got == code
    assert f"the reward '{name}:f'" in message
    assert words in message


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        ("own_nowhere:f", "importing 'own_nowhere' failed: ModuleNotFoundError"),
        ("own_broken:f", "failed: ZeroDivisionError"),
        ("own_empty:f", "'own_empty' has no 'f'"),
        ("own_number:f", "which is 7 and no function"),
    ],
)
def test_rewards_that_are_not_there(tiny: Path, tmp_path: Path, reward: str, words: str) -> None:
    method = Reinforcement(**SHORT, rewards=(reward,))
    job = make_job(tmp_path, tiny, QUESTIONS, method=method)
    with_module(job, "own_broken", "1 / 0\n")
    with_module(job, "own_empty", "")
    with_module(job, "own_number", "f = 7\n")
    code, message = failure(job)
    assert code == "reward_not_found"
    assert f"`rewards` names '{reward}'" in message
    assert words in message


def test_a_grader_that_raises_ends_the_job(tiny: Path, tmp_path: Path) -> None:
    grader = PythonGrader(name="mine", source="def grade(sample, item):\n    return item['no']\n")
    code, message = failure(
        make_job(tmp_path, tiny, QUESTIONS, method=Reinforcement(**SHORT, grader=grader))
    )
    assert code == "reward_failed"
    assert "the grader 'mine' raised KeyError: 'no' (line 2 of <grader mine>)" in message


@pytest.mark.parametrize("data", ["training", "validation"])
def test_a_field_that_the_grader_misses_is_found_before_training(
    tiny: Path, tmp_path: Path, data: str
) -> None:
    grader = StringCheckGrader(
        name="exact", input="{{ sample.output_text }}", reference="{{item.answer}}", operation="eq"
    )
    broken = [QUESTIONS[0], {"messages": QUESTIONS[1]["messages"]}]
    rows = (broken, None) if data == "training" else (QUESTIONS, broken)
    job = make_job(
        tmp_path, tiny, rows[0], method=Reinforcement(**SHORT, grader=grader), validation=rows[1]
    )
    code, message = failure(job)
    assert code == "wrong_row"
    assert message == (
        f"line 2 of the {data} data: the grader 'exact' names `item.answer`, which the row does "
        "not have; it has ['messages']"
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"answer": "1"}, "the row has no `prompt`"),
        ({"prompt": "hello", "completions": 1}, "a field is called 'completions'"),
    ],
)
def test_rows_that_cannot_be_asked(tiny: Path, tmp_path: Path, row: Row, words: str) -> None:
    method = Reinforcement(**SHORT, grader=LETTERS)
    code, message = failure(make_job(tmp_path, tiny, [row], method=method))
    assert code == "wrong_row"
    assert words in message


def test_an_answer_needs_room_after_its_prompt(tiny: Path, tmp_path: Path) -> None:
    long = {"prompt": "flour " * 100}
    method = Reinforcement(**but(SHORT, max_completion_length=200), grader=LETTERS)
    job = make_job(tmp_path, tiny, [TEXTS[0], long], method=method)
    code, message = failure(job)
    assert code == "row_too_long"
    assert "data, with 200 for the answer (`max_completion_length`), are longer" in message
    assert "line 2 has 400" in message


def test_answers_are_as_long_as_the_model_has_room(tiny: Path, tmp_path: Path) -> None:
    options = but(SHORT, max_completion_length=None, num_generations=2, batch_size=1)
    method = Reinforcement(**options, grader=LETTERS, max_length=40)
    folder = train(make_job(tmp_path, tiny, [{"prompt": "what is this?"}], method=method))
    words = settings(folder)["max_completion_length"]
    room = int(words.partition(",")[0])
    assert 20 < room < 40
    assert words == f"{room}, what is left of 40 tokens after the longest prompt"
    assert metrics(folder, "completions_max_length")[0] <= room


def test_a_template_says_where_answers_end(tiny: Path, tmp_path: Path) -> None:
    options = LocalOptions(chat_template=CHATML.replace("<|im_end|>", "<|endoftext|>"))
    method = Reinforcement(**SHORT, grader=LETTERS)
    folder = train(make_job(tmp_path, tiny, QUESTIONS, method=method, options=options))
    config = import_module("transformers").GenerationConfig.from_pretrained(folder.model)
    assert sorted(config.eos_token_id) == [1, 2]


def test_how_a_batch_is_split_does_not_change_which_answers_are_given(
    tiny: Path, tmp_path: Path
) -> None:
    method = Reinforcement(**SHORT, grader=LETTERS, learning_rate=1e-3, lora=False)
    made = [
        train(
            make_job(
                tmp_path,
                tiny,
                QUESTIONS,
                name=f"ftjob-{micro}",
                method=method,
                options=LocalOptions(micro_batch_size=micro),
            )
        )
        for micro in (2, 4)
    ]
    assert metrics(made[0], "reward") == pytest.approx(metrics(made[1], "reward"))
    assert metrics(made[0], "learning_rate") == metrics(made[1], "learning_rate")


def test_rows_that_fill_no_batch_are_not_left_out(tiny: Path, tmp_path: Path) -> None:
    method = Reinforcement(**SHORT, grader=LETTERS)
    folder = train(make_job(tmp_path, tiny, QUESTIONS[:5], method=method))
    assert len(metrics(folder, "reward")) == 2
    assert "5 rows make no whole number of batches of 4" in settings(folder)["last_batch"]
    assert [event.type for event in events(folder)].count("epoch") == 1


@pytest.mark.parametrize(("rows", "batch"), [(5, 4), (8, 4), (3, 8), (1, 2)])
def test_every_prompt_has_its_turn_and_all_its_answers_together(rows: int, batch: int) -> None:
    turns = Turns(rows, batch, answers=3, rounds=2, seed=7)
    drawn = list(turns)
    assert len(drawn) == len(turns) == -(-rows // batch) * batch * 3 * 2
    assert set(drawn) == set(range(rows))
    groups = [drawn[start : start + 3] for start in range(0, len(drawn), 3)]
    assert all(len(set(group)) == 1 for group in groups)
    half = len(drawn[: batch * 3])
    assert drawn[:half] == drawn[half : 2 * half]
    assert list(Turns(rows, batch, answers=3, rounds=2, seed=7)) == drawn
    assert rows < 3 or list(turns) != drawn
