"""`jobs.sweep`: many jobs of one kind, at most so many at a time and for so much money.

request     the words of the call
trials      a grid or a list -> the method and the seed of each trial
drafts      everything that can be known of each trial before anything is sent
files       the rows are uploaded once for all, where the provider can tell its jobs apart then
course      begin, look, settle, until nothing goes on
measuring   the number that a job is compared by
table       one table that fills
"""

from finetune_sdk.resources.sweeping.request import SweepRequest
from finetune_sdk.resources.sweeping.sweep import sweep

__all__ = ["SweepRequest", "sweep"]
