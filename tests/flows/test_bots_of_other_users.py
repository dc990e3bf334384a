"""A bot that runs as another user: it has a token, a socket that its group may open, and nothing else."""

from __future__ import annotations

import grp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon import PATIENCE, Fleet, eventually
from tests.flows.test_bots_in_the_daemon import hears, meet
from tests.unprivileged import NOBODY, ROOT, command, reach

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter, as /run is."""
    folder = Path(tempfile.mkdtemp(prefix="mepassa-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def test_a_bot_of_another_user_answers_and_reaches_nothing_else(fleet: Fleet, place: Path) -> None:
    socket, token = place / "bots" / "s", place / "token"
    group = grp.getgrgid(NOBODY).gr_name
    daemon = fleet.start("node", plugins=[], rpc={"bots_socket": str(socket), "bots_group": group})[0]
    async with daemon.session() as owner:
        registered = await owner.call("bots.register", bot="eco")
        token.touch(0o600)
        token.write_text(registered["token"])
        os.chown(token, NOBODY, NOBODY)
        bot = await meet(owner)
        running = subprocess.Popen(
            command("bot", "--socket", socket, "--token-file", token),
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            await owner.call("messages.send", contact=bot, text="oi")
            await hears(owner, bot, ["oi"])
            found = reach(daemon.socket, daemon.data, daemon.data / "node.db", socket.parent, socket)
            assert found.keys() <= {str(socket.parent), str(socket)}
            await owner.call("tokens.revoke", token_id=registered["token"].split("_")[1])
            said, _ = running.communicate(timeout=PATIENCE)
            assert running.returncode == 1
            assert b"This token is unknown, was revoked or has expired" in said
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGKILL)
                running.wait()


async def test_of_a_bot_that_is_started_twice_the_last_one_runs(fleet: Fleet) -> None:
    daemon = fleet.start("node", plugins=[])[0]
    example = ROOT / "examples" / "bots" / "echo.py"
    async with daemon.session() as owner:
        first, second = (
            subprocess.Popen(
                [sys.executable, example, "--socket", daemon.socket],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            for _ in range(2)
        )  # fmt: skip
        try:

            async def ended() -> int:
                return sum(process.poll() is not None for process in (first, second))

            await eventually(ended, lambda count: count == 1)
            bot = await meet(owner)
            await owner.call("messages.send", contact=bot, text="oi")
            await hears(owner, bot, ["oi"])
        finally:
            for process in (first, second):
                process.terminate()
                process.communicate(timeout=PATIENCE)
