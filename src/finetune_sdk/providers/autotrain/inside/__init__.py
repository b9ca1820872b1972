"""What is sent along with a job on HF Jobs, and runs inside of its container.

course  the program: fetches the rows, trains, looks at what came out, and puts it on the Hub

It needs Python 3.10 and `huggingface_hub` from 0.27 on, and nothing of this package.
"""

from __future__ import annotations

from importlib.resources import files

SCRIPT_ENV, COURSE_ENV, RECORD_ENV = "FINETUNE_RUN", "FINETUNE_COURSE", "FINETUNE_JOB"
"""Variables of a job: the program, what it is to do, and the record of the whole job."""

BASE = "base"
"""The folder of a base model that is not the newest commit of its repository."""

LOADER = f"import os; exec(compile(os.environ['{SCRIPT_ENV}'], 'course', 'exec'))"
"""One line: `conda run` takes no argument that has several."""


def program() -> str:
    """The text of the program."""
    return (files(__name__) / "course.py").read_text(encoding="utf-8")
