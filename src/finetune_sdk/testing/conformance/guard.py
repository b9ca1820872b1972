"""Sees to it that each law is asked as it is written, and told as it went.

It is a plugin of pytest. A law that was overridden, marked away or skipped from outside is made a
failure; a reasoned `xfail` on one law is the one way to say that it is not kept.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from finetune_sdk.testing.conformance.law import law_of, laws_in, verdict_of

Verdict = Literal["kept", "gap", "not asked", "not shown", "not run", "broken"]
TOLD = "finetune_law"
"""The attribute of pytest's reports that carries what came of a law."""

HOW = 'mark it `@pytest.mark.xfail(reason="...")` and call `super()` in it, or leave it as it is'
_suites: dict[type[object], Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a law's test: what pytest calls it with, and what it made of that."""

    item: pytest.Function
    call: pytest.CallInfo[None]
    report: pytest.TestReport

    @property
    def name(self) -> str:
        return self.item.originalname

    @property
    def error(self) -> BaseException | None:
        return self.call.excinfo.value if self.call.excinfo else None

    @property
    def gap(self) -> str | None:
        """The reason of its `xfail`, where that was made use of."""
        return getattr(self.report, "wasxfail", None)


def register(config: pytest.Config) -> None:
    """Makes this module a plugin of the run, once."""
    ours = sys.modules[__name__]
    if not config.pluginmanager.is_registered(ours):
        config.pluginmanager.register(ours)


def seal(suite: type[object]) -> None:
    """Remembers the laws, and what they stand on, as they are written."""
    helpers = {
        name: inspect.getattr_static(suite, name)
        for kind in suite.__mro__
        for name in vars(kind)
        if name.startswith("_") and not name.startswith(("__", "_abc_"))
    }
    _suites[suite] = {**helpers, **laws_in(suite)}


def check(kind: type[object]) -> None:
    """Refuses a class that says something else in the place of a law.

    Raises:
        TypeError: it does; names the law.
    """
    for fault in _overrides(kind):
        raise TypeError(fault)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if isinstance(item, pytest.Function) and item.cls and _is_law(item):
        phase = Phase(item, call, report)
        fault = next(_faults(phase), None)
        if fault is not None:
            report.outcome, report.longrepr = "failed", fault
            vars(report).pop("wasxfail", None)
        _tell(phase)
    return report


def _is_law(item: pytest.Function) -> bool:
    suite = _suite_of(item.cls)
    return suite is not None and law_of(_suites[suite].get(item.originalname)) is not None


def _suite_of(kind: type[object] | None) -> type[object] | None:
    return next((suite for suite in _suites if kind and issubclass(kind, suite)), None)


# What is wrong with how a law is asked


def _faults(phase: Phase) -> Iterator[str]:
    if phase.call.when == "setup":
        yield from _overrides(phase.item.cls)
        yield from _marks(phase.item)
    yield from _outcomes(phase)
    if phase.call.when == "call":
        yield from _asked(phase)


def _overrides(kind: type[object] | None) -> Iterator[str]:
    suite = _suite_of(kind)
    for name, written in _suites[suite].items() if suite else ():
        found = inspect.getattr_static(kind, name, None)
        if found is written or (law_of(written) and _is_gap(found)):
            continue
        place = f"{kind.__name__ if kind else ''}.{name}"
        if law_of(written):
            yield f"{place} overrides a law without a reasoned xfail; {HOW}"
        else:
            yield f"{place} stands in the place of what the laws stand on; choose another name"


def _is_gap(test: object) -> bool:
    """The test is marked with a reason, in a way that notices when the gap has closed."""
    marks: list[pytest.Mark] = getattr(test, "pytestmark", [])
    gaps = [mark for mark in marks if mark.name == "xfail"]
    return bool(gaps) and not any(True for mark in gaps for _ in _weak(mark))


def _weak(mark: pytest.Mark) -> Iterator[str]:
    """Why an `xfail` is none to rely on."""
    reason = mark.kwargs.get("reason")
    if not (isinstance(reason, str) and reason.strip()):
        yield "an xfail of a law has no reason; say why it is not kept"
    if mark.kwargs.get("run", True) is not True:
        yield "an xfail with `run=False` never sees that its gap has closed; leave `run` out"
    if mark.kwargs.get("strict", True) is not True:
        yield "an xfail with `strict=False` never fails when its gap closes; leave `strict` out"


def _marks(item: pytest.Function) -> Iterator[str]:
    for node, mark in item.iter_markers_with_node():
        if mark.name == "skip" or (mark.name == "skipif" and node is item):
            yield f"`{mark.name}` is no way out of a law; {HOW}"
        if mark.name == "xfail":
            if node is not item:
                yield "an xfail for all laws hides those that are kept; mark the one law"
            yield from _weak(mark)


def _outcomes(phase: Phase) -> Iterator[str]:
    if isinstance(phase.error, pytest.xfail.Exception):
        yield f"`pytest.xfail` in a law never sees that its gap has closed; {HOW}"
    if phase.report.skipped and phase.gap is None and _own_skip(phase) is None:
        yield (
            f"something outside of the suite skips a law ({phase.error}); where a stand-in cannot "
            f"do something, call `self.cannot(...)` in its hook; else {HOW}"
        )
    if phase.report.passed and phase.gap is not None:
        yield f"the gap has closed, take the xfail away: {phase.gap}"


def _asked(phase: Phase) -> Iterator[str]:
    running = getattr(phase.item.instance, "running", None)
    silent = phase.report.passed or phase.gap is not None
    if silent and (running is None or running.name != phase.name):
        yield f"{phase.name} was never asked: its override does not call `super()`; {HOW}"
    elif phase.report.passed and getattr(phase.item.instance, "held", None) is not running:
        yield f"{phase.name} was asked and did not hold, and its override hides that; {HOW}"


def _own_skip(phase: Phase) -> Verdict | None:
    """What a skip says of the law, where it is the suite's own or one of a whole class."""
    # What an override says after the law is no word of the law.
    if phase.error is getattr(phase.item.instance, "passed_by", None) and (
        own := verdict_of(phase.error)
    ):
        return own
    reasons = {
        mark.kwargs.get("reason")
        for node, mark in phase.item.iter_markers_with_node("skipif")
        if node is not phase.item
    }
    return "not run" if getattr(phase.error, "msg", None) in reasons - {None} else None


# What came of it


def _tell(phase: Phase) -> None:
    verdict = _verdict(phase)
    if verdict is None:
        return
    card = getattr(phase.item.instance, "card", None)
    told: dict[str, Any] = {
        "suite": phase.item.nodeid.rpartition("::")[0],
        "law": phase.name,
        "verdict": verdict,
        "why": _why(phase, verdict),
        "card": card.plain() if card else None,
    }
    setattr(phase.report, TOLD, told)


def _verdict(phase: Phase) -> Verdict | None:
    if phase.report.failed:
        return "broken"
    if phase.report.skipped:
        return "gap" if phase.gap is not None else _own_skip(phase)
    return "kept" if phase.call.when == "call" else None


def _why(phase: Phase, verdict: Verdict) -> str:
    if verdict == "gap":
        return (phase.gap or "").removeprefix("reason: ")
    if verdict == "kept":
        return ""
    if verdict == "broken" and isinstance(phase.report.longrepr, str):
        return phase.report.longrepr
    words = getattr(phase.error, "msg", None) or str(phase.error)
    return words if verdict != "broken" else f"{type(phase.error).__name__}: {words}"
