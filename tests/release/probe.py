"""What an installed wheel can do: run as a program, outside the repository.

    python probe.py [NAMES]

Prints one JSON object: by the name of each probe, "works", "missing EXTRA", or what went wrong.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import finetune_sdk
from finetune_sdk import (
    AuthenticationError,
    ConnectionFailedError,
    FineTuneClient,
    Job,
    JobStatus,
    MissingDependencyError,
)
from finetune_sdk.providers.base import FineTuneProvider
from finetune_sdk.testing import FakeProvider, VirtualClock

NOWHERE = "http://127.0.0.1:9"
ROW = {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}
# Those of testing are for pytest; the others are programs, which run in containers.
APART = (
    "finetune_sdk.testing.conformance",
    "finetune_sdk.testing.plugin",
    "finetune_sdk.providers.autotrain.inside.",
)


def modules() -> None:
    """Every module of the core is there, whatever extra is not."""
    found = walk_packages(finetune_sdk.__path__, "finetune_sdk.")
    for name in sorted(module.name for module in found):
        if not name.startswith(APART) and not name.endswith("__main__"):
            import_module(name)


def command() -> None:
    words = [sys.executable, "-m", "finetune_sdk.cli", "--version"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said == f"finetune-anywhere {finetune_sdk.__version__}\n", said


def fake() -> None:
    trained()


def trained(replies: dict[str, str] | None = None) -> tuple[FineTuneClient, Job]:
    client = FineTuneClient(FakeProvider(replies=replies))
    return client, client.jobs.wait(client.jobs.create(model="any", training_data=[ROW]))


def openai() -> None:
    from finetune_sdk.providers.openai.provider import OpenAIProvider

    unreachable(OpenAIProvider(api_key="k", base_url=f"{NOWHERE}/v1", clock=VirtualClock()))


def chat() -> None:
    """A deployment answers, and existing code goes on with it."""
    client, job = trained({"2+2?": "4"})
    deployment = client.deployments.create(job, name="sums")
    question = [{"role": "user", "content": "2+2?"}]
    assert client.deployments.chat(deployment, question).content == "4"
    client.deployments.openai(deployment).close()


def azure() -> None:
    from finetune_sdk.providers.azure_openai.provider import AzureOpenAIProvider

    provider = AzureOpenAIProvider(
        subscription_id="s",
        resource_group="g",
        account="a",
        endpoint="https://a.openai.azure.com",
        credential="service_principal",
        clock=VirtualClock(),
        environ={},
    )
    with FineTuneClient(provider) as client:
        try:
            list(client.deployments.list())
        except AuthenticationError:
            return
    raise AssertionError("a token came out of an empty environment")


def huggingface() -> None:
    from finetune_sdk.providers.autotrain.provider import AutoTrainProvider

    token = "hf_" + "a" * 34
    unreachable(AutoTrainProvider(token=token, endpoint=NOWHERE, clock=VirtualClock()))


def unreachable(provider: FineTuneProvider) -> None:
    with FineTuneClient(provider) as client:
        try:
            list(client.jobs.list())
        except ConnectionFailedError:
            return
    raise AssertionError("something answered on a port that nobody listens on")


def local() -> None:
    """With its packages, what is wrong is the model that nobody has."""
    with FineTuneClient("local") as client:
        try:
            client.jobs.create(model="./no-such-model", training_data=[ROW])
        except MissingDependencyError:
            raise
        except finetune_sdk.FineTuneError:
            return
    raise AssertionError("a model that is not there was trained")


def datasets() -> None:
    """Parquet and zstd; `local` brings what reads the first, and not the second."""
    table, packed = Path("rows.parquet"), Path("rows.jsonl.zst")
    table.write_bytes(b"PAR1 rows PAR1")
    packed.write_bytes(b"\x28\xb5\x2f\xfd rows")
    with suppress(ImportError):
        made = import_module("pyarrow").Table.from_pylist([ROW])
        import_module("pyarrow.parquet").write_table(made, table)
        packed.write_bytes(import_module("backports.zstd").compress(json.dumps(ROW).encode()))
    client = FineTuneClient(FakeProvider())
    for path in (table, packed):
        assert client.datasets.check(client.datasets.load(path)).rows == 1


def plot() -> None:
    from finetune_sdk.cli.panels import Panel
    from finetune_sdk.cli.pictures import png

    job = Job(id="j", provider="fake", status=JobStatus.SUCCEEDED, model="m")
    panel = Panel("loss", None, {"train": [(1, 2.0), (2, 1.0)]})
    assert png(job, [panel]).startswith(b"\x89PNG")


def evaluation() -> None:
    question, answer = ({"role": "user", "content": "3+3?"}, {"role": "assistant", "content": "6"})
    client, job = trained({"3+3?": "6"})
    with client:
        found = client.evaluations.compare(
            job,
            test_data=[{"messages": [question, answer]}],
            base=lambda _: "no idea",
            folder="report",
        )
    assert found.rows == 1
    assert Path("report/report.html").exists()


PROBES: tuple[Callable[[], None], ...] = (
    modules,
    command,
    fake,
    openai,
    chat,
    azure,
    huggingface,
    local,
    datasets,
    plot,
    evaluation,
)


def outcome(probe: Callable[[], None]) -> str:
    try:
        probe()
    except MissingDependencyError as error:
        return f"missing {error.extra}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return f"{type(error).__name__}: {error}"
    return "works"


if __name__ == "__main__":
    assert "/src/" not in finetune_sdk.__file__, finetune_sdk.__file__
    names = sys.argv[1:] or [probe.__name__ for probe in PROBES]
    print(
        json.dumps({probe.__name__: outcome(probe) for probe in PROBES if probe.__name__ in names})
    )
