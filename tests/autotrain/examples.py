"""AutoTrain configurations, as people have them, and generated descriptions."""

from __future__ import annotations

from hypothesis import strategies as st

from finetune_sdk.autotrain import AutoTrainSpec, Data, Hub, LLMParams, TaskName

YAML = """\
task: llm-sft
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
project_name: my-recipes
log: tensorboard
backend: spaces-a10g-small
data:
  path: alice/rows
  train_split: train
  valid_split: null
  chat_template: tokenizer
  column_mapping:
    text_column: messages
params:
  block_size: 1024
  epochs: 2
  batch_size: 2
  lr: 2e-4
  peft: true
  quantization: none
  mixed_precision: bf16
hub:
  username: ${HF_USERNAME}
  token: ${HF_TOKEN}
  push_to_hub: true
"""

CLASSIFIER = """\
task: text_binary_classification
base_model: google-bert/bert-base-uncased
project_name: moods
log: tensorboard
backend: local
data:
  path: stanfordnlp/imdb
  train_split: train
  valid_split: test
  column_mapping: {text_column: text, target_column: label}
params: {max_seq_length: 512, epochs: 3, lr: 2e-5}
"""

PAIR = {
    "prompt_text_column": "prompt",
    "text_column": "chosen",
    "rejected_text_column": "rejected",
}
COLUMNS: dict[TaskName, dict[str, str | list[str]]] = {
    "llm-sft": {"text_column": "messages"},
    "llm-generic": {"text_column": "messages"},
    "llm-dpo": {**PAIR},
    "llm-orpo": {**PAIR},
    "llm-reward": {"text_column": "chosen", "rejected_text_column": "rejected"},
}


def example(task: TaskName, **params: object) -> AutoTrainSpec:
    """A description of a language model."""
    return AutoTrainSpec(
        task=task,
        base_model="org/model",
        project_name="project-1",
        data=Data(path="alice/rows", column_mapping=COLUMNS[task], chat_template="tokenizer"),
        params=LLMParams.model_validate(params),
        hub=Hub(username="alice", token="${HF_TOKEN}", push_to_hub=True),
    )


_shares = st.floats(0, 0.9, allow_nan=False)
_counts = st.integers(1, 64)
_rates = st.floats(1e-7, 1, allow_nan=False)


def _params(task: TaskName) -> st.SearchStrategy[LLMParams]:
    """Parameters without those that AutoTrain does not read for the task."""
    return st.builds(
        LLMParams,
        add_eos_token=st.booleans(),
        block_size=st.just(-1) | st.integers(1, 8192),
        model_max_length=st.integers(1, 8192),
        padding=st.sampled_from(["left", "right"]),
        use_flash_attention_2=st.booleans(),
        disable_gradient_checkpointing=st.booleans(),
        logging_steps=st.just(-1) | _counts,
        eval_strategy=st.sampled_from(["no", "steps", "epoch"]),
        save_total_limit=_counts,
        auto_find_batch_size=st.booleans(),
        mixed_precision=st.sampled_from(["fp16", "bf16", None]),
        lr=_rates,
        epochs=_counts,
        batch_size=_counts,
        warmup_ratio=_shares,
        gradient_accumulation=_counts,
        optimizer=st.sampled_from(["adamw_torch", "adafactor"]),
        scheduler=st.sampled_from(["linear", "cosine"]),
        weight_decay=_shares,
        max_grad_norm=_rates,
        seed=st.integers(0, 2**31 - 1),
        merge_adapter=st.booleans(),
        model_ref=st.none() | st.just("org/other"),
        max_prompt_length=_counts,
        max_completion_length=st.none() | _counts,
        unsloth=st.booleans(),
        distributed_backend=st.sampled_from([None, "ddp", "deepspeed"]),
        dpo_beta=_rates if task == "llm-dpo" else st.just(0.1),
        peft=st.just(False),
        quantization=st.none(),
    )


def _adapted(params: LLMParams) -> st.SearchStrategy[LLMParams]:
    changes = st.fixed_dictionaries(
        {
            "peft": st.just(True),
            "quantization": st.sampled_from(["int4", "int8", None]),
            "lora_r": _counts,
            "lora_alpha": _counts,
            "lora_dropout": _shares,
            "target_modules": st.sampled_from(["all-linear", "q_proj", "q_proj,v_proj"]),
        }
    )
    return st.just(params) | changes.map(lambda change: params.model_copy(update=change))


@st.composite
def specs(draw: st.DrawFn) -> AutoTrainSpec:
    """Descriptions of everything that a job here can say."""
    task: TaskName = draw(st.sampled_from(["llm-sft", "llm-dpo", "llm-orpo", "llm-reward"]))
    made = example(task)
    template = draw(st.sampled_from(["tokenizer", "chatml", "zephyr", None]))
    renamed = draw(st.sampled_from([made.data.column_mapping, {**PAIR, "text_column": "other"}]))
    return made.model_copy(
        update={
            "params": draw(_params(task).flatmap(_adapted)),
            "backend": draw(st.sampled_from(["local", "spaces-t4-small", "spaces-l4x4"])),
            "data": made.data.model_copy(
                update={
                    "train_split": draw(st.sampled_from(["train", "small:train"])),
                    "valid_split": draw(st.sampled_from([None, "test"])),
                    "chat_template": template,
                    "column_mapping": renamed,
                }
            ),
        }
    )
