"""Where a conversation is shown: lines, and on a terminal the line that is being typed below them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import anyio
import anyio.lowlevel

from mepassa.cli.editor import End, LineEditor
from mepassa.cli.keys import Keys
from mepassa.cli.text import columns, echo_line
from mepassa.errors import CallTooLarge
from mepassa.text import cut, width
from mepassa.wire import LINE_LIMIT

CHUNK = 65_536  # bytes
NARROWEST = 10  # columns that are left to the line being typed
_PASTE_ON, _PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"  # bracketed paste: line breaks in what is pasted send nothing
_CLEAR, _KEEP_PLACE, _TO_PLACE = "\r\x1b[K", "\x1b7", "\x1b8"

Take = Callable[[str], Awaitable[None]]


class Screen(Protocol):
    """Shows lines, and reads those that are typed."""

    changed: Callable[[str], None]
    """Called with the line that is being typed after each key; not in a pipe."""

    def show(self, lines: Sequence[str]) -> None:
        """Show visible lines below those shown before."""
        ...

    def prompt(self, text: str) -> None:
        """What stands before the line that is being typed, from now on."""
        ...

    def columns(self) -> int | None:
        """How many columns a line may have; None for any number."""
        ...

    async def read(self, take: Take) -> None:
        """Hand over each line that is typed, until there will be no more."""
        ...


class Pipe:
    """Standard input and output where one of them is no terminal, or the terminal cannot move its cursor."""

    def __init__(self) -> None:
        """As they are."""
        self.changed: Callable[[str], None] = lambda line: None

    def show(self, lines: Sequence[str]) -> None:
        """Print them."""
        for line in lines:
            echo_line(line)

    def prompt(self, text: str) -> None:
        """There is none."""

    def columns(self) -> int | None:
        """Those of the terminal, if the output goes to one."""
        return columns()

    async def read(self, take: Take) -> None:
        """Hand over the lines of standard input. Raises `CallTooLarge`, UnicodeDecodeError."""
        rest = b""
        while data := await _standard_input():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                await take(line.decode())
            if len(rest) > LINE_LIMIT:
                raise CallTooLarge
        if rest:
            await take(rest.decode())


class Terminal:
    """A terminal: what is shown goes above the line that is being typed, which stays as it is."""

    def __init__(self) -> None:
        """Not yet read from."""
        self.changed: Callable[[str], None] = lambda line: None
        self._editor, self._keys = LineEditor(), Keys()
        self._prompt = ""
        self._reading = False

    def show(self, lines: Sequence[str]) -> None:
        """Print them above the line that is being typed."""
        self._draw("".join(f"{line}\n" for line in lines))

    def prompt(self, text: str) -> None:
        """Show another one."""
        self._prompt = text
        self._draw()

    def columns(self) -> int | None:
        """Those of the terminal as it is now."""
        return shutil.get_terminal_size().columns

    async def read(self, take: Take) -> None:
        """Hand over each line that is typed, until Ctrl-D."""
        with self._editing():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._heed_signals)
                while await self._typed(take):
                    self._draw()
                tasks.cancel_scope.cancel()

    async def _typed(self, take: Take) -> bool:
        """Wait for keys, and take them; False once there will be none."""
        try:
            typed = await _standard_input()
            for key in self._keys.feed(typed):
                line = self._editor.press(key)
                self.changed(self._editor.text)
                if line is not None:
                    await take(line)
        except (End, OSError):  # OSError: the terminal is gone
            return False
        return bool(typed)

    async def _heed_signals(self) -> None:
        with anyio.open_signal_receiver(signal.SIGWINCH, signal.SIGCONT) as signals:
            async for number in signals:
                if number == signal.SIGCONT:  # the shell had the terminal meanwhile
                    _begin_editing()
                self._draw()

    @contextmanager
    def _editing(self) -> Iterator[None]:
        kept = termios.tcgetattr(0)
        _begin_editing()
        self._reading = True
        self._draw()
        try:
            yield
        finally:
            self._write(_CLEAR + _PASTE_OFF)
            self._reading = False
            termios.tcsetattr(0, termios.TCSADRAIN, kept)

    def _draw(self, above: str = "") -> None:
        """Lines, each with its end, and the line that is being typed anew."""
        if not self._reading:
            self._write(above)
            return
        whole = shutil.get_terminal_size().columns - 1
        prompt = cut(self._prompt, max(whole - NARROWEST, 0))
        before, after = self._editor.view(max(whole - width(prompt), 1))
        self._write(f"{_CLEAR}{above}{prompt}{before}{_KEEP_PLACE}{after}{_TO_PLACE}")

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


async def _standard_input() -> bytes:
    """What comes on standard input; nothing at its end."""
    try:
        await anyio.wait_readable(0)
    except PermissionError:  # a file, which nobody need wait for
        await anyio.lowlevel.checkpoint()
    return os.read(0, CHUNK)


def _begin_editing() -> None:
    """Have the terminal send each key at once and show none by itself; what was typed before is kept."""
    tty.setcbreak(0, termios.TCSADRAIN)
    sys.stdout.write(_PASTE_ON)
