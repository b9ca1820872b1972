"""What people read of a comparison: right, bounded, and with nothing of strangers at work in it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt
from pydantic import JsonValue

from finetune_sdk.evaluation.report import write
from finetune_sdk.types import Metric
from finetune_sdk.types.comparison import Answer, ComparedRow, Comparison

from . import samples

FILES = {"report.html", "model-card.md", "rows.csv", "comparison.json"}
DOCUMENT = "html head meta title style body main header section footer article"
TEXT = "h1 h2 h3 h4 p br ul ol li dl dt dd div span strong code pre figure figcaption"
TABLE = "table thead tbody tr th td"
DRAWING = "svg desc defs g path use rect text clippath"
ELEMENTS = {*f"{DOCUMENT} {TEXT} {TABLE} {DRAWING}".split()}
VOID = {"meta", "br"}
STRANGERS = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "style": "</style><style>body{display:none}</style>",
    "svg": "</text></svg><iframe src=https://example.com>",
    "comment": "<!-- --><base href=//example.com>]]>",
    "template": "{{ 7*7 }}{% raw %}",
    "bidi": "pay \u202eevil\u2066 me\u200f",
    "ansi": "\x1b[2J\x1b]0;owned\x07",
    "control": "a\x00b\ufffe\u2028c\r\nd",
    "surrogate": "half \ud800 a pair",
    "math": "$x^2$ $\\frac{1}{2",
    "formula": "=cmd|'/c calc'!A0",
    "table": "a|b\\|c\n|---|\n| d |",
    "markdown": "# [x](javascript:alert(1)) `a``b` ![x](https://example.com/x.png)",
    "fence": "```\n<b>x</b>\n---\n",
    "scripts": "中文 العربية עברית ไทย 👩‍🍳",
    "empty": "",
    "long": "x" * 4000,
}


class Page(HTMLParser):
    """A page as a browser sees it: elements, attributes, and what is read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.open: list[str] = []
        self.comments: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(comparison: Comparison, folder: Path) -> dict[str, str]:
    """The files, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    write(comparison, folder)
    return {path.name: path.read_bytes().decode() for path in folder.iterdir()}


def page(comparison: Comparison, folder: Path) -> Page:
    return Page(read(comparison, folder)["report.html"])


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines(keepends=True)))


@dataclass(frozen=True)
class Made:
    """A comparison and its files, by name."""

    comparison: Comparison
    files: dict[str, str]

    @cached_property
    def page(self) -> Page:
        return Page(self.files["report.html"])


PLAIN = (samples.recipes, samples.alone, samples.one_row, samples.never_paid, samples.many)
SAMPLES: dict[str, Callable[[], Comparison]] = {
    **{sample.__name__: sample for sample in PLAIN},
    **{f"strangers_{name}": partial(samples.hostile, text) for name, text in STRANGERS.items()},
}


@pytest.fixture(scope="module", params=SAMPLES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    comparison = SAMPLES[request.param]()
    return Made(comparison, read(comparison, tmp_path_factory.mktemp("report")))


def test_a_page_is_whole_and_does_nothing(made: Made) -> None:
    assert set(made.files) == FILES
    seen = made.page
    assert not seen.open
    assert not seen.comments
    assert {tag for tag, _ in seen.elements} <= ELEMENTS
    assert len(seen.of("style")) == 1
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert {"http-equiv": "Content-Security-Policy", "content": policy} in seen.of("meta")


def test_nothing_is_loaded_and_no_attribute_acts(made: Made) -> None:
    text = made.files["report.html"]
    attributes = [pair for _, found in made.page.elements for pair in found.items()]
    for name, value in attributes:
        assert not name.startswith("on")
        assert name not in ("src", "srcset", "action", "background", "data")
        if name.endswith("href"):
            assert value.startswith("#")
        if name == "style":
            assert "url(" not in value
    sheet = text.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|@font-face|http", sheet)


def test_ids_are_there_once_and_are_found(made: Made) -> None:
    seen = made.page
    ids = [found["id"] for _, found in seen.elements if "id" in found]
    assert len(ids) == len(set(ids))
    wanted = [found["xlink:href"][1:] for found in seen.of("use")]
    wanted += [one for found in seen.of("svg") for one in found["aria-labelledby"].split()]
    wanted += re.findall(r"url\(#([^)]+)\)", str(seen.elements))
    assert set(wanted) <= set(ids)


def test_each_plot_and_table_can_be_heard(made: Made) -> None:
    seen = made.page
    assert len(seen.of("svg")) == len(seen.of("figure")) == len(seen.of("desc"))
    assert all(found["role"] == "img" for found in seen.of("svg"))
    assert all(found["scope"] in ("col", "row") for found in seen.of("th"))


HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\ud800-\udfff]"
)


def test_nothing_hides_or_steers_in_any_file(made: Made) -> None:
    for name, text in made.files.items():
        # The rows of a CSV file end in both.
        assert not HIDDEN.search(text.replace("\r\n", "\n")), name


def test_no_html_and_no_link_is_left_in_the_card(made: Made) -> None:
    card = made.files["model-card.md"]
    body = re.sub(r"\A---\n.*?\n---\n", "", card, flags=re.DOTALL)
    tokens = list(flat(body))
    kinds = {token for token, _ in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "hr", "blockquote_open"}
    headings = [content for kind, content in tokens if kind == "heading"]
    assert headings[1:] == ["Evaluation", "Training", "Limitations", "How to use it"]


def flat(markdown: str) -> Iterator[tuple[str, str]]:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    for place, token in enumerate(tokens):
        if token.type == "inline":
            yield from ((child.type, child.content) for child in token.children or ())
            if tokens[place - 1].type == "heading_open":
                yield "heading", token.content
        else:
            yield token.type, token.content


def test_every_line_of_a_table_of_the_card_is_as_wide(made: Made) -> None:
    card = made.files["model-card.md"]
    for table in re.findall(r"(?:^\|.*\n)+", card, flags=re.MULTILINE):
        # No cell has a bar of its own, escaped or not.
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_no_cell_of_the_rows_is_a_formula(made: Made) -> None:
    table = cells(made.files["rows.csv"])
    assert len(table) == len(made.comparison.compared) + 1
    width = 3 + len(made.comparison.candidates) * (1 + len(made.comparison.measures))
    for line in table:
        assert len(line) == width
        assert not [one for one in line if one.startswith(("=", "+", "@", "-"))]


def test_the_text_of_a_stranger_is_read_as_it_is(tmp_path: Path) -> None:
    text = "<script>alert(1)</script>{{ 7*7 }} $x^2$ 中文"
    seen = page(samples.hostile(text), tmp_path)
    places = 30
    assert seen.text.count(text) > places
    assert "49" not in seen.text


def test_what_hides_is_told_by_its_number(tmp_path: Path) -> None:
    files = read(samples.hostile("a\u202eb\x1bc\ud800"), tmp_path)
    assert r"a\u202eb\u001bc\ud800" in Page(files["report.html"]).text
    assert r"a\u202eb\u001bc\ud800" in files["rows.csv"]


def test_the_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    comparison = samples.hostile("a\u202eb\x1bc\x7f\r\n中 👩‍🍳")
    text = read(comparison, tmp_path)["comparison.json"]
    assert Comparison.from_json(text) == comparison
    plain = samples.recipes()
    assert json.loads(read(plain, tmp_path)["comparison.json"]) == json.loads(plain.to_json())


def test_half_a_pair_of_surrogates_can_be_read_back(tmp_path: Path) -> None:
    text = read(samples.hostile("a\ud800"), tmp_path)["comparison.json"]
    assert Comparison.from_json(text).verdict.headline == "a\ufffd"


def test_the_page_says_it_in_its_order(tmp_path: Path) -> None:
    comparison = samples.recipes()
    text = page(comparison, tmp_path).text
    wanted = [
        "▲ Better",
        comparison.verdict.headline,
        "At a glance",
        "18,400",
        "What to try next",
        *comparison.verdict.advice,
        "Requirements: not all met",
        "✓ met",
        "✗ not met",
        "Scores with intervals",
        "Candidates",
        "What their answers took",
        "$0.30 an hour of this machine",
        "The fine-tuned model against each other one",
        "Loss of the training",
        "Cost over requests",
        comparison.break_even.reason,
        "Rows that got better: 15",
        "Rows that got worse: 3",
        "Failed answers: 1",
        "the server did not answer within 60 s",
        "Where it came from",
        "laptop:ft-20260305-7c1d",
        "14,632",
        "Warnings",
        comparison.warnings[0],
        "How it was measured",
        "choice of examples: 7",
    ]
    place = 0
    for words in wanted:
        assert words in text[place:], words
        place = text.index(words, place)


def test_rows_are_shown_with_both_answers(tmp_path: Path) -> None:
    comparison = samples.recipes()
    text = page(comparison, tmp_path).text
    row = next(
        row
        for row in comparison.compared
        if row.answers["fine_tuned"].scores["exact_match"]
        > row.answers["retrieved"].scores["exact_match"]
    )
    told = text.partition(f"Row {row.line}: exact match +1.000")[2].partition("Row ")[0]
    assert str(row.messages[-1]["content"]) in told
    assert str(row.answers["retrieved"].text) in told
    assert str(row.answers["fine_tuned"].text) in told


def test_the_headline_does_not_say_the_word_twice(tmp_path: Path) -> None:
    verdict = samples.recipes().verdict.model_copy(update={"headline": "Better by 0.27."})
    files = read(samples.recipes().model_copy(update={"verdict": verdict}), tmp_path)
    assert "▲ \nBetter by 0.27." in Page(files["report.html"]).text
    assert "\nBetter by 0.27.\n" in files["model-card.md"]


@pytest.mark.parametrize(
    ("saved", "told"), [(-0.002, "never"), (0, "never"), (None, "not known"), (0.1, "not known")]
)
def test_a_training_that_nobody_can_say_has_paid(
    saved: float | None, told: str, tmp_path: Path
) -> None:
    even = samples.never_paid().break_even.model_copy(update={"saved_per_thousand": saved})
    text = page(samples.never_paid().model_copy(update={"break_even": even}), tmp_path).text
    assert f"training has paid for itself after\n{told}\n" in text
    assert "Cost of a thousand requests" in text
    assert "No loss was told of the training." in text
    assert even.reason in text


def test_the_fine_tuned_model_alone(tmp_path: Path) -> None:
    text = page(samples.alone(), tmp_path).text
    assert "◆ Cannot tell" in text
    assert "1 row of test.jsonl" in text
    assert "The price of the training is not known." in text
    for absent in ("Cost of", "against each other", "Rows that got", "Failed", "Requirements"):
        assert absent not in text


def test_rows_are_told_apart_by_what_single_rows_have(tmp_path: Path) -> None:
    """A mean over labels is of no row: the rows go by the first measure that they have."""
    comparison = samples.recipes().model_copy(
        update={"measure": "f1", "measures": ("f1", "json_fields")}
    )
    assert "By json fields, against retrieved" in page(comparison, tmp_path).text


def test_a_question_of_parts_and_one_without_a_user(tmp_path: Path) -> None:
    parts: list[JsonValue] = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {}},
    ]
    rows = (
        ComparedRow(line=1, messages=({"role": "user", "content": parts},)),
        ComparedRow(line=2, messages=({"role": "system", "content": "Say something."},)),
        ComparedRow(line=3, messages=()),
    )
    comparison = samples.alone().model_copy(update={"compared": rows})
    table = cells(read(comparison, tmp_path)["rows.csv"])
    assert [line[1] for line in table[1:]] == ["What is it?\n[image_url]", "Say something.", ""]


def test_a_card_says_only_what_is_known(tmp_path: Path) -> None:
    card = read(samples.recipes(), tmp_path / "recipes")["model-card.md"]
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front) == {"base_model": samples.BASE}
    for told in (
        "**Better.** The fine-tuned model",
        "| `fine-tuned` |",
        "- learning\\_rate: `0.001`",
        "- trained tokens: `14,632`",
        "- training rows: `train.jsonl, 160 rows`",
        "finetune deploy laptop:ft-20260305-7c1d --name recipes",
    ):
        assert told in body
    assert read(samples.alone(), tmp_path / "alone")["model-card.md"].startswith("# `fine_tuned`")


@pytest.mark.parametrize("model", ["/home/alice/models/secret", "a b", "x: y", "a/b/c"])
def test_a_base_model_that_the_hub_cannot_read_stays_out_of_the_front(
    model: str, tmp_path: Path
) -> None:
    job = samples.JOB.model_copy(update={"model": model})
    comparison = samples.alone().model_copy(update={"job": job})
    assert read(comparison, tmp_path)["model-card.md"].startswith("# ")


def test_no_answer_gets_into_the_card(tmp_path: Path) -> None:
    card = read(samples.recipes(), tmp_path)["model-card.md"]
    assert "ingredients" not in card
    assert "veal shank" not in card


def test_the_rows_are_all_there(tmp_path: Path) -> None:
    comparison = samples.recipes()
    first, *rest = cells(read(comparison, tmp_path)["rows.csv"])
    assert first[:5] == ["line", "question", "expected", "base", "base: exact_match"]
    answer = comparison.compared[0].answers["fine_tuned"]
    column = first.index("fine_tuned")
    assert rest[0][column : column + 2] == [answer.text, str(answer.scores["exact_match"])]
    assert rest[8][first.index("few_shot") :][:5] == [""] * 5


def test_thousands_of_long_answers_make_a_small_page(tmp_path: Path) -> None:
    # 8,000 characters, some of which hide.
    answer = ('"<&' * 13 + "\u202e") * 200
    files = read(samples.large(200, answer=answer), tmp_path)
    assert len(files["report.html"].encode()) < 2_000_000
    text = Page(files["report.html"]).text
    assert "Rows that got better: 100" in text
    assert text.count("Row ") == 40
    assert "and 80 more, in rows.csv" in text
    assert "and 180 more, in comparison.json" in text
    assert "(cut here: about 6,500 more characters)" in text
    assert "each point is the mean of 50 measurements" in text
    assert len(cells(files["rows.csv"])) == 201


def test_the_same_comparison_gives_the_same_bytes(tmp_path: Path) -> None:
    assert read(samples.recipes(), tmp_path / "a") == read(samples.recipes(), tmp_path / "b")


def test_threads_and_styles_of_others_change_nothing(tmp_path: Path) -> None:
    wanted = read(samples.recipes(), tmp_path / "alone")
    matplotlib: Any = import_module("matplotlib")
    theirs = {"font.size": 31.0, "axes.facecolor": "red", "svg.hashsalt": "x"}
    folders = [tmp_path / str(place) for place in range(3)]
    with matplotlib.rc_context(theirs), ThreadPoolExecutor(3) as pool:
        found = list(pool.map(partial(read, samples.recipes()), folders))
        assert {name: matplotlib.rcParams[name] for name in theirs} == theirs
    assert found == [wanted] * 3


def test_pyplot_is_left_alone(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.evaluation import samples; "
        "from finetune_sdk.evaluation.report import write; "
        f"write(samples.alone(), Path({str(tmp_path)!r})); "
        "assert 'matplotlib.figure' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)


@pytest.mark.parametrize("value", [0.0, -4.0, 1e-9])
def test_losses_of_one_point_of_nothing_and_below_nothing(value: float, tmp_path: Path) -> None:
    learning = (Metric(step=1, name="loss", value=value), Metric(step=1, name="reward", value=1))
    seen = page(samples.alone().model_copy(update={"learning": learning}), tmp_path)
    assert "train: from" in seen.text


def test_a_row_that_only_one_has_answered(tmp_path: Path) -> None:
    row = ComparedRow(line=1, messages=(), answers={"fine_tuned": Answer(text="x")})
    comparison = samples.recipes().model_copy(update={"compared": (row,)})
    text = page(comparison, tmp_path).text
    assert "Rows that got" not in text
