"""vLLM behind the gate: a process of its own that answers many at a time.

command.py   its arguments and its environment
child.py     its life: started, ready, ended
keeper.py    the program between us and it: nothing of it outlives us
forward.py   a request on its way to it, and the answer on its way back
"""
