"""Taking a job out of a provider: its recipe, rows, numbers and lineage, in a folder.

export     the folder: what is written, what is kept, what is missing
parts      each file of it
locks      one at a time
reading    what a folder says, which may be anybody's
recipe     the job in the words of `finetune run`
inventory  what else lies there than jobs
"""

from finetune_sdk.resources.exporting.export import export

__all__ = ["export"]
