"""The loss, computed on the labelled positions only.

TRL scores every position on a CPU, with and without a label, and does it twice (trl 1.16,
`add_fused_lm_head`: it compacts on Triton devices alone). The output head over a large vocabulary
is a good part of a small model, and most tokens of a chat row are the prompt's. The numbers are
TRL's own but for rounding: a test holds the two beside each other.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

from finetune_sdk.providers.local.training.rows.encoding import IGNORED, Example

_SCALED = (
    "final_logit_softcapping",
    "logit_scale",
    "logits_scaling",
    "output_multiplier",
    "lm_head_multiplier",
)
"""Fields of a model's config that change its logits after the output head."""

_LOGITS_AT_ONCE = 2**26
"""Numbers that the logits of a stretch of positions may be: 256 MiB of float32."""

Batch = dict[str, Any]
_Head = Callable[[Any, Any], "_Scores"]


class Collator:
    """Examples to a batch, padded at the right to the longest."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, examples: Sequence[dict[str, list[int]]]) -> Batch:
        torch = import_module("torch")
        longest = max(len(example["input_ids"]) for example in examples)
        rows: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
        for example in examples:
            length = len(example["input_ids"])
            gap = longest - length
            rows["input_ids"].append(example["input_ids"] + [self._pad] * gap)
            rows["attention_mask"].append([1] * length + [0] * gap)
            rows["labels"].append(example["labels"] + [IGNORED] * gap)
        return {name: torch.tensor(values) for name, values in rows.items()}


def columns(examples: Iterable[Example]) -> dict[str, list[Any]]:
    """Examples as the columns of a dataset; `length` is what they are grouped by."""
    rows = list(examples)
    return {
        "input_ids": [example.tokens for example in rows],
        "labels": [example.labels for example in rows],
        "length": [len(example.tokens) for example in rows],
    }


def trainer(**settings: Any) -> Any:
    """TRL's `SFTTrainer` with our loss; takes the same keywords."""
    trl = import_module("trl")

    class LabelledTrainer(trl.SFTTrainer):  # type: ignore[misc, name-defined]
        # The loss is divided by the labels of the whole batch, so rows count the same however
        # they are split into micro batches; for models too that do not say that they take part.
        loss_is_scaled_for_ga = True

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)  # pyright: ignore[reportUnknownMemberType]
            self.model_accepts_loss_kwargs = True
            self._loss_shifts_labels = True

    return LabelledTrainer(**settings)


def obstacle(config: Any) -> str | None:
    """Why a model's scores are not ours to compute; None where nothing speaks against it.

    Args:
        config: of transformers.
    """
    text = config.get_text_config()
    if any(getattr(text, name, None) is not None for name in _SCALED):
        return "this model's scores are more than the product of its last states and its head"
    if getattr(text, "output_router_logits", False):
        return "this model's loss has a part for its experts"
    return None


def score_labelled(
    model: Any,
    temperature: float = 1.0,
    around: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """Makes TRL's fused head of a model skip positions without a label.

    Args:
        model: one that nothing speaks against (`hindrance`).
        temperature: that scores are divided by.
        around: what it is computed within. A reference has its precision in the `forward` that
            is replaced here.
    """
    base = _below(model)
    fused = base.forward

    def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not kwargs.get("fused_lm_head") or kwargs.get("shift_labels") is not None:
            return fused(*args, **kwargs)
        del kwargs["fused_lm_head"]
        kwargs.pop("num_items_in_batch", None)
        with around():
            return _score(self, temperature, kwargs.pop("labels"), *args, **kwargs)

    base.forward = types.MethodType(forward, base)


def hindrance(model: Any) -> str | None:
    """Why a model that is loaded is left to TRL; None where nothing speaks against it."""
    base, nn = _below(model), import_module("torch.nn")
    if base.device.type != "cpu":
        return "it is not on a CPU"
    # Exactly a Linear: an adapter around the head, or a sharded one, is TRL's business.
    if type(base.get_output_embeddings()) is not nn.Linear or base.base_model is base:
        return "its output head is not a plain layer"
    # TRL itself may have asked for more than the config said.
    return obstacle(base.config)


def _below(model: Any) -> Any:
    """The model of transformers below an adapter."""
    peft = import_module("peft")
    return model.get_base_model() if isinstance(model, peft.PeftModel) else model


class Score(NamedTuple):
    """What a model made of some rows: sums over labelled positions."""

    loss: float
    right: int
    labelled: int

    @property
    def mean(self) -> float:
        """Loss in nats per learned token."""
        return self.loss / max(self.labelled, 1)


def evaluate(model: Any, batches: Iterable[Batch]) -> Score:
    """Measures rows without learning from them; every learned token counts the same."""
    torch = import_module("torch")
    was_training = model.training
    model.eval()
    total = Score(0.0, 0, 0)
    with torch.no_grad():
        for batch in batches:
            inputs = {name: value.to(model.device) for name, value in batch.items()}
            output = model(**inputs, use_cache=False, fused_lm_head=True)
            total = Score(
                total.loss - output.log_probs.sum().item(),
                total.right + int(output.is_top1.sum()),
                total.labelled + int(output.label_mask.sum()),
            )
    model.train(was_training)
    return total


class _Scores(NamedTuple):
    """What the head says of some positions; of each one number."""

    log_probs: Any
    entropy: Any
    is_top1: Any
    mean_logits: Any


def _score(model: Any, temperature: float, labels: Any, *args: Any, **kwargs: Any) -> Any:
    utils = import_module("trl.trainer.utils")
    kwargs["use_cache"] = False
    states = model.base_model(*args, **kwargs).last_hidden_state[:, :-1]
    targets = labels[:, 1:]
    mask = targets != IGNORED
    head = partial(_score_positions, head=model.get_output_embeddings(), temperature=temperature)
    width = model.get_output_embeddings().out_features
    scores = _in_stretches(states[mask], targets[mask], head, width)
    # Zero where there is no label, as TRL has it. A batch without any keeps its way back.
    placed = (one.new_zeros(mask.shape).masked_scatter(mask, one) for one in scores)
    return utils.FusedCausalLMOutput(**_Scores(*placed)._asdict(), label_mask=mask)


def _in_stretches(states: Any, targets: Any, head: _Head, width: int) -> _Scores:
    torch = import_module("torch")
    checkpoint = import_module("torch.utils.checkpoint").checkpoint
    size = max(1, _LOGITS_AT_ONCE // width)
    if len(states) <= size:
        return head(states, targets)
    # More logits than fit are computed again on the way back instead of being kept.
    parts = [
        checkpoint(head, some, wanted, use_reentrant=False)
        for some, wanted in zip(states.split(size), targets.split(size), strict=True)
    ]
    return _Scores(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _score_positions(states: Any, targets: Any, *, head: Any, temperature: float) -> _Scores:
    torch = import_module("torch")
    scores = head(states).float()
    if temperature != 1:
        scores = scores / temperature
    logits = torch.log_softmax(scores, dim=-1)
    log_probs = logits.gather(-1, targets[:, None]).squeeze(-1)
    with torch.no_grad():
        entropy = -(logits.exp() * logits).sum(-1)
        right = logits.argmax(-1) == targets
    return _Scores(log_probs, entropy, right, scores.detach().mean(-1))
