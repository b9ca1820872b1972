"""Rows of every format but `chat`: one fault, one finding, and a mend that mends it."""

from __future__ import annotations

from typing import cast

import pytest

from finetune_sdk.datasets import EVERYTHING, FORMATS, RowFormat, RowRules, load
from finetune_sdk.datasets.codes import CODES
from finetune_sdk.datasets.rules import SPELLINGS
from finetune_sdk.types import Finding, MethodName
from tests.datasets.samples import (
    ANSWER,
    ASSISTANT,
    CALL,
    CALLING,
    TOOL,
    USER,
    WORSE,
    Json,
    pair,
    question,
    row,
    text_pair,
    thumb,
    trl_pair,
    without,
)
from tests.datasets.samples import (
    judged as check,
)

SYSTEM: Json = {"role": "system", "content": "Name the ingredients."}
SILENT: Json = {"role": "assistant", "content": " \n"}
PARTS: Json = {**ASSISTANT, "content": [{"type": "text", "text": ASSISTANT["content"]}]}
TALK = [SYSTEM, USER, ASSISTANT, USER]
CALLED = [USER, CALLING, ANSWER]
FORMS: list[RowFormat] = ["chat", "preference", "kto", "prompts"]
NOTHING: Json = {}

GOOD: dict[str, tuple[RowFormat, Json]] = {
    "OpenAI's pair": ("preference", pair()),
    "TRL's pair": ("preference", trl_pair()),
    "a pair of texts": ("preference", text_pair()),
    "a long talk": ("preference", pair(input={"messages": TALK})),
    "TRL's long talk": ("preference", trl_pair(prompt=TALK)),
    "tools": (
        "preference",
        pair(input={"messages": CALLED, "tools": [TOOL], "parallel_tool_calls": True}),
    ),
    "TRL's tools": ("preference", trl_pair(prompt=CALLED, tools=[TOOL])),
    "a call as an answer": ("preference", pair(preferred_output=[CALLING])),
    "a call beside another": (
        "preference",
        pair(
            preferred_output=[CALLING],
            non_preferred_output=[{**CALLING, "tool_calls": [{**CALL, "id": "call_2"}]}],
        ),
    ),
    "parts": ("preference", pair(preferred_output=[PARTS])),
    "a thumb": ("kto", thumb(label=False)),
    "a thumb on text": ("kto", thumb(prompt="2 eggs", completion="eggs")),
    "a thumb with tools": ("kto", thumb(prompt=CALLED, tools=[TOOL])),
    "a question": ("prompts", question()),
    "a question with fields": ("prompts", question(answer="eggs", chosen=1, label=[None])),
    "a question in a talk": ("prompts", question(messages=TALK, tools=[TOOL])),
    "a question as a prompt": ("prompts", {"prompt": [USER]}),
    "a question as text": ("prompts", {"prompt": "2 eggs", "completion": 1}),
}

# The row, what is found and where, and the row after the mend.
FAULTS: list[tuple[RowFormat, Json, str, str, Json]] = [
    ("preference", without(pair(), "input"), "missing_key", "", pair()),
    ("preference", without(trl_pair(), "rejected"), "missing_key", "", trl_pair()),
    ("preference", {"chosen": [ASSISTANT]}, "missing_key", "", trl_pair()),
    ("preference", {}, "missing_key", "", trl_pair()),
    ("preference", {"prompt": "2 eggs", "chosen": "eggs"}, "missing_key", "", text_pair()),
    (
        "preference",
        {**without(pair(), "preferred_output"), "prefered_output": [ASSISTANT]},
        "missing_key",
        "/prefered_output",
        pair(),
    ),
    (
        "preference",
        {**without(text_pair(), "chosen"), "Chosen": "eggs"},
        "missing_key",
        "/Chosen",
        text_pair(),
    ),
    ("preference", pair(input=NOTHING), "missing_key", "/input", pair()),
    ("preference", pair(input={"mesages": [USER]}), "missing_key", "/input/mesages", pair()),
    ("kto", without(thumb(), "label"), "missing_key", "", thumb()),
    ("kto", {**without(thumb(), "label"), "labels": True}, "missing_key", "/labels", thumb()),
    ("kto", without(thumb(), "prompt"), "missing_key", "", thumb()),
    (
        "kto",
        {**without(thumb(), "completion"), "completions": "a"},
        "missing_key",
        "/completions",
        thumb(),
    ),
    ("preference", pair(source="web"), "unknown_row_key", "/source", pair()),
    ("preference", trl_pair(margin=2), "unknown_row_key", "/margin", trl_pair()),
    ("preference", pair(tools=[TOOL]), "unknown_row_key", "/tools", pair()),
    (
        "preference",
        pair(input={"messages": [USER], "functions": []}),
        "unknown_row_key",
        "/input/functions",
        pair(),
    ),
    ("kto", thumb(weight=2), "unknown_row_key", "/weight", thumb()),
    ("preference", pair(chosen=[ASSISTANT]), "mixed_spellings", "", pair()),
    (
        "preference",
        {"input": {"messages": [USER]}, "chosen": [ASSISTANT], "rejected": [WORSE]},
        "mixed_spellings",
        "",
        trl_pair(),
    ),
    ("preference", trl_pair(prompt="2 eggs"), "text_beside_messages", "", trl_pair()),
    ("preference", trl_pair(rejected="salt"), "text_beside_messages", "", trl_pair()),
    ("kto", thumb(completion="eggs"), "text_beside_messages", "", thumb()),
    ("preference", text_pair(chosen=7), "wrong_turn_type", "/chosen", text_pair()),
    ("preference", trl_pair(prompt=USER), "wrong_turn_type", "/prompt", trl_pair()),
    ("kto", thumb(completion=None), "wrong_turn_type", "/completion", thumb()),
    ("prompts", {"prompt": USER}, "wrong_turn_type", "/prompt", {"prompt": [USER]}),
    ("preference", pair(input=[USER]), "wrong_input_type", "/input", pair()),
    ("preference", pair(input="2 eggs"), "wrong_input_type", "/input", pair()),
    ("preference", pair(input={"messages": "x"}), "wrong_messages_type", "/input/messages", pair()),
    (
        "preference",
        pair(preferred_output="eggs"),
        "wrong_messages_type",
        "/preferred_output",
        pair(),
    ),
    ("prompts", question(messages=USER), "wrong_messages_type", "/messages", question()),
    ("preference", pair(input={"messages": []}), "empty_messages", "/input/messages", pair()),
    ("preference", pair(preferred_output=[]), "empty_messages", "/preferred_output", pair()),
    ("preference", trl_pair(prompt=[]), "empty_messages", "/prompt", trl_pair()),
    ("kto", thumb(completion=[]), "empty_messages", "/completion", thumb()),
    ("prompts", question(messages=[]), "empty_messages", "/messages", question()),
    ("prompts", {"prompt": []}, "empty_messages", "/prompt", {"prompt": [USER]}),
    (
        "preference",
        pair(input={"messages": [USER, ASSISTANT]}),
        "prompt_end",
        "/input/messages/1",
        pair(),
    ),
    ("preference", trl_pair(prompt=[SYSTEM]), "prompt_end", "/prompt/0", trl_pair()),
    ("kto", thumb(prompt=[USER, ASSISTANT]), "prompt_end", "/prompt/1", thumb()),
    ("prompts", question(messages=[SYSTEM]), "prompt_end", "/messages/0", question()),
    ("prompts", {"prompt": CALLED}, "prompt_end", "/prompt/2", {"prompt": [*CALLED, USER]}),
    ("prompts", row(), "answered_prompt", "/messages/1", question()),
    ("prompts", {"prompt": [USER, ASSISTANT]}, "answered_prompt", "/prompt/1", {"prompt": [USER]}),
    ("preference", text_pair(prompt=""), "empty_prompt", "/prompt", text_pair()),
    ("kto", thumb(prompt=" ", completion="eggs"), "empty_prompt", "/prompt", thumb()),
    ("prompts", {"prompt": "\n"}, "empty_prompt", "/prompt", {"prompt": "2 eggs"}),
    ("preference", pair(preferred_output=[USER]), "bad_answer", "/preferred_output/0/role", pair()),
    ("preference", trl_pair(rejected=[USER]), "bad_answer", "/rejected/0/role", trl_pair()),
    ("preference", trl_pair(chosen=[USER, ASSISTANT]), "bad_answer", "/chosen", trl_pair()),
    ("kto", thumb(completion=[SYSTEM]), "bad_answer", "/completion/0/role", thumb()),
    (
        "preference",
        pair(preferred_output=[SILENT]),
        "empty_answer",
        "/preferred_output/0/content",
        pair(),
    ),
    ("preference", text_pair(rejected=""), "empty_answer", "/rejected", text_pair()),
    ("kto", thumb(completion=[SILENT]), "empty_answer", "/completion/0/content", thumb()),
    (
        "preference",
        pair(non_preferred_output=[ASSISTANT]),
        "same_answers",
        "/non_preferred_output",
        pair(),
    ),
    ("preference", trl_pair(rejected=[PARTS]), "same_answers", "/rejected", trl_pair()),
    ("preference", text_pair(rejected="eggs"), "same_answers", "/rejected", text_pair()),
    *(
        ("kto", thumb(label=label), "bad_label", "/label", thumb())
        for label in cast("list[object]", [1, 0, "true", None, 1.0, []])
    ),
    ("prompts", {}, "no_prompt", "", question()),
    ("prompts", {"question": "2 eggs"}, "no_prompt", "", question()),
    ("prompts", question(prompt="2 eggs"), "two_prompts", "/prompt", question(hint="2 eggs")),
    (
        "preference",
        pair(preferred_output=[{**ASSISTANT, "weight": 0}]),
        "unknown_message_key",
        "/preferred_output/0/weight",
        pair(),
    ),
    (
        "prompts",
        question(messages=[USER, {**ASSISTANT, "weight": 1}, USER]),
        "unknown_message_key",
        "/messages/1/weight",
        question(messages=[USER, ASSISTANT, USER]),
    ),
    (
        "preference",
        pair(input={"messages": [USER], "tools": []}),
        "bad_tools",
        "/input/tools",
        pair(),
    ),
    (
        "preference",
        pair(input={"messages": [USER], "parallel_tool_calls": 1}),
        "bad_parallel_tool_calls",
        "/input/parallel_tool_calls",
        pair(),
    ),
    (
        "preference",
        trl_pair(prompt=[{"role": "user"}]),
        "missing_content",
        "/prompt/0",
        trl_pair(),
    ),
]
OWN_CODES = {
    *("missing_key", "mixed_spellings", "text_beside_messages", "wrong_turn_type"),
    *("wrong_input_type", "prompt_end", "empty_prompt", "bad_answer", "empty_answer"),
    *("same_answers", "bad_label", "no_prompt", "two_prompts", "answered_prompt"),
}

SAMPLES: dict[RowFormat, list[Json]] = {
    "chat": [row(), row(USER, {**ASSISTANT, "weight": 0})],
    "preference": [pair(), trl_pair(), text_pair()],
    "kto": [thumb()],
    "prompts": [question(), {"prompt": [USER]}, {"prompt": "2 eggs", "answer": "eggs"}],
}
READ_BY = {
    "chat": {"messages"},
    "preference": set[str](),
    "kto": set[str](),
    "prompts": {"messages", "prompt"},
}
"""Keys by which a row can be read, with whatever faults it then has."""


def findings(wanted: RowFormat, *rows: Json) -> list[Finding]:
    rules = RowRules(format=wanted, content=EVERYTHING, provider="somebody")
    report = check(load(rows, name="train.jsonl"), rules=rules)
    assert SPELLINGS.get(report.format, report.format) == wanted
    return [finding for finding in report.findings if finding.line]


@pytest.mark.parametrize(("wanted", "good"), GOOD.values(), ids=list(GOOD))
def test_a_good_row_has_no_finding(wanted: RowFormat, good: Json) -> None:
    assert findings(wanted, good) == []


@pytest.mark.parametrize(
    ("wanted", "bad", "code", "pointer", "mended"),
    FAULTS,
    ids=[f"{n}-{wanted}-{code}" for n, (wanted, _, code, _, _) in enumerate(FAULTS)],
)
def test_one_fault_is_one_finding_at_its_place_and_its_mend_is_true(
    wanted: RowFormat, bad: Json, code: str, pointer: str, mended: Json
) -> None:
    found = findings(wanted, bad)
    assert [(f.code, f.pointer) for f in found] == [(code, pointer)]
    assert (found[0].fix, found[0].severity) == (CODES[code].fix, CODES[code].severity)
    assert findings(wanted, mended) == []


def test_every_code_of_these_formats_is_made_by_a_row() -> None:
    assert {code for _, _, code, _, _ in FAULTS} >= OWN_CODES


def test_a_misspelt_key_is_named_with_what_was_meant() -> None:
    (found,) = findings("preference", {**without(text_pair(), "chosen"), "choosen": "eggs"})
    assert "needs `chosen`" in found.message
    assert "`choosen` may be meant" in found.message


def test_all_that_is_missing_is_one_finding() -> None:
    (found,) = findings("preference", {})
    assert "`prompt`, `chosen`, `rejected`" in found.message


def test_faults_of_all_parts_are_told() -> None:
    bad = pair(input={"messages": [ASSISTANT]}, preferred_output=[USER], non_preferred_output=[])
    assert [(f.code, f.pointer) for f in findings("preference", bad)] == [
        ("prompt_end", "/input/messages/0"),
        ("bad_answer", "/preferred_output/0/role"),
        ("empty_messages", "/non_preferred_output"),
    ]


def test_an_answer_may_use_the_calls_of_its_prompt_and_not_those_of_the_other_answer() -> None:
    lost = [USER, {**ANSWER, "tool_call_id": "call_9"}]
    (found,) = findings("preference", trl_pair(prompt=lost))
    assert (found.code, found.pointer) == ("unknown_tool_call_id", "/prompt/1/tool_call_id")


@pytest.mark.parametrize(
    ("wanted", "other"),
    [(wanted, other) for wanted in FORMS for other in FORMS if wanted != other],
)
def test_a_row_of_another_format_is_one_clear_finding(wanted: RowFormat, other: RowFormat) -> None:
    for sample in SAMPLES[other]:
        if set(sample) & READ_BY[wanted]:
            continue
        (found,) = findings(wanted, sample)
        assert (found.code, found.pointer, found.severity) == ("wrong_format", "", "error")
        assert f"is of the format `{other}`" in found.message
        for name, rows in FORMATS.items():
            assert (f"`{name.value}`" in found.message) == (rows in (wanted, other))


def test_a_pair_for_prompts_is_told_too_where_it_has_no_prompt() -> None:
    (found,) = findings("prompts", pair())
    assert found.code == "wrong_format"
    assert "for `dpo`, `orpo` or `reward`; `reinforcement` needs rows like" in found.message


def test_every_method_has_a_format() -> None:
    assert set(FORMATS) == set(MethodName)
    assert set(FORMATS.values()) == set(FORMS)


def test_a_prompt_that_is_taught_by_supervised_lacks_its_answer() -> None:
    (found,) = findings("chat", question())
    assert found.code == "no_assistant_turn"


class TestLabels:
    def whole(self, *labels: object) -> list[str]:
        rows = [thumb(prompt=[{**USER, "content": str(n)}], label=x) for n, x in enumerate(labels)]
        report = check(load(rows), rules=RowRules(format="kto"))
        return [f.code for f in report.findings if not f.line]

    @pytest.mark.parametrize("label", [True, False])
    def test_labels_that_are_all_the_same_are_a_warning_of_the_whole(self, label: bool) -> None:
        assert self.whole(label, label) == ["one_label"]
        assert self.whole(label, not label) == []
        assert CODES["one_label"].severity == "warning"

    def test_labels_that_are_none_are_not_counted(self) -> None:
        assert self.whole(True, 0) == ["one_label"]
        assert self.whole(1, 0) == []

    def test_other_formats_have_no_labels(self) -> None:
        rows = [question(label=True)]
        assert check(load(rows), rules=RowRules(format="prompts")).findings == ()
