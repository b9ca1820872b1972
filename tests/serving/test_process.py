"""Processes that outlive their caller: started, or told why not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from finetune_sdk.errors import ServerError
from finetune_sdk.providers.local.process import start_detached
from tests.support import eventually

_PROGRAM = """
import os, sys
from finetune_sdk.providers.local.process import detach
detach()
os.fstat(int(sys.argv[1]))
print(os.getppid(), os.getsid(0), "SEEN" in os.environ, sys.stdin.read() == "", "end")
"""


def test_a_detached_process_is_nobodys_child(tmp_path: Path) -> None:
    log, (reader, writer) = tmp_path / "log", os.pipe()
    try:
        start_detached(
            [sys.executable, "-c", _PROGRAM, str(writer)],
            environ={"SEEN": "1"},
            cwd=tmp_path,
            log=log,
            keep=[writer],
        )
    finally:
        os.close(writer)
    # The last writer closes when it ends.
    assert os.read(reader, 1) == b""
    os.close(reader)
    eventually(lambda: "end" in log.read_text())
    parent, session, seen, no_input, _ = log.read_text().split()
    assert int(parent) != os.getpid()
    assert int(session) != os.getsid(0)
    assert (seen, no_input) == ("True", "True")
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("program", [["/no/such/program"], [sys.executable, "-c", "1 / 0"]])
def test_a_program_that_does_not_start_is_told_with_its_log(
    tmp_path: Path, program: list[str]
) -> None:
    log = tmp_path / "log"
    with pytest.raises(ServerError, match=str(log)):
        start_detached(program, environ={}, cwd=tmp_path, log=log)
