"""Runs the daemon's command under a sampling profiler: python bench/sampler.py OUT [argument of mepassad …]

Between SIGUSR1 and SIGUSR2 the stack of the loop's thread is looked at whenever the thread has used another tick of CPU
(the kernel's: 4 ms at 250 Hz). So waiting weighs nothing, and small functions are not made slower than they are, as a
tracing profiler would. Then OUT holds a JSON object: stack, innermost frame first, each `file:line:function`, → CPU
seconds. Linux only: timers on a thread's CPU clock are not in Python's library.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from mepassad.cli.main import main

_INTERVAL_NS = 1_000_000  # finer than any tick
_CLOCK_THREAD_CPUTIME_ID, _SIGEV_THREAD_ID = 3, 4  # <time.h>, <signal.h>

Stack = tuple[tuple[str, int, str], ...]


class _SigEvent(ctypes.Structure):
    """`struct sigevent` of timer_create(2)."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("padding", ctypes.c_int * 11),
    )


class _ITimerSpec(ctypes.Structure):
    """`struct itimerspec` of timer_settime(2)."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("every_s", "every_ns", "first_s", "first_ns"))


class Sampler:
    """Samples the main thread."""

    def __init__(self, out: Path) -> None:
        """Writes to `out`."""
        self._out = out
        self._looks: Counter[Stack] = Counter()
        self._begun = 0.0
        self._timer = ctypes.c_void_p()
        self._libc = ctypes.CDLL(None, use_errno=True)
        event = _SigEvent(None, signal.SIGPROF, _SIGEV_THREAD_ID, threading.get_native_id())
        if self._libc.timer_create(_CLOCK_THREAD_CPUTIME_ID, ctypes.byref(event), ctypes.byref(self._timer)):
            raise OSError(ctypes.get_errno(), "timer_create")

    def _every(self, nanoseconds: int) -> None:
        spec = _ITimerSpec(0, nanoseconds, 0, nanoseconds)
        self._libc.timer_settime(self._timer, 0, ctypes.byref(spec), None)

    def begin(self, number: int, frame: FrameType | None) -> None:
        """From now on."""
        self._begun = time.thread_time()
        self._every(_INTERVAL_NS)

    def look(self, number: int, frame: FrameType | None) -> None:
        """One sample."""
        stack = []
        while frame is not None:
            stack.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
        self._looks[tuple(stack)] += 1

    def end(self, number: int, frame: FrameType | None) -> None:
        """Stop and write."""
        self._every(0)
        one = (time.thread_time() - self._begun) / max(1, self._looks.total())
        stacks = {"\n".join(f"{a}:{b}:{c}" for a, b, c in stack): one * count for stack, count in self._looks.items()}
        fresh = self._out.with_suffix(".new")
        fresh.write_text(json.dumps(stacks))
        fresh.rename(self._out)


if __name__ == "__main__":
    sampler = Sampler(Path(sys.argv[1]))
    signal.signal(signal.SIGPROF, sampler.look)
    signal.signal(signal.SIGUSR1, sampler.begin)
    signal.signal(signal.SIGUSR2, sampler.end)
    main(sys.argv[2:])
