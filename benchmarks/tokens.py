"""Counting tokens: exactly, by tiktoken, and by the estimate, side by side.

    python benchmarks/tokens.py [MEGABYTES]

Texts of the kinds that rows are made of, and the Python sources of the packages that are
installed. Each way counts each kind in turn, three times, and the median is told: processor
seconds of this one process, so that what else the machine does matters little. What is exact has
to agree on every text.
"""

from __future__ import annotations

import random
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.datasets.reference import reference

from finetune_sdk.datasets import load
from finetune_sdk.datasets.tokens import NAMES, Estimate, count, encoding

ROUNDS = 3
BATCH = 1024
Ways = dict[str, Callable[[Sequence[str]], list[int]]]


def words(dice: random.Random, letters: str, size: int) -> Iterator[str]:
    """Sentences of made-up words, up to `size` bytes."""
    known = ["".join(dice.choices(letters, k=dice.randint(1, 9))) for _ in range(5000)]
    while size > 0:
        text = " ".join(known[min(int(dice.expovariate(1 / 700)), 4999)] for _ in range(30)) + "."
        size -= len(text.encode())
        yield text


def span(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last)))


def sources(size: int) -> Iterator[str]:
    """Python files of the packages that are installed, up to `size` bytes."""
    for path in sorted(Path(sysconfig.get_path("purelib")).glob("*/*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        size -= len(text.encode())
        if size < 0:
            return
        yield text


def kinds(size: int) -> dict[str, list[str]]:
    dice = random.Random(7)  # noqa: S311 - it makes text, no secrets
    latin = "eeetttaaoinshrdlcumwfgypbvk"
    return {
        "Latin": list(words(dice, latin, size)),
        "accents": list(words(dice, latin + "éèüßñ", size)),
        "Cyrillic": list(words(dice, span(0x430, 0x450), size)),
        "Chinese": list(words(dice, span(0x4E00, 0x5200), size)),
        "emoji": list(words(dice, latin + span(0x1F600, 0x1F640), size)),
        "newest": list(words(dice, latin + span(0x33000, 0x33010), size)),
        "Python": list(sources(size)),
    }


def ways(name: str) -> Ways:
    exact, theirs = encoding(name), reference(name).encode_ordinary
    return {
        "ours": exact.count,
        "tiktoken": lambda texts: [len(theirs(text)) for text in texts],
        "estimate": Estimate().count,
    }


def seconds(way: Callable[[Sequence[str]], list[int]], texts: list[str]) -> tuple[float, list[int]]:
    begun, counts = time.process_time(), list[int]()
    for start in range(0, len(texts), BATCH):
        counts += way(texts[start : start + BATCH])
    return time.process_time() - begun, counts


def compare(name: str, size: int) -> None:
    compared = ways(name)
    for way in compared.values():
        way(["the first use loads the vocabulary"])
    print(f"\n{name:<12} {'MB':>5} {'ours':>9} {'tiktoken':>9} {'':>7} {'estimate':>9}  is off by")
    for kind, texts in kinds(size).items():
        taken: dict[str, list[float]] = {way: [] for way in compared}
        counts: dict[str, list[int]] = {}
        for _ in range(ROUNDS):
            for way, counter in compared.items():
                took, counts[way] = seconds(counter, texts)
                taken[way].append(took)
        assert counts["ours"] == counts["tiktoken"], f"{kind} counts differently"
        size_of = sum(len(text.encode()) for text in texts) / 1e6
        speed = {way: size_of / median(times) for way, times in taken.items()}
        off = sum(counts["estimate"]) / sum(counts["ours"]) - 1
        print(
            f"{kind:<12} {size_of:5.1f} {speed['ours']:9.0f} {speed['tiktoken']:9.1f} "
            f"{speed['ours'] / speed['tiktoken']:6.1f}x {speed['estimate']:9.0f}  {off:+.0%}"
        )


def whole(size: int) -> None:
    """A dataset from its rows to the report: reading, framing and counting."""
    texts = list(words(random.Random(7), "eeetttaaoinshrdlcumwfgypbvk", size))  # noqa: S311
    turns = [{"role": ("user", "assistant")[n % 2], "content": t} for n, t in enumerate(texts)]
    dataset = load([{"messages": turns[n : n + 6]} for n in range(0, len(turns) - 6, 6)])
    size_of = sum(map(len, dataset.lines())) / 1e6
    counter = encoding(NAMES[0])
    begun = time.process_time()
    report = count(dataset, counter=counter)
    took = time.process_time() - begun
    print(
        f"\na dataset of {report.rows} rows, {size_of:.1f} MB, {report.total} tokens, read, framed "
        f"and counted: {size_of / took:.0f} MB/s"
    )


def main() -> None:
    size = int(float(sys.argv[1]) * 1e6) if sys.argv[1:] else 2_000_000
    print("MB of text a processor second; every exact count agrees with tiktoken's")
    for name in NAMES:
        compare(name, size)
    whole(5 * size)


if __name__ == "__main__":
    main()
