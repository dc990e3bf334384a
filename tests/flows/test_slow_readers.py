"""Who does not read makes only those wait who write to them; and a transport that breaks ends its daemon in words."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mepassad.testing.rpc_client import RpcClient
from tests.daemon import PATIENCE, Daemon, Fleet, Friends, befriend, reaches, texts

WINDOW, WINDOW_BYTES = 32, 262_144
TEXT = "x" * 12_000  # padded to 16 KiB
COUNT = 120

BREAKING = """
import sys
import trio
from mepassad.cli.main import main
from mepassad_transport_libp2p.host import Host

run = Host.run

async def breaks(self, *, task_status):
    async with trio.open_nursery() as nursery:
        await nursery.start(run, self)
        task_status.started()
        await trio.sleep(0.5)
        raise ZeroDivisionError("a bug")

Host.run = breaks
sys.argv = sys.argv[1:]
main()
"""


@contextmanager
def stopped(daemon: Daemon) -> Iterator[None]:
    """A daemon that the kernel does not run."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


async def delivered(rpc: RpcClient, contact: str, text: str) -> float:
    """Send a text and wait until it was delivered; the seconds that took."""
    begin = time.monotonic()
    sent = await rpc.call("messages.send", contact=contact, text=text)
    await reaches(rpc, sent["message_id"], "delivered", "read")
    return time.monotonic() - begin


async def test_a_peer_that_does_not_read_makes_only_its_own_messages_wait(fleet: Fleet) -> None:
    limits = {"window": WINDOW, "window_bytes": WINDOW_BYTES, "retry_min": 0.1, "retry_max": 0.5}
    ana, bruno, clara = fleet.start("ana", "bruno", "clara", delivery=limits)
    async with ana.session() as rpc, bruno.session() as b, clara.session() as c:
        slow, ana_at_bruno = await befriend(rpc, b)
        quick, _ = await befriend(rpc, c)
        await delivered(rpc, slow, "before")
        with stopped(bruno):
            for number in range(COUNT):
                await rpc.call("messages.send", contact=slow, text=f"{number} {TEXT}")
            waits = [await delivered(rpc, quick, f"{number}") for number in range(10)]
            stats = await rpc.call("system.stats")
        assert max(waits) < 10  # a link that takes nothing would be ended only after 30
        queues, transport = stats["queues"], stats["transports"]["libp2p"]
        assert WINDOW_BYTES <= queues["link_unacked_bytes_most"] < WINDOW_BYTES + 17_000
        assert queues["link_unacked_most"] <= queues["link_unacked_limit"] == WINDOW
        assert transport["stream_unwritten_most"] < WINDOW_BYTES + 17_000
        last = await rpc.call("messages.send", contact=slow, text="last")
        await reaches(rpc, last["message_id"], "delivered", "read")
        came = [text.split()[0] for text in await texts(b, ana_at_bruno)]
    assert came == ["before", *map(str, range(COUNT)), "last"]


def test_a_daemon_that_is_told_to_end_in_the_middle_of_a_dial_ends_well_and_soon(fresh_friends: Friends) -> None:
    ana, bruno = fresh_friends.ana, fresh_friends.bruno
    ana.stop()
    bruno.configure(transport_libp2p={"dial_timeout": 4 * PATIENCE, "handshake_timeout": 4 * PATIENCE})
    bruno.restart()
    with socket.create_server(("127.0.0.1", ana.port())) as mute:
        mute.settimeout(PATIENCE)
        caller, _ = mute.accept()
        with caller:
            assert bruno.stop() == 0  # within PATIENCE


def test_a_transport_that_breaks_ends_the_daemon_with_a_sentence_and_code_1(fleet: Fleet, tmp_path: Path) -> None:
    script = tmp_path / "breaking.py"
    script.write_text(BREAKING)
    ana = fleet.daemon("ana")
    ana.launch(sys.executable, str(script))
    assert ana.process is not None
    code, ana.process = ana.process.wait(PATIENCE), None
    assert code == 1
    assert ana.log().splitlines()[-1] == (
        "The plugin 'transport_libp2p' failed: TransportFailed: The libp2p transport broke: ZeroDivisionError: a bug"
    )
    assert ana.ask("SELECT topic FROM event WHERE topic = 'plugin.failed'") == [("plugin.failed",)]
