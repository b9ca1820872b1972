"""`jobs.migrate`: a job that is made again at another place.

request   the words of the call
source    the job as it was exported, and its rows
models    which model stands for its own here
methods   its hyperparameters, one by one
rows      what it learns from here
words     suffix, seed, metadata, options
report    what became of each word, once it is planned
record    where it came from, kept beside the rows
migrate   the way through all of it
"""

from finetune_sdk.resources.migrating.migrate import migrate
from finetune_sdk.resources.migrating.request import MigrationRequest

__all__ = ["MigrationRequest", "migrate"]
