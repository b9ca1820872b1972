"""Whether a text can be made that takes `redact` long: no text may, whoever wrote it.

    python benchmarks/redaction.py [rounds]

Each hard text is a piece, said until it fills a megabyte. Beside it stands what a megabyte of an
ordinary log takes in the same round, and how the time grows when the text does so fourfold: 4 is
what a text costs that is read once, 16 one that is read anew at every letter.
"""

from __future__ import annotations

import statistics
import sys
import time

from finetune_sdk.transport import redact

LARGE = 1_000_000
LOG = "2026-11-26 14:03:27 INFO jobs: step 120 of 480, loss 0.3145, 41 tokens a second\n"
PEM = "-----BEGIN PRIVATE KEY-----"
HARD = (
    *("sk-", "://a:", "://:@", "eyJ", "Bearer ", "-----BEGIN ", "AKIA", "github_pat_", "a", "\n"),
    *(PEM + more for more in ("\n", " " * 4, "\n" + "a" * 15)),
    *("x" * 999 + "@", "://a:" + "@" * 999),
)


def main(rounds: int) -> None:
    print(f"{'a megabyte of':26}{'ms':>8}{'/ a log':>9}{'grows':>7}")
    for piece in (LOG, *HARD):
        found = [measured(piece) for _ in range(rounds)]
        milliseconds, beside, growth = (statistics.median(one) for one in zip(*found, strict=True))
        shown = repr(piece if len(piece) < 20 else f"{piece[:17]}...")
        print(f"{shown:26}{milliseconds:8.1f}{beside:9.2f}{growth:7.1f}")


def measured(piece: str) -> tuple[float, float, float]:
    """Milliseconds, the ratio to a log's, and the growth from a quarter of it."""
    log, quarter, whole = (
        seconds(one * (size // len(one)))
        for one, size in ((LOG, LARGE), (piece, LARGE // 4), (piece, LARGE))
    )
    return 1000 * whole, whole / log, whole / quarter


def seconds(text: str) -> float:
    started = time.perf_counter()
    redact(text)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
