"""From each of the four places to each: what is kept, what changes, what is left out, what is paid.

With `-s` the last test prints the table in Markdown.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import pytest

from finetune_sdk import (
    DPO,
    KTO,
    Change,
    FineTuneClient,
    Job,
    JobStatus,
    Migration,
    UnsupportedError,
)
from finetune_sdk.providers.local.provider import LocalProvider
from tests.exporting.places import GPT, NAMES, PROFILES, RATES, ROWS, VALID, World
from tests.exporting.whole import check_whole
from tests.local.small_jobs import TRAINER, Bench
from tests.migrating.conftest import Table
from tests.training.jobs import VENDOR_WARNINGS

pytestmark = pytest.mark.timeout(600)

PAIRS = [(source, target) for source in NAMES for target in NAMES]
# Whose models each place tunes.
SHELF = {"openai": "gpt", "azure_openai": "gpt", "autotrain": "hub", "local": "folder"}
RATE = {name: next(iter(RATES[name])) for name in NAMES}
PREFERENCES: Sequence[Mapping[str, object]] = [
    {
        "input": {"messages": [{"role": "user", "content": f"What comes after {number}?"}]},
        "preferred_output": [{"role": "assistant", "content": f"{number + 1}."}],
        "non_preferred_output": [{"role": "assistant", "content": f"{number - 1}."}],
    }
    for number in range(10)
]
MARKED: Sequence[Mapping[str, object]] = [
    {
        "prompt": [{"role": "user", "content": f"What comes after {number}?"}],
        "completion": [{"role": "assistant", "content": f"{number + number % 2}."}],
        "label": bool(number % 2),
    }
    for number in range(8)
]


def expected(source: str, target: str) -> dict[str, str]:
    """What becomes of each word: the whole of the contract, in one place."""
    told = {
        "model": "kept" if SHELF[source] == SHELF[target] else "changed",
        "rows": "kept",
        "validation_rows": "kept",
        "method": "kept",
        "epochs": "kept",
        "batch_size": "kept",
        # One rate is never turned into the other.
        RATE[source]: "kept" if RATE[source] == RATE[target] else "left_out",
        "train_on": "kept",
        "suffix": "kept",
        "seed": "kept",
        "metadata": "kept",
        "migrated_from": "changed",
        "options": "left_out",
    }
    if target == "azure_openai":
        # The service takes the job without them.
        told |= {"metadata": "left_out", "migrated_from": "left_out"}
    if source == "azure_openai":
        # The service itself has dropped them, when the job was made.
        del told["metadata"]
    return told


def outcomes(made: Migration) -> dict[str, str]:
    return {change.name: change.outcome for change in made.changes}


def rows_at(place: World, target: str, job: Job) -> list[list[dict[str, object]]]:
    """What the job there learns from and is measured on, as it lies there."""
    files = [job.training_file, job.validation_file]
    return [json_lines(raw_of(place, target, file.id)) for file in files if file is not None]


def raw_of(place: World, target: str, file_id: str) -> bytes:
    if target == "local":
        return (place.home / "local" / "files" / f"{file_id}.jsonl").read_bytes()
    if target == "autotrain":
        return place.hub.repos["dataset", file_id].files()["rows.jsonl"]
    service = place.openai if target == "openai" else place.azure
    return service.files[file_id].blob.content


def json_lines(raw: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in raw.splitlines()]


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: str(name))
def test_a_job_is_made_again(table: Table, source: str, target: str) -> None:
    made, job = table.made(source, target), table.source(source)
    assert outcomes(made) == expected(source, target)
    assert table.paid[source, target] == 1
    assert (made.source, made.target) == (job.handle, PROFILES[target])
    new = made.job
    assert new is not None
    assert (new.model, new.profile) == (table.place.model(target), PROFILES[target])
    assert rows_at(table.place, target, new) == [list(ROWS), list(VALID)]
    assert (new.suffix, new.seed) == ("recipes", 7)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: str(name))
def test_hyperparameters_are_those_of_before_but_for_the_rate(
    table: Table, source: str, target: str
) -> None:
    method = table.made(source, target).plan.spec.method
    assert (method.epochs, method.batch_size) == (2.0, 4)
    rates = {name: getattr(method, name) for name in ("learning_rate", "learning_rate_multiplier")}
    kept = RATES[source] if RATE[source] == RATE[target] else dict[str, float]()
    assert rates == {"learning_rate": None, "learning_rate_multiplier": None, **kept}


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda name: str(name))
def test_it_is_written_down_where_it_came_from(table: Table, source: str, target: str) -> None:
    made, job = table.made(source, target), table.source(source)
    assert made.job is not None
    kept = [*Path(made.folder).glob("migration*.json")]
    assert made in [Migration.from_json(path.read_bytes()) for path in kept]
    if target == "azure_openai":
        return  # The service keeps no metadata.
    with table.place.client(target) as client:
        assert client.jobs.get(made.job).metadata["migrated_from"] == f"{source}:{job.id}"


@pytest.mark.parametrize(
    ("source", "target"), [pair for pair in PAIRS if pair[1] != "local"], ids=lambda name: str(name)
)
def test_the_same_again_is_the_same_job(table: Table, source: str, target: str) -> None:
    made = table.made(source, target)
    before = table.place.paid(target)
    with table.place.client(source) as client:
        again = client.jobs.migrate(table.source(source), to=PROFILES[target])
    assert again.job is not None
    assert made.job is not None
    assert again.job.id == made.job.id
    assert table.place.paid(target) == before


@VENDOR_WARNINGS
@pytest.mark.parametrize(
    "source",
    [
        "openai",
        *(pytest.param(name, marks=pytest.mark.long) for name in NAMES if name != "openai"),
    ],
)
def test_it_really_trains_here_and_its_model_loads(
    table: Table, tiny: Path, real: FineTuneClient, source: str, tmp_path: Path
) -> None:
    with table.place.client(source) as client:
        made = client.jobs.migrate(table.source(source), to=real, model=str(tiny)).job
    assert made is not None
    loads(tiny, real.jobs.wait(made, timeout=240, progress=False))
    check_whole(real.jobs.export(made, tmp_path / "out"))


def loads(tiny: Path, job: Job) -> None:
    assert job.status is JobStatus.SUCCEEDED
    transformers, peft = import_module("transformers"), import_module("peft")
    base = transformers.AutoModelForCausalLM.from_pretrained(tiny)
    model = peft.PeftModel.from_pretrained(base, job.fine_tuned_model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny)
    asked = tokenizer("Wie viel ist 3 + 3?", return_tensors="pt")
    assert len(model.generate(**asked, max_new_tokens=4)[0]) > asked["input_ids"].shape[1]


def preferred(place: World, target: FineTuneClient, model: str) -> Job:
    """A job of preferences that has come from OpenAI."""
    method = DPO(epochs=1, batch_size=4, beta=0.2, learning_rate_multiplier=1.5)
    words = {"training_data": PREFERENCES, "validation_data": PREFERENCES[:3], "method": method}
    job = place.finished("openai", **words)
    with place.client("openai") as client:
        made = client.jobs.migrate(
            job, to=target, model=model, hyperparameters={"learning_rate": 0.001}
        )
    told = {change.name: change for change in made.changes}
    assert told["rows"].outcome == "kept"
    assert told["beta"].outcome == "kept"
    assert told["learning_rate_multiplier"].outcome == "left_out"
    assert (told["learning_rate"].outcome, told["learning_rate"].now) == ("said", 0.001)
    assert made.job is not None
    return target.jobs.wait(made.job, timeout=240, progress=False)


def test_preferences_come_from_openai_as_they_are(
    place: World, quick: FineTuneClient, tmp_path: Path
) -> None:
    job = preferred(place, quick, "a-model")
    assert [one.handle for one in quick.jobs.list()] == [job.handle]
    folder = quick.jobs.export(job, tmp_path / "out").folder
    rows = json_lines(Path(folder, "training.jsonl").read_bytes())
    assert rows == list(PREFERENCES)


@pytest.mark.long
@VENDOR_WARNINGS
def test_preferences_from_openai_really_train(
    place: World, tiny: Path, real: FineTuneClient
) -> None:
    loads(tiny, preferred(place, real, str(tiny)))


@pytest.fixture
def quick(tmp_path: Path) -> Generator[FineTuneClient]:
    """The local provider with a trainer of no weight."""
    home = tmp_path / "quick"
    with FineTuneClient(LocalProvider(home=home, trainer=TRAINER), home=home) as client:
        yield client
    Bench(home).clear()


def test_the_same_again_is_the_same_local_job(table: Table, quick: FineTuneClient) -> None:
    job = table.source("openai")
    with table.place.client("openai") as client:
        made = [client.jobs.migrate(job, to=quick, model="a-model").job for _ in range(2)]
    assert [one.id for one in quick.jobs.list()] == [one.id for one in made[:1] if one]
    assert made[0] is not None
    assert made[1] is not None
    assert made[0].id == made[1].id


def test_what_the_target_cannot_learn_is_refused_with_those_that_can(
    place: World, quick: FineTuneClient
) -> None:
    job = quick.jobs.create(model="a-model", training_data=MARKED, method=KTO(epochs=1))
    job = quick.jobs.wait(job, progress=False)
    before = len(place.openai.requests)
    with place.client("openai") as target, pytest.raises(UnsupportedError, match="kto") as caught:
        quick.jobs.migrate(job, to=target)
    assert "local" in caught.value.able
    assert [one for one in place.openai.requests[before:] if one.method != "GET"] == []


def test_the_table_is_told(table: Table) -> None:
    text = markdown({pair: table.made(*pair) for pair in PAIRS})
    print(text)
    assert text.count("\n") == len(PAIRS) + 1
    assert GPT in text


def markdown(made: Mapping[tuple[str, str], Migration]) -> str:
    head = "| from | to | kept | changed | left out |\n|---|---|---|---|---|"
    return "\n".join([head, *(_line(pair, made[pair].changes) for pair in made)])


def _line(pair: tuple[str, str], changes: Sequence[Change]) -> str:
    groups = [
        ", ".join(_word(one) for one in changes if one.outcome == outcome)
        for outcome in ("kept", "changed", "left_out")
    ]
    return "| " + " | ".join((*pair, *groups)) + " |"


def _word(change: Change) -> str:
    if change.name == "model" and change.outcome == "changed":
        return f"model ({_short(change.was)} to {_short(change.now)})"
    return f"`{change.name}`"


def _short(model: object) -> str:
    return "a folder" if str(model).startswith("/") else str(model)
