"""What rows are held against, for a method at a provider."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from finetune_sdk.datasets import FORMATS, Counting, RowRules
from finetune_sdk.datasets.tokens import encoding, limit_of
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.near import did_you_mean
from finetune_sdk.providers.base import MethodSupport
from finetune_sdk.providers.registry import FAKE
from finetune_sdk.resources.plain import is_a
from finetune_sdk.types import (
    DPO,
    KTO,
    ORPO,
    BaseMethod,
    Method,
    MethodName,
    Reinforcement,
    Reward,
    Supervised,
)


def row_rules(
    name: MethodName,
    support: MethodSupport | None,
    *,
    provider: str | None = None,
    allow: Collection[str] = (),
) -> RowRules:
    """The rules for a method's rows.

    Args:
        name: of the method.
        support: what the provider can do of it; None where it cannot, or there is none.
        provider: whom the rows are for; None is nobody yet, and so is the fake, with which one
            rehearses for others.
        allow: codes of findings that the caller has decided to live with.
    """
    provider = None if provider == FAKE else provider
    if support is None:
        return RowRules(format=FORMATS[name], provider=provider, allowed=frozenset(allow))
    return RowRules(
        format=FORMATS[name],
        content=support.content,
        min_rows=support.min_rows,
        images=support.images,
        provider=provider,
        allowed=frozenset(allow),
    )


def counting_for(
    name: str, model: str, method: Method, support: MethodSupport | None, rules: RowRules
) -> Counting:
    """Counts tokens as a model does; by an estimate that calls itself one, where it must.

    Args:
        name: of the encoding.
        model: whose limit a row is held against.
        method: says which tokens are learned.
        support: what the provider does where the method does not say.
        rules: of the rows.
    """
    said = method.train_on if isinstance(method, Supervised) else None
    limits = [limit for limit in (method.max_length, limit_of(model)) if limit is not None]
    return Counting(
        encoding(name, estimate=True),
        format=rules.format,
        train_on=said or (support.train_on[0] if support else "assistant"),
        limit=min(limits, default=None),
    )


def method_name(method: Method | MethodName | str | None) -> MethodName:
    """The name of a method that was given in whatever way; None is supervised.

    Raises:
        ConfigurationError: there is no such method.
    """
    if method is None:
        return MethodName.SUPERVISED
    if isinstance(method, BaseMethod):
        return method.name
    known = [name.value for name in MethodName]
    if method not in known:
        near = did_you_mean(method, known) if is_a(method, str) else ""
        raise ConfigurationError(
            f"`method` is {method!r:.80}{near}; it takes a method, as in `DPO()`, or its name: "
            f"{', '.join(known)}"
        )
    return MethodName(method)


def method_object(method: Method | MethodName | str | None) -> Method:
    """A method that was given in whatever way, with nothing said of it where it was named.

    Raises:
        ConfigurationError: there is no such method.
    """
    if isinstance(method, BaseMethod):
        return method
    return _PLAIN[method_name(method)]


_PLAIN: Mapping[MethodName, Method] = MappingProxyType(
    {kind.NAME: kind() for kind in (Supervised, DPO, ORPO, KTO, Reward)}
    # It is not whole without a reward; only its rows are looked at.
    | {MethodName.REINFORCEMENT: Reinforcement(rewards=("none:none",))}
)
