"""Durable means on the disk: a reply to `messages.send` leaves only after the system was told to write."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon import PATIENCE, Daemon, Friends

CALLS = "recvfrom,sendto,sendmsg,write,read,fsync,fdatasync"
ASKED = re.compile(r'(recvfrom|read)\(.*messages\.send|resumed>"\{.*messages\.send')
ANSWERED = re.compile(r"(sendto|sendmsg|write)\(.*message_id")
SYNCED = re.compile(r"(fsync|fdatasync)(\(\d+\)| resumed>\)) += 0")

WITHOUT_SYNC = """
import sys
from mepassad.builtin.store_sqlite import database
from mepassad.cli.main import main
database.SYNCHRONOUS = "OFF"
main(sys.argv[2:])
"""


@contextmanager
def traced(daemon: Daemon, into: Path) -> Iterator[None]:
    """Write the system calls of a daemon into a file."""
    command = ["strace", "-f", "-s", "400", "-e", f"trace={CALLS}", "-o", into, "-p", str(daemon.pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=PATIENCE)


def synced_before_the_reply(trace: str) -> bool:
    """Whether a sync ended between the request and its reply."""
    lines = trace.splitlines()
    asked = next(at for at, line in enumerate(lines) if ASKED.search(line))
    answered = next(at for at, line in enumerate(lines) if at > asked and ANSWERED.search(line))
    return any(SYNCED.search(line) for line in lines[asked:answered])


async def traces(daemon: Daemon, contact: str, folder: Path) -> list[str]:
    """The traces of a few texts, each sent on its own."""
    found = []
    async with daemon.session() as rpc:
        for number in range(3):
            with traced(daemon, folder / f"{number}"):
                await rpc.call("messages.send", contact=contact, text=f"durável {number}")
            found.append((folder / f"{number}").read_text())
    return found


@pytest.mark.parametrize("online", [True, False], ids=["to a peer who listens", "to a peer who is down"])
async def test_a_message_is_on_the_disk_before_its_sender_is_told(
    fresh_friends: Friends, tmp_path: Path, online: bool
) -> None:
    if not online:
        fresh_friends.bruno.stop()
    for trace in await traces(fresh_friends.ana, fresh_friends.bruno_id, tmp_path):
        assert synced_before_the_reply(trace)


async def test_a_store_that_does_not_sync_would_be_caught(fresh_friends: Friends, tmp_path: Path) -> None:
    fresh_friends.bruno.stop()  # what it answers is synced some time too
    fresh_friends.ana.stop()
    fresh_friends.ana.start(sys.executable, "-c", WITHOUT_SYNC)
    for trace in await traces(fresh_friends.ana, fresh_friends.bruno_id, tmp_path):
        assert not synced_before_the_reply(trace)
