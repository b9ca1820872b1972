"""Secrets: the token is planted where it can be given, and looked for everywhere it could show.

The ids in the docstrings are those of the list of faults. The bench looks through all that was
said, logged, written and stored, after each test; the loggers are those of the vendor's, too.
"""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from finetune_sdk.errors import (
    AuthenticationError,
    ConfigurationError,
    FineTuneError,
    ProviderError,
)
from tests.autotrain.bench import JOBS, ROWS, SOURCES, TOKEN, Bench, bench_of
from tests.standins.hub import Account, JobCourse, broken
from tests.standins.openai import Action, Edit, Redirect, Reply

MARK = "canary"
"""It stands in every secret of these tests."""


@pytest.fixture
def bench(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog)


def told(caught: BaseException, *, deep: bool) -> str:
    """All that an error shows, to people and to programs.

    Args:
        deep: looks at what functions have in hand, too, as tools for crashes do.
    """
    shown = [str(caught), repr(caught), str(vars(caught)), str(caught.args)]
    trace = traceback.TracebackException.from_exception(caught, capture_locals=deep)
    shown += [line for line in trace.format() if "tests/autotrain" not in line]
    packed = pickle.dumps(caught)
    twin: BaseException = pickle.loads(packed)  # noqa: S301 - made a line above
    return "\n".join([*shown, repr(packed), str(twin), str(vars(twin)), repr(copy.copy(caught))])


def fails(ask: Callable[[], object], *, deep: bool = True) -> FineTuneError:
    """The error of a call, in which no secret shows."""
    with pytest.raises(FineTuneError) as caught:
        ask()
    assert MARK not in told(caught.value, deep=deep)
    return caught.value


# SEC-01, SEC-03: where the token can be given


def test_a_job_from_its_start_to_its_end_shows_no_token(bench: Bench) -> None:
    """SEC-01: the bench looks at what is logged at DEBUG, by the vendor's loggers as well."""
    client = bench.client()
    file = client.datasets.upload(ROWS)
    job = client.jobs.create(model="org/small", training_data=file)
    done = client.jobs.wait(job, progress=False)
    model = done.fine_tuned_model or ""
    client.models.download(model, bench.folder / "model")
    client.jobs.export(done, bench.folder / "exported")
    bench.said += [done.to_json(), *client.jobs.logs(job)]
    bench.said += [one.to_json() for one in client.jobs.events(job)]
    bench.said += [one.to_json() for one in client.models.list()]
    client.datasets.delete(file)
    for folder in ("model", "exported"):
        files = [path for path in (bench.folder / folder).rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if MARK.encode() in path.read_bytes()]


def variables(one: object) -> str:
    return str(vars(one))


WAYS: list[Callable[[Any], object]] = [str, repr, variables, copy.copy, copy.deepcopy]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("whose", ["client", "provider"])
def test_no_look_at_a_client_shows_the_token(
    bench: Bench, way: Callable[[object], object], whose: str
) -> None:
    """SEC-03."""
    client = bench.client()
    list(client.jobs.list())
    try:
        shown = way(client if whose == "client" else client.provider)
    except TypeError as error:
        shown = error
    assert MARK not in f"{shown!r} {shown}"


@pytest.mark.parametrize("whose", ["client", "provider"])
def test_a_client_is_not_pickled(bench: Bench, whose: str) -> None:
    """SEC-03."""
    client = bench.client()
    list(client.jobs.list())
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)) as caught:
        pickle.dumps(client if whose == "client" else client.provider)
    assert MARK not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{MARK}@hub.example",
        f"https://{MARK}@hub.example",
        f"https://hub.example?key={MARK}",
        f"https://hub.example/#{MARK}",
        f"https://user:pa/{MARK}@hub.example",
        f"http://user:{MARK}@127.0.0.1:1",
        f"https://a b{MARK}/",
    ],
)
@pytest.mark.parametrize("way", ["code", "environment"])
def test_an_address_with_a_secret_is_refused_and_not_shown(
    bench: Bench, url: str, way: str
) -> None:
    """SEC-01."""
    environ = {"HF_ENDPOINT": url} if way == "environment" else {}
    place = {"endpoint": url if way == "code" else None}
    # What a constructor is given is in its hand.
    found = fails(lambda: bench.provider(**place, environ=environ), deep=False)
    assert isinstance(found, ConfigurationError)


@pytest.mark.parametrize("host", ["hub.example", "10.0.0.1", "127.0.0.1.evil.example"])
def test_no_token_goes_to_another_machine_in_clear_text(bench: Bench, host: str) -> None:
    """SEC-05."""
    with pytest.raises(ConfigurationError, match="clear text"):
        bench.provider(endpoint=f"http://{host}")


@pytest.mark.parametrize("end", ["\n", " x", "\u00e9", "\x00", "\r\nX-Evil: 1"])
def test_a_token_that_fits_no_header_is_refused_and_not_shown(bench: Bench, end: str) -> None:
    bad = f"{TOKEN}{end}"
    assert isinstance(fails(lambda: bench.provider(token=bad), deep=False), ConfigurationError)
    client = bench.client(token=lambda: bad)
    found = fails(lambda: client.jobs.get("0" * 24), deep=False)
    assert isinstance(found, ConfigurationError)


def test_a_function_that_fails_does_not_tell_the_token(bench: Bench) -> None:
    def vault() -> str:
        raise RuntimeError(f"no renewal of hf_{'a1' * 12}")

    found = fails(lambda: bench.client(token=vault).jobs.get("0" * 24))
    assert isinstance(found, AuthenticationError)
    assert "no renewal of [redacted]" in str(found)


def test_each_token_of_a_function_is_sent_and_hidden(bench: Bench) -> None:
    """SEC-02: one that has expired is asked for anew, and neither shows."""
    tokens = [f"{MARK}-number-{number}-of-several" for number in range(2)]
    coming = iter(tokens)
    bench.hub.accounts[tokens[1]] = Account("alice")
    client = bench.client(token=lambda: next(coming, tokens[1]))
    assert list(client.jobs.list()) == []
    said = broken(400, f"no {tokens[1]}")
    bench.hurt(Reply(400, said.body, {"content-type": "application/json"}), method="GET")
    assert isinstance(fails(lambda: list(client.jobs.list())), ProviderError)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_proxy_with_a_password_shows_nowhere(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """SEC-01: nobody listens there."""
    monkeypatch.setenv(name, f"http://user:{MARK}@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    fails(lambda: bench.client(endpoint="https://127.0.0.1:9", timeout=2).jobs.get("0" * 24))


# SEC-02: whoever repeats it

ECHOES: dict[str, Action] = {
    "message": Reply(400, f'{{"error": "no {TOKEN}"}}'.encode()),
    "header": broken(403, f"no {TOKEN}"),
    "text": Reply(500, f"Bearer {TOKEN}".encode()),
    "html": Reply(401, f"<p>{TOKEN}</p>".encode()),
    # To nothing that it goes to: for a host that is not there, its package really sleeps.
    "place": Redirect(f"gopher://{TOKEN}/"),
    "not json": Reply(200, f"x {TOKEN}".encode()),
    "a type": Reply(200, f'{{"id": "x", "{TOKEN}": 1, "status": "{TOKEN}"}}'.encode()),
    "request id": Reply(500, b"", {"x-request-id": TOKEN, "x-error-code": TOKEN}),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_a_token_that_is_repeated_is_not_told(
    bench: Bench, echo: str, caplog: pytest.LogCaptureFixture
) -> None:
    """SEC-02."""
    # The vendor's own loggers tell the headers of answers; what we tell is looked at.
    for name in ("", *SOURCES):
        caplog.set_level(logging.WARNING, name)
    client = bench.client()
    job = bench.create(client)
    bench.hurt(ECHOES[echo], method=None, path=".*", times=None)
    fails(lambda: client.jobs.get(job))
    fails(lambda: client.jobs.cancel(job))
    fails(lambda: list(client.models.list()))
    fails(lambda: client.jobs.create(model="org/small", training_data=ROWS, seed=2))
    bench.hub.faults.clear()


def test_a_token_in_a_good_answer_is_not_told(bench: Bench) -> None:
    """SEC-02."""
    client = bench.client()
    job = bench.create(client)

    def echo(said: Any) -> Any:
        return {**said, "status": {"stage": f"x {TOKEN}", "message": TOKEN}, "url": TOKEN}

    bench.hurt(Edit(echo), method="GET", path=f"{JOBS}/.*", times=None)
    assert MARK not in client.jobs.get(job).to_json()


def test_the_token_in_a_log_is_not_told(bench: Bench) -> None:
    """SEC-02, HF-10: a trainer that prints its environment."""
    lines = (f"HF_TOKEN={TOKEN}", f"ValueError: no right for {TOKEN}")
    bench.hub.jobs.course = JobCourse(running=10, outcome="ERROR", lines=lines)
    client = bench.client()
    job = bench.create(client)
    bench.clock.sleep(60)
    shown = [*client.jobs.logs(job), client.jobs.get(job).to_json()]
    shown += [event.to_json() for event in client.jobs.events(job)]
    assert shown[0] == "HF_TOKEN=[redacted]"
    assert not any(MARK in line for line in shown)
    for record in bench.hub.jobs:
        record.said.clear()  # It was printed there by the trainer itself.


def test_the_command_tells_no_token(bench: Bench) -> None:
    """SEC-02: what a user sees, and what stands in a log of CI."""
    bench.hurt(
        Reply(401, f'{{"error": "no {TOKEN}"}}'.encode()), method=None, path=".*", times=None
    )
    environ = {"HF_TOKEN": TOKEN, "HF_ENDPOINT": bench.hub.url, "PATH": "/usr/bin:/bin"}
    command = [str(Path(sys.executable).parent / "finetune"), "--profile", "autotrain"]
    home = {"FINETUNE_HOME": str(bench.home), "HF_HOME": str(bench.folder / "hf")}
    done = subprocess.run(
        [*command, "jobs", "list"],
        env={**environ, **home},
        capture_output=True,
        text=True,
        check=False,
        cwd=bench.folder,
    )
    assert done.returncode != 0
    assert "autotrain" in done.stderr
    assert MARK not in done.stdout + done.stderr


def test_the_packages_own_debugging_shows_no_token(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_DEBUG logs each request as a command, with its body: the job's has the token in it."""
    monkeypatch.setattr(constants, "HF_DEBUG", True)
    bench.create()
