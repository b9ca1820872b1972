"""Pay once, against a service that fails in every way: what the tests of it stand on.

A `Bench` is a service on loopback with its virtual clock, a state folder, and all that was said.
After each test it holds against the oracle: at most one paid job for an intent, no planted secret
in anything that was said or written, a journal that opens, no thread and no file left open.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import pickle
import sqlite3
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

import pytest

from finetune_sdk import FineTuneClient, FineTuneError, Job
from finetune_sdk.providers._openai_talk.verbs import OpenAIVerbs
from finetune_sdk.providers.azure_openai.settings import AzureSettings
from finetune_sdk.submission import Journal
from finetune_sdk.submission.opening import FOLDER
from finetune_sdk.testing import VirtualClock
from tests.standins.azure import AzureService
from tests.standins.openai import Action, Fault, OpenAIService, Reply
from tests.submission.services import VENDORS, Kind, refusal, worded
from tests.support import Heard

E = TypeVar("E", bound=FineTuneError)

ROOT = Path(__file__).parents[2]
JOBS, FILES = "/fine_tuning/jobs", "/files"
MODEL = "gpt-4.1-mini-2025-04-14"
ROWS: Sequence[Mapping[str, object]] = [
    {
        "messages": [
            {"role": "user", "content": f"What comes after {number}?"},
            {"role": "assistant", "content": f"{number + 1}."},
        ]
    }
    for number in range(12)
]

# Neither has the shape of a known key: what hides them must know them.
NOBODY = 65534
API_KEY, HEADER = "planted-canary-of-the-key", "planted-canary-of-a-header"


class Bench:
    """A service that fails, and clients of it.

    Attributes:
        kind: whose service it is.
        home: the state folder.
        words: what its providers are opened with, beside the usual.
        intents: so many jobs may be made and no more.
        said: everything that a caller was told.
    """

    def __init__(self, folder: Path, kind: Kind = "openai") -> None:
        self.kind: Kind = kind
        self.vendor = VENDORS[kind]
        self.folder = folder
        self.home = folder / "home"
        self.clock = VirtualClock()
        self.service = self.vendor.service(self.clock, key=API_KEY)
        self.words: dict[str, Any] = {}
        self.intents = 1
        self.said: list[str] = []
        self._clients: list[FineTuneClient] = []

    # Clients and their calls

    def provider(self, home: Path | None = None, **words: Any) -> OpenAIVerbs:
        given: dict[str, Any] = {
            "api_key": API_KEY,
            self.vendor.address: self.service.url,
            "headers": {"X-Planted": HEADER},
            "home": home or self.home,
            "clock": self.clock,
            "environ": {},
        }
        return self.vendor.provider(**{**given, **self.words, **words})

    def client(self, home: Path | None = None, **words: Any) -> FineTuneClient:
        """A new client, as another process has it; the words are those of its provider."""
        client = FineTuneClient(self.provider(home, **words), home=home or self.home)
        self._clients.append(client)
        return client

    def create(self, client: FineTuneClient | None = None, **words: Any) -> Job:
        job = (client or self.client()).jobs.create(**call(**words))
        self.said.append(job.to_json())
        return job

    def fails(self, kind: type[E], function: Callable[[], object]) -> E:
        """The error that the function raises."""
        with pytest.raises(kind) as caught:
            function()
        self.said += told(caught.value)
        return caught.value

    def refuses(self, kind: type[E], client: FineTuneClient | None = None, **words: Any) -> E:
        """The error that a create raises."""
        return self.fails(kind, lambda: self.create(client, **words))

    # What goes wrong

    def hurt(
        self,
        action: Action,
        *,
        method: str = "POST",
        path: str = JOBS,
        times: int | None = 1,
        after: int = 0,
    ) -> None:
        """Lets some requests, the next create by default, go wrong."""
        action = worded(self.service, action)
        fault = Fault(method=method, path=path, action=action, times=times, after=after)
        self.service.faults.add(fault)

    def says(self, status: int, message: str, **more: Any) -> Reply:
        """An error in the service's own words."""
        return refusal(self.service, status, message, **more)

    def take_parts(self) -> None:
        """Lets files go in parts: at Azure somebody has to say so."""
        if isinstance(self.service, AzureService):
            self.service.takes_uploads = True
            self.words["profile"] = AzureSettings(uploads=True)

    # What came of it

    @property
    def posts(self) -> int:
        """Creates that came in."""
        return len(self.service.posts(JOBS))

    @property
    def searches(self) -> int:
        """Lists of jobs that were asked for."""
        return sum((one.method, one.path) == ("GET", JOBS) for one in self.service.requests)

    @property
    def made(self) -> list[str]:
        """The jobs at the service, oldest first."""
        return list(self.service.jobs)

    @property
    def states(self) -> list[str]:
        """How the submissions stand, oldest first."""
        return states(self.home)

    @property
    def submission(self) -> str:
        """The id of the one submission."""
        ((name, _),) = submissions(self.home)
        return name

    def check(self, log: str) -> None:
        """Holds what happened against the oracle."""
        assert len(self.made) <= self.intents
        Journal(self.home / FOLDER).unsettled()
        written = [path.read_bytes() for path in self.home.rglob("*") if path.is_file()]
        spoken = [text.encode() for text in (*self.said, log)]
        for secret in (API_KEY, HEADER):
            assert not any(secret.encode() in text for text in spoken + written)

    def close(self) -> None:
        for client in self._clients:
            client.close()


def bench_of(
    folder: Path, caplog: pytest.LogCaptureFixture, kind: Kind = "openai"
) -> Generator[Bench]:
    """The fixture `bench`: one that is held against the oracle at its end."""
    caplog.set_level(logging.DEBUG)
    before = left_open()
    bench = Bench(folder, kind)
    with Heard() as heard, bench.service:
        yield bench
        bench.close()
    bench.check("\n".join(heard.lines))
    check_left_open(before)


# Processes


class Forks:
    """A process that has everything loaded, and forks one for each function that it is given.

    A process that begins from nothing takes two seconds until it has sent its first request.
    """

    def __init__(self, module: str, *, warm: bool = True) -> None:
        """Starts it.

        Args:
            module: the test file that has the functions.
            warm: loads what is loaded on first use, too; forks without it take a tenth.
        """
        words = [sys.executable, "-m", "tests.submission.bench", module, *["warm"] * warm]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
        assert process.returncode == 0

    def start(self, function: Callable[..., None], *words: str) -> int:
        """Calls the function in a process of its own, and gives its number."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps([function.__name__, *words])}\n")
        self._process.stdin.flush()
        return int(self.line())

    def line(self) -> str:
        """The next line that the function prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self) -> tuple[list[str], int]:
        """What else the function prints, and how its process ends."""
        *lines, last = iter(self.line, "ended")
        return lines, int(last)

    def run(self, function: Callable[..., None], *words: str) -> list[str]:
        """What the function prints; it has to come to its end."""
        self.start(function, *words)
        lines, code = self.end()
        assert code == 0
        return lines


def serve(module: str, *warm: str) -> None:
    """Forks a process for each line that it reads."""
    functions = vars(importlib.import_module(module))
    if warm:
        warm_up()
    for line in sys.stdin:
        name, *words = json.loads(line)
        if not (child := os.fork()):
            _call(functions[name], words)
        _, status = os.waitpid(child, 0)
        say(f"{os.waitstatus_to_exitcode(status)}\nended")


def _call(function: Callable[..., None], words: Sequence[str]) -> NoReturn:
    code = 1
    try:
        say(str(os.getpid()))
        function(*words)
        code = 0
    except BaseException:  # noqa: BLE001 - a fork returns to nobody
        traceback.print_exc()
    finally:
        os._exit(code)


def say(words: str) -> None:
    """Prints a line: the whole of it or nothing, whatever happens meanwhile."""
    os.write(1, f"{words}\n".encode())


def tell(function: Callable[[], object]) -> None:
    """Prints what the function gives, or the error that it raises."""
    try:
        say(str(function()))
    except FineTuneError as error:
        say(f"{type(error).__name__}: {error}")


def client_of(url: str, home: str, kind: Kind = "openai") -> FineTuneClient:
    """A client in another process."""
    vendor = VENDORS[kind]
    place = {vendor.address: url}
    provider = vendor.provider(
        **place, api_key=API_KEY, home=home, clock=VirtualClock(), environ={}
    )
    return FineTuneClient(provider, home=home)


def warm_up() -> None:
    """Loads all that is loaded on first use. Some of it lies where root alone may read."""
    with OpenAIService(key=API_KEY) as service, tempfile.TemporaryDirectory() as home:
        client = client_of(service.url, home)
        client.jobs.create(**call())
        client.close()


def become_nobody() -> None:
    """Gives up all rights: root may do everything."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def public_folder() -> Generator[Path]:
    """The fixture `public` of some files: a folder that everybody may look into."""
    if os.getuid():
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def left_open() -> tuple[int, int]:
    """Threads that run, and file descriptors that are open."""
    descriptors = Path("/proc/self/fd")
    return threading.active_count(), len(list(descriptors.iterdir())) if descriptors.exists() else 0


def check_left_open(before: tuple[int, int]) -> None:
    """No more than there was; it may be less, as what an earlier test has left is collected."""
    if any(now > then for now, then in zip(left_open(), before, strict=True)):
        gc.collect()
    assert all(now <= then for now, then in zip(left_open(), before, strict=True))


def call(**words: Any) -> dict[str, Any]:
    """The words of one create."""
    return {"model": MODEL, "training_data": ROWS, **words}


def told(error: FineTuneError) -> list[str]:
    """All that an error tells, in every way that it can be asked."""
    trace = "".join(traceback.format_exception(error))
    return [str(error), repr(error), str(vars(error)), str(pickle.dumps(error)), trace]


def states(home: Path) -> list[str]:
    """How the submissions of a state folder stand, oldest first."""
    return [state for _, state in submissions(home)]


def submissions(home: Path) -> list[tuple[str, str]]:
    """The submissions of a state folder and how they stand, oldest first."""
    with closing(sqlite3.connect(home / FOLDER / "journal.sqlite3")) as database:
        return database.execute("SELECT id, state FROM submissions ORDER BY rowid").fetchall()


if __name__ == "__main__":
    serve(*sys.argv[1:])
