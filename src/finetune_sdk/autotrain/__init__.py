"""AutoTrain's vocabulary: one typed description of a project, and what else it can be written as.

tasks    the tasks and all their names
params   the parameters of its trainer of language models
spec     `AutoTrainSpec`, the description
reading  from its configuration file
writing  as that file, as the trainer's parameters, as the request of its REST API
trl      as a command of TRL
mapping  of a job
words    as the words of `jobs.create`
names    names of projects

It is pure: it loads no package of a vendor and looks at no file.
"""

from __future__ import annotations

from finetune_sdk.autotrain.mapping import COLUMNS, OPTIONS, TASK_OF, Choices, Mapped, of_job
from finetune_sdk.autotrain.names import project_name
from finetune_sdk.autotrain.params import LLMParams
from finetune_sdk.autotrain.spec import AutoTrainSpec, Data, Hub
from finetune_sdk.autotrain.tasks import TASKS, TaskName
from finetune_sdk.autotrain.trl import TrlRun
from finetune_sdk.autotrain.words import LocalSplit, Words, words
from finetune_sdk.autotrain.writing import HARDWARE

__all__ = [
    "COLUMNS",
    "HARDWARE",
    "OPTIONS",
    "TASKS",
    "TASK_OF",
    "AutoTrainSpec",
    "Choices",
    "Data",
    "Hub",
    "LLMParams",
    "LocalSplit",
    "Mapped",
    "TaskName",
    "TrlRun",
    "Words",
    "of_job",
    "project_name",
    "words",
]
