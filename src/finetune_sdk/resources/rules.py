"""What rows are held against, for a method at a provider."""

from __future__ import annotations

from finetune_sdk.config import did_you_mean
from finetune_sdk.datasets import FORMATS, RowRules
from finetune_sdk.errors import ConfigurationError
from finetune_sdk.providers.base import MethodSupport
from finetune_sdk.resources.plain import is_a
from finetune_sdk.types import BaseMethod, Method, MethodName


def row_rules(
    name: MethodName, support: MethodSupport | None, *, validation: bool = False
) -> RowRules:
    """The rules for a method's rows.

    Args:
        name: of the method.
        support: what the provider can do of it; None where it cannot, or there is none.
        validation: the rows are measured on.
    """
    if support is None:
        return RowRules(format=FORMATS[name], validation=validation)
    return RowRules(
        format=FORMATS[name],
        content=support.content,
        min_rows=1 if validation else support.min_rows,
        validation=validation,
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
