"""Learning from preferences: real runs of a tiny model, and what can be wrong about their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.errors import UnsupportedError
from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.providers.local.jobs.reading import is_complete
from finetune_sdk.providers.local.models import weights
from finetune_sdk.providers.local.options import LocalOptions
from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.methods import kto, trl
from finetune_sdk.providers.local.training.rows.preferences import Judged
from finetune_sdk.types import DPO, KTO, ORPO, Lora, Method, Reward, Supervised
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
from tests.training.tiny import CHATML, make_tiny_model

pytestmark = VENDOR_WARNINGS

GOOD, BAD = "a cake of flour", "pepper and salt"
QUICK: dict[str, Any] = {"epochs": 3, "batch_size": 4, "learning_rate": 5e-3}
WHOLE: dict[str, Any] = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-3, "lora": False}
SINGLE: dict[str, Any] = {"precision": "float32"}
"""For numbers that are compared closely: a machine with bfloat16 units computes in its 3 digits."""


def but(settings: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """The same settings with some others."""
    return {**settings, **changes}


def said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


PAIRS: Sequence[Row] = [
    {
        "prompt": said("user", f"what is {i}?"),
        "chosen": said("assistant", GOOD + " and sugar" * (i % 3)),
        "rejected": said("assistant", BAD),
    }
    for i in range(16)
]

THUMBS: Sequence[Row] = [
    {
        "prompt": pair["prompt"],
        "completion": pair["chosen"] if i % 2 else pair["rejected"],
        "label": bool(i % 2),
    }
    for i, pair in enumerate(PAIRS)
]


def as_openai(pair: Row) -> Row:
    return {
        "input": {"messages": pair["prompt"]},
        "preferred_output": pair["chosen"],
        "non_preferred_output": pair["rejected"],
    }


def as_text(pair: Row) -> Row:
    return {name: turns[0]["content"] for name, turns in pair.items()}  # type: ignore[index]


@pytest.mark.parametrize(
    ("method", "rows", "number"),
    [
        (DPO(**QUICK), PAIRS, "rewards_margins"),
        (DPO(**WHOLE), PAIRS, "rewards_margins"),
        (ORPO(**QUICK), PAIRS, "log_odds_chosen"),
        (ORPO(**WHOLE), PAIRS, "log_odds_chosen"),
        (KTO(**QUICK), THUMBS, "rewards_margins"),
        (KTO(**WHOLE), THUMBS, "rewards_margins"),
        (Reward(**QUICK), PAIRS, "margin"),
        (Reward(**WHOLE), PAIRS, "margin"),
    ],
    ids=lambda value: f"{value.name}-{value.lora}" if hasattr(value, "lora") else "",
)
def test_what_is_preferred_is_learned(
    tiny: Path, tmp_path: Path, method: Method, rows: Sequence[Row], number: str
) -> None:
    folder = train(make_job(tmp_path, tiny, rows, method=method, validation=rows[:6]))
    losses, measured = metrics(folder, "loss"), metrics(folder, number, "validation")
    assert losses[-1] < losses[0] - 0.1
    assert len(measured) == 3
    assert measured[-1] > measured[0]
    assert measured[-1] > 0.5
    assert metrics(folder, "loss", "validation")[-1] < losses[0]
    assert metrics(folder, "tokens")[-1] > 16 * 3 * 20
    assert metrics(folder, number)[-1] > metrics(folder, number)[0]
    assert is_complete(folder.model)
    assert (folder.model / "adapter_model.safetensors").exists() == (method.lora is None)


@pytest.mark.parametrize("method", [DPO, ORPO, Reward])
def test_both_spellings_mean_the_same(
    tiny: Path, tmp_path: Path, method: Callable[..., Method]
) -> None:
    spelled = [PAIRS[:4], [as_openai(pair) for pair in PAIRS[:4]]]
    runs = [
        train(make_job(tmp_path, tiny, rows, name=f"ftjob-{i}", method=method(**QUICK)))
        for i, rows in enumerate(spelled)
    ]
    first, second = (metrics(run, "loss") for run in runs)
    assert first == second
    assert len(first) == 3


def test_text_is_learned_as_trl_learns_it(tiny: Path, tmp_path: Path) -> None:
    """The same rows through TRL's own way from text to tokens give the same numbers."""
    rows = [as_text(pair) for pair in PAIRS[:4]]
    method, options = DPO(**but(QUICK, epochs=1)), LocalOptions(**SINGLE)
    folder = train(make_job(tmp_path, tiny, rows, method=method, validation=rows, options=options))
    transformers, config = import_module("transformers"), trl.named("DPOConfig")
    args = config(
        output_dir=str(tmp_path / "trl"),
        bf16=False,
        use_cpu=True,
        activation_checkpointing=False,
        report_to="none",
    )
    dataset = trl.dataset({name: [row[name] for row in rows] for name in rows[0]})
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    trainer = trl.named("DPOTrainer")(
        model=model,
        args=args,
        train_dataset=dataset,
        eval_dataset=dataset,
        processing_class=transformers.AutoTokenizer.from_pretrained(tiny),
    )
    plain = trl.measured(trainer, 0)
    for name in ("logps_chosen", "logps_rejected"):
        assert metrics(folder, name)[0] == pytest.approx(plain[name], abs=1e-3)


def test_the_reference_of_dpo_is_the_base_model(tiny: Path, tmp_path: Path) -> None:
    full = train(make_job(tmp_path, tiny, PAIRS[:4], name="ftjob-full", method=DPO(**WHOLE)))
    once = train(
        make_job(
            tmp_path,
            tiny,
            PAIRS[:4],
            name="ftjob-once",
            method=DPO(**WHOLE),
            options=LocalOptions(trl={"precompute_ref_log_probs": True}),
        )
    )
    assert metrics(full, "loss")[0] == pytest.approx(0.6931, abs=1e-3)
    assert metrics(once, "loss") == pytest.approx(metrics(full, "loss"), abs=1e-4)
    assert "second copy" in settings(full)["reference"]
    assert "once before" in settings(once)["reference"]
    lora = train(make_job(tmp_path, tiny, PAIRS[:4], name="ftjob-lora", method=DPO(**QUICK)))
    assert "switched off" in settings(lora)["reference"]


def test_hyperparameters_and_trl_fields_reach_the_method(tiny: Path, tmp_path: Path) -> None:
    """With IPO the first loss is (1 / 2 beta) squared: nothing is preferred yet."""
    method = DPO(**QUICK, beta=0.25)
    options = LocalOptions(trl={"loss_type": ["ipo"]})
    folder = train(make_job(tmp_path, tiny, PAIRS[:4], method=method, options=options))
    assert metrics(folder, "loss")[0] == pytest.approx(4.0, abs=1e-3)
    assert "beta" not in settings(folder)


def test_defaults_of_the_method_are_said(tiny: Path, tmp_path: Path) -> None:
    folder = train(make_job(tmp_path, tiny, THUMBS[:4], method=KTO(epochs=1)))
    assert settings(folder)["beta"] == "0.1, TRL's default"
    assert settings(folder)["desirable_weight"] == "1.0, TRL's default"
    assert settings(folder)["learning_rate"] == "5e-06, the default for LoRA"
    assert settings(folder)["order"].startswith("shuffled once")


def test_dropout_of_adapters_is_not_switched_off(tiny: Path, tmp_path: Path) -> None:
    def losses(name: str, dropout: float) -> list[float]:
        method = DPO(**QUICK, lora=Lora(dropout=dropout))
        return metrics(train(make_job(tmp_path, tiny, PAIRS, name=name, method=method)), "loss")

    assert losses("ftjob-dropped", 0.5) != losses("ftjob-whole", 0.0)


@pytest.mark.parametrize(("method", "rows"), [(DPO, PAIRS), (ORPO, PAIRS), (Reward, PAIRS)])
def test_how_a_batch_is_split_does_not_change_what_is_learned(
    tiny: Path, tmp_path: Path, method: Callable[..., Method], rows: Sequence[Row]
) -> None:
    # Of one length, since a mean over tokens weighs the rows of a part by their length.
    alike = [{**row, "chosen": PAIRS[0]["chosen"]} for row in rows[:8]]
    made = [
        train(
            make_job(
                tmp_path,
                tiny,
                alike,
                name=f"ftjob-{micro}",
                method=method(**WHOLE),
                options=LocalOptions(micro_batch_size=micro, group_by_length=False, **SINGLE),
            )
        )
        for micro in (2, 4)
    ]
    assert metrics(made[0], "loss") == pytest.approx(metrics(made[1], "loss"), abs=1e-4)


def test_beta_is_refused_as_a_field_of_trl_where_it_is_a_word_of_ours(
    tiny: Path, tmp_path: Path
) -> None:
    options = LocalOptions(trl={"beta": 0.5})
    job = make_job(tmp_path, tiny, PAIRS, method=DPO(), options=options)
    assert "say `beta` of the method" in failure(job)[1]
    plain = make_job(tmp_path, tiny, name="ftjob-s", method=Supervised(), options=options)
    assert "does not know" in failure(plain)[1]


@pytest.mark.parametrize("method", [DPO, ORPO, Reward])
def test_pairs_longer_than_the_model_can_read(
    tiny: Path, tmp_path: Path, method: Callable[..., Method]
) -> None:
    long = {**PAIRS[1], "rejected": said("assistant", "flour " * 200)}
    code, message = failure(make_job(tmp_path, tiny, [PAIRS[0], long], method=method()))
    assert code == "row_too_long"
    assert "longer than 256 tokens: line 2 has" in message


def test_thumbs_longer_than_max_length(tiny: Path, tmp_path: Path) -> None:
    job = make_job(tmp_path, tiny, THUMBS, method=KTO(max_length=20), validation=THUMBS)
    code, message = failure(job)
    assert code == "row_too_long"
    assert "16 row(s) of the training data are longer than 20 tokens" in message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "hello", "chosen": "one"}, "no `rejected`; it has ['chosen', 'prompt']"),
        ({"input": {"messages": said("user", "a")}}, "no `preferred_output`"),
        ({"prompt": "a", "chosen": said("assistant", "b"), "rejected": "c"}, "all be strings"),
        (
            {"prompt": said("user", "a"), "chosen": said("user", "b"), "rejected": []},
            "begins with a message of the `assistant`",
        ),
    ],
)
def test_rows_that_are_no_pairs(
    tiny: Path, tmp_path: Path, row: Mapping[str, object], words: str
) -> None:
    code, message = failure(make_job(tmp_path, tiny, [PAIRS[0], row], method=DPO()))
    assert code == "wrong_row"
    assert message.startswith("line 2 of the training data: ")
    assert words in message


def test_a_label_must_be_true_or_false(tiny: Path, tmp_path: Path) -> None:
    rows = [{**THUMBS[0], "label": "yes"}, THUMBS[1]]
    code, message = failure(make_job(tmp_path, tiny, rows, method=KTO()))
    assert code == "wrong_row"
    assert "line 1 of the training data: `label` is 'yes'" in message


def test_kto_needs_rows_to_hold_against_each_other(tiny: Path, tmp_path: Path) -> None:
    one = make_job(tmp_path, tiny, THUMBS, name="ftjob-batch", method=KTO(batch_size=1))
    assert failure(one)[0] == "invalid_hyperparameter"
    few = make_job(tmp_path, tiny, THUMBS[:1], name="ftjob-few", method=KTO())
    assert failure(few)[0] == "too_few_rows"


def test_what_cannot_teach_is_said(tiny: Path, tmp_path: Path) -> None:
    same = {**PAIRS[0], "rejected": PAIRS[0]["chosen"]}
    pairs = train(make_job(tmp_path, tiny, [*PAIRS[:3], same], method=DPO(epochs=1)))
    assert "1 row(s) of the training data have the same answer twice" in warnings_of(pairs)
    rows = [*THUMBS[1::2], THUMBS[0]]
    thumbs = train(make_job(tmp_path, tiny, rows, name="ftjob-k", method=KTO(epochs=1)))
    assert "8 good and 1 bad answers are out of balance" in warnings_of(thumbs)
    assert "between 0.125 and 0.167" in warnings_of(thumbs)
    balanced = KTO(epochs=1, desirable_weight=0.15)
    quiet = train(make_job(tmp_path, tiny, rows, name="ftjob-b", method=balanced))
    assert "balance" not in warnings_of(quiet)


def warnings_of(folder: JobFolder) -> str:
    return "\n".join(event.message for event in events(folder) if event.level == "warning")


@pytest.mark.parametrize("kind", [QUICK, WHOLE], ids=["lora", "full"])
def test_a_reward_model_scores_what_it_was_taught(
    tiny: Path, tmp_path: Path, kind: dict[str, Any]
) -> None:
    folder = train(make_job(tmp_path, tiny, PAIRS, method=Reward(**kind)))
    transformers, torch = import_module("transformers"), import_module("torch")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder.model)
    auto = transformers.AutoModelForSequenceClassification
    if "lora" in kind:
        model = auto.from_pretrained(folder.model)
    else:
        base = auto.from_pretrained(tiny, num_labels=1)
        model = import_module("peft").PeftModel.from_pretrained(base, folder.model)
    texts = [
        tokenizer.apply_chat_template(
            [*said("user", "what is 99?"), *said("assistant", answer)], tokenize=False
        ).rstrip()
        for answer in (GOOD, BAD)
    ]
    with torch.no_grad():
        better, worse = (
            float(model(**tokenizer(text, return_tensors="pt")).logits) for text in texts
        )
    assert better > worse + 1
    with pytest.raises(UnsupportedError, match="is a reward model"):
        weights.find(str(folder.model), folder.home, {})


def test_an_end_of_turn_of_the_templates_own_ends_answers(tmp_path: Path, tiny: Path) -> None:
    template = CHATML.replace("<|im_end|>", "<|endoftext|>")
    options = LocalOptions(chat_template=template)
    folder = train(make_job(tmp_path, tiny, PAIRS[:2], method=DPO(epochs=1), options=options))
    config = import_module("transformers").GenerationConfig.from_pretrained(folder.model)
    assert sorted(config.eos_token_id) == [1, 2]


def test_rows_of_text_need_no_chat_template(tmp_path: Path) -> None:
    bare = make_tiny_model(tmp_path / "bare", template=None)
    rows = [as_text(pair) for pair in PAIRS[:4]]
    train(make_job(tmp_path, bare, rows, method=DPO(epochs=1)))
    code, _ = failure(make_job(tmp_path, bare, PAIRS, name="ftjob-chat", method=DPO(epochs=1)))
    assert code == "chat_template"


def test_measuring_on_the_way_leaves_the_numbers_of_training_alone(
    tiny: Path, tmp_path: Path
) -> None:
    """TRL tells by the state of the model whether a number is of training or of validation."""
    options = LocalOptions(eval_steps=1, logging_steps=1)
    measured = make_job(
        tmp_path, tiny, PAIRS[:8], method=DPO(**QUICK), options=options, validation=PAIRS[:2]
    )
    plain = make_job(tmp_path, tiny, PAIRS[:8], name="ftjob-plain", method=DPO(**QUICK))
    for job in (measured, plain):
        train(job)
    for name in ("loss", "rewards_margins"):
        assert metrics(measured, name) == metrics(plain, name)
        assert len(metrics(measured, name, "validation")) == 6


def test_thumbs_are_shuffled_before_kto_pairs_them(tiny: Path, tmp_path: Path) -> None:
    rows = [*THUMBS[1::2], *THUMBS[::2]]
    method = KTO(epochs=1, batch_size=8)
    folder = train(make_job(tmp_path, tiny, rows, method=method))
    assert len(metrics(folder, "loss")) == 2
    for name in ("logps_chosen", "logps_rejected"):
        assert len(metrics(folder, name)) == 2


def test_neighbours_of_kto_stand_in_the_same_part_of_a_batch() -> None:
    rows = [Judged(line, [line], [10 * line], good=True) for line in range(1, 8)]
    neighbours = [answer for (answer,) in kto.columns(rows, 3)["KL_completion_ids"]]
    # Two whole parts, and a row that is alone.
    assert neighbours == [30, 10, 20, 60, 40, 50, 60]


def test_a_trl_without_the_method() -> None:
    with pytest.raises(TrainingFailure, match=r"has no `trl.NoSuchTrainer`.*TRL 1\.16") as caught:
        trl.named("NoSuchTrainer")
    assert caught.value.code == "method_not_installed"
