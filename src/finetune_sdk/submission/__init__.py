"""Pay once: a create is written down before it leaves, and looked for where its answer is lost.

desk      the way of a create, and of finding it again
journal   what was about to be sent, and what became of it (SQLite)
locks     one at a time for each intent, between threads and between processes
digests   when two calls are the same call
opening   where the journal of a provider lies
words     what is said of unknown outcomes

The promise: at most one job for one intent, and to say so where nobody can know.
"""

from finetune_sdk.submission.desk import Desk, Order
from finetune_sdk.submission.digests import call_digest
from finetune_sdk.submission.journal import Journal, Row, State
from finetune_sdk.submission.opening import books_of, journal_of

__all__ = ["Desk", "Journal", "Order", "Row", "State", "books_of", "call_digest", "journal_of"]
