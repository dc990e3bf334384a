"""A shell as a person has it open: blocks of a document are typed to it one after the other."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.daemon import clean_environment
from tests.terminal import Terminal

PATIENCE = 100.0  # seconds that a block may take: `make setup` is one


def environment(home: Path, **more: str) -> dict[str, str]:
    """What somebody's shell has who is new here: a home of their own, and the commands on the path."""
    ours = {name: value for name, value in clean_environment().items() if not name.startswith(("XDG", "LC", "LANG"))}
    path = f"{Path(sys.executable).parent}:{ours['PATH']}"
    return {**ours, "HOME": str(home), "LANG": "C.UTF-8", "PATH": path, **more}


def mapped(text: str, places: Mapping[str, str | Path]) -> str:
    """A block with what it names (`/tmp/ana`) replaced by what a test has instead. Each must be there."""
    for named, ours in places.items():
        assert named in text, f"{named} is not in {text!r}"
        text = text.replace(named, str(ours))
    return text


def terminal(command: str, cwd: Path, environ: Mapping[str, str]) -> Terminal:
    """Commands at a terminal of their own, and nothing else in their environment. The exit code is the last one's:
    Ctrl-C ends the command that runs, not the shell, as where a person sits."""
    given = [f"{name}={value}" for name, value in environ.items()]
    shell = ("sh", "-ec", f"trap : INT\n{command}")
    return Terminal("env", "-i", f"--chdir={cwd}", "LANGUAGE=en", "TERM=xterm", *given, *shell)


class Shell:
    """A shell, and whatever it leaves running. Leaving this ends all of it."""

    def __init__(self, *command: str, cwd: Path, environ: Mapping[str, str]) -> None:
        """Starts it. A command that fails will end it, which a person's shell would not."""
        self.environ = environ
        self.process = subprocess.Popen(
            [*command, "-e"], cwd=cwd, env=environ, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._typed = 0
        self.run("sleep() { command sleep 0.1; }")  # a document waits a second, a test has less time

    def run(self, block: str) -> str:
        """Type a block and wait for its end; what it showed. Raises AssertionError when a command fails."""
        assert self.process.stdin is not None
        self._typed += 1
        end = f"--- end of block {self._typed} ---"
        # In braces, because all is read before any of it runs: what reads the standard input finds nothing there.
        self.process.stdin.write(f"{{\n{block}\n}} < /dev/null\necho '{end}'\n".encode())
        self.process.stdin.flush()
        return self._until(end)

    def _until(self, end: str) -> str:
        assert self.process.stdout is not None
        shown, deadline = "", time.monotonic() + PATIENCE
        while not shown.endswith(f"{end}\n"):
            assert time.monotonic() < deadline, f"no end of it: {shown}"
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                more = os.read(self.process.stdout.fileno(), 65_536)
                assert more, f"a command failed: {shown}"
                shown += more.decode()
        return shown.removesuffix(f"{end}\n")

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
