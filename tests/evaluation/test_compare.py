"""`evaluations.compare`: who is asked what, and what comes of it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import cast

import pytest

from finetune_sdk import (
    ChatReply,
    ConfigurationError,
    DatasetError,
    DatasetValidationError,
    ExactMatch,
    FineTuneClient,
    FineTuneError,
    Job,
    Judge,
    Matches,
    NotFoundError,
    SimilarText,
    Supervised,
)
from finetune_sdk.prices import Price, Prices
from finetune_sdk.providers.openai.provider import OpenAIProvider
from finetune_sdk.testing import FakeProvider, VirtualClock
from tests.evaluation.conftest import KEY, LEARNED, MODEL, TESTS, half, row, shout
from tests.standins.openai import OpenAIService
from tests.standins.openai.wire import as_object

CHAT = "/chat/completions"


def questions(service: OpenAIService) -> list[dict[str, object]]:
    return [as_object(one.json) or {} for one in service.posts(CHAT)]


def messages_of(body: dict[str, object]) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", body["messages"])


def asked_of(row: dict[str, object]) -> list[dict[str, object]]:
    return messages_of(row)[:2]


def test_each_is_asked_and_the_answer_stands_at_the_top(client: FineTuneClient, job: Job) -> None:
    made = client.evaluations.compare(job, test_data=TESTS, progress=False)
    assert [one.name for one in made.candidates] == ["base", "few_shot", "retrieved", "fine_tuned"]
    scores = {one.name: one.scores["exact_match"].value for one in made.candidates}
    assert scores == {"base": 0.0, "few_shot": 0.5, "retrieved": 0.5, "fine_tuned": 1.0}
    assert made.verdict.word == "better"
    assert made.verdict.headline.startswith("Better: ")
    assert made.verdict.against in ("few_shot", "retrieved")
    [against] = [one for one in made.differences if one.against == "few_shot"]
    assert (against.better, against.worse, against.same) == (20, 0, 20)
    assert against.difference.low > 0
    assert made.rows == 40
    assert made.training_rows == 40
    assert made.job == job
    assert made.warnings == ()


def test_what_is_asked(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    client.evaluations.compare(
        job, test_data=TESTS[:1], shots=2, max_tokens=5, concurrency=1, progress=False
    )
    base, few, near, tuned = questions(service)
    asked = asked_of(TESTS[0])
    assert base == {"model": MODEL, "messages": asked, "temperature": 0.0, "max_tokens": 5}
    assert tuned == {**base, "model": job.fine_tuned_model}
    turns = messages_of(few)
    assert [turn["role"] for turn in turns] == [
        "system", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert turns[-1] == asked[1]
    learned = [messages_of(one)[1:] for one in LEARNED]
    assert turns[1:3] in learned
    assert turns[3:5] in learned
    assert len(messages_of(near)) == 6


def test_the_nearest_rows_are_retrieved(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    service.says = None
    learned = [*LEARNED[:20], row(77), *LEARNED[20:]]
    tests = [row(77)]
    messages_of(tests[0])[1]["content"] = "tell me the word77 of some number"
    client.evaluations.compare(
        job,
        test_data=tests,
        training_data=learned,
        baselines=["retrieved"],
        shots=1,
        concurrency=1,
        progress=False,
    )
    asked = messages_of(questions(service)[0])
    assert asked[1:3] == messages_of(row(77))[1:]


def test_deployments_are_made_and_go_again(client: FineTuneClient, job: Job) -> None:
    kept = client.deployments.create("gpt-4.1-mini-2025-04-14", name="mine")
    client.evaluations.compare(job, test_data=TESTS, progress=False)
    assert [one.name for one in client.deployments.list()] == [kept.name]


def test_tokens_and_money(client: FineTuneClient, job: Job, tmp_path: Path) -> None:
    made = client.evaluations.compare(job, test_data=TESTS, progress=False)
    base, few = made.candidate("base").usage, made.candidate("few_shot").usage
    assert base.prompt_tokens is not None
    assert few.prompt_tokens is not None
    assert few.prompt_tokens > 2 * base.prompt_tokens
    assert base.completion_tokens == 3
    # It is a server of its own, whose prices nobody knows.
    assert base.cost_per_thousand is None
    key = f'[prices.openai."{MODEL}"]'
    assert base.cost_source == f"nobody has said its price; say `input` and `output` under {key}"
    tuned = made.candidate("fine_tuned").usage
    assert tuned.cost_source.endswith(f"say `tuned_input` and `tuned_output` under {key}")
    assert "not known: not known" not in made.break_even.reason
    assert made.break_even.requests is None
    assert made.break_even.reason


def test_when_the_training_has_paid_for_itself(
    service: OpenAIService, clock: VirtualClock, tmp_path: Path
) -> None:
    price = Price(
        training=10, input=2, output=8, tuned_input=1, tuned_output=4,
        source="a test", as_of=date(2026, 11, 26),
    )  # fmt: skip
    provider = OpenAIProvider(
        api_key=KEY,
        base_url=service.url,
        home=tmp_path / "home",
        clock=clock,
        environ={},
        prices=Prices(own={"openai": {MODEL: price}}),
    )
    with FineTuneClient(provider, home=tmp_path / "home") as client:
        made = client.jobs.create(model=MODEL, training_data=LEARNED, method=Supervised(epochs=3))
        job = client.jobs.wait(made, progress=False)
        found = client.evaluations.compare(job, test_data=TESTS, progress=False)
    use, pays = found.candidate("fine_tuned").usage, found.break_even
    other = found.candidate(str(found.verdict.against)).usage
    assert use.prompt_tokens is not None
    assert use.cost_per_thousand == pytest.approx((use.prompt_tokens * 1 + 3 * 4) / 1000)
    assert other.prompt_tokens is not None
    assert other.cost_per_thousand == pytest.approx((other.prompt_tokens * 2 + 3 * 8) / 1000)
    assert job.trained_tokens is not None
    assert pays.training_cost == pytest.approx(job.trained_tokens * 10 / 1e6)
    assert other.cost_per_thousand is not None
    assert use.cost_per_thousand is not None
    assert pays.training_cost is not None
    saved = other.cost_per_thousand - use.cost_per_thousand
    assert pays.requests == math.ceil(pays.training_cost / saved * 1000)


def test_another_deployment_and_a_function(client: FineTuneClient, job: Job) -> None:
    there = client.deployments.create("gpt-4.1-2025-04-14", name="large")

    def mine(messages: Sequence[Mapping[str, object]]) -> str | ChatReply:
        return ChatReply(content=half(messages), model="mine")

    made = client.evaluations.compare(
        job,
        test_data=TESTS,
        baselines=[],
        others={"large": there, "same": there.handle, "mine": mine},
        progress=False,
    )
    assert [one.kind for one in made.candidates] == ["fine_tuned", "other", "other", "other"]
    assert made.candidate("mine").scores["exact_match"].value == 0.5
    assert made.candidate("mine").deployment is None
    assert made.candidate("large").model == "gpt-4.1-2025-04-14"
    assert made.verdict.against == "mine"


def test_a_deployment_of_another_profile(tmp_path: Path) -> None:
    config = tmp_path / "finetune.toml"
    config.write_text('[profiles.one]\nprovider = "fake"\n[profiles.two]\nprovider = "fake"\n')
    with FineTuneClient("one", config=config) as client:
        done = client.jobs.wait(
            client.jobs.create(model="m", training_data=LEARNED), progress=False
        )
        # That profile is opened, and has a deployment of that name no more than any other fake.
        with pytest.raises(NotFoundError, match="recipes"):
            client.evaluations.compare(
                done, test_data=TESTS, others={"there": "two:recipes"}, progress=False
            )
        with pytest.raises(ConfigurationError, match="three"):
            client.evaluations.compare(
                done, test_data=TESTS, others={"there": "three:recipes"}, progress=False
            )


def test_a_deployment_is_compared_by_its_name(client: FineTuneClient, job: Job) -> None:
    there = client.deployments.create(job, name="shouts")
    for named in (there, "shouts", there.handle):
        made = client.evaluations.compare(
            named, test_data=TESTS, baselines=["base"], progress=False
        )
        assert made.job == job
        assert made.candidate("fine_tuned").deployment == there.handle
    assert [one.name for one in client.deployments.list()] == ["shouts"]


def test_a_deployment_whose_job_nobody_knows(client: FineTuneClient, job: Job) -> None:
    there = client.deployments.create(str(job.fine_tuned_model), name="shouts")
    made = client.evaluations.compare(there, test_data=TESTS, progress=False)
    assert [one.name for one in made.candidates] == ["fine_tuned"]
    assert made.verdict.word == "cannot_tell"
    assert made.verdict.against is None
    assert any("`base`" in warning for warning in made.warnings)
    assert any("`training_data`" in warning for warning in made.warnings)


def test_ten_rows_tell_nothing(client: FineTuneClient, job: Job) -> None:
    made = client.evaluations.compare(job, test_data=TESTS[:10], require=["better"], progress=False)
    assert made.verdict.word == "cannot_tell"
    assert "10 rows are too few" in made.verdict.headline
    assert not made.met


def test_rows_that_were_learned_are_refused(
    client: FineTuneClient, service: OpenAIService, job: Job, tmp_path: Path
) -> None:
    path = tmp_path / "test.jsonl"
    # Case and blanks aside it is the same question, whatever the answer.
    known = row(3)
    messages_of(known)[1]["content"] = "The  WORD3 of number 3"
    messages_of(known)[2]["content"] = "another answer"
    path.write_text("\n".join(json.dumps(one) for one in [*TESTS, known]) + "\n")
    with pytest.raises(DatasetError) as error:
        client.evaluations.compare(job, test_data=path, progress=False)
    assert "test.jsonl:41 is row 4 of the training data of " in str(error.value)
    assert not service.posts(CHAT)


def test_rows_that_are_nearly_the_same_are_told(client: FineTuneClient, job: Job) -> None:
    words = " ".join(f"thing{number} and" for number in range(30))
    learned, test = row(1), row(50)
    messages_of(learned)[1]["content"] = f"the word1 {words} of number 1"
    messages_of(learned)[2]["content"] = "WORD"
    messages_of(test)[1]["content"] = f"the word1 {words} of number 7"
    messages_of(test)[2]["content"] = "WORD"
    made = client.evaluations.compare(
        job, test_data=[*TESTS[:5], test], training_data=[learned], progress=False
    )
    assert any("nearly the same" in one and "6 (1 there)" in one for one in made.warnings)


def test_bad_rows_are_named(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    bad: list[dict[str, object]] = [*TESTS[:2], {"messages": [{"role": "user"}]}]
    with pytest.raises(DatasetValidationError) as error:
        client.evaluations.compare(job, test_data=bad, progress=False)
    assert error.value.report.findings[0].line == 3
    with pytest.raises(DatasetError, match="empty_dataset"):
        client.evaluations.compare(job, test_data=[], progress=False)
    assert not service.posts(CHAT)


def test_rows_without_an_answer(client: FineTuneClient, job: Job) -> None:
    asked: list[dict[str, object]] = [{"messages": asked_of(one)} for one in TESTS]
    with pytest.raises(DatasetError, match=r"line 1 .*expected answer"):
        client.evaluations.compare(job, test_data=asked, progress=False)
    made = client.evaluations.compare(
        job, test_data=asked, scorers=[Matches(pattern=r"^[A-Z0-9]+$")], progress=False
    )
    assert made.candidate("fine_tuned").scores["regex"].value == 1.0


def test_alpaca_rows_are_asked_as_conversations(client: FineTuneClient, job: Job) -> None:
    rows = [
        {"instruction": f"the {word} of number {number}", "output": word.upper()}
        for number, word in enumerate(["a", "b", "c"])
    ]
    made = client.evaluations.compare(job, test_data=rows, baselines=[], progress=False)
    assert made.candidate("fine_tuned").scores["exact_match"].value == 1.0


def test_scorers_and_functions(client: FineTuneClient, job: Job) -> None:
    def loud(answer: str, given: Mapping[str, object]) -> float:
        assert "messages" in given
        return float(answer.isupper())

    made = client.evaluations.compare(
        job,
        test_data=TESTS,
        scorers=[SimilarText(measure="fuzzy_match"), ExactMatch(), loud],
        progress=False,
    )
    assert made.measures == ("fuzzy_match", "exact_match", "loud")
    assert made.measure == "fuzzy_match"
    assert made.candidate("fine_tuned").scores["loud"].value == 1.0


def test_a_judge_grades_and_does_not_know_whom(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    client.deployments.create("gpt-4.1-2025-04-14", name="judge")

    def judging(model: str, messages: list[object]) -> str:
        if model != "gpt-4.1-2025-04-14":
            return shout(messages) if model.startswith("ft:") else "What?"
        given = json.loads(str((as_object(messages[-1]) or {})["content"]))
        good = given["answer"] == given["expected_answer"]
        return json.dumps({"grade": 1 if good else 0.25, "reason": "so"})

    service.says = judging
    made = client.evaluations.compare(
        job,
        test_data=TESTS,
        baselines=["base"],
        scorers=[Judge(deployment="openai:judge", rubric="It shouts.")],
        progress=False,
    )
    assert made.candidate("fine_tuned").scores["judge"].value == 1.0
    assert made.candidate("base").scores["judge"].value == 0.25
    asked = [one for one in questions(service) if one["model"] == "gpt-4.1-2025-04-14"]
    assert "It shouts." in str(asked[0])
    assert "fine_tuned" not in str(asked)


def test_grades_that_cannot_be_read_are_told(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    client.deployments.create("gpt-4.1-2025-04-14", name="judge")
    service.says = lambda _model, _messages: "I would say it is fine."
    made = client.evaluations.compare(
        job,
        test_data=TESTS,
        baselines=["base"],
        scorers=[ExactMatch(), Judge(deployment="judge")],
        progress=False,
    )
    assert "judge" not in made.candidate("base").scores
    assert any("80 grades of the judge could not be read" in one for one in made.warnings)


def test_where_no_grade_can_be_read_nobody_says_that_there_were_no_others(
    client: FineTuneClient, service: OpenAIService, job: Job
) -> None:
    client.deployments.create("gpt-4.1-2025-04-14", name="judge")
    service.says = lambda _model, _messages: "I would say it is fine."
    scorers = [Judge(deployment="judge")]
    made = client.evaluations.compare(job, test_data=TESTS, scorers=scorers, progress=False)
    assert made.break_even.reason == "no answer of the others was graded by judge"
    assert "no answer of fine_tuned could be graded by judge" in made.verdict.headline


def test_requirements(client: FineTuneClient, service: OpenAIService, job: Job) -> None:
    with pytest.raises(ConfigurationError, match="exact_mach"):
        client.evaluations.compare(
            job, test_data=TESTS, require=["exact_mach>=0.8"], progress=False
        )
    assert not service.posts(CHAT)
    made = client.evaluations.compare(
        job, test_data=TESTS, require=["exact_match>=0.8", "better", "failed>0"], progress=False
    )
    assert [gate.met for gate in made.gates] == [True, True, False]
    assert not made.met


def test_the_folder(client: FineTuneClient, job: Job, tmp_path: Path) -> None:
    place = tmp_path / "found"
    made = client.evaluations.compare(job, test_data=TESTS, folder=place, progress=False)
    assert made.folder == str(place)
    names = {"comparison.json", "model-card.md", "report.html", "rows.csv"}
    assert {one.name for one in place.iterdir()} == names
    assert type(made).from_json((place / "comparison.json").read_bytes()) == made
    with (place / "rows.csv").open(newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == 41
    # An earlier comparison is replaced; anything else stays.
    again = client.evaluations.compare(
        job, test_data=TESTS, baselines=[], folder=place, progress=False
    )
    assert type(made).from_json((place / "comparison.json").read_bytes()) == again
    assert [one.name for one in tmp_path.iterdir() if "found" in one.name] == ["found"]


def test_a_folder_of_something_else(
    client: FineTuneClient, service: OpenAIService, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="holds no earlier comparison"):
        client.evaluations.compare(job, test_data=TESTS, folder=tmp_path, progress=False)
    assert not service.posts(CHAT)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"shots": 0}, "`shots`"),
        ({"concurrency": True}, "`concurrency`"),
        ({"temperature": -1}, "`temperature`"),
        ({"baselines": "base"}, "`baselines`"),
        ({"baselines": ["best"]}, "`baselines`"),
        ({"others": {"base": "x"}}, "`others`"),
        ({"others": {"mine": 3}}, "mine"),
        ({"scorers": []}, "`scorers`"),
        ({"scorers": [ExactMatch(), ExactMatch()]}, "exact_match"),
        ({"scorers": [SimilarText(measure="cosine")]}, "cosine"),
        ({"folder": 3}, "`folder`"),
    ],
)
def test_wrong_words(
    client: FineTuneClient,
    service: OpenAIService,
    job: Job,
    words: dict[str, object],
    told: str,
) -> None:
    with pytest.raises(FineTuneError, match=told):
        client.evaluations.compare(job, test_data=TESTS, progress=False, **words)  # type: ignore[arg-type]
    assert not service.posts(CHAT)


def test_a_job_that_has_made_no_model() -> None:
    with FineTuneClient(FakeProvider()) as client:
        going = client.jobs.create(model="m", training_data=LEARNED)
        with pytest.raises(ConfigurationError, match="has made no model"):
            client.evaluations.compare(going, test_data=TESTS, progress=False)
        with pytest.raises(NotFoundError):
            client.evaluations.compare("fake:nobody", test_data=TESTS, progress=False)


def test_no_key_is_kept(client: FineTuneClient, job: Job, tmp_path: Path) -> None:
    client.evaluations.compare(job, test_data=TESTS, folder=tmp_path / "c", progress=False)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
