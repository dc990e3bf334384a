"""What the service manager is told, and that one that does not listen stops nothing."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import anyio
import pytest

from mepassad.log import StructuredLog
from mepassad.notify import ALIVE, READY, Manager
from mepassad.testing.clock import ManualClock

LOG = StructuredLog("node")


def listening(name: str) -> socket.socket:
    """A manager's socket."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found.bind(name)
    found.settimeout(5)
    return found


def test_a_manager_is_told_over_the_socket_that_it_names(tmp_path: Path) -> None:
    with listening(f"{tmp_path}/notify") as manager:
        Manager({"NOTIFY_SOCKET": f"{tmp_path}/notify"}, LOG).tell(READY)
        assert manager.recv(99) == b"READY=1"


def test_a_socket_that_is_named_with_an_at_sign_is_in_no_folder() -> None:
    name = f"mepassad-test-{os.getpid()}"
    with listening(f"\0{name}") as manager:
        Manager({"NOTIFY_SOCKET": f"@{name}"}, LOG).tell(READY)
        assert manager.recv(99) == b"READY=1"


def test_a_manager_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    Manager({"NOTIFY_SOCKET": f"{tmp_path}/nobody"}, LOG).tell(READY)
    Manager({}, LOG).tell(READY)


@pytest.mark.parametrize(
    ("environ", "patience"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({"WATCHDOG_USEC": "-1"}, 0.0),
        ({"WATCHDOG_USEC": ""}, 0.0),
    ],
)
def test_how_long_the_manager_waits_for_a_sign_of_life(environ: dict[str, str], patience: float) -> None:
    assert Manager(environ, LOG).patience == patience


async def test_a_sign_of_life_is_given_twice_in_each_span(tmp_path: Path) -> None:
    clock, path = ManualClock(), f"{tmp_path}/notify"
    with listening(path) as manager:
        told = Manager({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000"}, LOG)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(told.keep_telling, clock)
            await anyio.wait_all_tasks_blocked()
            for _ in range(2):
                assert manager.recv(99) == ALIVE.encode()
                manager.setblocking(False)
                with pytest.raises(BlockingIOError):
                    manager.recv(99)
                clock.advance(30)
                await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
