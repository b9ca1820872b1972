"""The places where a job runs.

base      what each of them does
jobs      HF Jobs                                 courses   what its program is told to do
space     a Space, as AutoTrain itself does it    contents  what is put into it
server    an AutoTrain app, followed on the Hub   app       its REST API
stages    how a Space stands, and what it costs   notes     what stands on its page
truth     whether a job has succeeded: what it says, and what lies there
"""
