"""Learning from graded answers: real runs of a tiny model, and all that a reward can do wrong."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.local import rewards as own_modules
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.reading import is_complete
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training import rewarding
from finetune_sdk.providers.local.training.failures import TrainingFailure
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


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where Python looks, as it was before: a training leaves the folder of its rewards there."""
    before = list(sys.path)
    monkeypatch.setattr(sys, "path", list(before))
    return before


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


def test_adapters_learn_from_functions_of_the_callers_own(
    tiny: Path, tmp_path: Path, path: list[str]
) -> None:
    source = """
seen = []

def letters(completions, **fields):
    seen.append((completions, fields))
    return [sum(c.isalpha() for c in text) / 9 for text in completions]
"""
    method = Reinforcement(**SHORT, rewards=("own_letters:letters",), learning_rate=1e-2, beta=0.1)
    job = make_job(tmp_path, tiny, QUESTIONS, method=method)
    folder = train(with_module(job, "own_letters", source))
    assert sys.path == [*path, str(tmp_path / "local" / "jobs" / "own")]
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


def rewarded(
    folder: Path, source: str, given: Sequence[str] = (), rows: Sequence[Row] = ({}, {})
) -> list[float]:
    """What a function `f` gives for answers to some rows, from a module of a name of its own."""
    name = f"own_{abs(hash((folder, source)))}"
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    reward = rewarding.functions((f"{name}:f",), str(folder), given)[f"{name}:f"]
    return reward(["a"] * len(rows), ["q"] * len(rows), rows)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise SystemExit(0)", "raised SystemExit: 0 (line 2 of"),
        ("return '12'", "gave '12' for 2 answers"),
        ("return b'12'", "gave b'12' for 2 answers"),
        ("return {0: 1.0, 1: 2.0}", "gave {0: 1.0, 1: 2.0} for 2 answers"),
        ("return {1.0, 2.0}", "gave {1.0, 2.0} for 2 answers"),
        ("return [10**400] * 2", "gave 1000"),
        ("return [10**5000] * 2", "gave a value of type int"),
        ("return [b'1'] * 2", "gave b'1'"),
        ("yield 1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_what_is_no_list_of_numbers(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(TrainingFailure) as caught:
        rewarded(tmp_path, f"def f(completions, **fields):\n    {body}\n")
    assert caught.value.code == "reward_failed"
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(completions): ...", "takes (completions): got an unexpected keyword"),
        ("def f(completions, tags, **fields): ...", "missing a required argument: 'tags'"),
        ("def f(completions, prompts): ...", "completions, prompts, answer by name"),
        ("async def f(completions, **fields): ...", "is an `async def`"),
        ("async def f(completions, **fields): yield 1", "is an `async def`"),
        ("class f:\n    async def __call__(self, **fields): ...\nf = f()", "is an `async def`"),
        ("class f:\n    def __init__(self, completions, **fields): ...", "and no function"),
        ("raise SystemExit(0)", "failed: SystemExit: 0"),
    ],
)
def test_functions_that_cannot_be_rewards(tmp_path: Path, source: str, words: str) -> None:
    with pytest.raises(TrainingFailure) as caught:
        rewarded(tmp_path, source, ["answer"])
    assert caught.value.code == "reward_not_found"
    assert "`rewards` names 'own_" in str(caught.value)
    assert words in str(caught.value)


def test_a_function_may_name_the_fields_and_gets_all_of_them_each_time(tmp_path: Path) -> None:
    source = (
        "def f(completions, prompts, answer): return [0.0 if a is None else 1.0 for a in answer]"
    )
    assert rewarded(tmp_path, source, ["answer"]) == [0.0, 0.0]


def test_what_a_function_changes_in_a_row_is_its_own(tmp_path: Path) -> None:
    source = (
        "def f(tags, **fields):\n"
        "    for one in tags: one.append(0)\n"
        "    return [len(one) for one in tags]\n"
    )
    row: dict[str, object] = {"tags": []}
    assert rewarded(tmp_path, source, ["tags"], [row, row]) == [1.0, 1.0]
    assert row == {"tags": []}


def test_a_function_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "own_sibling.py").write_text("X = 3\n", encoding="utf-8")
    source = (
        "def f(completions, **fields):\n    import own_sibling\n    return [own_sibling.X] * 2\n"
    )
    assert rewarded(tmp_path, source) == [3.0, 3.0]


def test_an_import_does_not_stop_who_runs_out_of_time(tmp_path: Path) -> None:
    source = "class OutOfTime(BaseException): ...\nraise OutOfTime\n"
    with pytest.raises(BaseException) as caught:
        rewarded(tmp_path, source)
    assert type(caught.value).__name__ == "OutOfTime"


@pytest.mark.parametrize(
    ("grader", "names"),
    [
        (None, ("own_twins:f", "own_other:f", "own_twins:f")),
        (PythonGrader(name="own_twins:f", source=LETTERS.source), ("own_twins:f",)),
    ],
)
def test_a_reward_has_its_name_for_itself(
    grader: PythonGrader | None, names: tuple[str, ...]
) -> None:
    method = Reinforcement(grader=grader, rewards=names)
    with pytest.raises(ConfigurationError, match="'own_twins:f' stands twice among `rewards`"):
        own_modules.locate(method)


@pytest.mark.parametrize("name", ["queue:f", "trl.rewards:f", "finetune_sdk:f", "json:loads"])
def test_names_of_modules_that_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "queue.py").write_text("def f(completions, **fields): ...", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="imports itself; rename the module"):
        own_modules.locate(Reinforcement(rewards=(name,)))


def test_a_working_folder_that_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="change into a folder that is there"):
        own_modules.locate(Reinforcement(rewards=("own_nowhere:f",)))


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
