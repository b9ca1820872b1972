"""The tokens of a dataset for people: numbers, and bars."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from finetune_sdk.types import TokenReport

_WIDTH = 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def facts(report: TokenReport) -> list[tuple[str, str | None]]:
    """What is known, by name."""
    trained = None
    if report.trained is not None:
        share = report.trained / report.total if report.total else 0
        trained = f"{report.trained} ({share:.0%}) carry loss"
    longest = f"{report.longest} (line {report.longest_line}), median {report.median}"
    limit = None
    if report.limit is not None:
        limit = f"{report.limit}; {report.over_limit} row(s) are longer"
    return [
        ("rows", str(report.rows)),
        ("tokens", f"{'' if report.exact else 'about '}{report.total}"),
        ("trained", trained),
        ("longest row", longest if report.rows else None),
        ("limit", limit),
        ("counted by", report.counter),
        ("note", report.note),
    ]


def drawn(report: TokenReport) -> Iterator[str]:
    """A bar for each bin: rows by their tokens."""
    most = max((one.rows for one in report.histogram), default=0)
    labels = [f"{one.low}-{one.high}" for one in report.histogram]
    width = max(map(len, labels), default=0)
    for label, one in zip(labels, report.histogram, strict=True):
        yield f"{label.rjust(width)} ┤{_bar(one.rows / most)} {one.rows}"


def _bar(share: float) -> str:
    encoding = (sys.stdout.encoding or "ascii").lower()
    if not encoding.startswith("utf"):
        return "#" * round(share * _WIDTH)
    whole, part = divmod(round(share * _WIDTH * 8), 8)
    return "█" * whole + (_EIGHTHS[part] if part else "")
