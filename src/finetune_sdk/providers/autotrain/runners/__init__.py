"""The places where a job runs.

base    what each of them does
jobs    HF Jobs
space   a Space, as AutoTrain itself does it
server  an AutoTrain app, asked by its REST API and followed through the Hub
truth   whether a job has succeeded: what it says, and what lies there
"""
