"""A command at a terminal of its own: what it shows, and what is typed to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.daemon import PATIENCE, clean_environment


class Terminal:
    """Runs a command whose controlling terminal, input and output is a new pseudo-terminal."""

    def __init__(self, *command: str | Path, **environment: str) -> None:
        """Starts it, in English."""
        self._master, self._slave = pty.openpty()
        termios.tcsetwinsize(self._slave, (24, 80))
        self.shown = ""
        self._read = 0  # characters of `shown` that were waited for
        self._process = subprocess.Popen(
            command, stdin=self._slave, stdout=self._slave, stderr=self._slave, start_new_session=True,
            env={**clean_environment(), "LANGUAGE": "en", "TERM": "xterm", **environment},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip

    def until(self, text: str) -> None:
        """Wait until it shows a text, after what was waited for before."""
        self._wait(lambda: text in self.shown[self._read :], lambda: f"{text!r} is not in {self.shown!r}")
        self._read = self.shown.index(text, self._read) + len(text)

    def _wait(self, seen: Callable[[], bool], missing: Callable[[], str]) -> None:
        """Take what it shows until one has seen enough."""
        deadline = time.monotonic() + PATIENCE
        while not seen():
            assert time.monotonic() < deadline, missing()
            ended = self._process.poll() is not None
            if select.select([self._master], [], [], 0 if ended else 0.1)[0]:
                self._take(os.read(self._master, 65_536))
            else:
                assert not ended, f"it ended: {missing()}"

    def _take(self, output: bytes) -> None:
        """It has written this."""
        self.shown += output.decode("utf-8", "replace")

    def resize(self, lines: int, columns: int) -> None:
        """Give the terminal another size; at first it has 24 lines of 80 columns."""
        termios.tcsetwinsize(self._slave, (lines, columns))

    def press(self, keys: str) -> None:
        """Type, without an end of line."""
        os.write(self._master, keys.encode())

    def answer(self, question: str, line: str) -> None:
        """Wait for a question that does not echo, then type a line."""
        self.until(question)
        deadline = time.monotonic() + PATIENCE
        while self.echoes():  # asked, but not yet listening: what is typed too early is thrown away
            assert time.monotonic() < deadline, f"{question!r} echoes"
            time.sleep(0.001)
        self.press(f"{line}\n")

    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def exit_code(self) -> int:
        """The exit code, once it ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            ended = self._process.poll()
            if select.select([self._master], [], [], 0.1 if ended is None else 0)[0]:  # who shows much waits for room
                self._take(os.read(self._master, 65_536))
            elif ended is not None:
                return ended
            assert time.monotonic() < deadline, f"it does not end: {self.shown!r}"

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE)
            self._process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what a shell that ended left behind
        os.close(self._master)
        os.close(self._slave)
