"""`finetune doctor`: what is there, what is missing, what runs and costs. Never a secret."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from finetune_sdk._version import DISTRIBUTION, __version__
from finetune_sdk.cli import installed, lifetimes, render
from finetune_sdk.cli.failures import ExitCode
from finetune_sdk.cli.session import Session
from finetune_sdk.config import (
    ResolvedProfile,
    find_file,
    load_file,
    resolve,
    resolve_model,
    trusted_hosts,
)
from finetune_sdk.errors import FineTuneError, UnsupportedError
from finetune_sdk.home import state_folder
from finetune_sdk.providers import registry
from finetune_sdk.resources.lifetimes import overdue
from finetune_sdk.submission import journal_of
from finetune_sdk.transport import redact

if TYPE_CHECKING:
    from finetune_sdk.client import FineTuneClient
    from finetune_sdk.types import Deployment

_LITTLE_SPACE = 2e9
_LOOK = 50


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    status: Literal["ok", "note", "broken"]
    detail: str


def doctor(context: typer.Context) -> None:
    """Say what is there, what is missing, and what runs and costs."""
    session = Session.of(context)
    findings: list[Finding] = []
    for finding in _findings(session):
        findings.append(finding)
        if session.json:
            render.plain_document(asdict(finding))
    if not session.json:
        render.facts((f"{f.status.ljust(6)}  {f.what}", f.detail) for f in findings)
    broken = [finding.what for finding in findings if finding.status == "broken"]
    if broken:
        session.say(f"Broken: {', '.join(broken)}")
        raise typer.Exit(ExitCode.ERROR)
    session.next("data", "check", "train.jsonl")


def _findings(session: Session) -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Finding(DISTRIBUTION, "ok", __version__)
    yield _state()
    yield _looked("submissions", _submissions)
    yield _looked("trusted hosts", _trusted)
    yield _looked("config", lambda: str(_path(session) or "no finetune.toml: `finetune init`"))
    profile: list[ResolvedProfile] = []
    yield _looked("profile", lambda: _profile(session, profile))
    needed = [found.provider for found in profile]
    yield from _extras(needed)
    yield from _strangers(needed)
    for found in profile:
        yield from _place(session, found)


def _looked(what: str, look: Callable[[], str]) -> Finding:
    """The outcome of a look; one that fails is a finding too."""
    try:
        return Finding(what, "ok", look())
    except UnsupportedError as error:
        return Finding(what, "note", redact(str(error)))
    except FineTuneError as error:
        return Finding(what, "broken", redact(str(error)))


def _extras(needed: Collection[str]) -> Iterator[Finding]:
    for extra, packages in installed.extras().items():
        if extra == "all":
            continue
        versions = {name: installed.version(name) for name in sorted(packages)}
        absent = [name for name, version in versions.items() if version is None]
        if absent:
            words = f"lacks {', '.join(absent)}: {installed.how_to_install(extra)}"
            yield Finding(f"extra {extra}", "broken" if extra in needed else "note", words)
        elif versions:
            there = ", ".join(f"{name} {version}" for name, version in versions.items())
            yield Finding(f"extra {extra}", "ok", there)


def _strangers(needed: Collection[str]) -> Iterator[Finding]:
    """The providers that other packages bring."""
    for name, packages in registry.origins().items():
        if packages[0] != DISTRIBUTION:
            yield _stranger(name, packages[0], needed)
            continue
        for package in packages[1:]:
            words = f"`{package}` claims this name, which is ours, and is passed over"
            yield Finding(f"provider {name}", "note", words)


def _stranger(name: str, package: str, needed: Collection[str]) -> Finding:
    try:
        registry.load(name)
    except FineTuneError as error:
        # One that nobody asks for does no harm.
        return Finding(
            f"provider {name}", "broken" if name in needed else "note", redact(str(error))
        )
    return Finding(f"provider {name}", "ok", f"of `{package}` {installed.version(package)}")


def _state() -> Finding:
    folder = state_folder(None, os.environ)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        words = f"{folder} cannot be written: {error.strerror}; name another with FINETUNE_HOME"
        return Finding("state folder", "broken", words)
    words = f"{folder}, {free / 1e9:.1f} GB free"
    if free < _LITTLE_SPACE:
        return Finding("state folder", "note", f"{words}: too little for most models")
    return Finding("state folder", "ok", words)


def _submissions() -> str:
    rows = journal_of(state_folder(None, os.environ)).unsettled()
    if not rows:
        return "none whose outcome is unknown"
    named = ", ".join(f"{row.owner} {row.id} of {render.when(row.submitted_at)}" for row in rows)
    raise UnsupportedError(
        f"{len(rows)} may have made a job that nobody knows of, and costs: {named}; "
        f"`finetune jobs recover {rows[0].id}` looks for it"
    )


def _trusted() -> str:
    return ", ".join(sorted(trusted_hosts(os.environ))) or "none"


def _path(session: Session) -> Path | None:
    return find_file(session.config, environ=os.environ)


def _profile(session: Session, found: list[ResolvedProfile]) -> str:
    path = _path(session)
    file = load_file(path) if path else None
    profile = resolve(session.profile, file=file, environ=os.environ, providers=registry.names())
    found.append(profile)
    return f"{profile.name}, of the provider {profile.provider}"


def _place(session: Session, profile: ResolvedProfile) -> Iterator[Finding]:
    if profile.provider == "local":
        yield _device()
    clients: list[FineTuneClient] = []
    yield _looked(f"open {profile.name}", lambda: _open(session, clients))
    for client in clients:
        with client:
            yield from _live(client, profile)


def _open(session: Session, clients: list[FineTuneClient]) -> str:
    clients.append(session.open())
    return "settings are good"


def _live(client: FineTuneClient, profile: ResolvedProfile) -> Iterator[Finding]:
    for name, places in profile.models.items():
        # One that is gone with its process has only what it made itself, and takes any model.
        if not client.provider.ephemeral and {profile.profile, profile.provider} & places.keys():
            yield _looked(f"model {name}", partial(_model, client, profile, name))
    yield _looked("jobs", partial(_jobs, client))
    yield _looked("deployments", partial(_deployments, client))


def _device() -> Finding:
    torch = installed.version("torch")
    if torch is None:
        return Finding("torch device", "broken", "torch is not installed")
    return Finding("torch device", "ok", f"{installed.hardware()} (torch {torch})")


def _model(client: FineTuneClient, profile: ResolvedProfile, name: str) -> str:
    model = client.models.get(resolve_model(name, profile))
    return f"{model.id}: {model.source or 'there'}"


def _jobs(client: FineTuneClient) -> str:
    recent = list(client.jobs.list(limit=_LOOK))
    active = [job for job in recent if not job.status.terminal]
    shown = ", ".join(f"{job.handle} {job.status.value}" for job in active)
    return shown or "none runs"


def _deployments(client: FineTuneClient) -> str:
    found, now = list(client.deployments.list()), client.provider.clock.now()
    shown = ", ".join(f"{one.handle} {one.status.value}{_bill(one)}" for one in found) or "none"
    late = [f"{one.handle} ({lifetimes.expiry(one, now)})" for one in overdue(found, now)]
    if late:
        raise UnsupportedError(
            f"{shown}; outlived a ttl: {', '.join(late)}; `finetune deployments reap` deletes "
            "such ones"
        )
    return shown


def _bill(made: Deployment) -> str:
    return f" at {lifetimes.hourly(made.cost_per_hour)}" if made.cost_per_hour else ""
