"""What this process uses of the machine, for `system.stats`: memory, descriptors, threads, tasks."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterable
from pathlib import Path

import anyio

from mepassad.api.transport import Transport

_STATM = Path("/proc/self/statm")


def usage(transports: Iterable[Transport]) -> dict[str, int]:
    """Of this process now, by name. `tasks` counts those of the daemon's loop and those inside its transports.

    `rss_bytes` is missing where the system does not tell the memory of now (it does on Linux).
    """
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found = {
        "max_rss_bytes": most,
        "descriptors": len(os.listdir("/dev/fd")) - 1,  # without the one that lists them
        "threads": threading.active_count(),
        "tasks": len(anyio.get_running_tasks()) + sum(transport.tasks() for transport in transports),
    }
    if _STATM.exists():
        found["rss_bytes"] = int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        found["max_rss_bytes"] = max(most, found["rss_bytes"])  # the kernel counts the former now and then only
    return found
