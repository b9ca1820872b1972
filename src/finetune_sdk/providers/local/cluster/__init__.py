"""A job on a Ray cluster: `launcher = "ray"`.

The supervisor runs a relay in the trainer's place. The relay submits the job, and makes the job's
folder say what happens there; on the cluster a seat fetches the job, runs the same trainer in a
folder of its own, and brings to the storage what comes of it.

record.py      where a job trains, and what was submitted    the caller's machine
placing.py     where a new job trains                        the caller's machine
asking.py      what is looked at before a job is made        the caller's machine
api.py         Ray's own job API                             the caller's machine
submitting.py  what a submission is made of                  the caller's machine
relay.py       the program that the supervisor runs          the caller's machine
contact.py     who may not answer now, and does later        the caller's machine
mirror.py      the storage -> the job's folder               the caller's machine
judging.py     why a submission ended                        the caller's machine
capacity.py    why it waits                                  the caller's machine
ending.py      a job that nobody follows any more            the caller's machine
storage.py     a path or a URL that both can see             both
layout.py      the names in it                               both
seat.py        the program that Ray runs                     the cluster
fetching.py    the storage -> a trainer's folder             the cluster
bringing.py    that folder -> the storage                    the cluster
spread.py      several processes, by Ray Train               the cluster
"""
