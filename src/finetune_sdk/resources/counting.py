"""The tokens of a dataset, as a model counts them."""

from __future__ import annotations

from finetune_sdk import datasets
from finetune_sdk.datasets import Dataset
from finetune_sdk.datasets.tokens import encoding_of
from finetune_sdk.providers.base import CanEstimate, CanInspect, MethodSupport
from finetune_sdk.resources.context import Context, unsupported
from finetune_sdk.resources.drafting import draft
from finetune_sdk.resources.request import JobRequest
from finetune_sdk.resources.rules import counting_for, row_rules
from finetune_sdk.types import Method, TokenReport


def count(context: Context, dataset: Dataset, model: str, method: Method) -> TokenReport:
    """Counts by the encoding of the model, or by what the provider finds out.

    Raises:
        UnsupportedError: nobody knows how the model counts.
    """
    resolved, provider = context.resolve_model(model), context.provider
    support = provider.capabilities.methods.get(method.name)
    named = provider.encoding(resolved) if isinstance(provider, CanEstimate) else None
    name = named or encoding_of(resolved)
    if name is not None:
        return by_encoding(name, dataset, resolved, method, support)
    report = _by_provider(context, dataset, resolved, method)
    if report is None:
        what = f"counting tokens as {resolved!r} does"
        raise unsupported(context, what, lambda other: issubclass(other, CanInspect))
    return report


def by_encoding(
    name: str,
    dataset: Dataset,
    model: str,
    method: Method,
    support: MethodSupport | None = None,
) -> TokenReport:
    """Counts by a known encoding, which needs no provider.

    Args:
        name: of the encoding.
        dataset: whose tokens are counted.
        model: whose limit a row is held against.
        method: says which tokens are learned.
        support: what the provider does where the method does not say; None is no provider.
    """
    rules = row_rules(method.name, support)
    counting = counting_for(name, model, method, support, rules)
    report = datasets.check(dataset, rules=rules, limit=0, near_duplicates=False, counting=counting)
    return _told_of_gaps(counting.report(), report.rows)


def _told_of_gaps(tokens: TokenReport, rows: int) -> TokenReport:
    """The tokens, with a note where rows could not be counted.

    Args:
        tokens: what was counted.
        rows: that there are.
    """
    if tokens.rows == rows:
        return tokens
    gap = f"{rows - tokens.rows} of {rows} row(s) cannot be counted; a check tells why"
    note = "; ".join(filter(None, (tokens.note, gap)))
    return tokens.model_copy(update={"note": note, "exact": False})


def _by_provider(
    context: Context, dataset: Dataset, model: str, method: Method
) -> TokenReport | None:
    provider = context.provider
    if not isinstance(provider, CanInspect):
        return None
    request = JobRequest(model=model, training_data=dataset, method=method, resolved=True)
    made = draft(context, request)
    return context.call(lambda: provider.inspect_job(made.spec, made.rows())).training
