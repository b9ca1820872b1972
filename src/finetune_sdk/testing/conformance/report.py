"""What a run of the laws found, as a page that a provider can publish."""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points, packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from finetune_sdk._version import __version__
from finetune_sdk.providers.registry import GROUP
from finetune_sdk.testing.conformance import ProviderConformance
from finetune_sdk.testing.conformance.guard import TOLD, Verdict
from finetune_sdk.testing.conformance.law import laws_in
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    import pytest

LAWS = tuple(laws_in(ProviderConformance))
WORDS: Mapping[Verdict, str] = {
    "kept": "kept",
    "gap": "not kept, and said so (xfail)",
    "not asked": "not asked: the provider lacks what it speaks of",
    "not shown": "not shown: the stand-in cannot make it happen",
    "broken": "**broken**",
    "not run": "**not run**",
}
_WORST: Sequence[Verdict] = ("kept", "gap", "not asked", "not shown", "not run", "broken")
_LONGEST = 300


@dataclass
class Suite:
    """What came of the laws of one class: verdict and reason by law."""

    card: Mapping[str, Any] | None = None
    told: dict[str, tuple[Verdict, str]] = field(default_factory=dict[str, tuple[Verdict, str]])

    def hear(self, told: Mapping[str, Any]) -> None:
        """Takes what one phase of a law's test said; the worst of them stands."""
        self.card = self.card or told["card"]
        verdict, why = cast("Verdict", told["verdict"]), str(told["why"])
        before = self.told.get(told["law"], (verdict, why))
        worse = _WORST.index(verdict) > _WORST.index(before[0])
        self.told[told["law"]] = (verdict, why) if worse else before

    def of(self, law: str) -> tuple[Verdict, str]:
        return self.told.get(law, ("not run", "it was left out of this run"))


class Reporter:
    """A plugin that gathers what came of each law, and writes the page at the end.

    Attributes:
        suites: by the place of their class.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.suites: dict[str, Suite] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told: Mapping[str, Any] | None = getattr(report, TOLD, None)
        if told is not None:
            self.suites.setdefault(str(told["suite"]), Suite()).hear(told)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.config.option.collectonly:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(page(self.suites, today=f"{datetime.now(UTC):%Y-%m-%d}"), "utf-8")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(f"conformance report: {self.path}")


def page(suites: Mapping[str, Suite], *, today: str) -> str:
    """The page of a run.

    Args:
        suites: what came of the laws, by the place of their class.
        today: the day of the run.
    """
    lines = [
        "# Conformance report",
        "",
        f"Made on {today} by `pytest` with `finetune-anywhere` {__version__}, "
        f"Python {platform.python_version()}. What each law demands is told in the page",
        "`docs/conformance.md` of `finetune-anywhere`.",
    ]
    for place, suite in sorted(suites.items()):
        lines += ["", *_chapter(place, suite)]
    if not suites:
        lines += ["", "No law was asked."]
    return "\n".join([*lines, ""])


def _chapter(place: str, suite: Suite) -> Iterator[str]:
    name = suite.card["name"] if suite.card else "not opened"
    yield f"## `{name}`, by `{place.rpartition('::')[2]}`"
    yield ""
    yield from _who(suite.card) if suite.card else ("No provider could be opened.",)
    yield ""
    counts: Counter[Verdict] = Counter(suite.of(law)[0] for law in LAWS)
    yield f"{len(LAWS)} laws: " + ", ".join(f"{counts[word]} {word}" for word in WORDS) + "."
    yield from _warnings(counts)
    yield ""
    yield "| law | what came of it | why |"
    yield "|---|---|---|"
    for law in LAWS:
        verdict, why = suite.of(law)
        yield f"| {spoken(law)} | {WORDS[verdict]} | {_cell(why)} |"


def _warnings(counts: Counter[Verdict]) -> Iterator[str]:
    if counts["broken"]:
        yield ""
        yield f"**It does not conform: {counts['broken']} laws are broken.**"
    if counts["not run"]:
        yield ""
        yield f"**This run was not whole: {counts['not run']} laws were not run.**"


def _who(card: Mapping[str, Any]) -> Iterator[str]:
    methods = "; ".join(
        f"{name} ({', '.join(read) or 'no hyperparameter'})"
        for name, read in card["methods"].items()
    )
    yield "| | |"
    yield "|---|---|"
    yield f"| class | `{card['module']}.{card['kind']}` |"
    yield f"| package | {package_of(card['module'])} |"
    yield f"| verbs beyond the core | {', '.join(card['verbs']) or 'none'} |"
    yield f"| methods | {methods} |"
    yield f"| words of `jobs.create` | {', '.join(card['fields']) or 'none'} |"


def package_of(module: str) -> str:
    """The installed distribution that a module is of, with its version."""
    top = module.partition(".")[0]
    names = [
        point.dist.name
        for point in entry_points(group=GROUP)
        if point.dist is not None and _top(point) == top
    ]
    for name in (*names, *packages_distributions().get(top, ())):
        return f"`{name}` {version(name)}"
    return "none that is installed"


def spoken(law: str) -> str:
    """The name of a law as words."""
    return law.removeprefix("test_").replace("_", " ")


def _top(point: EntryPoint) -> str:
    return point.module.partition(".")[0]


def _cell(text: str) -> str:
    line = re.sub(r"\s+", " ", redact(text)).strip().replace("|", "\\|")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
