"""The trainer's process: it reads a job's folder, trains with TRL and writes what came out.

__main__.py  the process           run.py        one training, step by step
order.py     what was asked for    recipe.py     the job's words, and our defaults
rows/        rows to tokens        hardware.py   the machine to choices, with reasons
methods/     what each method makes of the rows: examples, a trainer of TRL, a measure
graders/     how good an answer is rewarding.py  the user's own functions and the graders as rewards
wire.py      tables to TRL         owned.py      TRL's fields that have a word of ours
loss.py      the loss on labelled positions only
course/      the training itself   failures.py   why it failed, as a code and words

torch, transformers, trl and peft are loaded inside functions, by `import_module`: they take
seconds, and their types are too incomplete to hold ours against.
"""
