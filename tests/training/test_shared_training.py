"""Trainings that compute once what rows begin with alike: the same numbers, from fewer tokens."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.preflight.inspect import inspect
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    Lora,
    Method,
    PythonGrader,
    Reinforcement,
    Reward,
    Supervised,
)
from tests.training.jobs import (
    VENDOR_WARNINGS,
    Row,
    chat,
    failure,
    make_job,
    metrics,
    settings,
    train,
)
from tests.training.test_inspect import copy_of

pytestmark = VENDOR_WARNINGS

SYSTEMS = ("list the ingredients as json", "list the spices", "")


def asked(number: int) -> list[dict[str, str]]:
    """One of three system prompts, or none, and a question."""
    system = SYSTEMS[number % 3]
    question = {"role": "user", "content": f"what is {'flour ' * (number % 4)}{number}?"}
    return [*([{"role": "system", "content": system}] if system else []), question]


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


# Of unlike length; two are equal, one is the beginning of another.
CHATS: Sequence[Row] = [
    *({"messages": [*asked(i), *said("a cake" + " of flour" * (i % 5))]} for i in range(10)),
    chat("hello", "one"),
    chat("hello", "one"),
    chat("hello", "one", "two", "three"),
]
PAIRS: Sequence[Row] = [
    {"prompt": asked(i), "chosen": said("a cake" + "!" * i), "rejected": said("pepper" * (i % 3))}
    for i in range(8)
]
JUDGED: Sequence[Row] = [
    {"prompt": asked(i // 2), "completion": said("a cake" + "!" * i), "label": bool(i % 2)}
    for i in range(8)
]
LETTERS = PythonGrader(
    source="def grade(sample, item):\n    return float(len(set(sample['output_text'])))\n"
)
PROMPTS: Sequence[Row] = [{"messages": asked(i)} for i in range(4)]

FAST: dict[str, Any] = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3}
WHOLE = Supervised(**FAST, lora=False)


def options(**given: Any) -> LocalOptions:
    return LocalOptions(precision="float32", **given)


@contextmanager
def computed() -> Generator[list[int]]:
    """Counts the tokens that pass through any model meanwhile."""
    torch, counts = import_module("torch"), list[int]()

    def count(module: Any, given: tuple[Any, ...]) -> None:
        if isinstance(module, torch.nn.Embedding):
            counts.append(given[0].numel())

    hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
    try:
        yield counts
    finally:
        hook.remove()


def numbers(folder: JobFolder) -> dict[str, list[float]]:
    """All that a training measured, by split and name."""
    lines = (folder.path / "metrics.jsonl").read_text(encoding="utf-8")
    names = {name for name in _NAMES if f'"{name}"' in lines}
    return {
        f"{split} {name}": metrics(folder, name, split)
        for split in ("train", "validation")
        for name in sorted(names)
    }


# Not `logits_chosen`: TRL's ORPO takes its mean over padding too, which nobody computes here.
_NAMES = (
    "loss",
    "grad_norm",
    "tokens",
    "entropy",
    "token_accuracy",
    "rewards_margins",
    "rewards_accuracies",
    "log_odds_chosen",
    "logps_chosen",
    "margin",
    "accuracy",
    "reward",
    "completions_mean_length",
)


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        (Supervised(**FAST), CHATS),
        (WHOLE, CHATS),
        (DPO(**FAST), PAIRS),
        (DPO(**FAST, lora=False), PAIRS),
        (ORPO(**FAST), PAIRS),
        (KTO(**FAST), JUDGED),
        (Reward(**FAST), PAIRS),
        (
            Reinforcement(
                grader=LETTERS,
                epochs=1,
                batch_size=2,
                learning_rate=1e-3,
                num_generations=4,
                max_completion_length=6,
                beta=0.1,
            ),
            PROMPTS,
        ),
    ],
    ids=lambda value: f"{value.name.value}-{value.lora}" if hasattr(value, "lora") else "",
)
def test_the_numbers_are_the_same_from_fewer_tokens(
    tiny: Path, tmp_path: Path, method: Method, rows: Sequence[Row]
) -> None:
    def trained(name: str, **given: Any) -> tuple[JobFolder, int]:
        job = make_job(
            tmp_path, tiny, rows, name=name, method=method, validation=rows[:4], seed=3,
            options=options(logging_steps=1, **given),
        )  # fmt: skip
        with computed() as counts:
            return train(job), sum(counts)

    shared, fewer = trained("ftjob-shared")
    plain, more = trained("ftjob-plain", shared_prefix=False, labelled_only=False)
    assert settings(shared)["shared_prefix"].startswith("on, because")
    assert settings(plain)["shared_prefix"] == "off, as `LocalOptions.shared_prefix` says"
    assert fewer < 0.8 * more
    wanted, found = numbers(plain), numbers(shared)
    assert found.keys() == wanted.keys() > {"train loss", "validation loss", "train grad_norm"}
    assert len(wanted["train loss"]) >= 2
    for name, values in found.items():
        assert values == pytest.approx(wanted[name], rel=1e-3, abs=1e-5), name
    assert found["train loss"] == pytest.approx(wanted["train loss"], abs=1e-5)
    assert found["train tokens"] == wanted["train tokens"]


@pytest.mark.parametrize("micro", [1, 2, 4])
def test_however_a_batch_is_split(tiny: Path, tmp_path: Path, micro: int) -> None:
    def losses(name: str, **given: Any) -> list[float]:
        told = options(logging_steps=1, **given)
        job = make_job(tmp_path, tiny, CHATS, name=name, method=WHOLE, options=told)
        return metrics(train(job), "loss")

    plain = losses("ftjob-plain", shared_prefix=False, micro_batch_size=4)
    assert losses("ftjob-shared", micro_batch_size=micro) == pytest.approx(plain, abs=1e-5)


def test_what_is_computed_twice_for_memory_is_the_same(tiny: Path, tmp_path: Path) -> None:
    """Checkpointing goes the way there again, on the way back."""
    given: dict[str, Any] = {"method": WHOLE, "seed": 3}
    once = make_job(tmp_path, tiny, CHATS, name="ftjob-once", options=options(), **given)
    twice = make_job(
        tmp_path, tiny, CHATS, options=options(gradient_checkpointing=True), **given
    )  # fmt: skip
    assert metrics(train(twice), "loss") == pytest.approx(metrics(train(once), "loss"), abs=1e-5)


@pytest.mark.parametrize(
    ("field", "value", "setting", "method"),
    [
        ("use_weighting", True, "labelled_only", DPO(epochs=1)),
        ("label_smoothing_factor", 0.1, "labelled_only", Supervised(epochs=1)),
        ("neftune_noise_alpha", 5, "shared_prefix", Supervised(epochs=1)),
        ("torch_compile_backend", "eager", "shared_prefix", Supervised(epochs=1)),
    ],
)
def test_fields_of_trl_that_a_shortcut_does_not_know_switch_it_off(
    tiny: Path, tmp_path: Path, field: str, value: object, setting: str, method: Method
) -> None:
    rows = CHATS if isinstance(method, Supervised) else PAIRS
    given = LocalOptions.model_validate({"precision": "float32", "trl": {field: value}})
    job = make_job(tmp_path, tiny, rows, method=method, options=given)
    # transformers writes into the environment what is to be compiled.
    with patch.dict(os.environ):
        assert inspect(job).settings[setting].startswith(f"off, because `{field}`")


def test_experts_are_left_to_trl_and_the_reason_is_theirs(tmp_path: Path) -> None:
    change = {
        "model_type": "mixtral",
        "architectures": ["MixtralForCausalLM"],
        "num_local_experts": 2,
    }
    model = other_model(tmp_path / "other", change)
    method = Supervised(epochs=1, lora=False)
    folder = train(make_job(tmp_path, model, CHATS, method=method, options=options()))
    assert settings(folder)["labelled_only"].endswith("loss has a part for its experts")


def test_a_mean_over_what_is_computed_at_once_keeps_its_parts(tiny: Path, tmp_path: Path) -> None:
    method = Reinforcement(
        grader=LETTERS, epochs=1, batch_size=4, num_generations=8, max_completion_length=60
    )
    # Beside short prompts a long one: what is never padded takes less room.
    prompts = [*PROMPTS, {"messages": [{"role": "user", "content": "cake " * 30}]}]

    def parts(kind: str, *, shared: bool) -> str:
        given = options(shared_prefix=shared, trl={"loss_type": kind})
        name = f"ftjob-{kind}-{shared}"
        job = make_job(tmp_path, tiny, prompts, name=name, method=method, options=given)
        return inspect(job).settings["micro_batch_size"].partition(",")[0]

    assert parts("dapo", shared=True) != parts("dapo", shared=False)
    assert parts("bnpo", shared=True) == parts("bnpo", shared=False)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", [DPO, KTO])
def test_a_reference_is_computed_as_the_model_is(
    tiny: Path, tmp_path: Path, method: Callable[..., Method], precision: Any
) -> None:
    """Before the first step the two are one: nothing has moved, in any precision."""
    folder = make_job(
        tmp_path,
        tiny,
        PAIRS if method is DPO else JUDGED,
        method=method(epochs=1, batch_size=8, lora=False),
        options=LocalOptions(precision=precision, logging_steps=1),
    )
    assert metrics(train(folder), "rewards_margins") == [0.0]


def test_nothing_of_it_is_written_into_the_model(tiny: Path, tmp_path: Path) -> None:
    folder = train(make_job(tmp_path, tiny, CHATS, method=WHOLE, options=options()))
    for file in folder.model.glob("*.json"):
        assert "finetune_sdk" not in file.read_text(encoding="utf-8"), file


@pytest.mark.parametrize("method", [Supervised(epochs=1), DPO(epochs=1), ORPO(epochs=1)])
def test_a_plan_says_what_the_job_does(tiny: Path, tmp_path: Path, method: Method) -> None:
    rows = CHATS if method.name.value == "supervised" else PAIRS
    folder = make_job(tmp_path, tiny, rows, method=method)
    planned, learned = inspect(folder).settings, settings(train(folder))
    assert learned.items() <= planned.items()
    for name in ("shared_prefix", "labelled_only", "group_by_length", "attention", "optimizer"):
        assert name in learned


def shared_model(tiny: Path) -> Any:
    forward = import_module("finetune_sdk.providers.local.training.shared.forward")
    model = import_module("transformers").AutoModelForCausalLM.from_pretrained(tiny)
    forward.share(model)
    return model


def batch(left: bool) -> tuple[Any, Any]:
    torch = import_module("torch")
    rows = [[5, 6, 7, 8], [5, 6, 9], [5, 6, 7, 8, 10, 11], [12], [5, 6, 9]]
    tokens, mask = torch.zeros(5, 6, dtype=torch.int64), torch.zeros(5, 6, dtype=torch.int64)
    for place, row in enumerate(rows):
        where = slice(6 - len(row), None) if left else slice(0, len(row))
        tokens[place, where], mask[place, where] = torch.tensor(row), 1
    return tokens, mask


@pytest.mark.parametrize("left", [False, True])
def test_padding_stands_on_either_side(tiny: Path, left: bool) -> None:
    torch, transformers = import_module("torch"), import_module("transformers")
    tokens, mask = batch(left)
    plain = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    found = list[tuple[Any, list[Any]]]()
    for model in (plain, shared_model(tiny)):
        # The plain way counts places from the padding on, unless it is told them.
        places = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)} if model is plain else {}
        logits = model(tokens, attention_mask=mask, use_cache=False, **places).logits
        assert logits.shape[:2] == tokens.shape
        (logits[mask != 0] ** 2).sum().backward()
        found.append((logits[mask != 0].detach(), [w.grad for w in model.parameters()]))
    (wanted, gradients), (got, slopes) = found
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(slopes, gradients, rtol=1e-3, atol=1e-3)


def test_other_ways_through_the_model_are_left_alone(tiny: Path) -> None:
    torch, transformers = import_module("torch"), import_module("transformers")
    tokens, mask = batch(left=True)
    plain = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    shared = shared_model(tiny)
    with torch.no_grad():
        for given in (
            {"use_cache": True},
            {"use_cache": False, "output_hidden_states": True},
            {"use_cache": False, "position_ids": (mask.cumsum(1) - 1).clamp(min=0)},
        ):
            with computed() as counts:
                output = shared(tokens, attention_mask=mask, **given)
            assert counts == [tokens.numel()]
            wanted = plain(tokens, attention_mask=mask, **given)
            torch.testing.assert_close(output.logits, wanted.logits)
        embedded = shared.get_input_embeddings()(tokens)
        output = shared(inputs_embeds=embedded, attention_mask=mask, use_cache=False)
        assert output.logits.shape[:2] == tokens.shape
        kind = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0}
        written = [
            m.generate(tokens, attention_mask=mask, **kind).tolist() for m in (plain, shared)
        ]
    assert written[0] == written[1]


def test_rows_with_nothing_in_common_are_computed_as_they_lie(tiny: Path) -> None:
    torch = import_module("torch")
    tokens = torch.arange(5, 29).view(4, 6)
    with torch.no_grad(), computed() as counts:
        shared_model(tiny)(tokens, attention_mask=torch.ones_like(tokens), use_cache=False)
    assert counts == [24]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 32},
         "because it looks back through a window"),
        ({"model_type": "stablelm", "architectures": ["StableLmForCausalLM"]}, "apart"),
    ],
)  # fmt: skip
def test_a_model_that_it_is_not_for_learns_as_ever(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    model = other_model(tmp_path / "other", change)
    folder = train(make_job(tmp_path, model, CHATS, options=options(labelled_only=False)))
    told = settings(folder)["shared_prefix"]
    assert told.startswith("off, because")
    assert words in told
    code, message = failure(
        make_job(tmp_path, model, CHATS, name="ftjob-2", options=options(shared_prefix=True))
    )
    assert code == "invalid_option"
    assert "`LocalOptions.shared_prefix` is True, which cannot be done here" in message


def other_model(folder: Path, change: dict[str, Any]) -> Path:
    """A tiny model of another architecture."""
    from tests.training.tiny import make_tiny_model

    made = make_tiny_model(folder.with_name("base"))
    copied = copy_of(made, folder, **change)
    transformers = import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(copied)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(copied)
    return copied


def test_dropout_draws_for_each_row_unless_it_is_asked_for(tiny: Path, tmp_path: Path) -> None:
    method = Supervised(epochs=1, lora=Lora(rank=2, dropout=0.1))
    folder = train(make_job(tmp_path, tiny, CHATS, method=method, options=options()))
    assert settings(folder)["shared_prefix"].startswith("off, because dropout")
    asked_for = options(shared_prefix=True)
    folder = train(
        make_job(tmp_path, tiny, CHATS, name="ftjob-2", method=method, options=asked_for)
    )
    assert settings(folder)["shared_prefix"] == "on, as `LocalOptions.shared_prefix` says"


@pytest.mark.parametrize(
    ("given", "method", "words"),
    [
        ({"shared_prefix": True, "attention": "eager"}, Supervised, "attention is 'eager'"),
        ({"shared_prefix": True, "trl": {"neftune_noise_alpha": 5}}, Supervised, "asks for noise"),
        ({"labelled_only": True, "trl": {"use_weighting": True}}, DPO, "more numbers"),
        ({"labelled_only": True}, ORPO, "counts the prompt's tokens too"),
        ({"labelled_only": True}, Reward, "scores texts"),
    ],
)
def test_what_is_asked_for_and_cannot_be_done_is_an_error(
    tiny: Path, tmp_path: Path, given: dict[str, Any], method: Callable[..., Method], words: str
) -> None:
    rows = CHATS if method is Supervised else PAIRS
    job = make_job(tmp_path, tiny, rows, method=method(epochs=1), options=options(**given))
    code, message = failure(job)
    assert code == "invalid_option"
    assert words in message
