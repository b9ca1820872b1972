"""Deployments at Azure, and all that goes wrong on their way.

The ids in names are those of the list of faults.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from finetune_sdk import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    Deployment,
    DeploymentFailedError,
    FineTuneClient,
    FineTuneError,
    InvalidRequestError,
    Job,
    JobFailedError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ResponseDecodeError,
    ServerError,
    WaitTimeoutError,
)
from finetune_sdk.providers._openai_talk.records import Records
from finetune_sdk.transport import Clock
from finetune_sdk.types import DeploymentStatus, JobStatus
from tests.azure.bench import (
    BASE,
    HELLO,
    NAME,
    ROWS,
    Bench,
    Later,
    Retold,
    bench_of,
    client_of,
    place_of,
)
from tests.standins.azure import azure_error
from tests.standins.openai import (
    Action,
    CutBody,
    DropAfter,
    DropBefore,
    Edit,
    Fault,
    Hang,
    OpenAIService,
    Redirect,
    Refuse,
    Reply,
)
from tests.submission.bench import Forks, become_nobody, public_folder, say, tell
from tests.support import eventually

READY, CREATING = DeploymentStatus.READY, DeploymentStatus.CREATING
BUSY = azure_error("RequestConflict", "Another operation is being performed on the parent.")
MINUTE = 60.0


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, monkeypatch)


@pytest.fixture(scope="module")
def forks() -> Generator[Forks]:
    with Forks(__name__, warm=False) as forks:
        yield forks


@pytest.fixture
def public() -> Generator[Path]:
    yield from public_folder()


# Making one


@pytest.mark.parametrize("action", [DropAfter(), DropAfter(reset=True), Reply(500, after=True)])
def test_dep_01_a_put_whose_answer_is_lost_is_sent_again_and_makes_one(
    bench: Bench, action: Action
) -> None:
    bench.hurt(action)
    assert bench.ready().status is READY
    # It was looked at before it would have been sent once more.
    assert (bench.there, bench.puts) == ([NAME], 1)


@pytest.mark.parametrize("action", [Refuse(), DropBefore(), DropBefore(keep=9), Reply(503)])
def test_a_put_that_did_nothing_is_sent_again(bench: Bench, action: Action) -> None:
    bench.hurt(action, times=2)
    assert bench.ready().status is READY
    assert bench.there == [NAME]


def test_dep_02_a_busy_account_is_waited_for(bench: Bench) -> None:
    bench.hurt(Reply(409, BUSY), times=5)
    model, before = bench.tuned, bench.clock.monotonic()
    assert bench.create(model=model).status is CREATING
    assert (bench.puts, bench.there) == (6, [NAME])
    # Longer and longer, and not for ever.
    assert bench.clock.monotonic() - before == pytest.approx(
        2 * (1 + 1.5 + 1.5**2 + 1.5**3 + 1.5**4)
    )


def test_dep_02_deleting_waits_for_a_busy_account_too(bench: Bench) -> None:
    client = bench.client()
    bench.create(client)
    client.deployments.delete(NAME)
    assert bench.deletes > 1
    bench.clock.sleep(bench.arm.deleting)
    assert bench.there == []


def test_an_account_that_is_busy_without_end_is_given_up(bench: Bench) -> None:
    bench.hurt(Reply(409, BUSY), times=None)
    model, before = bench.tuned, bench.clock.monotonic()
    error = bench.refuses(ConflictError, model=model)
    assert "nothing was changed" in str(error)
    assert (error.code, bench.there) == ("RequestConflict", [])
    assert 14 * MINUTE <= bench.clock.monotonic() - before <= 15 * MINUTE


def test_another_conflict_is_not_waited_for(bench: Bench) -> None:
    bench.hurt(Reply(409, azure_error("Conflict", "No.")), times=None)
    bench.refuses(ConflictError)
    assert bench.puts == 1


def failed(bench: Bench, client: FineTuneClient) -> Deployment:
    """One that Azure has accepted and could not make."""
    details = [{"code": "Rai", "message": "Violence is high."}]
    bench.arm.fail("ModelNotDeployable", "It says bad things.", details)
    made = bench.create(client)
    bench.clock.sleep(bench.arm.creating)
    return made


def test_dep_03_one_that_azure_fails_to_make_says_why_and_is_listed(bench: Bench) -> None:
    client = bench.client()
    made = failed(bench, client)
    error = bench.fails(DeploymentFailedError, lambda: client.deployments.wait(made))
    assert "It says bad things." in str(error)
    assert "Violence is high." in str(error)
    assert error.deployment.error is not None
    assert error.deployment.error.code == "ModelNotDeployable"
    found = client.deployments.get(made)
    assert (found.status, found.raw_status) == (DeploymentStatus.FAILED, "Failed")
    (listed,) = client.deployments.list()
    assert (listed.status, listed.cost_per_hour) == (DeploymentStatus.FAILED, 1.7)
    bench.fails(DeploymentFailedError, lambda: client.deployments.chat(made, HELLO))
    client.deployments.delete(made)
    bench.clock.sleep(bench.arm.deleting)
    assert bench.there == []


@pytest.mark.parametrize(
    "what",
    ["nobody noted it", "it is forgotten", "no JSON", "an odd address", "in clear text", "a list"],
)
def test_one_that_failed_for_a_reason_that_nobody_can_tell_has_failed_all_the_same(
    bench: Bench, what: str
) -> None:
    headers = {
        "an odd address": "https://[",
        "in clear text": bench.arm.url.replace("https", "http") + "/operation",
    }
    if what in headers:
        bench.hurt(Retold({"azure-asyncoperation": headers[what]}))
    client = bench.client()
    made = failed(bench, client)
    if what == "it is forgotten":
        bench.arm.operations.clear()
    bodies = {"no JSON": b"<html>", "a list": b"[]"}
    if what in bodies:
        bench.hurt(Reply(200, bodies[what]), method="GET", path="/operation.*", times=None)
    other = bench.folder / "other"
    looking = bench.client(other if what == "nobody noted it" else None)
    error = bench.fails(DeploymentFailedError, lambda: looking.deployments.wait(made))
    assert "Azure gave no reason" in str(error)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_address_of_an_operation_on_another_host_gets_no_token(
    bench: Bench, scheme: str
) -> None:
    with OpenAIService(bench.clock) as stranger:
        url = f"{scheme}{stranger.url.removeprefix('http')}/operation"
        bench.hurt(Retold({"azure-asyncoperation": url}))
        client = bench.client()
        made = failed(bench, client)
        error = bench.fails(DeploymentFailedError, lambda: client.deployments.wait(made))
        assert "Azure gave no reason" in str(error)
        assert stranger.requests == []


def test_a_next_page_on_another_host_gets_no_token(bench: Bench) -> None:
    bench.ready()
    with OpenAIService(bench.clock) as stranger:
        link = f"{stranger.url}/deployments?page=2"
        bench.hurt(Edit(lambda said: {**said, "nextLink": link}), method="GET", path="/deployments")
        bench.fails(ProviderError, lambda: list(bench.client().deployments.list()))
        assert stranger.requests == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_redirect_is_not_followed(bench: Bench, method: str) -> None:
    client = bench.client()
    bench.ready(client)
    with OpenAIService(bench.clock) as stranger:
        bench.hurt(Redirect(f"{stranger.url}/x"), method=method, path=".*", times=None)
        calls = {
            "GET": lambda: client.deployments.get(NAME),
            "PUT": lambda: client.deployments.create(BASE, name="another"),
            "DELETE": lambda: client.deployments.delete(NAME),
        }
        error = bench.fails(ProviderError, calls[method])
        assert "307" in str(error)
        assert stranger.requests == []


def test_a_list_without_an_end_ends_with_the_deadline(bench: Bench) -> None:
    bench.ready()
    link = f"{bench.arm.url}{bench.arm.account_id}/deployments?again=1"

    def on(said: Any) -> Any:
        bench.clock.sleep(7)
        return {**said, "nextLink": link}

    bench.hurt(Edit(on), method="GET", path="/deployments", times=None)
    before = bench.clock.monotonic()
    bench.fails(ConnectionFailedError, lambda: list(bench.client().deployments.list()))
    assert bench.clock.monotonic() - before <= 30 + 7


# Processes that die


def die(place: str, how: str) -> None:
    """Makes one, and ends before anything of it is noted."""

    def end(*_: object) -> None:
        if how == "exit":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(Records, "write", end)  # noqa: B010
    client_of(place).deployments.create(BASE, name=NAME)


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_dep_05_one_that_died_after_the_put_is_followed_by_one_that_finds_it(
    bench: Bench, forks: Forks, how: str
) -> None:
    forks.start(die, place_of(bench), how)
    assert forks.end() == ([], {"exit": 3, "kill": -signal.SIGKILL}[how])
    assert list(bench.home.rglob("deployments/*.json")) == []
    client = bench.client()
    made = bench.create(client, model=BASE)
    assert client.deployments.wait(made).status is READY
    assert (bench.puts, bench.there) == (1, [NAME])


def make(place: str) -> None:
    client_of(place).deployments.create(BASE, name=NAME)


def test_dep_05_one_that_is_killed_within_the_put_blocks_nobody(bench: Bench, forks: Forks) -> None:
    bench.hurt(Hang(after=True))
    child = forks.start(make, place_of(bench))
    eventually(lambda: bool(bench.there))
    os.kill(child, signal.SIGKILL)
    assert forks.end() == ([], -signal.SIGKILL)
    client = bench.client()
    assert client.deployments.wait(bench.create(client, model=BASE)).status is READY
    bench.create(client, model=BASE, name="another")
    assert (len(bench.there), bench.puts) == (2, 2)


def die_with_an_end(place: str) -> None:
    """Makes one for an hour, and dies."""
    say(str(client_of(place).deployments.create(BASE, name=NAME, ttl=3600).expires_at))
    os._exit(3)


def test_dep_10_what_a_process_with_a_ttl_has_left_is_reaped(bench: Bench, forks: Forks) -> None:
    """From another machine, too: its end is noted at Azure."""
    bench.strangers("theirs")
    forks.start(die_with_an_end, place_of(bench))
    assert forks.end() == (["2026-01-01 01:00:00+00:00"], 3)
    client = bench.client(bench.folder / "another machine")
    client.deployments.wait(NAME)
    assert client.deployments.reap() == []
    bench.clock.sleep(3600)
    assert {one.name: one.expires_at is None for one in client.deployments.list()} == {
        NAME: False,
        "theirs": True,
    }
    assert [one.name for one in client.deployments.reap()] == [NAME]
    bench.clock.sleep(bench.arm.deleting)
    assert bench.there == ["theirs"]


def blocked(place: str, home: str, authority: str) -> None:
    """Wants one, and to end one, as somebody who may write nowhere."""
    with tempfile.TemporaryDirectory() as mine:
        # All is loaded now: some of it lies where root alone may read.
        with client_of(place, home=mine) as warm:
            list(warm.deployments.list())
        become_nobody()
        client = client_of(place, home=home)
        os.environ["REQUESTS_CA_BUNDLE"] = authority
        tell(lambda: client.deployments.create(BASE, name=NAME))
        tell(lambda: client.deployments.delete("theirs"))
        say(",".join(one.name for one in client.deployments.list()))
        client.close()
        os._exit(0)


def test_without_a_state_folder_nothing_is_made_and_what_costs_can_be_ended(
    bench: Bench, forks: Forks, public: Path
) -> None:
    home = public / "home"
    home.mkdir(mode=0o755)
    trusted = Path(shutil.copy(bench.azure.authority.ca_file, public / "ca.pem"))
    trusted.chmod(0o644)
    bench.strangers("theirs")
    made, deleted, listed = forks.run(blocked, place_of(bench), str(home), str(trusted))
    assert made.startswith("ConfigurationError: ")
    assert "FINETUNE_HOME" in made
    assert str(home) in made
    assert (deleted, listed) == ("None", "theirs")
    # The one PUT is that of whoever made it.
    assert (bench.puts, bench.deletes) == (1, 1)


def test_one_that_cannot_be_noted_is_told_all_the_same(bench: Bench) -> None:
    client = bench.client()
    bench.create(client, name="first")
    (folder,) = bench.home.rglob("deployments")
    (folder / f"{NAME}.json").mkdir()
    made = bench.create(client)
    assert any("could not be noted" in warning for warning in made.warnings)
    assert client.deployments.wait(made).status is READY
    assert bench.there == ["first", NAME]


# Until it answers


def test_dep_07_one_that_does_not_answer_yet_is_waited_for(bench: Bench) -> None:
    bench.arm.servable_after = 5 * MINUTE
    client = bench.client()
    made = bench.create(client)
    start = bench.clock.monotonic()
    bench.clock.sleep(bench.arm.creating)
    found = client.deployments.get(made)
    assert (found.status, found.raw_status) == (CREATING, "Succeeded")
    assert client.deployments.chat(made, HELLO).content == f"{bench.tuned}: hello"
    assert 6 * MINUTE <= bench.clock.monotonic() - start < 7 * MINUTE
    # It asked for a token at a time, and no more once it had an answer.
    asked = [one.json["messages"][0]["content"] for one in bench.probes]
    assert asked.count("hello") == 1
    client.deployments.get(made)
    assert len(bench.probes) == len(asked)


def test_dep_07_one_that_never_answers_ends_in_the_answer_of_the_service(bench: Bench) -> None:
    bench.arm.servable_after = 1e9
    client = bench.client()
    made = bench.create(client)
    bench.fails(WaitTimeoutError, lambda: client.deployments.wait(made, timeout=5 * MINUTE))
    error = bench.fails(NotFoundError, lambda: client.deployments.chat(made, HELLO))
    assert "does not exist" in str(error)
    assert bench.clock.monotonic() < 1800 + 20 * MINUTE


@pytest.mark.parametrize("status", [400, 401, 403, 429])
def test_a_no_is_an_answer_too(bench: Bench, status: int) -> None:
    fault = Fault(path="/chat/completions", action=Reply(status), times=None)
    bench.azure.data.faults.add(fault)
    assert bench.ready().status is READY


def test_a_data_plane_that_is_down_is_borne(bench: Bench) -> None:
    fault = Fault(path="/chat/completions", action=Reply(500), times=7)
    bench.azure.data.faults.add(fault)
    assert bench.ready().status is READY
    assert bench.azure.data.faults.hits == [fault] * 7


def test_resource_manager_comes_and_goes_while_it_is_waited_for(bench: Bench) -> None:
    client = bench.client()
    made = bench.create(client)
    for number, action in enumerate([Reply(500), Reply(200, b"<html>"), DropBefore(), Reply(429)]):
        bench.hurt(action, method="GET", after=3 * number, times=2)
    assert client.deployments.wait(made).status is READY


# Ending it


def test_dep_09_deleting_what_is_not_there_is_no_error(bench: Bench) -> None:
    bench.client().deployments.delete(NAME)
    assert bench.deletes == 0


@pytest.mark.parametrize(
    "gone", [Reply(204, b""), Reply(404, azure_error("DeploymentNotFound", "It is not there."))]
)
def test_dep_09_what_goes_meanwhile_is_no_error(bench: Bench, gone: Action) -> None:
    client = bench.client()
    bench.ready(client)
    bench.hurt(gone, method="DELETE")
    client.deployments.delete(NAME)
    assert bench.deletes == 1


class Interrupted:
    """The bench's clock, whose first sleep gives somebody else a turn."""

    def __init__(self, clock: Clock, turn: Callable[[], object]) -> None:
        self._clock, self._turn = clock, [turn]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)

    def sleep(self, seconds: float) -> None:
        while self._turn:
            self._turn.pop()()
        self._clock.sleep(seconds)


def test_what_is_made_anew_while_reaping_waits_is_left_alone(bench: Bench) -> None:
    """The resource is busy: another machine deletes it meanwhile, and makes it anew."""
    other = bench.client(bench.folder / "another machine")
    bench.ready(other, ttl=60)
    bench.clock.sleep(3600)

    def anew() -> None:
        other.deployments.delete(NAME)
        bench.clock.sleep(bench.arm.deleting + 1)
        bench.ready(other, ttl=86_400)

    client = bench.client(clock=Interrupted(bench.clock, anew))
    bench.hurt(Reply(409, BUSY), method="DELETE")
    assert client.deployments.reap() == []
    bench.clock.sleep(bench.arm.deleting + 1)
    assert bench.there == [NAME]


def test_dep_09_a_slow_deletion_reads_deleting(bench: Bench) -> None:
    bench.arm.deleting = 10 * MINUTE
    client = bench.client()
    made = bench.ready(client)
    client.deployments.delete(made)
    assert client.deployments.get(made).status is DeploymentStatus.DELETING
    bench.fails(DeploymentFailedError, lambda: client.deployments.wait(made))
    bench.clock.sleep(10 * MINUTE)
    bench.fails(NotFoundError, lambda: client.deployments.get(made))
    assert bench.there == []


@pytest.mark.parametrize("action", [Reply(500, after=True), DropAfter(), Reply(500)])
def test_dep_09_a_deletion_whose_answer_is_lost_succeeds(bench: Bench, action: Action) -> None:
    client = bench.client()
    bench.ready(client)
    bench.hurt(action, method="DELETE")
    client.deployments.delete(NAME)
    bench.clock.sleep(bench.arm.deleting)
    assert bench.there == []


@pytest.mark.parametrize(
    "answer", [Reply(404), Reply(404, b"<html>"), Reply(404, b"", {"content-type": "text/html"})]
)
def test_a_stranger_who_knows_of_nothing_proves_nothing(bench: Bench, answer: Action) -> None:
    """Such as the page of a proxy: what is taken for gone goes on to cost."""
    client = bench.client()
    bench.ready(client)
    bench.hurt(answer, method=None, path=".*", times=None)
    for call in (
        lambda: client.deployments.get(NAME),
        lambda: client.deployments.delete(NAME),
        lambda: client.deployments.create(BASE, name="new"),
    ):
        assert "`management_url`" in str(bench.fails(NotFoundError, call))
    bench.arm.faults.clear()
    assert client.deployments.get(NAME).status is READY
    assert (bench.puts, bench.there) == (1, [NAME])


# Cancelling a job


def running(bench: Bench, client: FineTuneClient) -> Job:
    """A job that is almost done."""
    job = client.jobs.create(model=BASE, training_data=ROWS)
    course = bench.azure.data.course
    bench.clock.sleep(course.start + course.running - 5)
    job = client.jobs.get(job)
    assert job.status is JobStatus.RUNNING
    return job


def hurt_cancel(bench: Bench, action: Action, times: int | None = 1) -> None:
    path = r"/fine_tuning/jobs/[^/]+/cancel"
    bench.azure.data.faults.add(Fault(path=path, action=action, times=times))


def test_dep_11_a_cancel_that_comes_too_late_reports_the_success(bench: Bench) -> None:
    client = bench.client()
    job = running(bench, client)
    hurt_cancel(bench, Later(bench.clock, 10))
    ended = client.jobs.cancel(job)
    assert ended.status is JobStatus.SUCCEEDED
    assert bench.ready(client, model=ended).model == ended.fine_tuned_model


@pytest.mark.parametrize("action", [Reply(500), Reply(500, after=True), DropAfter()])
def test_dep_12_a_cancel_that_is_lost_is_sent_again(bench: Bench, action: Action) -> None:
    client = bench.client()
    job = running(bench, client)
    hurt_cancel(bench, action)
    assert client.jobs.cancel(job).status in (JobStatus.CANCELLING, JobStatus.CANCELLED)
    error = bench.fails(JobFailedError, lambda: client.jobs.wait(job, progress=False))
    assert error.job.status is JobStatus.CANCELLED


# Tokens


def test_dep_13_a_token_that_ends_while_it_is_waited_for_is_followed_by_a_new_one(
    bench: Bench,
) -> None:
    bench.azure.authority.lifetime = 3600
    bench.arm.creating = 2 * 3600.0 + MINUTE
    client = bench.client()
    made = bench.create(client)
    for _ in range(2):
        bench.clock.sleep(3590)
        # It ends within this.
        bench.fails(WaitTimeoutError, lambda: client.deployments.wait(made, timeout=20))
    ready = client.deployments.wait(made)
    assert client.deployments.chat(ready, HELLO).content == f"{bench.tuned}: hello"
    audiences = [token.audience for token in bench.azure.authority.issued]
    assert audiences.count("https://management.azure.com") == 3
    assert (bench.puts, bench.there) == (1, [NAME])


def test_dep_13_existing_code_gets_new_tokens_as_well(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    with client.deployments.openai(made) as existing:
        for _ in range(2):
            existing.chat.completions.create(
                model=NAME, messages=[{"role": "user", "content": "hello"}]
            )
            bench.azure.authority.revoke_all()
            client.models.get(BASE)
    assert bench.azure.data.chats[NAME] >= 2


def test_a_token_that_is_refused_for_good_is_an_error_that_says_what_to_do(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    bench.azure.authority.revoke_all()
    bench.azure.authority.refuse = "AADSTS7000222"
    error = bench.fails(AuthenticationError, lambda: client.deployments.get(made))
    assert "AADSTS7000222" in str(error)
    assert "AZURE_CLIENT_SECRET" in str(error)
    bench.azure.authority.refuse = None
    assert client.deployments.get(made).status is READY


class Vault:
    """A credential of a caller's."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_token(self, *scopes: str, **_: Any) -> Any:
        raise self.error


def test_a_credential_of_a_callers_that_fails_is_named(bench: Bench) -> None:
    client = bench.client(credential=Vault(RuntimeError("the vault is shut")))
    error = bench.fails(AuthenticationError, lambda: client.deployments.get(NAME))
    assert "the vault is shut" in str(error)
    assert "`management_url`" not in str(error)
    assert bench.arm.requests == []


def test_an_authority_that_is_down_is_not_taken_for_resource_manager(bench: Bench) -> None:
    nobody = {**bench.azure.environ, "AZURE_AUTHORITY_HOST": "https://localhost:1"}
    client = bench.client(environ=nobody)
    error = bench.fails(ConnectionFailedError, lambda: client.deployments.get(NAME))
    assert "`cloud` or `authority`" in str(error)
    assert bench.arm.requests == []


# Nobody there


def test_without_resource_manager_the_deadline_is_held(bench: Bench) -> None:
    client = bench.client(profile=bench.profile(management_url="https://localhost:1"))
    for call in (
        lambda: client.deployments.create(BASE, name=NAME),
        lambda: client.deployments.get(NAME),
        lambda: list(client.deployments.list()),
        lambda: client.deployments.delete(NAME),
    ):
        before = bench.clock.monotonic()
        error = bench.fails(ConnectionFailedError, call)
        assert "https://localhost:1" in str(error)
        assert "`management_url`" in str(error)
        assert bench.clock.monotonic() - before <= 30


def test_a_resource_manager_that_says_nothing_is_given_up(bench: Bench) -> None:
    bench.hurt(Hang(), method=None, path=".*", times=None)
    client = bench.client(timeout=0.2)
    for call in (
        lambda: client.deployments.create(BASE, name=NAME),
        lambda: client.deployments.get(NAME),
        lambda: list(client.deployments.list()),
        lambda: client.deployments.delete(NAME),
    ):
        bench.fails(ConnectionFailedError, call)


def test_a_certificate_that_nobody_vouches_for_gets_no_token(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = bench.client()
    bench.ready(client)
    client.close()
    before = len(bench.arm.requests)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    error = bench.fails(ConnectionFailedError, lambda: client.deployments.get(NAME))
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert len(bench.arm.requests) == before


# Answers that are none


UNREADABLE: list[Action] = [
    *[Reply(200, body) for body in (b"", b"null", b"[]", b"7", b"<html>", b"\xff", b'{"name": "')],
    *[Reply(200, b"<html>", {"content-type": "text/html"}), Reply(204, b""), Reply(202, b"{}")],
    Reply(200, b'{"a":' * 3000 + b"1" + b"}" * 3000),
    Reply(200, b'{"name": "recipes", "properties": [], "sku": 7}'),
    Reply(200, b'{"name": "recipes", "properties": {"model": "x"}}'),
    Reply(200, b'{"name": "recipes", "systemData": {"createdAt": "nonsense"}}'),
    Reply(200, b"{}"),
]


@pytest.mark.parametrize("action", UNREADABLE, ids=lambda action: repr(action)[:60])
def test_an_answer_that_cannot_be_read_is_told_as_such(bench: Bench, action: Action) -> None:
    client = bench.client()
    bench.hurt(action, method=None, path="/deployments.*", times=None)
    for call in (
        lambda: client.deployments.get(NAME),
        lambda: list(client.deployments.list()),
        lambda: client.deployments.create(BASE, name=NAME),
    ):
        error = bench.fails(ResponseDecodeError, call)
        assert error.retryable
        assert "has no attribute" not in str(error)
    assert bench.there == []


def test_a_put_whose_answer_cannot_be_read_is_sent_again(bench: Bench) -> None:
    bench.hurt(Reply(200, b"<html>", after=True))
    assert bench.ready().status is READY
    assert bench.there == [NAME]


@pytest.mark.parametrize("action", [CutBody(), CutBody(0), DropBefore(), DropAfter(reset=True)])
def test_an_answer_that_breaks_off_is_asked_for_again(bench: Bench, action: Action) -> None:
    client = bench.client()
    bench.ready(client)
    bench.hurt(action, method="GET", path="/deployments.*", times=2)
    assert client.deployments.get(NAME).status is READY
    bench.hurt(action, method="GET", path="/deployments.*", times=2)
    assert [one.name for one in client.deployments.list()] == [NAME]


UNKNOWN = DeploymentStatus.UNKNOWN
ODD: list[tuple[dict[str, object], DeploymentStatus]] = [
    ({"properties": None}, UNKNOWN),
    ({"properties": {}}, UNKNOWN),
    ({"properties": {"provisioningState": "Alien"}}, UNKNOWN),
    ({"properties": {"provisioningState": 7, "model": {"name": 7, "version": []}}}, UNKNOWN),
    ({"properties": {"provisioningState": "succeeded", "model": None}}, READY),
    ({"properties": {"provisioningState": "Disabled"}}, DeploymentStatus.PAUSED),
    ({"sku": None, "systemData": None, "tags": None}, READY),
    ({"tags": {"finetune_sdk_expires": "soon", "finetune_sdk_job": ""}}, READY),
    ({"sku": {"name": "Gold", "capacity": -1}}, READY),
    ({"more": {"deep": [1] * 1000}}, READY),
    ({"more": "x" * 5_000_000}, READY),
]


@pytest.mark.parametrize(("odd", "status"), ODD, ids=[repr(odd)[:60] for odd, _ in ODD])
def test_an_odd_deployment_is_shown_as_far_as_it_is_known(
    bench: Bench, odd: dict[str, object], status: DeploymentStatus
) -> None:
    client = bench.client()
    bench.ready(client)
    bench.hurt(Edit(lambda said: {**said, **odd}), method="GET", times=None)
    listed = Edit(lambda said: {"value": [{**one, **odd} for one in said["value"]]})
    bench.hurt(listed, method="GET", path="/deployments", times=None)
    for found in (client.deployments.get(NAME), *client.deployments.list()):
        assert (found.name, found.status, found.expires_at) == (NAME, status, None)
        assert Deployment.from_json(found.to_json()) == found


KINDS: dict[int, type[FineTuneError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    418: ProviderError,
    422: InvalidRequestError,
    429: RateLimitError,
    500: ServerError,
    504: ServerError,
}


@pytest.mark.parametrize("status", KINDS)
def test_a_refusal_is_told_with_what_azure_says(bench: Bench, status: int) -> None:
    said = azure_error("SomeCode", "Because of this.")
    told = Reply(status, said, {"x-ms-request-id": "request-7"})
    bench.hurt(told, method="GET", path=".*", times=None)
    error = bench.fails(KINDS[status], lambda: bench.client().deployments.get(NAME))
    assert isinstance(error, ProviderError)
    assert "Because of this" in str(error)
    assert (error.code, error.status_code) == ("SomeCode", status)
    assert (error.request_id, error.provider) == ("request-7", "azure_openai")


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_that_is_asked_for_is_kept(bench: Bench, status: int) -> None:
    client, model = bench.client(), bench.tuned
    bench.hurt(Reply(status, azure_error("TooMany", "No."), {"retry-after": "100"}))
    before = bench.clock.monotonic()
    bench.create(client, model=model)
    assert 100 <= bench.clock.monotonic() - before <= 102


def test_a_wait_that_is_too_long_is_told_at_once(bench: Bench) -> None:
    bench.hurt(Reply(429, azure_error("TooMany", "No."), {"retry-after": "3600"}))
    error = bench.refuses(RateLimitError)
    assert (error.retry_after, bench.puts) == (3600, 1)


# Secrets


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_what_an_answer_repeats_of_a_token_is_not_told(bench: Bench, method: str) -> None:
    client = bench.client()
    bench.ready(client)
    token = bench.secrets[-1]
    said = azure_error(f"No {token}", f"The token {token} is bad. Bearer {token}")
    bench.hurt(Reply(400, said), method=method, path=".*", times=None)
    error = bench.refuses(InvalidRequestError, client, model=BASE, name="new")
    assert "The token [redacted] is bad. Bearer [redacted]" in str(error)
    assert error.code == "No [redacted]"


def test_nothing_that_holds_a_secret_shows_it(bench: Bench) -> None:
    client = bench.client()
    made = bench.ready(client)
    provider: Any = client.provider
    held = [client, provider, made, provider._hosting, provider._hosting.manager]
    inner: list[dict[str, object]] = [vars(provider), vars(provider._hosting.manager)]
    shown = "".join(f"{one!r}{one}" for one in [*held, *inner])
    assert not any(secret in shown for secret in bench.secrets)


def test_the_log_is_listened_to(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """What the bench looks for secrets in has all that was sent in it."""
    bench.ready()
    logged = {record.name.partition(".")[0] for record in caplog.records}
    assert {"azure", "urllib3", "msal", "openai"} <= logged
