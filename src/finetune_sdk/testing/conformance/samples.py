"""A method of each kind with small values, and rows that it learns from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetune_sdk.providers.base import MethodSupport
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    Method,
    MethodName,
    Reinforcement,
    Reward,
    StringCheckGrader,
    Supervised,
)

Rows = Sequence[Mapping[str, object]]

_GRADER = StringCheckGrader(
    name="same", input="{{sample.output_text}}", reference="{{item.answer}}", operation="eq"
)
_METHODS: Mapping[MethodName, Method] = {
    MethodName.SUPERVISED: Supervised(),
    MethodName.DPO: DPO(),
    MethodName.ORPO: ORPO(),
    MethodName.KTO: KTO(),
    MethodName.REWARD: Reward(),
    MethodName.REINFORCEMENT: Reinforcement(grader=_GRADER),
}
_VALUES: Mapping[str, object] = {
    "epochs": 2,
    "batch_size": 1,
    "learning_rate": 1e-4,
    "learning_rate_multiplier": 1.5,
    "lora": True,
    "max_length": 512,
    "beta": 0.2,
    "desirable_weight": 1.0,
    "undesirable_weight": 1.0,
    "center_rewards_coefficient": 0.01,
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A method, and rows for it."""

    method: Method
    rows: Rows


def sample_of(name: MethodName, support: MethodSupport | None = None) -> Sample:
    """The method as it is, its rows, and a grader where the provider runs it."""
    method = _METHODS[name]
    if support is not None and name is MethodName.REINFORCEMENT and not support.graders:
        method = Reinforcement(rewards=("my_rewards:exact",))
    return Sample(method, tuple(_row(name, number) for number in range(12)))


def given(name: MethodName, names: frozenset[str]) -> Method:
    """The method with a value for each of these hyperparameters that has a plain one."""
    method = _METHODS[name]
    fields = type(method).model_fields
    values = {key: value for key, value in _VALUES.items() if key in fields and key in names}
    return type(method).model_validate({**method.model_dump(exclude_none=True), **values})


def hyperparameters(name: MethodName) -> frozenset[str]:
    """All that it has."""
    return frozenset(type(_METHODS[name]).model_fields) - {"type"}


def plain(name: MethodName) -> frozenset[str]:
    """Its hyperparameters that have a plain value here."""
    return frozenset(_VALUES) & frozenset(type(_METHODS[name]).model_fields)


def _row(name: MethodName, number: int) -> Mapping[str, object]:
    asked = [{"role": "user", "content": f"Say {number}."}]
    good = [{"role": "assistant", "content": str(number)}]
    bad = [{"role": "assistant", "content": str(number + 1)}]
    match name:
        case MethodName.SUPERVISED:
            return {"messages": asked + good}
        case MethodName.KTO:
            even = number % 2 == 0
            return {"prompt": asked, "completion": good if even else bad, "label": even}
        case MethodName.REINFORCEMENT:
            return {"messages": asked, "answer": str(number)}
        case _:
            return {
                "input": {"messages": asked},
                "preferred_output": good,
                "non_preferred_output": bad,
            }
