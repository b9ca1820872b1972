"""`finetune compare`, on a stand-in of OpenAI: what is said where, and what is refused unasked."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from finetune_sdk.cli import main
from finetune_sdk.types import Comparison
from tests.cli.comparing import CHAT, compared, document, scores, write_rows
from tests.cli.comparing import job as job
from tests.cli.comparing import service as service
from tests.cli.conftest import Command
from tests.evaluation.conftest import LEARNED, TESTS, last, says, shout
from tests.standins.openai import OpenAIService

LARGE = "gpt-4.1-2025-04-14"
GONE = {"error": {"message": "The model does not exist.", "code": "model_not_found"}}


# What is told, and where


def test_the_answer_stands_at_the_top_and_the_report_lies_in_the_folder(
    finetune: Command, job: str, project: Path
) -> None:
    done = compared(finetune, job, "--require", "better")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("Better: ")
    heads = [line.split()[0] for line in lines[1:] if line.strip()]
    assert heads[1:5] == ["base", "few_shot", "retrieved", "fine_tuned"]
    [tuned] = [line for line in lines if line.split()[:1] == ["fine_tuned"]]
    assert "1.000 (0.9" in tuned
    # What a thousand requests cost, and how many failed.
    assert tuned.split()[-3:] == ["not", "known", "0"]
    assert "exact_match" in lines[2]
    assert "rows             40, intervals of 95%" in lines
    assert any(line.startswith("pays for itself") for line in lines)
    said = done.err.splitlines()
    assert said[0].startswith("Try: Deploy fine_tuned")
    assert any(line.startswith("met: better (better, against ") for line in said)
    report = project / "comparison" / "report.html"
    assert said[-1] == f"The report: {report}"
    assert report.is_file()


def test_a_model_that_has_become_worse_and_what_to_try(
    finetune: Command, service: OpenAIService, job: str
) -> None:
    service.says = lambda model, messages: "?" if model.startswith("ft:") else shout(messages)
    done = compared(finetune, job)
    assert done.code == 0
    assert done.out.startswith("Worse: ")
    assert len([line for line in done.err.splitlines() if line.startswith("Try: ")]) >= 1


def test_programs_get_the_comparison_and_nothing_else(finetune: Command, job: str) -> None:
    done = compared(finetune, job, "--json", "--require", "failed>0")
    assert done.code == 7
    assert done.err == ""
    assert len(done.documents) == 1
    made = Comparison.from_json(done.out)
    assert (made.rows, made.verdict.word, made.met) == (40, "better", False)
    assert [one.name for one in made.candidates] == ["base", "few_shot", "retrieved", "fine_tuned"]


@pytest.mark.parametrize(
    ("required", "code", "told"),
    [
        ("better", 0, "met: better (better, against base)"),
        ("exact_match >= 80%", 0, "met: exact_match >= 80% (exact_match is 1 "),
        ("completion_tokens<3", 7, "NOT met: completion_tokens<3 (completion_tokens is 3)"),
    ],
)
def test_a_requirement_decides_the_exit_code(
    finetune: Command, job: str, required: str, code: int, told: str
) -> None:
    done = compared(finetune, job, "--baselines", "base", "--require", required)
    assert done.code == code
    assert told in done.err
    assert done.out.startswith("Better: ")


def test_one_of_two_requirements_that_is_not_met_is_enough(finetune: Command, job: str) -> None:
    words = ("--require", "exact_match>=0.8", "--require", "failed>0")
    done = compared(finetune, job, "--baselines", "", *words)
    assert done.code == 7
    assert "\nmet: exact_match>=0.8" in done.err
    assert "\nNOT met: failed>0" in done.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_first(
    service: OpenAIService,
    job: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    capsys.readouterr()
    assert main(["compare", job, "--test-data", "test.jsonl", "--judge", "far:j"]) == 1
    told = capsys.readouterr().err
    assert "Ask 160 questions, 40 of each of base, few_shot, retrieved, fine_tuned" in told
    assert "far:j for a grade of each answer" in told
    assert "Nothing was done." in told
    assert not service.posts(CHAT)


# Scorers


@pytest.fixture
def scorers(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules in the working folder, none of which is kept for the next test."""
    (project / "my_scores.py").write_text("def loud(answer, row):\n    return answer.isupper()\n")
    (project / "my_ruin.py").write_text("1 / 0\n")
    (project / "my_script.py").write_text("import sys\n\nsys.exit(3)\n")
    for name in ("my_scores", "my_ruin", "my_script"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("scorers")
def test_scorers_in_a_word(finetune: Command, job: str) -> None:
    words = "similarity=fuzzy_match regex=^WORD\\d+$ classification python=my_scores:loud"
    given = [part for word in words.split() for part in ("--scorer", word)]
    made = document(finetune, job, *given)
    assert made.measure == "fuzzy_match"
    assert scores(made) == dict.fromkeys(
        ("fuzzy_match", "regex", "accuracy", "precision", "recall", "f1", "loud"), 1.0
    )
    assert str(Path.cwd()) not in sys.path


def test_no_temperature_is_sent_where_none_is_wanted(
    finetune: Command, service: OpenAIService, job: str
) -> None:
    document(finetune, job, "--no-temperature")
    assert all("temperature" not in str(one.json) for one in service.posts(CHAT))


def test_labels_may_be_named(finetune: Command, job: str) -> None:
    done = compared(finetune, job, "--scorer", "classification=yes, no")
    assert done.code == 1
    assert "'WORD40' is none of `labels`" in done.err


def test_answers_in_json_are_held_against_a_schema(
    finetune: Command, service: OpenAIService, job: str, project: Path
) -> None:
    (project / "schema.json").write_text('{"properties": {"kind": {"enum": ["a"]}}}')
    rows: list[dict[str, object]] = [
        {
            "messages": [
                {"role": "user", "content": f"the word{number} of number {number}"},
                {"role": "assistant", "content": json.dumps({"kind": "a", "number": number})},
            ]
        }
        for number in range(50, 74)
    ]
    write_rows(project / "test.jsonl", rows)

    def answers(_: str, messages: list[object]) -> str:
        number = int(last(messages).split()[-1])
        return json.dumps({"kind": "b" if number % 4 else "a", "number": number})

    service.says = answers
    made = document(finetune, job, "--scorer", "json=schema.json")
    assert scores(made) == {"json_valid": 1.0, "json_schema": 0.25, "json_fields": 0.625}


def test_a_judge_grades_by_a_rubric(finetune: Command, service: OpenAIService, job: str) -> None:
    assert finetune("deploy", LARGE, "--name", "judge", "--profile", "far").code == 0
    asked: list[str] = []

    def judging(model: str, messages: list[object]) -> str:
        if model != LARGE:
            return says(model, messages)
        asked.append(str(messages))
        return '{"grade": 0.75, "reason": "so"}'

    service.says = judging
    words = ("--judge", "far:judge", "--rubric", "It shouts.")
    assert scores(document(finetune, job, *words)) == {"judge": 0.75}
    assert len(asked) == 40
    assert all("It shouts." in one for one in asked)


def test_a_deployment_of_another_profile_is_one_more_candidate(finetune: Command, job: str) -> None:
    assert finetune("deploy", "small", "--name", "bot").code == 0
    made = document(finetune, job, "--other", "mine=desk:bot")
    other = made.candidate("mine")
    assert (other.kind, other.deployment, other.model) == ("other", "desk:bot", "base-1")
    assert made.verdict.against == "mine"
    assert finetune("deployments", "list", "--json").documents[0]["name"] == "bot"


# What is refused before anything is asked


@pytest.mark.usefixtures("scorers")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--require exact_mach>=0.8", "did you mean `exact_match`?"),
        ("--require exact_match>=80", "did you mean 80%?"),
        ("--require good", "write `better` or `not worse`"),
        ("--scorer exact", "did you mean `exact_match`?"),
        ("--scorer exact_match=1", "exact_match takes no value"),
        ("--scorer exact_match --scorer exact_match", "two scorers measure `exact_match`"),
        ("--scorer similarity=cosin", "'fuzzy_match'"),
        ("--scorer regex=", "wants a pattern, as in `regex=^[A-Z]`"),
        ("--scorer regex=(", "is no regular expression: missing )"),
        ("--scorer json=none.json", "none.json: cannot be read: No such file"),
        ("--scorer json=train.jsonl", "train.jsonl: is no JSON"),
        ("--scorer python=my_scores", "wants a function, as in `python=my_scores:polite`"),
        ("--scorer python=my_scores:quiet", "has no attribute 'quiet'"),
        ("--scorer python=my_scors:loud", "No module named 'my_scors'"),
        ("--scorer python=my_ruin:loud", "ZeroDivisionError: division by zero"),
        ("--scorer python=my_script:loud", "SystemExit: 3"),
        ("--scorer python=math:pi", "is no function"),
        ("--scorer python=json:dumps", "write it as `def dumps(answer, row): ...`"),
        ("--other large", "`--other` takes KEY=VALUE; got 'large'"),
        ("--other a=far:x --other a=far:y", "`--other` has 'a' twice"),
        ("--other base=far:x", "give one of your own"),
        ("--other large=far:nobody", "there is no deployment 'nobody'"),
        ("--other large=nowhere:x", "nowhere"),
        ("--base far:nobody", "there is no deployment 'nobody'"),
        ("--judge far:nobody", "there is no deployment 'nobody'"),
        ("--rubric good", "name a deployment by `--judge`"),
        ("--baselines base,fewshot", "`baselines` has 'fewshot'; did you mean `few_shot`?"),
        ("--baselines best", "it takes a list of 'base', 'few_shot', 'retrieved'"),
        ("--option gpus=2", "the provider 'openai' has no options of its own"),
        ("--test-data none.jsonl", "none.jsonl"),
        ("--training-data none.jsonl", "none.jsonl"),
        ("--folder .", "holds no earlier comparison; name a new one"),
    ],
)
def test_wrong_words_cost_nothing(
    finetune: Command, service: OpenAIService, job: str, project: Path, words: str, told: str
) -> None:
    done = compared(finetune, job, *words.split())
    assert done.code == 1
    assert told in done.err
    assert done.err.startswith("error: ")
    assert "fault of finetune" not in done.err
    assert done.out == ""
    assert not service.posts(CHAT)
    assert not (project / "comparison").exists()


@pytest.mark.parametrize("words", ["--shots 0", "--concurrency 0", "--seed x"])
def test_a_number_that_is_none_is_a_slip_in_the_usage(
    finetune: Command, service: OpenAIService, job: str, words: str
) -> None:
    assert compared(finetune, job, *words.split()).code == 2
    assert not service.posts(CHAT)


def test_a_temperature_that_is_no_number_is_refused_by_whoever_sees_it_first(
    finetune: Command, service: OpenAIService, job: str
) -> None:
    """The lowest version of the command line's package passes it on."""
    assert compared(finetune, job, "--temperature=nan").code in (1, 2)
    assert not service.posts(CHAT)


@pytest.mark.parametrize(
    ("handle", "told"),
    [
        ("far:ftjob-nobody", "ftjob-nobody"),
        ("nowhere:ftjob-1", "'nowhere'"),
        ("desk:bot", "desk has neither a deployment nor a job 'desk:bot'"),
        ("a b", "'a b'"),
    ],
)
def test_a_wrong_handle(finetune: Command, service: OpenAIService, handle: str, told: str) -> None:
    done = compared(finetune, handle)
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert told in done.err
    assert not service.posts(CHAT)


def test_rows_that_were_learned_are_named(
    finetune: Command, service: OpenAIService, job: str, project: Path
) -> None:
    write_rows(project / "test.jsonl", [*TESTS, LEARNED[3], LEARNED[7]])
    done = compared(finetune, job)
    assert done.code == 1
    assert "2 of 42 rows to measure on ask what was learned" in done.err
    assert f"test.jsonl:41 is row 4 of the training data of {job}" in done.err
    assert f"test.jsonl:42 is row 8 of the training data of {job}" in done.err
    assert not service.posts(CHAT)
