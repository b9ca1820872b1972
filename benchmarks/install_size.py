"""What an extra brings onto the disk: packages and MB, torch and what torch brings told apart.

    python benchmarks/install_size.py

Reads the metadata of what is installed here; an extra that is not is left out and said. Sizes are
those of the files as they were installed, without the compiled copies that Python makes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import brought

OURS = "finetune-anywhere"
PEERS = ("openai", "litellm")


def main() -> None:
    core = brought.packages(OURS)
    torch = brought.packages("torch") | {"torch"} if installed("torch") else set[str]()
    print(f"{'':26}{'packages':>9}{'MB':>8}{'beyond the core':>17}{'MB':>8}")
    row("the core", core, core)
    for extra in brought.offered(OURS):
        show(f"[{extra}]", OURS, [extra], core, torch)
    for peer in PEERS:
        show(f"{peer}, itself with it", peer, [], core, torch)


def show(title: str, name: str, extras: list[str], core: set[str], torch: set[str]) -> None:
    try:
        found = brought.packages(name, extras) | ({name} if name != OURS else set())
    except metadata.PackageNotFoundError as missing:
        print(f"{title:26}left out: {missing.name} is not installed")
        return
    row(title, found, core)
    if "torch" in found:
        row("  ... without torch's", found - torch | (core & torch), core)


def row(title: str, found: set[str], core: set[str]) -> None:
    more = found - core
    print(f"{title:26}{len(found):9}{size(found):8.1f}{len(more):17}{size(more):8.1f}")


def size(names: Iterable[str]) -> float:
    """MB of the packages' files."""
    return sum(map(_bytes, names)) / 1e6


def installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _bytes(name: str) -> int:
    files = metadata.files(name) or ()
    paths = (Path(str(file.locate())) for file in files if file.suffix != ".pyc")
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    main()
