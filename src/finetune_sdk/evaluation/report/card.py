"""A model card: Markdown with what the Hugging Face Hub reads at its top.

No answers are in it: a card is published, and rows may be private.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

import yaml

from finetune_sdk.evaluation.report import plain, words
from finetune_sdk.evaluation.report.lineage import base, lineage, told
from finetune_sdk.types.comparison import Candidate, Comparison

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_SPECIAL = re.compile(r"([\\`*_{}\[\]~$])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_BLOCK = re.compile(r"^(\d*)([#+.)=-])")
"""What begins a heading or a list where it stands first."""
_UNFIT = re.compile(r"[`|\\{]")
_RUN = re.compile("`+")
_MODEL = "model"
_OF_THE_MACHINE = frozenset(
    {"device", "disk", "gradient_checkpointing", "memory", "micro_batch_size", "threads", "time"}
    | {"rows", "tokens", "steps", "deployment"}
)
"""What a job tells of its course, and is nothing to whoever gets the model."""


def markdown(comparison: Comparison) -> str:
    """The card."""
    return "\n".join([*_front(comparison), *_body(comparison)]) + "\n"


def _front(comparison: Comparison) -> Iterator[str]:
    model = base(comparison)
    # A path of somebody's machine is no model of the Hub's.
    if model is None or not _REPOSITORY.fullmatch(model):
        return
    # Newer stubs of PyYAML leave a part of its type open.
    yield f"---\n{yaml.safe_dump({'base_model': model})}---\n"  # pyright: ignore[reportUnknownMemberType]


def _body(comparison: Comparison) -> Iterator[str]:
    verdict = comparison.verdict
    tuned = words.tuned(comparison)
    yield f"# {code(_title(comparison, tuned))}\n"
    word = words.opening(verdict)
    yield f"{f'**{word}.** ' if word else ''}{prose(verdict.headline)}\n"
    yield "## Evaluation\n"
    yield (
        f"Measured on {words.rows(comparison.rows)} of {code(comparison.test_data)}, "
        f"{words.when(comparison.created_at)}. In brackets: where the score of all such rows lies, "
        f"with a confidence of {comparison.confidence:.0%}.\n"
    )
    yield from _table(_scores(comparison))
    if comparison.differences:
        yield "What the fine-tuned model has more, row by row:\n"
        yield from _table(_differences(comparison))
    if comparison.gates:
        yield from _table(_gates(comparison))
    yield "## Training\n"
    facts = (fact for fact in lineage(comparison) if fact[0] not in _OF_THE_MACHINE)
    yield from (f"- {prose(name)}: {code(_public(value))}" for name, value in facts)
    yield "\n## Limitations\n"
    yield from (f"- {text}" for text in _limitations(comparison))
    yield "\n## How to use it\n"
    yield from _use(comparison)


def _title(comparison: Comparison, tuned: Candidate) -> str:
    job = comparison.job
    name = (job.fine_tuned_model if job else None) or tuned.model or tuned.deployment or tuned.name
    # Where it lies on somebody's machine is no name.
    return (job.suffix or job.id) if job and PurePath(name).is_absolute() else _public(name)


def _public(value: str) -> str:
    """A value; a path on somebody's machine is nobody else's business."""
    path = PurePath(value)
    if not path.is_absolute() or "\n" in value:
        return value
    return f"a folder, {path.parent.name if path.name == _MODEL else path.name}"


def _scores(comparison: Comparison) -> Iterator[Sequence[str]]:
    measures = comparison.measures
    costs = "US dollars per 1,000 requests"
    yield ("candidate", "model", *(prose(words.measure(one)) for one in measures), costs)
    for one in comparison.candidates:
        yield (
            code(words.label(comparison, one.name)),
            code(_public(one.model)) if one.model else words.UNKNOWN,
            *(_score(one, measure, comparison.rows) for measure in measures),
            prose(words.money(one.usage.cost_per_thousand)),
        )


def _score(one: Candidate, measure: str, rows: int) -> str:
    score = one.scores.get(measure)
    if score is None:
        return "not measured"
    told = f"{words.number(score.value)} ({words.interval(score)})"
    graded = words.graded(score, rows)
    return f"{told}, {graded}" if graded else told


def _differences(comparison: Comparison) -> Iterator[Sequence[str]]:
    yield ("measure", "against", "difference", "chance", "rows better / worse / same", "verdict")
    for one in comparison.differences:
        yield (
            prose(words.measure(one.measure)),
            code(words.label(comparison, one.against)),
            f"{words.signed(one.difference.value)} ({words.interval(one.difference, sign=True)})",
            words.chance(one.p_value).replace("<", "&lt;"),
            f"{one.better:,} / {one.worse:,} / {one.same:,}",
            words.WORDS[one.word].lower(),
        )


def _gates(comparison: Comparison) -> Iterator[Sequence[str]]:
    yield ("required", "measured", "met")
    for gate in comparison.gates:
        yield code(gate.text), prose(gate.measured), "yes" if gate.met else "no"


def _limitations(comparison: Comparison) -> Iterator[str]:
    tuned = words.tuned(comparison)
    score = tuned.scores.get(comparison.measure)
    yield f"Measured on {words.rows(comparison.rows)}, and on nothing beyond what they ask."
    if score:
        yield (
            f"Its {prose(words.measure(comparison.measure))} on all such rows may be anything "
            f"from {words.interval(score)}."
        )
    yield f"{tuned.usage.failed:,} of its {tuned.usage.requests:,} answers failed."
    yield from (prose(warning) for warning in told(comparison))


def _use(comparison: Comparison) -> Iterator[str]:
    tuned, job = words.tuned(comparison), comparison.job
    if job is not None:
        name = job.suffix if job.suffix and _NAME.fullmatch(job.suffix) else "my-model"
        yield fenced(f"finetune deploy {shlex.quote(plain.line(job.handle))} --name {name}")
    elif tuned.deployment:
        yield f"It is deployed as {code(tuned.deployment)}."
    else:
        yield "It was given as a function: which deployment it asks is not known here."


def _table(lines: Iterable[Sequence[str]]) -> Iterator[str]:
    for place, cells in enumerate(lines):
        yield f"| {' | '.join(cells)} |"
        if not place:
            yield f"|{'---|' * len(cells)}"
    yield ""


def prose(text: str) -> str:
    """Text of strangers in a sentence or a cell."""
    shown = _SPECIAL.sub(r"\\\1", plain.line(plain.brief(text)))
    for letter, entity in _ENTITIES.items():
        shown = shown.replace(letter, entity)
    return _BLOCK.sub(r"\1\\\2", shown)


def code(text: str) -> str:
    """A name of strangers as code, where none of its letters ends code or a cell."""
    shown = plain.line(plain.brief(text))
    return prose(text) if not shown or _UNFIT.search(shown) else f"`{shown}`"


def fenced(text: str) -> str:
    """A command of one line to copy."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}shell\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in _RUN.findall(text)), default=0)
