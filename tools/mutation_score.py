"""Tells how many mutants of a room its fast tests kill, with mutmut, of a sample or of all.

python tools/mutation_score.py submission --sample 200 --seed 1

A room is worked on in `.mutants/ROOM`, a copy: the tree may change meanwhile. The copy is made anew
each time, and with it what is known of which test reaches which function, but with `--keep`.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.toml"
PLACE = ROOT / ".mutants"
NOBODY = "nobody.has.this.name"

# Two backslashes: pytest finds no test by a name that has them, and then runs no other one either.
NAMELESS = r"\\"

# As mutmut 3.8 tells how a worker has ended. 255, an error of the worker's own, it calls a timeout;
# here it is suspicious, as everything else.
ENDS: Mapping[int | None, str] = {
    0: "survived",
    1: "killed",
    3: "killed",
    5: "no tests",
    33: "no tests",
    24: "timeout",
    36: "timeout",
    152: "timeout",
    -24: "timeout",
    -9: "killed by the system",
    -11: "killed by the system",
    None: "not run",
}
KILLED = ("killed", "timeout")

Done = subprocess.CompletedProcess[str]
ARGUMENTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"][
    "pytest_add_cli_args"
]


@dataclass(frozen=True)
class Room:
    """What is mutated together.

    Attributes:
        sources: patterns of its files.
        tests: files that see its behaviour, and quickly.
        without: words in names of tests that take too long for each mutant, or tell nothing more.
    """

    sources: Sequence[str]
    tests: Sequence[str]
    without: Sequence[str] = ()


OPENAI_WIRE = ("events", "failures", "jobs", "pages", "requests", "results", "whole", "words")
AUTOTRAIN = ("mapping", "sentences", "spec", "trl", "whole")
# What `finetune datasets check` runs, and what tells of it.
CHECKS = (
    *("balance", "batches", "chat", "check", "counting", "course", "detect", "faults", "formats"),
    *("hazards", "identity", "images", "keys", "kto", "lines", "marks", "messages", "near"),
    *("neighbours", "orders", "pointers", "preference", "prompts", "quick", "read", "rich"),
    *("rules", "sieve", "structs", "tally", "tools", "turns"),
)
CHECKED = (
    *("check", "formats", "hazards", "corpus", "rows", "read", "accepted", "detect", "marks"),
    *("near", "overlap", "quick", "counting", "laws", "convert_readers", "tokens_rows", "load"),
    *("mend", "said", "sentences", "whole"),
)

ROOMS: Mapping[str, Room] = {
    "submission": Room(
        sources=["src/finetune_sdk/submission/*.py"],
        tests=[
            "tests/submission/test_journal.py",
            "tests/submission/test_recover.py",
            "tests/submission/test_faults_submit.py",
            "tests/submission/test_again.py",
            "tests/submission/test_words.py",
            "tests/submission/test_rows.py",
            "tests/sweep/test_once.py",
        ],
        # Both services are asked in the same way: what differs is in the rooms of the wires.
        without=[
            "azure",
            "after_a_kill_at_any_moment",
            "one_may_read_and_not_spend",
            "a_sweep_that_was_killed",
        ],
    ),
    "transport": Room(
        sources=["src/finetune_sdk/transport/*.py"],
        tests=["tests/transport", "tests/openai/test_secrets.py", "tests/azure/test_settings.py"],
        without=["test_the_command_tells_no_key", "test_nothing_shows_on_the_way_of_a_job"],
    ),
    "wires": Room(
        sources=[
            "src/finetune_sdk/providers/_openai_wire/*.py",
            "src/finetune_sdk/providers/azure_openai/wire.py",
            "src/finetune_sdk/providers/azure_openai/readback.py",
            "src/finetune_sdk/providers/azure_openai/refusals.py",
        ],
        tests=[
            *(f"tests/openai/test_wire_{name}.py" for name in OPENAI_WIRE),
            "tests/openai/test_encode.py",
            "tests/openai/test_bodies.py",
            "tests/azure/test_bodies.py",
            "tests/azure/test_refusals.py",
            "tests/azure/test_wire_deployments.py",
            "tests/azure/test_wire_words.py",
        ],
    ),
    "autotrain": Room(
        sources=["src/finetune_sdk/autotrain/*.py"],
        tests=[f"tests/autotrain/test_{name}.py" for name in AUTOTRAIN],
    ),
    "checks": Room(
        sources=[
            *(f"src/finetune_sdk/datasets/{name}.py" for name in CHECKS),
            "src/finetune_sdk/datasets/codes/*.py",
        ],
        tests=[f"tests/datasets/test_{name}.py" for name in CHECKED],
        # They measure time or memory, or go through many rows.
        without=[
            "hostile_text",
            "memory_is_bounded",
            "every_process_finds_the_same",
            "among_many_rows",
            "a_large_file_is_counted_exactly",
            "fifty_thousand_random_lines",
        ],
    ),
}


@dataclass(frozen=True)
class Verdict:
    """How the tests took a mutant.

    Attributes:
        end: killed, timeout, survived, ...
        why: where it is listed as equivalent, the reason.
    """

    name: str
    end: str
    change: str = ""
    why: str = ""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--sample", type=int, default=200, help="so many mutants; 0 is all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="go on in the copy of the last time")
    given = parser.parse_args(arguments)
    place = PLACE / given.room
    if not given.keep:
        shutil.rmtree(place, ignore_errors=True)
    names = mutants(place, ROOMS[given.room])
    draw = random.Random(given.seed)  # noqa: S311
    chosen = draw.sample(names, min(given.sample, len(names))) if given.sample else names
    mutmut(place, "run", "--max-children", str(given.workers), *chosen)
    ends = {**told(place), **at_import(place, ROOMS[given.room], chosen)}
    verdicts = [verdict(place, name, ends[name]) for name in sorted(chosen)]
    print(f"{given.room}: {len(chosen)} of {len(names)} mutants, seed {given.seed}")
    print("\n".join(table(verdicts)))
    return 0


# What mutmut does


def mutants(place: Path, room: Room) -> list[str]:
    """The names of all mutants of the room; they are made, and what tests reach them is known."""
    # Python asks a folder of its path once whether it is there.
    (place / "mutants" / "src").mkdir(parents=True, exist_ok=True)
    for name in ("src", "tests"):
        (place / name).unlink(missing_ok=True)
        (place / name).symlink_to(ROOT / name)
    (place / "pyproject.toml").write_text(project(room))
    # mutmut has no command that makes them and runs none.
    said = mutmut(place, "run", NOBODY, check=False)
    if not (place / "mutants" / "mutmut-stats.json").exists() or "nothing matches" not in said:
        sys.exit(said)
    return sorted(told(place))


def project(room: Room) -> str:
    """Our `pyproject.toml` with the words of the room."""
    ours = {
        "only_mutate": room.sources,
        "pytest_add_cli_args_test_selection": selection(room),
    }
    words = "".join(f"{name} = {json.dumps(list(value))}\n" for name, value in ours.items())
    text = (ROOT / "pyproject.toml").read_text()
    return text.replace("[tool.mutmut]\n", f"[tool.mutmut]\n{words}", 1)


def selection(room: Room) -> list[str]:
    """The words that name a room's tests to pytest."""
    return [*room.tests, "-k", f"not ({' or '.join((*room.without, NAMELESS))})"]


def mutmut(place: Path, *words: str, check: bool = True) -> str:
    """What a command of mutmut prints."""
    done = run(place, [str(Path(sys.executable).with_name("mutmut")), *words], place)
    if check and done.returncode:
        sys.exit(done.stdout[-4000:] + done.stderr[-4000:])
    return done.stdout + done.stderr


def run(place: Path, command: Sequence[str], folder: Path, mutant: str = "") -> Done:
    """Runs a command, to which the mutated sources are the sources."""
    mutated = place / "mutants"
    environment = {
        **os.environ,
        "FINETUNE_HYPOTHESIS": "mutants",
        "OMP_NUM_THREADS": "1",
        "MUTANT_UNDER_TEST": mutant,
        # For the processes that tests start: they would find the sources as they are.
        "PYTHONPATH": os.pathsep.join(map(str, (mutated / "src", mutated))),
    }
    return subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, check=False
    )


def at_import(place: Path, room: Room, chosen: Sequence[str]) -> dict[str, str]:
    """How mutants end in functions that run at import, each in a process that begins from nothing.

    mutmut's workers have all loaded before they know their mutant.
    """
    mutated = place / "mutants"
    modules = {name.rpartition(".")[0] for name in chosen}
    imports = "; ".join(f"import {module}" for module in sorted(modules))
    reached = "from mutmut.state import state; print(json.dumps([*state()._stats]))"
    asked = f"import json; {imports}; {reached}"
    done = run(place, [sys.executable, "-c", asked], mutated, "stats")
    functions = set(json.loads(done.stdout))
    tests = [sys.executable, "-m", "pytest", "-x", "-q", *ARGUMENTS, *selection(room)]
    return {
        name: ENDS.get(run(place, tests, mutated, name).returncode, "suspicious")
        for name in chosen
        if name.partition("__mutmut_")[0] in functions
    }


def told(place: Path) -> dict[str, str]:
    """How each mutant has ended, by its name."""
    ends: dict[str, str] = {}
    for path in (place / "mutants" / "src").rglob("*.meta"):
        codes = json.loads(path.read_text())["exit_code_by_key"]
        ends |= {name: ENDS.get(code, "suspicious") for name, code in codes.items()}
    return ends


def verdict(place: Path, name: str, end: str) -> Verdict:
    if end in KILLED:
        return Verdict(name, end)
    change = mutmut(place, "show", name)
    lines = [
        line for line in change.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    return Verdict(name, end, "\n".join(lines), equivalent(name, lines))


def equivalent(name: str, lines: Sequence[str]) -> str:
    """The reason why nobody can see a mutant; empty where somebody can."""
    old, new = (
        " ".join(line[1:].strip() for line in lines if line[0] == sign).lower() for sign in "-+"
    )
    for one in tomllib.loads(EQUIVALENT.read_text())["mutants"]:
        there = fnmatch.fnmatch(name, one["of"]) and one["line"].lower() in new
        if there and (old == new or not one.get("case")):
            return str(one["why"])
    return ""


# What comes of it


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """The lines of the report."""
    ends = Counter(one.end for one in verdicts)
    killed = sum(ends[end] for end in KILLED)
    equal = sum(bool(one.why) for one in verdicts)
    return [
        ", ".join(f"{number} {end}" for end, number in ends.most_common()),
        f"score: {share(killed, len(verdicts))}",
        f"without the {equal} that are equivalent: {share(killed, len(verdicts) - equal)}",
        *(
            f"\n{one.name}: {one.end}{f' (equivalent: {one.why})' if one.why else ''}\n{one.change}"
            for one in verdicts
            if one.end not in KILLED
        ),
    ]


def share(part: int, whole: int) -> str:
    """A share in percent, with Wilson's interval of 95 %."""
    if not whole:
        return "none"
    z = 1.959964
    middle = (part + z * z / 2) / (whole + z * z)
    half = z / (whole + z * z) * math.sqrt(part * (whole - part) / whole + z * z / 4)
    return f"{part / whole:.1%} ({part} of {whole}; {middle - half:.1%} to {middle + half:.1%})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
