"""Azure's deployments from the command line, over a profile in a `finetune.toml`.

The command goes by the day that it is; what takes time here ends at once.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from finetune_sdk.cli import main
from tests.azure.bench import BASE, NAME, Bench, bench_of, profile_of
from tests.cli.conftest import Outcome

LONG_AGO = "2001-01-01T00:00:00+00:00"


@pytest.fixture
def bench(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Generator[Bench]:
    yield from bench_of(tmp_path, caplog, monkeypatch)


Command = Callable[..., Outcome]


@pytest.fixture
def finetune(
    bench: Bench,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """Runs `finetune` with these words in a folder whose config names the bench."""
    bench.arm.creating = bench.arm.deleting = 0.0
    for name in (*bench.azure.environ, "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in bench.azure.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(bench.folder)
    write(bench)

    def run(*words: str) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        capsys.readouterr()
        code = main(words)
        told = capsys.readouterr()
        bench.said += [told.out, told.err]
        return Outcome(code, told.out, told.err)

    return run


def write(bench: Bench, **words: str | None) -> None:
    """The config, with these words instead; None leaves one out."""
    said = {**profile_of(bench.azure), **words}
    lines = [f'{name} = "{value}"' for name, value in said.items() if value is not None]
    head = ['profile = "eu"', "[profiles.eu]", 'provider = "azure_openai"']
    (bench.folder / "finetune.toml").write_text("\n".join([*head, *lines, ""]))


def test_a_model_is_deployed_asked_listed_and_deleted(bench: Bench, finetune: Command) -> None:
    model = bench.tuned
    done = finetune("deploy", model, "--name", NAME, "--option", "capacity=10")
    assert done.code == 0
    for word in (f"eu:{NAME}", "ready", model, "1.70 US dollars an hour", "15 days"):
        assert word in done.out
    assert bench.arm.puts[0].json["sku"] == {"name": "GlobalStandard", "capacity": 10}

    done = finetune("chat", f"eu:{NAME}", "hello")
    assert (done.code, done.out) == (0, f"{model}: hello\n")

    bench.strangers("theirs")
    done = finetune("deployments", "list")
    assert done.code == 0
    assert f"eu:{NAME}" in done.out
    assert "eu:theirs" in done.out
    assert "All of it costs 3.40 US dollars an hour." in done.err

    done = finetune("deployments", "delete", NAME, "--yes")
    assert (done.code, f"Deleted {NAME}." in done.err) == (0, True)
    assert bench.there == ["theirs"]
    done = finetune("deployments", "delete", NAME, "--yes")
    assert (done.code, "There was no deployment" in done.err) == (0, True)


def test_a_deployment_as_a_document(bench: Bench, finetune: Command) -> None:
    done = finetune("deploy", BASE, "--name", NAME, "--json")
    (found,) = done.documents
    assert (found["handle"], found["status"], found["model"]) == (f"eu:{NAME}", "ready", BASE)
    assert found["cost_per_hour"] == 0.0
    assert finetune("deployments", "list", "--json").documents[0]["name"] == NAME


def test_a_limit_by_the_hour_ends_with_its_own_code(bench: Bench, finetune: Command) -> None:
    done = finetune("deploy", bench.tuned, "--name", NAME, "--max-cost-per-hour", "1")
    assert (done.code, done.out) == (6, "")
    assert "nothing was made" in done.err
    assert bench.puts == 0


def test_dep_03_one_that_fails_says_why_and_is_listed(bench: Bench, finetune: Command) -> None:
    bench.arm.fail("ModelNotDeployable", "It says bad things.", [{"message": "Violence is high."}])
    done = finetune("deploy", bench.tuned, "--name", NAME)
    assert done.code == 1
    assert "It says bad things.; Violence is high." in done.err
    listed = finetune("deployments", "list").out
    assert f"eu:{NAME}" in listed
    assert "failed" in listed


def test_dep_10_what_outlived_its_ttl_is_listed_and_reaped(bench: Bench, finetune: Command) -> None:
    """Whoever made it is gone, and its state folder too."""
    bench.strangers("old", tags={"finetune_sdk_expires": LONG_AGO})
    bench.strangers("theirs")
    assert finetune("deploy", bench.tuned, "--name", NAME, "--ttl", "8h").code == 0
    assert "finetune_sdk_expires" in bench.arm.puts[-1].json["tags"]

    done = finetune("deployments", "list")
    assert "over since" in done.out
    assert done.err.endswith("Next: finetune deployments reap\n")
    assert bench.deletes == 0

    done = finetune("deployments", "reap", "--yes")
    assert (done.code, "Deleted eu:old." in done.err) == (0, True)
    assert bench.there == [NAME, "theirs"]
    assert "nothing to reap" in finetune("deployments", "reap", "--yes").err


def test_a_full_quota_is_one_clear_error(bench: Bench, finetune: Command) -> None:
    bench.arm.quota = {"GlobalStandard": 10}
    done = finetune("deploy", bench.tuned, "--name", NAME)
    assert (done.code, done.out) == (1, "")
    assert "ask for more in the portal under Quotas" in done.err
    assert bench.puts == 1


def test_a_role_that_may_not_deploy_is_one_too(bench: Bench, finetune: Command) -> None:
    bench.arm.roles = {"read"}
    done = finetune("deploy", BASE, "--name", NAME)
    assert (done.code, done.out) == (1, "")
    assert "Cognitive Services OpenAI Contributor" in done.err


def test_a_profile_without_a_place_names_it(bench: Bench, finetune: Command) -> None:
    write(bench, subscription_id=None, resource_group=None, account=None)
    done = finetune("deploy", BASE, "--name", NAME)
    assert done.code == 1
    for word in ("`subscription_id`", "`resource_group`", "`account`"):
        assert word in done.err
    assert finetune("jobs", "list").code == 0
    write(bench, resource_group=None)
    done = finetune("jobs", "list")
    assert done.code == 1
    assert "finetune.toml: [profiles.eu]: deploying needs `resource_group`, too" in done.err
    assert bench.arm.requests == []


def test_a_key_alone_is_told_what_is_missing(
    bench: Bench, finetune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", bench.azure.data.key)
    write(bench, credential=None)
    assert finetune("jobs", "list").code == 0
    done = finetune("deploy", BASE, "--name", NAME)
    assert done.code == 1
    assert 'credential = "default"' in done.err
    assert bench.arm.requests == []


def test_the_wrong_account_is_told_where_to_look(bench: Bench, finetune: Command) -> None:
    write(bench, account="other")
    for words in (
        ("deployments", "list"),
        ("deployments", "delete", NAME, "--yes"),
        ("deploy", BASE, "--name", NAME),
    ):
        done = finetune(*words)
        assert (done.code, done.out) == (1, "")
        assert "look at `subscription_id`, `resource_group` and `account`" in done.err


def test_the_details_of_an_error_show_no_secret(bench: Bench, finetune: Command) -> None:
    bench.azure.authority.revoke_all()
    bench.azure.authority.refuse = "AADSTS7000215"
    done = finetune("--debug", "deployments", "list")
    assert done.code == 1
    assert "Traceback" in done.err
    assert "AADSTS7000215" in done.err
    assert "AZURE_CLIENT_SECRET" in done.err
