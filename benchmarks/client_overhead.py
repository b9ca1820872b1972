"""What a client costs beyond its network: CPU for each look at a job, and for each sweep of many.

    python benchmarks/client_overhead.py [--rounds 7] [--jobs 10000] [--litellm-python PATH]

A server of fixed answers runs in a process of its own, and so does each client: what counts is a
client's own CPU time. In each round all clients have their turn, so that a machine that slows down
slows all of them; what is shown are medians, and beside them how far the rounds were apart. Beside
this SDK: the `openai` package and `litellm`, which may lie in an environment of its own: PATH is
the Python of it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

PAGE = 100
ROOT = "/v1"
JOBS = f"{ROOT}/fine_tuning/jobs"
KEY = "sk-benchmark-0123456789abcdef"
OPENAI, LITELLM, OURS = "openai", "litellm", "this SDK"


# The server


def job(number: int) -> dict[str, object]:
    """A job as the service tells it."""
    return {
        "object": "fine_tuning.job",
        "id": f"ftjob-{number:024d}",
        "model": "gpt-4.1-mini-2025-04-14",
        "created_at": 1_764_000_000 - number,
        "finished_at": None,
        "fine_tuned_model": None,
        "organization_id": "org-benchmark",
        "result_files": [],
        "status": "running",
        "validation_file": None,
        "training_file": f"file-{number:022d}",
        "hyperparameters": {"n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8},
        "trained_tokens": None,
        "error": {"code": None, "message": None, "param": None},
        "user_provided_suffix": "recipes",
        "seed": 7,
        "estimated_finish": None,
        "integrations": [],
        "metadata": {"finetune_sdk_key": f"{number:032x}"},
        "method": {
            "type": "supervised",
            "supervised": {
                "hyperparameters": {
                    "n_epochs": 3, "batch_size": 1, "learning_rate_multiplier": 1.8
                }
            },
        },
    }  # fmt: skip


class Answers:
    """What the server says, made beforehand; and how often it was asked."""

    def __init__(self, jobs: int) -> None:
        self.asked = 0
        self._one = packed(job(0))
        every = [job(number) for number in range(jobs)]
        self._pages: dict[str, bytes] = {}
        for start in range(0, jobs, PAGE):
            after = str(every[start - 1]["id"]) if start else ""
            page = {"object": "list", "data": every[start : start + PAGE]}
            self._pages[after] = packed({**page, "has_more": start + PAGE < jobs})

    def to(self, target: str) -> bytes:
        url = urlsplit(target)
        if url.path == "/asked":
            return packed(self.asked)
        self.asked += 1
        if url.path != JOBS:
            return self._one
        return self._pages[parse_qs(url.query).get("after", [""])[0]]


def packed(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"x-request-id: req_1\r\n\r\n" + body


class Connection(asyncio.Protocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while b"\r\n\r\n" in self._held:
            head, _, self._held = self._held.partition(b"\r\n\r\n")
            self._transport.write(self._answers.to(head.split(b" ", 2)[1].decode()))


async def serve(jobs: int) -> None:
    answers = Answers(jobs)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# The clients, each in a process of its own


@dataclass(frozen=True)
class Client:
    """What is measured.

    Attributes:
        get: looks at one job.
        sweep: looks at all of them; how often it did, and CPU seconds for the last time.
    """

    get: Callable[[], object]
    sweep: Callable[[], tuple[int, float]]


def plain(url: str, jobs: int) -> Client:
    import openai

    client = openai.OpenAI(api_key=KEY, base_url=url)
    one = str(job(0)["id"])

    def sweep() -> None:
        assert sum(1 for _ in client.fine_tuning.jobs.list(limit=PAGE)) == jobs

    return Client(lambda: client.fine_tuning.jobs.retrieve(one), lambda: (1, cpu(sweep)))


def by_litellm(url: str, jobs: int) -> Client:
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    words = {"custom_llm_provider": "openai", "api_base": url, "api_key": KEY}
    one = str(job(0)["id"])

    def sweep() -> None:
        seen, after, more = 0, None, True
        while more:
            page = litellm.list_fine_tuning_jobs(after=after, limit=PAGE, **words)
            seen, after, more = seen + len(page.data), page.data[-1].id, page.has_more
        assert seen == jobs

    return Client(lambda: litellm.retrieve_fine_tuning_job(one, **words), lambda: (1, cpu(sweep)))


def ours(url: str, jobs: int) -> Client:
    from finetune_sdk import FineTuneClient
    from finetune_sdk.providers.openai.provider import OpenAIProvider
    from finetune_sdk.testing import VirtualClock

    class Enough(BaseException):
        """Two looks were made."""

    class Clock(VirtualClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            rests.append(time.process_time())
            if len(rests) == 2:
                raise Enough

    def sweep() -> tuple[int, float]:
        rests.clear()
        seen = 0
        try:
            for _ in client.jobs.watch():
                seen += 1
        except Enough:
            assert seen == jobs
        # The second one knows the first one, as every later one does.
        return 2, rests[1] - rests[0]

    rests: list[float] = []
    client = FineTuneClient(OpenAIProvider(api_key=KEY, base_url=url, clock=Clock(), environ={}))
    one = str(job(0)["id"])
    return Client(lambda: client.jobs.get(one), sweep)


CLIENTS: Mapping[str, Callable[[str, int], Client]] = {
    OPENAI: plain,
    LITELLM: by_litellm,
    OURS: ours,
}


PACKAGES: Mapping[str, Sequence[str]] = {
    OPENAI: ("openai",),
    LITELLM: ("litellm",),
    OURS: (
        "openai",
        "finetune_sdk.client",
        "finetune_sdk.providers.openai.provider",
        "finetune_sdk.testing",
    ),
}
"""What is imported before anything is measured."""


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def own_output() -> TextIO:
    """The standard output, for answers alone: what a package prints goes where errors go."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def looks(client: Client, count: int) -> float:
    """CPU seconds of one look at one job."""
    return cpu(lambda: [client.get() for _ in range(count)]) / count


def count_contexts() -> list[int]:
    """A counter of TLS contexts that were made to know the authorities, which is what costs."""
    count = [0]

    def counted(self: ssl.SSLContext, *arguments: Any, **keywords: Any) -> None:
        count[0] += 1
        super(ssl.SSLContext, self).load_verify_locations(*arguments, **keywords)

    ssl.SSLContext.load_verify_locations = counted  # type: ignore[method-assign]
    return count


def work(name: str, url: str, jobs: int) -> None:
    """Does what each line of the standard input says, and answers in a line."""
    answers = own_output()
    contexts = count_contexts()
    for package in PACKAGES[name]:
        importlib.import_module(package)
    made: list[Client] = []

    def start() -> None:
        made.append(CLIENTS[name](url, jobs))
        made[0].get()

    answer: object = [cpu(start), contexts[0]]
    print(json.dumps(answer), file=answers, flush=True)
    for line in sys.stdin:
        what, count = json.loads(line)
        if what == "get":
            contexts[0] = 0
            answer = [looks(made[0], count), contexts[0]]
        else:
            answer = made[0].sweep()
        print(json.dumps(answer), file=answers, flush=True)


# The run


class Process:
    """A child of this file: the server, or a client."""

    def __init__(self, python: str, *arguments: object) -> None:
        environ = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        self._process = subprocess.Popen(
            [python, __file__, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        self.first = self._answer()

    def ask(self, *words: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process ended early")
        return json.loads(line)


@dataclass
class Numbers:
    """What was measured of a client, a number a round; seconds of CPU.

    Attributes:
        made: to make it, with its first look; not the import of its package.
        contexts: TLS contexts that were made with it, and with all later looks at single jobs.
        requests: of one sweep.
    """

    made: float
    contexts: list[int]
    gets: list[float]
    sweeps: list[float]
    requests: float = 0.0


def measure(pythons: Mapping[str, str], *, rounds: int, gets: int, jobs: int) -> dict[str, Numbers]:
    server = Process(sys.executable, "--serve", jobs)
    address = f"http://127.0.0.1:{server.first}"
    clients = {
        name: Process(python, "--client", name, f"{address}{ROOT}", jobs)
        for name, python in pythons.items()
    }
    numbers = {
        name: Numbers(client.first[0], [client.first[1], 0], [], [])
        for name, client in clients.items()
    }
    for _ in range(rounds):
        for name, client in clients.items():
            spent, contexts = client.ask("get", gets if name != LITELLM else gets // 10)
            numbers[name].gets.append(spent)
            numbers[name].contexts[1] += contexts
        for name, client in clients.items():
            before = asked(address)
            count, spent = client.ask("sweep", 1)
            numbers[name].requests = (asked(address) - before) / count
            numbers[name].sweeps.append(spent)
    for process in (*clients.values(), server):
        process.end()
    return numbers


def asked(address: str) -> int:
    """How many requests the server has had."""
    with urlopen(f"{address}/asked") as answer:  # noqa: S310 - this file's own server
        return int(answer.read())


def show(numbers: Mapping[str, Numbers], *, rounds: int, gets: int, jobs: int) -> None:
    print(f"{rounds} rounds of {gets} looks and one sweep of {jobs} jobs; medians of CPU time")
    print("(`/ openai` is the median of each round's ratio; +- is half the middle half)\n")
    heads = ("us a look", "+-", "/ openai", "s a sweep", "+-", "/ openai", "requests")
    print(f"{'':10}" + "".join(f"{head:>11}" for head in heads))
    peer = numbers[OPENAI]
    for name, of in numbers.items():
        cells = (
            f"{statistics.median(of.gets) * 1e6:11.0f}{spread(of.gets) * 1e6:11.0f}"
            f"{ratio(of.gets, peer.gets):11.2f}"
            f"{statistics.median(of.sweeps):11.2f}{spread(of.sweeps):11.2f}"
            f"{ratio(of.sweeps, peer.sweeps):11.2f}{of.requests:11.0f}"
        )
        print(f"{name:10}{cells}")
    print("\nto make a client and look once, and the TLS contexts that are made:")
    for name, of in numbers.items():
        later = f"{of.contexts[1]} with all later looks"
        print(f"{name:10}{of.made * 1000:8.0f} ms{of.contexts[0]:4} at first, {later}")


def spread(values: Sequence[float]) -> float:
    """Half of the distance within which the middle half of the rounds lies."""
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / 2


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios: a round's slowness is in both."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--gets", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--litellm-python", default=sys.executable)
    given = parser.parse_args()
    pythons = {OPENAI: sys.executable, LITELLM: given.litellm_python, OURS: sys.executable}
    if given.litellm_python == sys.executable and importlib.util.find_spec("litellm") is None:
        del pythons[LITELLM]
        print("left out: litellm is not installed; give --litellm-python")
    words = {"rounds": given.rounds, "gets": given.gets, "jobs": given.jobs}
    show(measure(pythons, **words), **words)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(int(sys.argv[2])))
    elif sys.argv[1:2] == ["--client"]:
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
