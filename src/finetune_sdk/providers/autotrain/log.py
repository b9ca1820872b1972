"""A job's log, read: what happened, and what was measured.

Lines of our own program are JSON behind the word `FINETUNE`. AutoTrain's are what its logger makes
of a Python dictionary, with the time in front:

    INFO     | 2026-11-26 10:00:00 | autotrain.trainers.common:on_log:367 - {'loss': 5.58, ...}

They are parsed as literals and never evaluated. Whatever cannot be read is passed over.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypeGuard, cast

from pydantic import JsonValue

from finetune_sdk.types import JobEvent, Metric

_OURS = "FINETUNE {"
_AUTOTRAIN = re.compile(
    # Bounded, and begun once for each word: a line of capitals is read as fast as any other.
    r"(?<![A-Z])(?P<level>[A-Z]{1,20})\s{0,20}\|\s{0,20}"
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s{0,20}\|\s{0,20}"
    r"(?P<where>[\w.:]+)\s+-\s(?P<words>.*)"
)
_BARE = re.compile(r"(?<=: )(-?(?:nan|inf))(?=[,}])")
"""What Python writes for such a number, and does not read back as a literal."""
_NOISE = re.compile(r"(?:Train|Valid) data: |Job ID: |For ORPO/DPO, |Can use unsloth|Unsloth not")
_SHOWN = 300
_LONGEST_TEXT = 1000
_LONGEST = 20_000
"""Characters of a line that are looked at."""

_NAMES: Mapping[str, tuple[str, Literal["train", "validation"]]] = MappingProxyType(
    {
        "mean_token_accuracy": ("token_accuracy", "train"),
        "eval_mean_token_accuracy": ("token_accuracy", "validation"),
    }
)
_PASSED_OVER = frozenset({"epoch", "step", "total_flos"})
_UNITS = MappingProxyType({"loss": "nats", "train_runtime": "s", "eval_runtime": "s"})
_LEVELS: Mapping[str, Literal["warning", "error"]] = MappingProxyType(
    {"WARNING": "warning", "ERROR": "error", "CRITICAL": "error"}
)
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "started": "the container has started; engine {engine}",
        "turned": "TRL cannot tell the assistant's turns in this model's chat template, so each "
        "answer became a row of its own",
        "trained": "the training has ended",
        "checkpoint": "the checkpoint {name} is on the Hub",
        "checkpoint_lost": "the checkpoint {name} did not reach the Hub: {message}",
        "pushed": "the model is on the Hub: {repo}",
        "merged": "the whole weights are on its branch {revision}",
        "not_merged": "the whole weights could not be made: {message}",
        "kept": "the model was kept in the dataset {repo}; `jobs.recover` puts it in its place",
        "failed": "{message}",
    }
)
_OWN_LEVELS: Mapping[str, Literal["warning", "error"]] = MappingProxyType(
    {"failed": "error", "checkpoint_lost": "warning", "not_merged": "warning", "kept": "warning"}
)


@dataclass(frozen=True)
class Said:
    """One thing that a log says.

    Attributes:
        event: what kind it is; `measured` has numbers.
        values: what belongs to it.
    """

    event: str
    at: datetime
    values: Mapping[str, object]
    level: Literal["info", "warning", "error"] = "info"


def read(lines: Iterable[str], *, since: datetime) -> Iterator[Said]:
    """What the lines say, in their order.

    Args:
        since: when the job was made: the time of what has none of its own.
    """
    last = since
    ours, measured = False, None
    for line in lines:
        said = _said(line[:_LONGEST], last)
        if said is None or (ours and said.event != "log" and not line.startswith(_OURS)):
            continue  # Our program says again what AutoTrain has measured.
        if said.event == "measured":
            numbers = {name: str(said.values[name]) for name in said.values if name != "epoch"}
            if numbers == measured:
                continue  # Its trainer and its logger both tell it, one with a rounded epoch.
            measured = numbers
        ours = ours or line.startswith(_OURS)
        last = max(said.at, last)
        yield said


def events(lines: Iterable[str], *, since: datetime) -> list[JobEvent]:
    """The events of a log, oldest first."""
    found: list[JobEvent] = []
    for number, said in enumerate(read(lines, since=since)):
        message = str(said.values.get("words") or _told(said))
        data: dict[str, JsonValue] = {str(k): v for k, v in said.values.items() if _is_plain(v)}
        event = JobEvent(
            id=f"{number:06d}",
            created_at=said.at if not found else max(said.at, found[-1].created_at),
            level=said.level,
            message=message,
            type="metrics" if said.event == "measured" else "message",
            data={} if said.event == "log" else data,
        )
        found.append(event)
    return found


def metrics(lines: Iterable[str], *, since: datetime, every: int = 1) -> list[Metric]:
    """The numbers of a log, in the order of their steps.

    Args:
        every: optimizer steps between two measurements, which the lines do not tell.
    """
    found: list[Metric] = []
    step, pace = 0, 0.0
    for said in read(lines, since=since):
        if said.event != "measured":
            continue
        epoch = _number(said.values.get("epoch"))
        if "loss" in said.values:
            step += every
            pace = step / epoch if epoch else pace
            found += _numbers(said, step)
        else:
            # Of validation, or of the whole: measured at the end of an epoch, between two others.
            found += _numbers(said, max(step, round((epoch or 0.0) * pace)))
    return found


def failed(lines: Iterable[str]) -> tuple[str, str] | None:
    """The code and the words of our program's own failure."""
    found: tuple[str, str] | None = None
    for said in read(lines, since=datetime.min.replace(tzinfo=UTC)):
        if said.event == "failed":
            found = str(said.values.get("code")), str(said.values.get("message"))
    return found


def _said(line: str, last: datetime) -> Said | None:
    if line.startswith(_OURS):
        return _own(line, last)
    if found := _AUTOTRAIN.search(line):
        return _autotrains(found, last)
    values = _literal(line)
    return Said("measured", last, values) if values else None


def _own(line: str, last: datetime) -> Said | None:
    try:
        values: object = json.loads(line.removeprefix("FINETUNE "))
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    table = _plain_table(cast("dict[str, object]", values))
    event, at = str(table.pop("event", "")), _moment(table.pop("at", None)) or last
    numbers = table.get("values")
    if event == "measured" and isinstance(numbers, dict):
        return Said(event, at, _plain_table(cast("dict[str, object]", numbers)))
    return Said(event, at, table, _OWN_LEVELS.get(event, "info")) if event in _WORDS else None


def _plain_table(values: Mapping[str, object]) -> dict[str, object]:
    return {str(_plain(name)): _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    """A text that goes into JSON: half a pair of surrogates does not."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "replace").decode("utf-8")[:_LONGEST_TEXT]


def _autotrains(found: re.Match[str], last: datetime) -> Said | None:
    at = _moment(found["at"]) or last
    if values := _literal(found["words"]):
        return Said("measured", at, values)
    said = found["words"]
    if said.startswith(("{", "[")) or _NOISE.match(said):
        return None  # Settings and asides, which are in the log for whoever wants them.
    return Said("log", at, {"words": said[:_SHOWN]}, _LEVELS.get(found["level"], "info"))


def _literal(text: str) -> dict[str, object] | None:
    """The numbers of a Python dictionary; None where it is none."""
    begin = text.strip()
    if not (begin.startswith("{'") and begin.endswith("}")):
        return None
    try:
        value: object = ast.literal_eval(_BARE.sub(r"'\1'", begin))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    table = cast("dict[object, object]", value)
    # What a trainer measures has its place in the course; other dictionaries are settings.
    return {str(name): one for name, one in table.items()} if "epoch" in table else None


def _numbers(said: Said, step: int) -> Iterator[Metric]:
    epoch = _number(said.values.get("epoch"))
    for name, value in said.values.items():
        number = _number(value)
        if number is None or name in _PASSED_OVER:
            continue
        plain, split = _name(name)
        yield Metric(
            step=step,
            name=plain,
            value=number,
            split=split,
            unit=_UNITS.get(plain),
            epoch=epoch,
            created_at=said.at,
        )


def _is_plain(value: object) -> TypeGuard[str | int | float]:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _name(name: str) -> tuple[str, Literal["train", "validation"]]:
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("eval_"):
        return name.removeprefix("eval_"), "validation"
    return name, "train"


def _number(value: object) -> float | None:
    """A number, which newer trainers write as text; None for all else."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _told(said: Said) -> str:
    if said.event == "measured":
        return ", ".join(f"{name} {value}" for name, value in said.values.items())
    return _WORDS[said.event].format_map(_Open(said.values))


class _Open(dict[str, object]):
    """Values for a text; what is not there is told as such."""

    def __missing__(self, key: str) -> str:
        return f"(no {key})"


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
