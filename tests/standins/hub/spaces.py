"""Spaces: built and run by the clock, or really run; paused, billed, and asked about.

The container of a Space acts as AutoTrain's own or as that of our runner: it trains once it has
the hardware that its variable `FINETUNE_HARDWARE` names, or any where it names none, says on the
Space's page how it went, and pauses it. Ours gives the hardware back then, and does not train where
the page has said before how it went.
"""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from tests.standins.hub.flavors import FLAVORS
from tests.standins.hub.job import JobCourse, JobRecord
from tests.standins.hub.repo import Discussion, StoredRepo, stamp
from tests.standins.hub.routes import Call, RefusedError, Route, answer, refuse, sse, text
from tests.standins.hub.running import Image, Process
from tests.standins.hub.space import FREE, STILL, WEIGHTS, SpaceCourse, SpaceRecord
from tests.standins.openai import Answer
from tests.standins.openai.wire import Json

if TYPE_CHECKING:
    from tests.standins.hub.hub import Hub

ONE = "/api/spaces/(?P<id>[^/]+/[^/]+)"
KEY = re.compile(r"[a-zA-Z][_a-zA-Z0-9]*")
BROKE = "Payment required: this hardware needs credit on the account"
DONE = ("Your training has finished successfully ✅", "Your training has failed ❌")
OVERTIME = "It was ended at its timeout."
LONG = 7 * 86_400.0


class Spaces:
    """All Spaces, by their ids.

    Attributes:
        course: how Spaces go for which no course was added.
        autotrain: a virtual environment with AutoTrain, in which containers really run.
        wakes: a paused Space starts when it gets other hardware.
        forgets: what a container said goes with it.
        deaf: a Space that is to pause goes on, and so does what should have ended.
    """

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.course = SpaceCourse()
        self.autotrain: Path | None = None
        self.wakes = False
        self.forgets = True
        self.deaf = False
        self._courses: deque[SpaceCourse] = deque()
        self._spaces: dict[str, SpaceRecord] = {}
        self._number = count(1)
        self._running: list[Process] = []
        hooks = hub.repos.hooks
        hooks.creating.append(self._creating)
        hooks.created.append(self._created)
        hooks.deleted.append(self._deleted)
        hooks.committed.append(self._committed)

    def __getitem__(self, space_id: str) -> SpaceRecord:
        self.hub.settle()
        return self._spaces[space_id]

    def __contains__(self, space_id: object) -> bool:
        return space_id in self._spaces

    def __len__(self) -> int:
        return len(self._spaces)

    def add_course(self, *courses: SpaceCourse) -> None:
        """The next Spaces go by these, in order."""
        self._courses.extend(courses)

    def stop(self) -> None:
        """Ends all that really runs."""
        for process in self._running:
            process.stop()

    def settle(self) -> None:
        """Makes what time has made of all Spaces."""
        for space in list(self._spaces.values()):
            self._advance(space, self.hub.clock.monotonic())

    def routes(self) -> Iterable[Route]:
        return (
            ("GET", f"{ONE}/runtime", self._runtime),
            ("GET", f"{ONE}/variables", self._variables),
            ("POST", f"{ONE}/variables", self._set_variable),
            ("DELETE", f"{ONE}/variables", self._drop_variable),
            ("POST", f"{ONE}/secrets", self._set_secret),
            ("DELETE", f"{ONE}/secrets", self._drop_secret),
            ("POST", f"{ONE}/sleeptime", self._sleeptime),
            ("POST", f"{ONE}/hardware", self._hardware),
            ("POST", f"{ONE}/pause", self._pause),
            ("POST", f"{ONE}/restart", self._restart),
            ("GET", f"{ONE}/logs/(?P<kind>run|build)", self._logs),
        )

    # What a repo's life does to its Space

    def _creating(self, call: Call, body: Json) -> None:
        if body.get("type") == "space":
            self._affordable(call, body.get("hardware") or FREE)

    def _created(self, repo: StoredRepo, body: Json) -> None:
        if repo.kind != "space":
            return
        course = self._courses.popleft() if self._courses else self.course
        space = SpaceRecord(repo, course, requested=body.get("hardware") or FREE)
        space.sleep = body.get("sleepTimeSeconds")
        space.secrets |= {one["key"]: one["value"] for one in body.get("secrets") or ()}
        now = self.hub.clock.now()
        for one in body.get("variables") or ():
            space.variables[one["key"]] = (one["value"], now)
        self._spaces[repo.id] = space

    def _deleted(self, repo: StoredRepo) -> None:
        if repo.kind == "space":
            self._halt(self._spaces.pop(repo.id))

    def _committed(self, repo: StoredRepo) -> None:
        if repo.kind == "space" and (space := self._spaces[repo.id]).stage != "PAUSED":
            self._build(space)

    # Its containers

    def _build(self, space: SpaceRecord) -> None:
        """A new container, on the hardware that is asked for."""
        self._halt(space)
        if "Dockerfile" not in space.repo.files():
            space.stage = "NO_APP_FILE"
            return
        space.since, space.stage = self.hub.clock.monotonic(), "BUILDING"
        space.built = [(space.since, line) for line in space.course.built]
        self._advance(space, space.since)

    def _halt(self, space: SpaceRecord) -> None:
        now = self.hub.clock.monotonic()
        if space.ran is not None:
            space.bill(now - space.ran)
        space.said = [one for one in space.said if one[0] <= now]
        space.ran = space.since = None
        if (process := space.process) is not None:
            space.process = None
            assert process.process is not None
            process.process.kill()

    def _advance(self, space: SpaceRecord, now: float) -> None:
        course = space.course
        if space.since is not None and now >= space.since + course.building:
            self._boot(space, space.since + course.building)
        if space.ran is None or not space.trains or self.deaf:
            return
        if self.autotrain is not None:
            self._watch(space)
        elif now >= (over := space.ran + min(course.running, self._most(space))):
            self._finish(space, over)

    def _boot(self, space: SpaceRecord, at: float) -> None:
        space.since = None
        if space.course.outcome == "BUILD_ERROR":
            space.stage = "BUILD_ERROR"
            return
        space.ran, space.stage, space.current = at, "RUNNING", space.requested
        if space.over:
            self._stop(space)
            return
        if not space.trains:
            return
        space.trained += 1
        if self.autotrain is not None:
            self._run(space, self.autotrain)
            return
        lines = space.course.lines
        for number, line in enumerate(lines, 1):
            space.said.append((at + space.course.running * number / (len(lines) + 1), line))

    def _most(self, space: SpaceRecord) -> float:
        return float(space.variable("FINETUNE_TIMEOUT") or LONG)

    def _finish(self, space: SpaceRecord, at: float) -> None:
        """What the container does when its training is over, or takes too long."""
        course, overtime = space.course, space.course.running > self._most(space)
        if course.outcome == "RUNTIME_ERROR" and not overtime:
            self._halt(space)
            space.stage = "RUNTIME_ERROR"
            return
        if course.outcome == "trained" and not overtime:
            self._leave_model(space)
        told = overtime or course.outcome in ("trained", "failed")
        if told:
            self._tell(space, DONE[overtime or course.outcome == "failed"], overtime)
        self._stop(space)
        if told and space.ours:
            space.requested = FREE
        # It went when it was over, and not when somebody looked.
        space.bill(at - self.hub.clock.monotonic())

    def _leave_model(self, space: SpaceRecord) -> None:
        hub, course = self.hub, space.course
        if course.finish is not None:
            course.finish(hub, space)
            return
        name = space.secrets.get("PROJECT_NAME") or space.id.partition("/autotrain-")[2]
        hub.repos.add("model", f"{space.repo.namespace}/{name}", WEIGHTS, private=True)

    def _tell(self, space: SpaceRecord, title: str, overtime: bool) -> None:
        # AutoTrain's own words are few; our program's hold the log.
        log = "\n".join(line for _, line in space.said)
        ours = f"{OVERTIME if overtime else ''}\n\n````\n{log}\n````\n"
        words = ours if space.ours else "Please check the logs"
        num, now = len(space.repo.discussions) + 1, self.hub.clock.now()
        space.repo.discussions.append(Discussion(num, title, words, space.repo.namespace, now))

    def _stop(self, space: SpaceRecord) -> None:
        self._halt(space)
        space.stage, space.word = "PAUSED", None

    # Those that really run

    def _run(self, space: SpaceRecord, venv: Path) -> None:
        name = f"space-{next(self._number)}"
        folder = self.hub.folder / f"{name}-app"
        folder.mkdir()
        for path, content in space.repo.files().items():
            (folder / path).write_bytes(content)
        clock, python = self.hub.clock, str(venv / "bin" / "python")
        ours = folder / "start.py"
        own = [str(venv / "bin" / "autotrain"), "api", "--host", "127.0.0.1", "--port", "0"]
        job = JobRecord(
            id=name,
            namespace=space.repo.namespace,
            spec={
                "command": [python, str(ours)] if ours.exists() else own,
                "environment": {**space.environment(), "SPACE_ID": space.id, "FINETUNE_PORT": "0"},
                "timeoutSeconds": LONG,
            },
            course=JobCourse(),
            clock=clock,
            born=clock.monotonic(),
            date=clock.now(),
        )
        job.process = Process(self.hub, job, Image(venv / "bin"))
        self._running.append(job.process)
        space.process, space.said = job, job.said
        job.process.start()
        shutil.rmtree(folder) if not ours.exists() else None

    def _watch(self, space: SpaceRecord) -> None:
        if space.process is not None and space.process.ended is not None:
            self._halt(space)
            space.stage = "RUNTIME_ERROR"

    # What is asked

    def _runtime(self, call: Call, found: re.Match[str]) -> Answer:
        return answer(self._seen(call, found).runtime())

    def _variables(self, call: Call, found: re.Match[str]) -> Answer:
        return answer(self._mine(call, found).told())

    def _set_variable(self, call: Call, found: re.Match[str]) -> Answer:
        space, body = self._mine(call, found), _pair(call)
        space.variables[body["key"]] = (body["value"], self.hub.clock.now())
        self._changed(space)
        return answer(space.told())

    def _drop_variable(self, call: Call, found: re.Match[str]) -> Answer:
        space = self._mine(call, found)
        space.variables.pop(call.json()["key"], None)
        self._changed(space)
        return answer(space.told())

    def _set_secret(self, call: Call, found: re.Match[str]) -> Answer:
        space, body = self._mine(call, found), _pair(call)
        space.secrets[body["key"]] = body["value"]
        self._changed(space)
        return answer({})

    def _drop_secret(self, call: Call, found: re.Match[str]) -> Answer:
        space = self._mine(call, found)
        space.secrets.pop(call.json()["key"], None)
        self._changed(space)
        return answer({})

    def _changed(self, space: SpaceRecord) -> None:
        """What a container sees is new: it starts anew."""
        if space.ran is not None or space.since is not None:
            self._build(space)

    def _sleeptime(self, call: Call, found: re.Match[str]) -> Answer:
        space = self._mine(call, found)
        space.sleep = call.json()["seconds"]
        return answer(space.runtime())

    def _hardware(self, call: Call, found: re.Match[str]) -> Answer:
        space, body = self._mine(call, found), call.json()
        self._affordable(call, body["flavor"])
        space.requested, space.sleep = body["flavor"], body.get("sleepTimeSeconds", space.sleep)
        if self.wakes or space.stage not in STILL:
            self._build(space)
        return answer(space.runtime())

    def _affordable(self, call: Call, flavor: str) -> None:
        if flavor not in {one.name for one in FLAVORS}:
            raise RefusedError(refuse(400, f"Invalid hardware flavor: {flavor}"))
        if flavor != FREE and not (call.account and call.account.can_pay):
            raise RefusedError(refuse(402, BROKE))

    def _pause(self, call: Call, found: re.Match[str]) -> Answer:
        space = self._mine(call, found)
        if not self.deaf:
            self._stop(space)
        return answer(space.runtime())

    def _restart(self, call: Call, found: re.Match[str]) -> Answer:
        space = self._mine(call, found)
        space.word = None
        self._build(space)
        return answer(space.runtime())

    def _logs(self, call: Call, found: re.Match[str]) -> Answer:
        space, clock = self._mine(call, found), self.hub.clock
        if found["kind"] == "run" and space.stage in STILL and self.forgets:
            return refuse(404, "No logs: the Space is paused")
        told = space.said if found["kind"] == "run" else space.built
        date = stamp(clock.now())
        past = [line for at, line in told if at <= clock.monotonic()]
        return sse([{"data": f"{line}\n", "timestamp": date} for line in past])

    def _seen(self, call: Call, found: re.Match[str]) -> SpaceRecord:
        space = self._spaces.get(text(found, "id"))
        hidden = space is None or (
            space.repo.private and not (call.account and call.account.sees(space.id))
        )
        if space is None or hidden:
            status = 401 if call.account is None else 404
            raise RefusedError(refuse(status, "Repository not found", "RepoNotFound"))
        return space

    def _mine(self, call: Call, found: re.Match[str]) -> SpaceRecord:
        space = self._seen(call, found)
        if call.account is None or not call.account.sees(space.id):
            raise RefusedError(refuse(403, "You don't have the required permissions"))
        return space


def _pair(call: Call) -> Mapping[str, str]:
    body = call.json()
    if not KEY.fullmatch(str(body.get("key", ""))) or not isinstance(body.get("value"), str):
        raise RefusedError(refuse(400, "Invalid key or value"))
    return body
