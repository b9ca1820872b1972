"""The seam to transformers: the app of `transformers serve`, around one model.

Wired as `transformers.cli.serve` (5.23) does it, without the handlers of routes that the gate
closes, and with changes to how the model generates: it samples unless it is told not to, it stays
within its context, and it ends at a stop, or when nobody listens any more.
"""
# Transformers and torch have few types, and the model is whatever class its folder names.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_sdk.providers.local.options import LocalDeploymentOptions
from finetune_sdk.providers.local.serving.asgi import App
from finetune_sdk.providers.local.serving.refusal import Refusal
from finetune_sdk.providers.local.training import hardware

# The app takes what follows an @ or a colon in a path for a revision or a file: it is given a path
# that has neither, and that tells nothing.
TARGET = "."

# What OpenAI documents for requests that do not say.
_SAMPLING = {"temperature": 1.0, "top_p": 1.0, "top_k": 0}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A loaded model and the app that answers for it.

    Attributes:
        app: takes `TARGET` for the model's name.
        tools: the model is shown tools, and its calls can be read.
        give_up: while it is set, whatever is being generated ends.
        device: where the model lies, and the type of its weights: to be told.
    """

    app: App
    tools: bool
    give_up: threading.Event
    device: str


def load(folder: Path, options: LocalDeploymentOptions) -> Engine:
    """Loads the model in `folder`. It becomes the process's working folder."""
    import torch
    from transformers.cli.serving.model_manager import ModelManager

    _quieten()
    machine = hardware.look(os.environ)
    torch.set_num_threads(options.threads or machine.asked_threads or machine.cores)
    dtype = options.precision or _dtype(machine)
    os.chdir(folder)
    manager: Any = ModelManager(device=machine.device, dtype=dtype, force_model=TARGET)
    model, processor = manager.load_model_and_processor(manager.process_model_name(TARGET))
    give_up = threading.Event()
    _sample(model.generation_config)
    model.generate = Generate(model.generate, context=_context(model), give_up=give_up)
    return Engine(
        app=_build(manager),
        tools=_shows_tools(processor, model),
        give_up=give_up,
        device=f"{machine.device}, {dtype}",
    )


def _build(manager: Any) -> Any:
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.serving.completion import CompletionHandler
    from transformers.cli.serving.server import build_server
    from transformers.cli.serving.utils import GenerationState

    state: Any = GenerationState()
    unused: Any = None
    return build_server(
        manager,
        ChatCompletionHandler(manager, state),
        CompletionHandler(manager, state),
        response_handler=unused,
        transcription_handler=unused,
        systemone_handler=unused,
        generation_state=state,
    )


@dataclass
class Generate:
    """`model.generate` within the model's context, until it says a stop or nobody listens.

    Attributes:
        context: tokens that prompt and answer may have together; None where the model has no end.
    """

    generate: Callable[..., object]
    context: int | None
    give_up: threading.Event

    def __call__(self, **arguments: Any) -> object:
        prompt = int(arguments["input_ids"].shape[-1])
        # The handler looks into the same object afterwards, to tell "length" from "stop".
        config = arguments["generation_config"]
        config.max_new_tokens = min(config.max_new_tokens, self._room(prompt))
        ends = Ends(self.give_up, prompt, tuple(config.stop_strings or ()), arguments["tokenizer"])
        config.stop_strings = None
        return self.generate(stopping_criteria=[ends], **arguments)

    def _room(self, prompt: int) -> int:
        if self.context is None:
            return sys.maxsize
        if prompt >= self.context:
            raise Refusal(
                400,
                f"the prompt has {prompt} tokens, and the model's context has {self.context}",
                code="context_length_exceeded",
            )
        return self.context - prompt


@dataclass
class Ends:
    """Whether an answer ends here: a stopping criterion of transformers.

    Its own one for texts looks at the prompt too: after a prompt that ends with a newline, a
    single newline would be taken for two.

    Attributes:
        prompt: tokens of it.
        stop: texts that end the answer.
    """

    give_up: threading.Event
    prompt: int
    stop: tuple[str, ...]
    tokenizer: Any

    def __call__(self, tokens: Any, _scores: object, **_: object) -> object:
        return tokens.new_full((1,), self._now(tokens), dtype=bool)

    def _now(self, tokens: Any) -> bool:
        if self.give_up.is_set():
            return True
        if not self.stop:
            return False
        text = self.tokenizer.decode(tokens[0, self.prompt :], skip_special_tokens=True)
        return any(one in text for one in self.stop)


def _quieten() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _dtype(machine: hardware.Machine) -> str:
    if machine.bfloat16:
        return "bfloat16"
    return "float16" if machine.device == "cuda" else "float32"


def _sample(config: Any) -> None:
    """Makes the model sample by default, as OpenAI's do.

    Otherwise the app would pass over a request's temperature in silence. A model that samples of
    its own accord keeps its own settings.
    """
    for name, value in _SAMPLING.items():
        if config.do_sample is not True or getattr(config, name) is None:
            setattr(config, name, value)
    config.do_sample = True


def _context(model: Any) -> int | None:
    config = model.config.get_text_config()
    length = getattr(config, "max_position_embeddings", None)
    return length if isinstance(length, int) else None


def _shows_tools(processor: Any, model: Any) -> bool:
    from transformers.cli.serving.utils import get_response_template

    template = getattr(processor, "chat_template", None)
    return "tools" in str(template or "") and get_response_template(processor, model) is not None
