"""Checks the licences of what the extras bring, from the metadata of what is installed here.

python tools/licences.py [EXTRAS]     as in: python tools/licences.py openai,azure

Prints a table, and fails where a licence is not allowed or not known. The core is always read.
Packages of NVIDIA's, which torch brings where it is built for a GPU, are under NVIDIA's own terms:
they stand in the table and do not fail it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata

import brought

OURS = "finetune-anywhere"

ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python",
    "HPND", "ISC", "MIT", "MIT-CMU", "MIT-0", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unicode-3.0",
    "Unlicense", "Zlib",
})  # fmt: skip
"""Whoever uses us may go on as before: none of these asks for more than a notice."""

LENT = frozenset({
    "Apache-2.0 WITH LLVM-exception",
    "GPL-3.0-only WITH GCC-exception-3.1",
    "GPL-3.0-or-later WITH GCC-exception-3.1",
})  # fmt: skip
"""What only lends its runtime, under an exception for that."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "CMU License (MIT-CMU)": "MIT-CMU",
}
"""A classifier of the index, in the words of SPDX."""

WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "MIT License": "MIT",
    "PSF": "PSF-2.0",
}
"""What people write into the field, in the words of SPDX."""

READ = {
    "matplotlib": "PSF-2.0",
}
"""Packages whose metadata says it in no word above: somebody has read the licence itself."""


NVIDIA = ("nvidia-", "cuda-")
"""What torch's builds for GPUs bring: under NVIDIA's own terms, which ask for consent there."""


@dataclass(frozen=True)
class Licence:
    """What a package says of itself; `expression` is None where it says nothing that is known."""

    package: str
    version: str
    expression: str | None
    extras: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        by_nvidia = self.package.startswith(NVIDIA)
        return by_nvidia or (self.expression is not None and permitted(self.expression))


def main(arguments: Sequence[str]) -> int:
    extras = arguments[0].split(",") if arguments else offered()
    found = licences(extras)
    for one in found:
        print(f"{one.package:32}{one.version:18}{one.expression or '?':42}{', '.join(one.extras)}")
    wrong = [one for one in found if not one.allowed]
    for one in wrong:
        print(f"not allowed: {one.package} {one.version}: {trouble(one)}", file=sys.stderr)
    return 1 if wrong else 0


def trouble(licence: Licence) -> str:
    """What is wrong, and what to do."""
    if licence.expression is None:
        return (
            "its metadata names no licence that is known; read it, and add the package to READ in "
            "tools/licences.py"
        )
    return f"{licence.expression} is not in ALLOWED in tools/licences.py; ask before it comes in"


def licences(extras: Iterable[str]) -> list[Licence]:
    """The licence of each package that the core and these extras bring, by name."""
    core = brought.packages(OURS)
    by_name = {name: ["core"] for name in core}
    for extra in extras:
        for name in brought.packages(OURS, [extra]) - core:
            by_name.setdefault(name, []).append(extra)
    return [licence(name, where) for name, where in sorted(by_name.items())]


def offered() -> list[str]:
    """The extras all of whose packages are installed here."""
    return [extra for extra in brought.offered(OURS) if _installed(extra)]


def licence(name: str, extras: Sequence[str] = ()) -> Licence:
    found = metadata.metadata(name)
    return Licence(name, found["Version"], READ.get(name) or said(found), tuple(extras))


def said(found: metadata.PackageMetadata) -> str | None:
    """The licence as an expression of SPDX, from the best of the three places for it."""
    if "License-Expression" in found:
        return str(found["License-Expression"])
    told = found.get_all("Classifier") or []
    named = {line.rpartition(" :: ")[2] for line in told if line.startswith("License ::")}
    known = sorted(CLASSIFIERS[name] for name in named & CLASSIFIERS.keys())
    if named - {"OSI Approved"} - CLASSIFIERS.keys():
        return None  # Some word of it that nobody here has read.
    return " AND ".join(known) if known else _free(found)


def _free(found: metadata.PackageMetadata) -> str | None:
    return in_words(str(found["License"] or "") if "License" in found else "")


def in_words(text: str) -> str | None:
    """What the free field says, where it is one of the words that we know."""
    first = text.strip().partition("\n")[0].strip()
    return WORDS.get(first) or (first if first and permitted(first) else None)


def permitted(expression: str) -> bool:
    """Whether an expression of SPDX asks for no more than what is allowed."""
    # In the order of SPDX's annex on expressions: AND binds closer than OR.
    for word, holds in (("OR", any), ("AND", all)):
        parts = list(_parts(expression, word))
        if len(parts) > 1:
            return holds(map(permitted, parts))
    term = " ".join(expression.split())
    if term.startswith("(") and term.endswith(")"):
        return permitted(term[1:-1])
    return term in ALLOWED or term in LENT


def _parts(expression: str, word: str) -> Iterator[str]:
    """What stands between a word, where that is in no bracket."""
    depth, part = 0, list[str]()
    for piece in re.findall(r"[()]|[^()\s]+", expression):
        depth += (piece == "(") - (piece == ")")
        if piece == word and not depth:
            yield " ".join(part)
            part = []
        else:
            part.append(piece)
    yield " ".join(part)


def _installed(extra: str) -> bool:
    try:
        brought.packages(OURS, [extra])
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
