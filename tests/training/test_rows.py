"""Which tokens carry loss: exactly the assistant's, as at OpenAI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk.providers.local.training.failures import TrainingFailure
from finetune_sdk.providers.local.training.rows.encoding import (
    IGNORED,
    Encoder,
    Example,
    encode_all,
)
from finetune_sdk.types import TrainOn
from tests.training.jobs import chat
from tests.training.tiny import CHATML, make_tokenizer

MARKED = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ message['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# The end of the turn stands outside of the marks, as some authors have it.
MARKED_SHORT = MARKED.replace(
    "{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}",
    "{{ message['content'] }}{% endgeneration %}{{ '<|im_end|>\n' }}",
)
LLAMA = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '<|im_start|>[INST] ' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
# Ends a turn with a new line alone.
PLAIN = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)

TEMPLATES = [CHATML, MARKED, MARKED_SHORT]


def encode(
    row: Mapping[str, object],
    template: str | None = CHATML,
    *,
    train_on: TrainOn = "assistant",
    tokenizer: Any = None,
    said: list[str] | None = None,
) -> tuple[Any, Example]:
    tokenizer = tokenizer or make_tokenizer(template)
    said = [] if said is None else said
    return tokenizer, Encoder(tokenizer, train_on, said.append).example(row, 1)


def learned(tokenizer: Any, example: Example) -> list[str]:
    """The stretches of the text that carry loss."""
    stretches: list[list[int]] = []
    before = IGNORED
    for token, label in zip(example.tokens, example.labels, strict=True):
        assert label in (IGNORED, token)
        if label != IGNORED and before == IGNORED:
            stretches.append([])
        if label != IGNORED:
            stretches[-1].append(token)
        before = label
    return [tokenizer.decode(stretch) for stretch in stretches]


def learned_of(row: Mapping[str, object], template: str = CHATML) -> list[str]:
    return learned(*encode(row, template))


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_assistant_and_its_end_of_turn_carry_loss(template: str) -> None:
    tokenizer, example = encode(chat("hello", "this is a cake"), template)
    assert learned(tokenizer, example) == ["this is a cake<|im_end|>"]
    assert tokenizer.decode(example.tokens) == (
        "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\nthis is a cake<|im_end|>\n"
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_turn_of_a_long_talk_carries_loss(template: str) -> None:
    row = chat("hello", "one", "and?", "two", "thanks")
    assert learned_of(row, template) == ["one<|im_end|>", "two<|im_end|>"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_turn_of_weight_zero_carries_none(template: str) -> None:
    row = {
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "wrong", "weight": 0},
            {"role": "user", "content": "no"},
            {"role": "assistant", "content": "right", "weight": 1},
        ]
    }
    tokenizer, example = encode(row, template)
    assert learned(tokenizer, example) == ["right<|im_end|>"]
    assert "wrong" in tokenizer.decode(example.tokens)


@pytest.mark.parametrize("template", TEMPLATES)
def test_all_trains_on_every_token_but_silent_turns(template: str) -> None:
    tokenizer, example = encode(chat("hello", "one"), template, train_on="all")
    assert example.labels == example.tokens
    row = chat("hello", "one", "and?", "two")
    row["messages"][1]["weight"] = 0  # type: ignore[index]
    tokenizer, example = encode(row, template, train_on="all")
    head, tail = learned(tokenizer, example)
    assert head == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    assert tail.endswith("assistant\ntwo<|im_end|>\n")


def test_a_template_without_a_generation_prompt() -> None:
    tokenizer, example = encode(chat("hello", "one", "and?", "two"), LLAMA)
    assert learned(tokenizer, example) == [" one <|im_end|>", " two <|im_end|>"]


def test_a_template_without_an_end_of_turn_gets_one_and_says_so() -> None:
    said: list[str] = []
    tokenizer, example = encode(chat("hello", "one", "and?", "two"), PLAIN, said=said)
    assert learned(tokenizer, example) == ["one\n", "two\n<|im_end|>"]
    assert len(said) == 1
    assert "'<|im_end|>' was added" in said[0]


def test_no_content_and_a_list_of_texts() -> None:
    row = {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "he"}, {"type": "text", "text": "llo"}],
            },
            {"role": "assistant", "content": None, "refusal": "no"},
        ]
    }
    tokenizer, example = encode(row)
    assert "user\nhello<|im_end|>" in tokenizer.decode(example.tokens)
    assert learned(tokenizer, example) == ["no<|im_end|>"]


def test_a_picture_is_refused() -> None:
    row = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:"}]}]}
    with pytest.raises(TrainingFailure, match="'image_url'") as caught:
        encode(row)
    assert caught.value.code == "unsupported_content"


def test_developer_is_read_as_system_and_said() -> None:
    said: list[str] = []
    row = chat("hello", "one")
    row["messages"].insert(0, {"role": "developer", "content": "be kind"})  # type: ignore[attr-defined]
    tokenizer, example = encode(row, said=said)
    assert tokenizer.decode(example.tokens).startswith("<|im_start|>system\nbe kind<|im_end|>")
    assert any("`developer`" in words for words in said)


CALLS: dict[str, object] = {
    "messages": [
        {"role": "user", "content": "weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "cold"},
        {"role": "assistant", "content": "it is cold"},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
}


def test_tool_calls_are_learned_and_their_results_are_not() -> None:
    said: list[str] = []
    tokenizer, example = encode(CALLS, said=said)
    assert learned(tokenizer, example) == [
        '<tool_call>weather {"city": "Oslo"}</tool_call><|im_end|>',
        "it is cold<|im_end|>",
    ]
    # This template has no place for the functions themselves.
    assert len(said) == 1
    assert "leaves `tools` out" in said[0]


def test_tools_reach_a_template_that_takes_them() -> None:
    said: list[str] = []
    template = "{% if tools %}{{ tools | tojson + '\n' }}{% endif %}" + CHATML
    tokenizer, example = encode(CALLS, template, said=said)
    assert '"name": "weather", "parameters"' in tokenizer.decode(example.tokens)
    assert said == []


def test_a_template_that_drops_tool_calls_is_an_error() -> None:
    with pytest.raises(TrainingFailure, match="leaves tool calls out") as caught:
        encode(CALLS, MARKED)
    assert caught.value.code == "chat_template"


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_assistant_may_speak_first(template: str) -> None:
    row = {
        "messages": [
            {"role": "assistant", "content": "welcome"},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "one"},
        ]
    }
    assert learned_of(row, template) == ["welcome<|im_end|>", "one<|im_end|>"]


def test_two_assistants_in_a_row() -> None:
    row = chat("hello", "one")
    row["messages"].append({"role": "assistant", "content": "two"})  # type: ignore[attr-defined]
    assert learned_of(row) == ["one<|im_end|>", "two<|im_end|>"]


def test_a_default_system_prompt_is_not_learned() -> None:
    template = (
        "{% if messages[0]['role'] != 'system' %}"
        "{{ '<|im_start|>system\nbe kind<|im_end|>\n' }}{% endif %}" + CHATML
    )
    row = {"messages": [{"role": "assistant", "content": "welcome"}]}
    tokenizer, example = encode(row, template)
    assert "be kind" in tokenizer.decode(example.tokens)
    assert learned(tokenizer, example) == ["welcome<|im_end|>"]


def test_words_that_the_template_strips_are_said() -> None:
    said: list[str] = []
    template = CHATML.replace("message['content']", "message['content'].split('|') | last")
    tokenizer, example = encode(chat("hello", "secret|one"), template, said=said)
    assert learned(tokenizer, example) == ["one<|im_end|>"]
    assert any("changed or left out" in words for words in said)


def test_no_chat_template_is_an_error_with_the_way_on() -> None:
    with pytest.raises(TrainingFailure, match=r"LocalOptions\(chat_template") as caught:
        encode(chat("hello", "one"), None)
    assert caught.value.code == "chat_template"


def test_a_template_that_rewrites_history_is_an_error_that_names_the_row() -> None:
    template = CHATML.replace(
        "{{ message['content'] }}",
        "{{ '<think></think>' if loop.last and message['role'] == 'assistant' }}"
        "{{ message['content'] }}",
    )
    assert learned_of(chat("hello", "one"), template) == ["<think></think>one<|im_end|>"]
    encoder = Encoder(make_tokenizer(template), "assistant", print)
    rows = [chat("hello", "one"), chat("hello", "one", "and?", "two")]
    with pytest.raises(TrainingFailure, match=r"^line 2 of the data: .*chat_template") as caught:
        encode_all(rows, encoder, limit=100, name="data")
    assert caught.value.code == "chat_template"


def test_a_template_that_refuses_a_row_is_quoted() -> None:
    template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(TrainingFailure, match="roles must alternate"):
        encode(chat("hello", "one"), template)


def test_tokens_end_where_the_model_starts_to_write() -> None:
    """At inference the prompt is tokenised alone, so no token may reach over its end."""
    tokenizer = make_tokenizer(PLAIN)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hello"}], tokenize=False, add_generation_prompt=True
    )
    asked = tokenizer.encode(prompt, add_special_tokens=False)
    whole = tokenizer.encode(prompt + " this", add_special_tokens=False)
    assert whole[: len(asked)] == asked
    glued = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer = make_tokenizer(glued)
    _, example = encode(chat("flou", "r and sugar"), tokenizer=tokenizer)
    # The whole text would begin with the one token `flour`.
    assert len(tokenizer.encode("flour", add_special_tokens=False)) == 1
    assert learned(tokenizer, example) == ["r and sugar<|im_end|>"]


def test_too_long_rows_are_named_and_never_cut() -> None:
    rows = [chat("hello", "one")] + [chat("hello", "one " * 30)] * 6
    encoder = Encoder(make_tokenizer(), "assistant", print)
    with pytest.raises(TrainingFailure) as caught:
        encode_all(rows, encoder, limit=40, name="training data")
    assert caught.value.code == "row_too_long"
    message = str(caught.value)
    assert message.startswith("6 row(s) of the training data are longer than 40 tokens: line 2 has")
    assert "line 6 has" in message
    assert "line 7" not in message
    assert "1 more" in message


def test_rows_without_a_token_to_learn_are_counted() -> None:
    silent = chat("hello", "one")
    silent["messages"][1]["weight"] = 0  # type: ignore[index]
    encoder = Encoder(make_tokenizer(), "assistant", print)
    examples, empty = encode_all([silent, chat("a", "b")], encoder, limit=99, name="data")
    assert ([example.line for example in examples], empty) == ([2], 1)
    with pytest.raises(TrainingFailure) as caught:
        encode_all([silent], encoder, limit=99, name="data")
    assert caught.value.code == "nothing_to_learn"


def _known_template(name: str, special: Sequence[str]) -> Any:
    spec = find_spec("trl")
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / "chat_templates" / f"{name}.jinja").read_text("utf-8")
    tokenizer = make_tokenizer(text)
    tokenizer.add_special_tokens({"additional_special_tokens": list(special)})
    return tokenizer


@pytest.mark.parametrize(
    ("name", "special", "end"),
    [
        ("qwen2_5", ["<|im_end|>"], "<|im_end|>"),
        ("qwen3_instruct_2507", ["<|im_end|>"], "<|im_end|>"),
        ("llama3", ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], "<|eot_id|>"),
        ("phi3", ["<|user|>", "<|assistant|>", "<|end|>"], "<|end|>"),
        ("gemma", ["<start_of_turn>", "<end_of_turn>"], "<end_of_turn>"),
    ],
)
@pytest.mark.parametrize("kind", ["", "_training"])
def test_templates_of_real_models(name: str, special: list[str], end: str, kind: str) -> None:
    """By prompts, and by marks where TRL's training variant has them, it is the same."""
    tokenizer = _known_template(name + kind, special)
    tokenizer.bos_token = "<|im_start|>"
    _, example = encode(chat("hello", "one", "and?", "two", "thanks"), tokenizer=tokenizer)
    assert learned(tokenizer, example) == [f"one{end}", f"two{end}"]


@pytest.mark.parametrize(
    ("kind", "end"), [("", "<|end|>"), ("_training", "<|end|>\n<|endoftext|>")]
)
def test_a_token_that_closes_the_whole_talk_ends_no_turn(kind: str, end: str) -> None:
    """Phi-3 writes one; only TRL's variant marks it as the assistant's."""
    tokenizer = _known_template("phi3" + kind, ["<|user|>", "<|assistant|>", "<|end|>"])
    tokenizer.eos_token = "<|endoftext|>"
    _, example = encode(chat("hello", "one", "and?", "two"), tokenizer=tokenizer)
    assert learned(tokenizer, example) == ["one<|end|>", f"two{end}"]


def test_a_token_that_closes_the_talk_is_learned_where_there_is_no_other() -> None:
    said: list[str] = []
    closing = PLAIN.replace("{% endif %}", "{% else %}{{ eos_token }}{% endif %}")
    tokenizer, example = encode(chat("hello", "one", "and?", "two"), closing, said=said)
    assert learned(tokenizer, example) == ["one\n", "two\n<|im_end|>"]
    assert said == []


def test_a_known_template_that_rewrites_history_is_written_with_its_training_variant() -> None:
    said: list[str] = []
    tokenizer = _known_template("qwen3", ["<|im_end|>"])
    _, example = encode(chat("hello", "one", "and?", "two"), tokenizer=tokenizer, said=said)
    first, second = learned(tokenizer, example)
    assert first.endswith("one<|im_end|>")
    assert second.endswith("two<|im_end|>")
    assert any("training variant" in words for words in said)


def test_sentencepiece_does_not_add_a_blank_between_stretches() -> None:
    tokenizers, transformers = import_module("tokenizers"), import_module("transformers")
    core = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=False, unk_token="?"))
    core.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    core.decoder = tokenizers.decoders.Metaspace(prepend_scheme="first")
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=200, special_tokens=["?", "<s>", "</s>"], show_progress=False
    )
    core.train_from_iterator(["user: hello\nassistant: one two three\n"] * 3, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", chat_template=PLAIN
    )
    _, example = encode(chat("hello", "one"), tokenizer=tokenizer)
    written = "".join(tokenizer.convert_ids_to_tokens(example.tokens))
    assert written == "▁user:▁hello\nassistant:▁one\n</s>"
