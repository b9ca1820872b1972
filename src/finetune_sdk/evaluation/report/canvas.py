"""What the plots of a comparison have in common."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from finetune_sdk.evaluation.packages import package
from finetune_sdk.evaluation.report.svg import COLORS, Labels
from finetune_sdk.types.comparison import Candidate

_WIDTH = 5.0
_ROW = 0.34
_STYLE = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "finetune-anywhere",
    "text.parse_math": False,
    "text.color": COLORS["ink"],
    "axes.labelcolor": COLORS["ink"],
    "axes.edgecolor": COLORS["muted"],
    "xtick.color": COLORS["muted"],
    "ytick.color": COLORS["muted"],
    "xtick.labelcolor": COLORS["ink"],
    "ytick.labelcolor": COLORS["ink"],
    "grid.color": COLORS["faint"],
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_lock = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A plot with its words.

    Attributes:
        svg: an element of a page.
    """

    title: str
    note: str
    svg: str


@contextmanager
def drawing() -> Generator[None]:
    """The plots' own style, whatever the caller's is; his is back at the end.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    style = package("matplotlib.style")
    # The style is the process's: two threads would give each other's back.
    with _lock, style.context(["default", _STYLE]):
        yield


def plain(height: float = 2.9) -> Any:
    """Axes of a figure that is so many inches high."""
    # A figure of its own, without pyplot: nothing of the caller's is touched, no screen is needed.
    kind = package("matplotlib.figure").Figure
    return kind(figsize=(_WIDTH, height), layout="constrained").subplots()


def lanes(candidates: Sequence[Candidate], names: Sequence[str], labels: Labels) -> Any:
    """Axes with a lane for each candidate, the first one at the top."""
    count = len(candidates)
    axes = plain(0.75 + _ROW * count)
    axes.set_yticks(range(count), [labels.stand_in(name) for name in names])
    for tick, one in zip(axes.get_yticklabels(), candidates, strict=True):
        tick.set_fontweight(weight(one))
    axes.set_ylim(count - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, pad=8)
    axes.grid(visible=False, axis="y")
    return axes


def beside(axes: Any, place: int, text: str, one: Candidate) -> None:
    """Words at the right end of a lane."""
    axes.annotate(
        text,
        (1.04, place),
        xycoords=("axes fraction", "data"),
        verticalalignment="center",
        fontweight=weight(one),
    )


def color(one: Candidate) -> str:
    """The fine-tuned model stands out, and not by its color alone."""
    return COLORS["tuned" if _mine(one) else "other"]


def weight(one: Candidate) -> str:
    """Of its words."""
    return "bold" if _mine(one) else "normal"


def _mine(one: Candidate) -> bool:
    return one.kind == "fine_tuned"
