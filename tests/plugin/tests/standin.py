"""Inkwell on this machine: it keeps studies, and trains nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from finetune_sdk.testing import VirtualClock

KEY = "ink-key-of-a-test-0123456789"
DRAFTED, LINED_UP, INKED = 5, 10, 40
"""Seconds of a study's life at which the state of that name ends."""


class FaultError(Exception):
    """An answer that is no good one."""

    def __init__(self, status: int, kind: str, text: str) -> None:
        super().__init__(text)
        self.status, self.told = status, {"fault": {"kind": kind, "text": text}}


@dataclass
class Study:
    """One study, as old as the clock says."""

    name: str
    body: dict[str, Any]
    course: str
    clock: VirtualClock
    born: float
    word: str | None = None
    struck: float | None = None

    @property
    def age(self) -> float:
        return (self.struck or self.clock.monotonic()) - self.born

    @property
    def state(self) -> str:
        if self.word or self.struck is not None:
            return self.word or "struck"
        if self.age < LINED_UP:
            return "drafted" if self.age < DRAFTED else "lined_up"
        if self.age < INKED or self.course == "endless":
            return "inking"
        return "dry" if self.course == "short" else "blotted"

    def at(self, age: float) -> str:
        now = self.clock.now() - timedelta(seconds=self.clock.monotonic())
        return (now + timedelta(seconds=self.born + age)).isoformat()

    def told(self) -> dict[str, Any]:
        ended = self.state in ("dry", "blotted", "struck")
        words = ("base", "scroll", "proof_scroll", "stack", "pace", "title", "mark", "memo")
        return {
            **{word: self.body.get(word) for word in words},
            "passes": self.body.get("passes", 3),
            "study": self.name,
            "state": self.state,
            "model": f"ink/{self.name}" if self.state == "dry" else None,
            "blot": {"kind": "smudge", "text": "line 3"} if self.state == "blotted" else None,
            "drafted_at": self.at(0),
            "ended_at": self.at(min(self.age, INKED)) if ended else None,
        }

    def diary(self) -> list[dict[str, Any]]:
        ages = {"drafted": 0, "lined_up": DRAFTED, "inking": LINED_UP}
        said: list[tuple[float, str]] = [
            (age, state) for state, age in ages.items() if age <= self.age
        ]
        if self.state not in ages:
            said.append((self.age, self.state))
        entries = [
            {"entry": f"{self.name}-{number}", "at": self.at(age), "text": f"the study is {state}"}
            for number, (age, state) in enumerate(said)
        ]
        return entries[::-1]

    def readings(self) -> list[dict[str, Any]]:
        steps = int(min(self.age, INKED) - LINED_UP) // 3
        return [{"step": step, "loss": 2 / step, "proof": False} for step in range(1, steps + 1)]


@dataclass
class Inkwell:
    """The service.

    Attributes:
        course: of the next studies: `short`, `endless` or `failing`.
        lose: the next study is made, and the answer is lost.
        faults: what the next request that begins so gets, as `POST /v1/studies`.
        asked: methods and paths of all requests.
    """

    clock: VirtualClock
    course: str = "short"
    lose: bool = False
    faults: dict[str, FaultError] = field(default_factory=dict[str, FaultError])
    asked: list[str] = field(default_factory=list[str])
    studies: dict[str, Study] = field(default_factory=dict[str, Study])
    marks: dict[str, str] = field(default_factory=dict[str, str])
    scrolls: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Inkwell:
        service = self

        class Handler(_Handler):
            inkwell = service

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> object:
        self.asked.append(f"{method} {path}")
        for begin in [one for one in self.faults if self.asked[-1].startswith(one)]:
            raise self.faults.pop(begin)
        match method, *(unquote(part) for part in path.strip("/").split("/")[1:]):
            case "POST", "scrolls":
                return {"scroll": self._scroll(json.loads(body))}
            case "PUT", "scrolls", name, "ink":
                self.scrolls[name] = [json.loads(line) for line in body.splitlines()]
                return {"scroll": name, "lines": len(self.scrolls[name])}
            case "POST", "studies":
                return self._new(json.loads(body))
            case "GET", "studies":
                found = [one.told() for one in reversed(self.studies.values())]
                found = [one for one in found if query.get("mark", one["mark"]) == one["mark"]]
                return _page("studies", found, query)
            case _, "studies", name, *part:
                return self._of_study(self._study(name), part, query)
            case _:
                raise FaultError(404, "no_such_page", "there is no such page")

    def _of_study(self, study: Study, part: list[str], query: dict[str, str]) -> object:
        match part:
            case ["strike"]:
                return self._strike(study)
            case ["diary"]:
                return _page("entries", study.diary(), query)
            case ["readings"]:
                return _page("readings", study.readings(), query)
            case _:
                return study.told()

    def _scroll(self, body: dict[str, Any]) -> str:
        name = self.marks.setdefault(body["mark"], f"sc-{len(self.marks) + 1}")
        self.scrolls.setdefault(name, [])
        return name

    def _new(self, body: dict[str, Any]) -> object:
        if any(one.body["mark"] == body["mark"] for one in self.studies.values()):
            raise FaultError(409, "mark_taken", "a study has this mark")
        if not self.scrolls.get(body["scroll"]):
            raise FaultError(422, "blank_scroll", "the scroll has no lines")
        name = f"st-{len(self.studies) + 1}"
        study = Study(name, body, self.course, self.clock, self.clock.monotonic())
        self.studies[name] = study
        if self.lose:
            self.lose = False
            raise ConnectionAbortedError
        return study.told()

    def _study(self, name: str) -> Study:
        if name not in self.studies:
            raise FaultError(404, "no_such_study", f"there is no study {name}")
        return self.studies[name]

    def _strike(self, study: Study) -> object:
        if study.state not in ("dry", "blotted", "struck"):
            study.word, study.struck = None, self.clock.monotonic()
        return study.told()


class _Handler(BaseHTTPRequestHandler):
    inkwell: Inkwell

    def _any(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            if self.headers.get("inkwell-key") != KEY:
                raise FaultError(401, "wrong_key", "this key opens nothing")
            with self.inkwell.lock:
                query = dict(parse_qsl(url.query))
                told = self.inkwell.answer(self.command, url.path, query, body)
            self._send(200, told)
        except FaultError as error:
            self._send(error.status, error.told)
        except ConnectionAbortedError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = _any  # noqa: N815 - the names that the server looks for

    def _send(self, status: int, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's word
        """Says nothing."""


def _page(items: str, found: Sequence[object], query: dict[str, str]) -> object:
    start = int(query.get("from", 0))
    end = start + int(query["take"])
    return {items: found[start:end], "next": str(end) if end < len(found) else None}
