"""Comparing models: what `evaluations.compare` says in words becomes callables that answer.

request    the words of the call
rows       the rows to measure on, and those that were learned from
serving    a deployment of a model: one that is there, or one that goes when all is asked
answering  a deployment as something that answers
stages     who is compared, in which order
course     all of it, to the comparison and its folder
"""

from finetune_sdk.resources.comparing.course import compare
from finetune_sdk.resources.comparing.request import CompareRequest

__all__ = ["CompareRequest", "compare"]
