"""The life of a job: a folder, a supervisor, and how others read them."""
