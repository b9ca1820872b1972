"""A tiny chat model made on the spot: random weights, byte-level BPE, ChatML. Needs no network."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] }}"
    "{% for call in message['tool_calls'] or [] %}"
    "{{ '<tool_call>' + call['function']['name'] + ' ' }}"
    "{{ call['function']['arguments'] | tojson }}{{ '</tool_call>' }}"
    "{% endfor %}"
    "{{ '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""A template without generation marks, as most models have it."""

SPECIAL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")

_TEXT = (
    "list the ingredients as json flour sugar butter eggs milk salt two cups of rice and a pinch "
    'of pepper ["flour", "sugar"] what is this? this is a cake. hello there, how are you today'
)


def make_tiny_model(
    folder: Path, *, context: int = 256, template: str | None = CHATML, seed: int = 0
) -> Path:
    """Writes config, safetensors and tokenizer of a Llama of two layers and 0.1 M weights.

    Args:
        context: tokens that the model says it can read.
        template: the chat template; None leaves the tokenizer without one.
        seed: another seed gives other weights.
    """
    torch, transformers = import_module("torch"), import_module("transformers")
    tokenizer = make_tokenizer(template, context=context)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids("<|im_start|>"),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = transformers.LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tokenizer(template: str | None = CHATML, *, context: int = 256) -> Any:
    """A byte-level BPE tokenizer of 320 tokens with the special tokens of ChatML."""
    tokenizers, transformers = import_module("tokenizers"), import_module("transformers")
    core = tokenizers.Tokenizer(tokenizers.models.BPE())
    core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(SPECIAL),
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator([_TEXT], trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=context,
        chat_template=template,
    )
