"""What one schedule of faults costs, three ways to create jobs: who pays twice, who loses a job?

    python benchmarks/never_pay_twice.py [--submissions 200] [--seed 7] [--litellm-python PATH]

Beside this SDK: a loop over the `openai` package as people write it (its own retries, and three
tries of the caller), and the same loop over `litellm`. Each runs in a process of its own against
the stand-in of the service on loopback; for a restart that process is killed once the service has
made the job, and a new one runs the same submission again. `litellm` may lie in an environment of
its own: PATH is the Python of it. Nobody sleeps in earnest: `time.sleep` returns at once for the
others, and this SDK goes by a clock that moves when somebody sleeps.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from tests.standins.openai import Action, OpenAIService

MODEL = "gpt-4.1-mini-2025-04-14"
TRIES = 3
"""How often a caller tries."""

RESTART = "restart, the job is made"
REFUSED = "refused for good"


# The schedule


def kinds() -> dict[str, tuple[int, Sequence[Action]]]:
    """What goes wrong: out of 200 submissions how often, and how."""
    from tests.standins.openai import (
        CutBody,
        DropAfter,
        DropBefore,
        Garble,
        Hang,
        Reply,
        error,
    )

    unpaid = error(429, "You exceeded your current quota.", code="insufficient_quota")
    return {
        "nothing": (90, ()),
        "answer lost, the job is made": (30, (DropAfter(), DropAfter(reset=True), CutBody())),
        "5xx, the job is made": (20, [Reply(n, after=True) for n in (500, 502, 503, 504)]),
        "2xx that cannot be read": (6, (Garble("html"), Garble("truncated"), Garble("empty"))),
        "broken off, nothing is made": (20, (DropBefore(), DropBefore(reset=True), Reply(500))),
        "too many requests": (20, (Reply(429, headers={"retry-after-ms": "50"}),)),
        REFUSED: (8, (Reply(429, unpaid), Reply(400))),
        RESTART: (6, (Hang(after=True),)),
    }


def schedule(count: int, seed: int) -> list[tuple[str, Action | None]]:
    """What goes wrong with each submission: the same for everybody."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    every = kinds()
    drawn = chance.choices(list(every), [weight for weight, _ in every.values()], k=count)
    return [(kind, chance.choice(every[kind][1]) if every[kind][1] else None) for kind in drawn]


# The callers, each in a process of its own. `litellm` may have neither this SDK nor its tests.


Caller = Callable[[int, "str | None"], "Told"]


@dataclass(frozen=True)
class Place:
    """Where jobs are made, of which file, and where state lies."""

    url: str
    key: str
    file: str
    home: str


@dataclass
class Told:
    """What a caller knows of a submission.

    Attributes:
        errors: how often a call raised.
        unknown: the submission that nobody knows of.
    """

    job: str | None = None
    errors: int = 0
    unknown: str | None = None


def in_a_loop(create: Callable[[int], str]) -> Caller:
    """Tries again whatever went wrong, as people write it."""

    def caller(number: int, _: str | None) -> Told:
        told = Told()
        for _try in range(TRIES):
            try:
                told.job = create(number)
                break
            except Exception:  # noqa: BLE001 - as people write it
                told.errors += 1
                time.sleep(1)
        return told

    return caller


def plain(place: Place) -> Caller:
    import openai

    client = openai.OpenAI(api_key=place.key, base_url=place.url)

    def create(number: int) -> str:
        made = client.fine_tuning.jobs.create(
            model=MODEL, training_file=place.file, suffix=f"n{number}"
        )
        return str(made.id)

    time.sleep = lambda _: None
    return in_a_loop(create)


def by_litellm(place: Place) -> Caller:
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True

    def create(number: int) -> str:
        made = litellm.create_fine_tuning_job(
            model=MODEL,
            training_file=place.file,
            suffix=f"n{number}",
            custom_llm_provider="openai",
            api_base=place.url,
            api_key=place.key,
        )
        return str(made.id)

    time.sleep = lambda _: None
    return in_a_loop(create)


def ours(place: Place) -> Caller:
    from finetune_sdk import DatasetFile, FineTuneClient, FineTuneError, SubmissionUnknownError
    from finetune_sdk.providers.openai.provider import OpenAIProvider
    from finetune_sdk.testing import VirtualClock

    provider = OpenAIProvider(
        api_key=place.key, base_url=place.url, home=place.home, clock=VirtualClock(), environ={}
    )
    client = FineTuneClient(provider, home=place.home)
    rows = DatasetFile(id=place.file)

    def create(number: int) -> Told:
        told = Told()
        for _ in range(TRIES):
            try:
                made = client.jobs.create(model=MODEL, training_data=rows, suffix=f"n{number}")
            except SubmissionUnknownError as error:
                told.errors, told.unknown = told.errors + 1, error.submission_id
                break
            except FineTuneError:
                told.errors += 1  # It says that nothing was made.
            else:
                told.job = made.id
                break
        return told

    def caller(number: int, unknown: str | None) -> Told:
        # Later, when lists are complete: what is not there was never made.
        found = client.jobs.recover(unknown, abandon=True) if unknown else None
        return Told(found.id) if found else create(number)

    return caller


CALLERS = {"openai, in a loop": plain, "litellm, in a loop": by_litellm, "this SDK": ours}


def work(title: str, arguments: Sequence[str]) -> None:
    """Answers each line of the standard input, a submission, by a line of what became of it."""
    # The standard output is for answers alone: what a package prints goes where errors go.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    caller = CALLERS[title](Place(*arguments))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        number, unknown = json.loads(line)
        print(json.dumps(vars(caller(number, unknown))), file=answers, flush=True)


# The run


@dataclass
class Worker:
    """The process of a caller; a new one after each `kill`."""

    command: Sequence[str]
    process: subprocess.Popen[str] | None = None

    def ask(self, number: int, unknown: str | None = None) -> Told:
        self.send(number, unknown)
        return Told(**json.loads(self._line()))

    def send(self, number: int, unknown: str | None = None) -> None:
        process = self._living()
        assert process.stdin is not None
        process.stdin.write(json.dumps([number, unknown]) + "\n")
        process.stdin.flush()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _living(self) -> subprocess.Popen[str]:
        if self.process is None:
            environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environ,
            )
            self._line()
        return self.process

    def _line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.command[2:4]} ended early; its errors are on no screen")
        return line


@dataclass
class Score:
    """What became of all submissions."""

    posts: int = 0
    jobs: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    told: dict[int, str | None] = field(default_factory=dict[int, "str | None"])
    errors: int = 0
    seconds: float = 0.0

    @property
    def twice(self) -> int:
        return sum(max(len(made) - 1, 0) for made in self.jobs.values())

    @property
    def unknown(self) -> int:
        """Jobs whose id nobody was told."""
        return sum(len(set(made) - {self.told[n]}) for n, made in self.jobs.items())


def run(title: str, python: str, plan: Sequence[tuple[str, Action | None]]) -> Score:
    from tests.standins.openai import OpenAIService
    from tests.standins.openai.multipart import Blob

    score, start = Score(), time.monotonic()
    with OpenAIService() as service, tempfile.TemporaryDirectory() as home:
        file = service.add_file("rows.jsonl", "fine-tune", Blob(b'{"messages": []}\n' * 10))
        worker = Worker(
            [python, __file__, "--worker", title, service.url, service.key, file.id, home]
        )
        unknown: dict[int, str] = {}
        for number, (kind, action) in enumerate(plan):
            told = one(service, worker, number, kind, action)
            score.told[number], score.errors = told.job, score.errors + told.errors
            if told.unknown:
                unknown[number] = told.unknown
        for number, submission in unknown.items():
            score.told[number] = worker.ask(number, submission).job
        worker.kill()
        score.posts = len(service.posts("/fine_tuning/jobs"))
        score.jobs = {number: [] for number in range(len(plan))}
        for job in service.jobs.values():
            score.jobs[int(job.asked["suffix"][1:])].append(job.id)
    score.seconds = time.monotonic() - start
    return score


def one(
    service: OpenAIService, worker: Worker, number: int, kind: str, action: Action | None
) -> Told:
    """One submission, with what goes wrong with it."""
    from tests.standins.openai import Fault

    service.faults.clear()
    if action is not None:
        service.faults.add(Fault(action=action, times=None if kind == REFUSED else 1))
    if kind != RESTART:
        return worker.ask(number)
    before = len(service.jobs)
    worker.send(number)
    while len(service.jobs) == before:
        time.sleep(0.005)
    worker.kill()
    return worker.ask(number)


def show(scores: Mapping[str, Score], plan: Sequence[tuple[str, Any]]) -> None:
    heads = ("POSTs", "jobs", "paid twice", "not told of", "without a job", "errors told", "s")
    print(f"{'':20}" + "".join(f"{head:>15}" for head in heads))
    for title, score in scores.items():
        jobs = sum(map(len, score.jobs.values()))
        without = sum(not made for made in score.jobs.values())
        numbers = (score.posts, jobs, score.twice, score.unknown, without, score.errors)
        cells = "".join(f"{number:15}" for number in numbers)
        print(f"{title:20}{cells}{score.seconds:15.0f}")
    refused = sum(kind == REFUSED for kind, _ in plan)
    print(f"\n{refused} are refused for good, and so have no job with anybody.")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--litellm-python", default=sys.executable)
    given = parser.parse_args()
    plan = schedule(given.submissions, given.seed)
    print(f"{len(plan)} submissions, seed {given.seed}; what goes wrong:")
    for kind, count in Counter(kind for kind, _ in plan).most_common():
        print(f"{count:6}  {kind}")
    pythons = dict.fromkeys(CALLERS, sys.executable)
    pythons["litellm, in a loop"] = given.litellm_python
    if given.litellm_python == sys.executable and importlib.util.find_spec("litellm") is None:
        del pythons["litellm, in a loop"]
        print("left out: litellm is not installed; give --litellm-python")
    print()
    show({title: run(title, python, plan) for title, python in pythons.items()}, plan)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], sys.argv[3:])
    else:
        main()
