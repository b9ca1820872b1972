"""The trainer's process: it reads a job's folder, trains with TRL and writes what came out.

__main__.py     the process          run.py         one training, step by step
order.py        what was asked for   recipe.py      the job's words, and our defaults
chat.py         OpenAI's messages    turns.py       a template's text, cut where learning starts
rows.py         rows to tokens       hardware.py    the machine to choices, with reasons
methods/        what each method makes of the rows: examples, a trainer of TRL, a measure
wire.py         tables to TRL        owned.py       TRL's fields that have a word of ours
loss.py         the loss on labelled positions only
learning.py     the training itself  reporting.py   progress, metrics, events
saving.py       the model's folder   failures.py    why it failed, as a code and words
keeping.py      its checkpoints      standing.py    the best measurement so far
sampling.py     the order of rows    carrying.py    what a checkpoint of transformers leaves out
pausing.py      the wish to stop     reports.py     TensorBoard and the like
inspect.py      a look before the job is made, in a process of its own
shape.py        a model's shape      reckoning.py   what is needed, of what there is

torch, transformers, trl and peft are loaded inside functions, by `import_module`: they take
seconds, and their types are too incomplete to hold ours against.
"""
