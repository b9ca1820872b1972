"""Everything that can be known of each trial before anything is sent."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from finetune_sdk.errors import ConfigurationError, CostLimitError
from finetune_sdk.resources import planning
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.costs import cost_of, dollars
from finetune_sdk.resources.drafting import Draft, draft, sibling
from finetune_sdk.resources.local_rows import digest_of, refuse_changed
from finetune_sdk.resources.request import JobRequest
from finetune_sdk.resources.submit import preflight
from finetune_sdk.resources.sweeping.request import SweepRequest
from finetune_sdk.resources.sweeping.trials import Variant, variants
from finetune_sdk.submission import call_digest
from finetune_sdk.types import CostEstimate, Inspection, JobSpec, NoEstimate, Trial

ROUNDING = 1e-9
"""US dollars by which a sum of amounts may be off."""


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """A trial that everything is known of.

    Attributes:
        trial: without a job; or, in a plan, with the one that was made before.
        made: the draft of its job, with the key that derives from the sweep and from it.
        call: the digest of its whole call.
        cost: of its job; None where nobody asked.
    """

    trial: Trial
    made: Draft
    call: str
    cost: CostEstimate | NoEstimate | None

    @property
    def spec(self) -> JobSpec:
        """As the desk knows it."""
        return self.made.held.model_copy(update={"call": self.call})

    @property
    def high(self) -> float:
        """US dollars at most, where they are counted."""
        return self.cost.high if isinstance(self.cost, CostEstimate) else 0.0


def drafted(context: Context, request: SweepRequest) -> list[Drafted]:
    """The trials, held against what the provider can do, the rows and the limit of money.

    Raises:
        UnsupportedError: the provider cannot do one of them.
        CostLimitError: all together may cost more than `max_cost`, or nobody can tell.
        FineTuneError: as `jobs.create` would.
    """
    kinds = variants(request)
    drafts = _drafts(context, request, kinds)
    rows = [one for one in (drafts[0].given, drafts[0].given_validation) if one is not None]
    digests = [digest_of(one) for one in rows]
    # Only now: they must be of the rows that were looked at.
    refuse_changed(drafts[0].stamps)
    found = [
        _drafted(context, request, number, kind, made, digests)
        for number, (kind, made) in enumerate(zip(kinds, drafts, strict=True), 1)
    ]
    _refuse_twins(context, found)
    if not request.plan_only and (reason := over_limit(context, request, found)):
        raise CostLimitError(f"{reason}; nothing was sent")
    return found


def looked_up(context: Context, request: SweepRequest, found: Sequence[Drafted]) -> tuple[str, ...]:
    """Warnings of what one look at the provider tells of each trial that was not begun.

    Raises:
        FineTuneError: one would be refused.
    """
    desk = context.desk()
    told: dict[str, None] = {}
    for one in found:
        told |= dict.fromkeys(one.made.warnings)
        if not desk.begun(one.spec):
            told |= dict.fromkeys(_inspected(context, request, one).warnings)
        told |= dict.fromkeys(one.made.row_warnings())
    if request.plan_only and (reason := over_limit(context, request, found)):
        told[f"a sweep would refuse: {reason}"] = None
    return tuple(told)


def _inspected(context: Context, request: SweepRequest, one: Drafted) -> Inspection:
    # A plan is worth having without the provider.
    return (planning.looked_up if request.plan_only else preflight)(context, one.made)


def _drafts(context: Context, request: SweepRequest, kinds: Sequence[Variant]) -> list[Draft]:
    jobs = [request.job(kind.method, kind.seed) for kind in kinds]
    first = draft(context, jobs[0])
    return [
        first,
        *(_sibling(context, first, job, number) for number, job in enumerate(jobs[1:], 2)),
    ]


def _sibling(context: Context, first: Draft, job: JobRequest, number: int) -> Draft:
    try:
        return sibling(context, first, job)
    except ConfigurationError as error:
        raise ConfigurationError(f"trial {number}: {error}") from None


def _drafted(
    context: Context,
    request: SweepRequest,
    number: int,
    kind: Variant,
    made: Draft,
    digests: Sequence[str],
) -> Drafted:
    call = call_digest(made.spec, digests)
    spec = made.spec.model_copy(update={"key": _key(request, kind, call)})
    made = replace(made, spec=spec)
    cost = cost_of(context, made) if request.plan_only or request.max_cost is not None else None
    estimate = cost if isinstance(cost, CostEstimate) else None
    trial = Trial(number=number, values=kind.values, estimate=estimate)
    return Drafted(trial=trial, made=made, call=call, cost=cost)


def _refuse_twins(context: Context, found: Sequence[Drafted]) -> None:
    """Two that differ in what is left out here, or in what the profile says anyway, are one job."""
    seen: dict[str, int] = {}
    for one in found:
        first = seen.setdefault(one.call, one.trial.number)
        if first != one.trial.number:
            raise ConfigurationError(
                f"trials {first} and {one.trial.number} come to the same job at {context.owner!r}: "
                "what tells them apart is left out there, or is what the profile says anyway"
            )


def sweep_key(request: SweepRequest, found: Sequence[Drafted]) -> str:
    """What the files of a sweep are uploaded under."""
    return _digest([request.name, *sorted(one.made.spec.key for one in found)])


def _key(request: SweepRequest, kind: Variant, call: str) -> str:
    """Of a named sweep its name and the values; else the whole call, so that it names itself."""
    if request.name is None:
        return _digest(["call", call])
    return _digest(["name", request.name, sorted(kind.values.items())])


def _digest(words: object) -> str:
    text = json.dumps(words, sort_keys=True, ensure_ascii=True)
    return f"sweep-{sha256(text.encode()).hexdigest()[:40]}"


def over_limit(context: Context, request: SweepRequest, found: Sequence[Drafted]) -> str:
    """Why the limit cannot be held; empty where it can."""
    limit = request.max_cost
    if limit is None:
        return ""
    for one in found:
        if isinstance(one.cost, NoEstimate):
            return (
                f"trial {one.trial.number}: {context.owner!r} has no estimate for "
                f"{one.made.spec.model!r} ({one.cost.reason}), so `max_cost` cannot be held; leave "
                "it out to sweep without a limit"
            )
    high = math.fsum(one.high for one in found)
    if high <= limit + ROUNDING:
        return ""
    return (
        f"the {len(found)} jobs may cost up to {dollars(high)} US dollars together, over "
        f"`max_cost` {dollars(limit)}"
    )
