"""The plot of what answers cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from finetune_sdk.evaluation.packages import package
from finetune_sdk.evaluation.report import canvas, words
from finetune_sdk.evaluation.report.canvas import Picture
from finetune_sdk.evaluation.report.svg import COLORS, Labels, inline
from finetune_sdk.types.comparison import Comparison


def cost(comparison: Comparison, key: str) -> Picture | None:
    """What is paid in the end, or for a thousand requests; None where it is nothing, or unknown."""
    payback = _payback(comparison)
    return _lines(comparison, payback, key) if payback else _bars(comparison, key)


@dataclass(frozen=True)
class _Payback:
    """When the training has paid for itself; money in US dollars, prices of one request."""

    requests: int
    against: str
    training: float
    price: float
    other: float

    @property
    def last(self) -> int:
        """The last request that is drawn."""
        return max(2 * self.requests, 1)

    @property
    def top(self) -> float:
        """The most that is paid for them."""
        return max(self.training + self.price * self.last, self.other * self.last)


def _payback(comparison: Comparison) -> _Payback | None:
    even = comparison.break_even
    if even.requests is None or even.against is None or even.training_cost is None:
        return None
    price = words.tuned(comparison).usage.cost_per_thousand
    other = comparison.candidate(even.against).usage.cost_per_thousand
    if price is None or other is None or not (even.training_cost or price or other):
        return None
    return _Payback(even.requests, even.against, even.training_cost, price / 1000, other / 1000)


def _lines(comparison: Comparison, payback: _Payback, key: str) -> Picture:
    labels, name = Labels(), words.label(comparison, payback.against)
    axes = canvas.plain()
    ends = (0, payback.last)
    mine = [payback.training + payback.price * end for end in ends]
    axes.plot(ends, mine, "-", color=COLORS["tuned"], label="fine-tuned, with its training")
    other = [payback.other * end for end in ends]
    axes.plot(ends, other, "--", color=COLORS["other"], label=labels.stand_in(name))
    _mark(axes, payback)
    _count(axes.xaxis)
    _dollars(axes.yaxis)
    axes.set_xlim(*ends)
    # Room for the legend, which would lie on a flat line.
    axes.set_ylim(0, 1.3 * payback.top or 1)
    axes.legend(loc="upper left")
    seen = f"The training has paid for itself after {words.count(payback.requests)} requests."
    svg = inline(axes.figure, key, title="Cost", description=seen, labels=labels)
    return Picture("Cost over requests", f"US dollars, against {name}", svg)


def _mark(axes: Any, payback: _Payback) -> None:
    at, paid = payback.requests, payback.other * payback.requests
    axes.plot([at, at], [0, paid], ":o", color=COLORS["muted"], markevery=[1])
    axes.annotate(
        f"{words.count(at)} requests",
        (at, 0.03),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
    )


def _bars(comparison: Comparison, key: str) -> Picture | None:
    prices = {one.name: one.usage.cost_per_thousand for one in comparison.candidates}
    known = {name: price for name, price in prices.items() if price is not None}
    if not any(known.values()):
        return None  # Where all is free there is nothing to draw.
    found = [comparison.candidate(name) for name in known]
    labels, names = Labels(), [words.label(comparison, name) for name in known]
    axes = canvas.lanes(found, names, labels)
    for place, (one, price) in enumerate(zip(found, known.values(), strict=True)):
        axes.barh(place, price, height=0.6, color=canvas.color(one))
        canvas.beside(axes, place, words.money(price), one)
    _dollars(axes.xaxis)
    axes.set_xlim(0, 1.05 * max(known.values()) or 1)
    told = zip(names, known.values(), strict=True)
    seen = "; ".join(f"{name} {words.money(price)}" for name, price in told)
    svg = inline(axes.figure, key, title="Cost", description=seen, labels=labels)
    return Picture("Cost of a thousand requests", "US dollars", svg)


def _dollars(axis: Any) -> None:
    _ticks(axis)
    axis.set_major_formatter(_price)


def _count(axis: Any) -> None:
    axis.set_label_text("requests")
    _ticks(axis)
    axis.set_major_formatter(_many)


def _ticks(axis: Any) -> None:
    axis.set_major_locator(package("matplotlib.ticker").MaxNLocator(4))


# A tick is told with its place, which does not matter.
def _price(value: float, _place: int | None) -> str:
    return words.money(value)


def _many(value: float, _place: int | None) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
