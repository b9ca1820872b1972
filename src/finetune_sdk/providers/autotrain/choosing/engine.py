"""Which engine trains: AutoTrain where it can, TRL where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from finetune_sdk.errors import UnsupportedError
from finetune_sdk.providers.autotrain.choosing.base_model import BaseModel
from finetune_sdk.providers.autotrain.order import Trainer
from finetune_sdk.providers.autotrain.settings import NAME, Engine, Runner
from finetune_sdk.types import JobSpec, MethodName

# MODEL_FOR_CAUSAL_LM_MAPPING_NAMES of transformers 4.48.0, which autotrain-advanced 0.8.36 pins.
_NAMES = """
aria_text bamba bart bert bert-generation big_bird bigbird_pegasus biogpt blenderbot
blenderbot-small bloom camembert code_llama codegen cohere cohere2 cpmant ctrl data2vec-text
dbrx diffllama electra emu3 ernie falcon falcon_mamba fuyu gemma gemma2 git glm gpt-sw3 gpt2
gpt_bigcode gpt_neo gpt_neox gpt_neox_japanese gptj granite granitemoe jamba jetmoe llama mamba
mamba2 marian mbart mega megatron-bert mistral mixtral mllama moshi mpt musicgen musicgen_melody
mvp nemotron olmo olmo2 olmoe open-llama openai-gpt opt pegasus persimmon phi phi3 phimoe plbart
prophetnet qdqbert qwen2 qwen2_moe recurrent_gemma reformer rembert roberta roberta-prelayernorm
roc_bert roformer rwkv speech_to_text_2 stablelm starcoder2 transfo-xl trocr whisper xglm xlm
xlm-prophetnet xlm-roberta xlm-roberta-xl xlnet xmod zamba
"""
ARCHITECTURES = frozenset(_NAMES.split())
"""Values of `model_type` that AutoTrain can train."""

_AUTOTRAINS_TEMPLATES = ("zephyr", "chatml")


class Decided(NamedTuple):
    """An engine, and why it is that one, in words."""

    engine: Trainer
    why: str


def decide(wish: Engine, spec: JobSpec, base: BaseModel, runner: Runner) -> Decided:
    """The engine of a job.

    Raises:
        UnsupportedError: the one that is wished, or needed, cannot do it; says which can.
    """
    for_trl, for_autotrain = list(_beyond_autotrain(spec, base)), list(_beyond_trl(spec))
    if runner != "jobs":
        for_autotrain.append(f'the runner "{runner}" starts AutoTrain itself')
    if for_trl and (wish == "autotrain" or for_autotrain):
        raise UnsupportedError(_dead_end(wish, for_trl, for_autotrain))
    if wish == "trl" and for_autotrain:
        raise UnsupportedError(
            f'{NAME}: `engine` is "trl", and {"; ".join(for_autotrain)}; write '
            '`engine = "autotrain"`'
        )
    if wish != "auto":
        return Decided(wish, "as you said")
    if for_trl:
        return Decided("trl", f"AutoTrain cannot: {'; '.join(for_trl)}")
    return Decided("autotrain", "it knows the architecture and can do what was asked")


def _beyond_autotrain(spec: JobSpec, base: BaseModel) -> Iterator[str]:
    """Why AutoTrain cannot do it."""
    if base.architecture is not None and base.architecture not in ARCHITECTURES:
        yield (
            f"AutoTrain 0.8.36 (January 2025) does not know the architecture "
            f"{base.architecture!r:.80} of {base.id!r}"
        )
    if base.tokenizer == "TokenizersBackend":
        yield f"the tokenizer of {base.id!r} was saved by transformers 5, which AutoTrain is not"
    if base.revision is not None:
        yield f"AutoTrain takes the newest commit of a model, not {base.revision!r}"
    if spec.validation_file is not None:
        yield "AutoTrain's trainer of language models crashes on validation data"
    if getattr(spec.method, "train_on", None) == "assistant":
        yield "AutoTrain learns all tokens, not the assistant's turns alone"
    if spec.method.epochs is not None and spec.method.epochs % 1:
        yield "AutoTrain makes whole passes only"


def _beyond_trl(spec: JobSpec) -> Iterator[str]:
    """Why TRL cannot do it."""
    if spec.method.name is MethodName.ORPO:
        yield "TRL 1.16 has no command for ORPO"
    if spec.options.get("chat_template") in _AUTOTRAINS_TEMPLATES:
        yield f"`chat_template` {spec.options['chat_template']!r} is AutoTrain's own"


def _dead_end(wish: Engine, for_trl: list[str], for_autotrain: list[str]) -> str:
    told = "; ".join(for_trl)
    if for_autotrain:
        return (
            f"{NAME}: no engine can do all of it: {told} (TRL can), and "
            f"{'; '.join(for_autotrain)} (TRL cannot); leave one of them out, or write "
            '`runner = "jobs"` where that is the reason'
        )
    return f'{NAME}: `engine` is {wish!r}, and {told}; write `engine = "trl"`'
