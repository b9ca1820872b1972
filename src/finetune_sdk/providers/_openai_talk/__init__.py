"""Requests through the `openai` package, for all who speak OpenAI's protocol.

stack     the HTTP library under the package, which differs between its versions
limits    how much of an answer is read
sockets   for how long
talk      one request, by the policy
uploads   files, in parts where they are large       files     whether a job can read them
creating  the request that spends                    finding   what a lost create has made
unmarked  the creates that left without our mark     numbers   metrics, from events or a file
verbs     the verbs that all of them do alike        records   of deployments, on this machine

The `openai` package is imported on first use.
"""

from finetune_sdk.providers._openai_talk.talk import Talk

__all__ = ["Talk"]
