"""The words beside the method: suffix, seed, metadata, options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from finetune_sdk.resources.context import Context
from finetune_sdk.resources.guard import own_options
from finetune_sdk.resources.migrating.methods import plain
from finetune_sdk.resources.migrating.request import MigrationRequest
from finetune_sdk.resources.migrating.source import Source
from finetune_sdk.types import Change
from finetune_sdk.types.export import MIGRATED_FROM

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words at the target, and what became of each."""

    suffix: str | None
    seed: int | None
    metadata: dict[str, str]
    changes: tuple[Change, ...]


def mapped(source: Source, target: Context, request: MigrationRequest, *, marked: bool) -> Words:
    """The job's words at the target.

    Args:
        source: the job.
        target: where it is to be made again.
        request: the caller's own words come first; an empty one leaves the job's out.
        marked: say in the metadata where the job came from, if there are any.
    """
    job, takes = source.job, target.provider.capabilities.fields
    suffix, told = _word(target, "suffix", job.suffix, request.suffix)
    seed, of_seed = _word(target, "seed", job.seed, request.seed)
    given = None if request.metadata is None else dict(request.metadata)
    # Where that job had come from itself is told by its own export.
    own = {name: value for name, value in job.metadata.items() if name != MIGRATED_FROM}
    metadata, of_metadata = _word(target, "metadata", own or None, given)
    # By its provider: what a config file calls its place, another calls otherwise.
    there = f"{job.provider}:{job.id}"
    mark = {MIGRATED_FROM: there} if marked and "metadata" in takes else {}
    return Words(
        suffix=suffix or None,
        seed=seed,
        metadata={**(metadata or {}), **mark},
        changes=(
            *told,
            *of_seed,
            *of_metadata,
            _mark(target, there, bool(mark)),
            *_options(source, target, request),
        ),
    )


def _word(
    target: Context, name: Literal["suffix", "seed", "metadata"], was: T | None, said: T | None
) -> tuple[T | None, list[Change]]:
    before = plain(was)
    if said is not None:
        empty = said in ("", {})
        why = "left out, as you said" if empty else "as you said"
        now = None if empty else plain(said)
        return said, [Change(name=name, outcome="said", was=before, now=now, why=why)]
    if was is None:
        return None, []
    if name not in target.provider.capabilities.fields:
        why = f"{target.owner!r} takes none"
        return None, [Change(name=name, outcome="left_out", was=before, why=why)]
    why = "makes the run repeatable there, and another here" if name == "seed" else "taken here too"
    return was, [Change(name=name, outcome="kept", was=before, now=before, why=why)]


def _mark(target: Context, handle: str, marked: bool) -> Change:
    if marked:
        why = "in the metadata of the new job: where it came from"
        return Change(name=MIGRATED_FROM, outcome="changed", now=handle, why=why)
    why = f"the metadata of {target.owner!r} have no room for it; it stands in the export"
    return Change(name=MIGRATED_FROM, outcome="left_out", was=handle, why=why)


def _options(source: Source, target: Context, request: MigrationRequest) -> Iterator[Change]:
    """What one provider alone knows: no job tells which of it was said."""
    own = own_options(target, request.options)
    if own:
        yield Change(name="options", outcome="said", now=own, why="as you said")
    able = source.capabilities
    if able is not None and able.options is not None and not own:
        yield Change(
            name="options",
            outcome="left_out",
            why=f"a job does not tell which options of {source.job.provider!r} it was made with, "
            "if any; say what you need with `options=` (`--option`)",
        )
