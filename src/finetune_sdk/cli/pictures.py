"""A job's curves as a PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from finetune_sdk.cli.panels import Panel
from finetune_sdk.errors import MissingDependencyError

if TYPE_CHECKING:
    from finetune_sdk.types import Job

_WIDTH = 8.0
_FEW = 30
"""Points up to which each is marked: a curve of three says little without."""
_COLORS = {"train": "#1f6fb4", "validation": "#d9650d"}


def png(job: Job, panels: Sequence[Panel]) -> bytes:
    """The panels, one below the other, over the same steps.

    Args:
        job: named in the title.
        panels: one at least.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        kind = import_module("matplotlib.figure").Figure
    except ImportError:
        raise MissingDependencyError("matplotlib", "plot") from None
    heights = [2.0] + [1.0] * (len(panels) - 1)
    # A figure of its own, without pyplot: nothing of the caller's is touched, no screen is needed.
    figure = kind(figsize=(_WIDTH, 1.4 + 1.3 * sum(heights)), layout="constrained")
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
    for axes, panel in zip(rows[:, 0], panels, strict=True):
        _draw(axes, panel)
    rows[-1, 0].set_xlabel("optimizer step")
    rows[-1, 0].xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(_title(job), fontsize="medium")
    figure.align_ylabels(rows[:, 0])
    # The ticks of an axis depend on its size and its size on its ticks: the second pass fits.
    figure.draw_without_rendering()
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    return picture.getvalue()


def _draw(axes: Any, panel: Panel) -> None:
    for split, points in panel.points.items():
        dot = "o" if split == "validation" or len(points) <= _FEW else None
        style = "--" if split == "validation" else "-"
        steps, values = zip(*points, strict=True)
        axes.plot(steps, values, style, marker=dot, markersize=4, color=_COLORS[split], label=split)
    axes.set_ylabel(panel.title.replace(" (", "\n("))
    axes.ticklabel_format(axis="y", scilimits=(-2, 4))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    lowest = min(value for _, value in panel.every)
    if 0 <= lowest < max(value for _, value in panel.every) / 2:
        axes.set_ylim(bottom=0)
    if panel.compared:
        axes.legend(frameon=False)


def _title(job: Job) -> str:
    method = f", {job.method.type}" if job.method else ""
    return f"{PurePath(job.model).name}{method}\n{job.handle}"
