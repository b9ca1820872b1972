"""What became of each word, once the job is planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from finetune_sdk.resources.context import Context
from finetune_sdk.resources.guard import RATES
from finetune_sdk.resources.migrating.methods import plain
from finetune_sdk.resources.migrating.rows import Carried, shape
from finetune_sdk.types import Change, ConversionReport, DatasetReport, Job, Method, Plan
from finetune_sdk.types.export import MIGRATED_FROM


def rows(carried: Carried, plan: Plan) -> Change:
    """The rows to learn from, there and here."""
    report, done = plan.training, plan.conversion
    now = shape(done.rows_out, done.target) if done else _told(report)
    if carried.said:
        was = shape(carried.count)
        return Change(name="rows", outcome="said", was=was, now=now, why="as you said")
    if carried.on_hub is not None:
        place, why = carried.on_hub.file.id, "they stay on the Hugging Face Hub, and are read there"
        return Change(name="rows", outcome="kept", was=place, now=place, why=why)
    if done is None:
        why = "as they were exported, row for row"
        return Change(name="rows", outcome="kept", was=now, now=now, why=why)
    was, why = shape(done.rows_in, done.source), _converted(done)
    return Change(name="rows", outcome="changed", was=was, now=now, why=why)


def validation(carried: Carried, plan: Plan) -> Iterator[Change]:
    """The rows to measure on, there and here."""
    if carried.left_out is not None:
        yield carried.left_out
    if carried.rows is None:
        return
    was, now = shape(carried.count), _told(plan.validation)
    if carried.on_hub is not None:
        was = now = carried.on_hub.file.id
    outcome, why = ("said", "as you said") if carried.said else ("kept", "measured on here too")
    yield Change(name="validation_rows", outcome=outcome, was=was, now=now, why=why)


def lost(changes: Sequence[Change]) -> Iterator[str]:
    """Warnings of rows to measure on that the job had, and that do not come along."""
    for change in changes:
        if change.name == "validation_rows" and change.outcome == "left_out":
            yield f"it goes without the rows that were measured on there: {change.why}"


def with_rates(changes: Sequence[Change], target: Context, plan: Plan) -> Iterator[Change]:
    """The changes; where a rate was left out, with what it takes to choose one here."""
    said = {change.name for change in changes if change.now is not None}
    for change in changes:
        if change.name not in RATES or change.outcome != "left_out":
            yield change
            continue
        other = next(iter(RATES - {change.name}))
        why = (
            f"{target.owner!r} does not read it; `{other}` says it here"
            if other in said
            else change.why + _choose(other, target, plan)
        )
        yield change.model_copy(update={"why": why})


def with_source(changes: Sequence[Change], plan: Plan) -> Plan:
    """The plan, which says of passes that the job was made with that nobody says them anew."""
    if not any(change.name == "epochs" and change.outcome == "kept" for change in changes):
        return plan
    return plan.model_copy(update={"epochs_source": "as the job was made with"})


def of_profile(target: Context, mapped: Method, plan: Plan) -> Iterator[Change]:
    """What the target's profile says, where neither the job nor the caller says anything."""
    made = plan.spec.method
    for name in sorted(made.given() - mapped.given()):
        now = plain(getattr(made, name))
        why = f"the job says nothing of it, and the profile {target.owner!r} does"
        yield Change(name=name, outcome="changed", now=now, why=why)


def _choose(name: str, target: Context, plan: Plan) -> str:
    return (
        ". The one is never turned into the other: "
        f"`hyperparameters={{{name!r}: ...}}` (`--{name.replace('_', '-')}`) chooses one here; "
        f"without a word of yours it is {_default(name, target, plan)}"
    )


def _default(name: str, target: Context, plan: Plan) -> str:
    planned = getattr(plan.spec.method, name)
    if planned is not None:
        return f"{planned:g}, as the profile {target.owner!r} says"
    return plan.settings.get(name) or f"what {target.owner!r} chooses by itself"


def _told(report: DatasetReport | None) -> JsonValue:
    return None if report is None else shape(report.rows, report.format)


def _converted(done: ConversionReport) -> str:
    told = [*done.renamed, *(f"left behind: {loss.message}" for loss in done.lost), *done.notes]
    words = f": {'; '.join(told)}" if told else ""
    return f"rewritten from {done.source} to {done.target}{words}"


def settled(changes: Sequence[Change], job: Job) -> tuple[Change, ...]:
    """The changes, held against the job that was made: a service may drop what it took."""
    return tuple(_settled(change, job) for change in changes)


def _settled(change: Change, job: Job) -> Change:
    wanted = change.now
    if change.name == MIGRATED_FROM:
        wanted = None if wanted is None else {MIGRATED_FROM: wanted}
    elif change.name != "metadata":
        return change
    if not isinstance(wanted, dict) or wanted.items() <= job.metadata.items():
        return change
    why = "dropped by the place, which has taken the job without; the export keeps it"
    return change.model_copy(
        update={"outcome": "left_out", "was": change.was or change.now, "now": None, "why": why}
    )
