"""SIGKILL for a bot and its node while messages stream in: each is answered once, and counted once, in order.

`MEPASSAD_KILLS` is how many are killed (`make torture`: 100), `MEPASSAD_SEED` decides when and which.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.daemon import Daemon, Friends, clean_environment, eventually, items
from tests.load import Writer

KILLS = int(os.environ.get("MEPASSAD_KILLS", "8"))
SEED = int(os.environ.get("MEPASSAD_SEED", "1"))
WRITERS = 2

BOT = """
import anyio
from mepassa import Bot, Context

bot = Bot("counter", answers_per_minute=None)


@bot.message
async def count(ctx: Context) -> None:
    ctx.state["count"] = number = ctx.state.get("count", 0) + 1
    await ctx.reply(f"{number} of {ctx.text}")
    if number % 10 == 0:
        await anyio.sleep(0.1)  # the answer goes out before the handler is over


bot.run()
"""


class Program:
    """The bot as a process."""

    def __init__(self, file: Path, *options: str) -> None:
        self._command = [sys.executable, str(file), *options]
        self._out = file.with_suffix(".out").open("ab")
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=self._out, stderr=self._out, env=clean_environment())

    def kill(self) -> None:
        """End it where it stands."""
        self.process.kill()

    async def supervise(self) -> None:
        """Start it again whenever it has ended, as a service manager does, for ever."""
        while True:
            if self.process.poll() is not None:  # killed, or there was no node when it began
                self.process = self._start()
            await anyio.sleep(0.05)

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self._out.close()


@pytest.mark.timeout(120 + 6 * KILLS)
async def test_each_message_is_answered_once_when_bot_and_node_are_killed_under_load(
    fresh_friends: Friends, tmp_path: Path
) -> None:
    ana, bruno, chance = fresh_friends.ana, fresh_friends.bruno, random.Random(SEED)
    file = tmp_path / "counter.py"
    file.write_text(BOT)
    program = Program(file, "--socket", str(bruno.socket), "--account", fresh_friends.bruno_id)
    writers = [Writer(ana, fresh_friends.bruno_id, f"writer-{n}") for n in range(WRITERS)]
    stop = anyio.Event()
    try:
        async with anyio.create_task_group() as supervisor:
            supervisor.start_soon(program.supervise)
            async with anyio.create_task_group() as tasks:
                for writer in writers:
                    tasks.start_soon(writer.run, stop)
                await _kill(program, bruno, chance)
                stop.set()
            sent = [text for writer in writers for text in writer.confirmed]
            assert len(sent) > 5 * KILLS, "hardly any load"
            await _answered_once(fresh_friends, sent)
            supervisor.cancel_scope.cancel()
    finally:
        code = await anyio.to_thread.run_sync(program.stop)
    assert code == 0
    assert "Traceback" not in file.with_suffix(".out").read_text()


async def _kill(program: Program, node: Daemon, chance: random.Random) -> None:
    for _ in range(KILLS):
        await anyio.sleep(chance.uniform(0.1, 1.0))  # a moment is what is tested here
        if chance.random() < 0.6:
            program.kill()
        if chance.random() < 0.6:
            node.kill()
            node.launch()
    await anyio.to_thread.run_sync(node.wait_ready)


async def _answered_once(friends: Friends, sent: list[str]) -> None:
    """Ana has one answer to each text, and the bot's node shows that it counted them in the order they came."""
    async with friends.ana.session() as rpc:

        async def answers() -> list[str]:
            listed = await items(rpc, "messages.list", contact=friends.bruno_id, limit=500)
            return sorted(item["text"].split(" of ", 1)[1] for item in listed if item["incoming"])

        await eventually(answers, lambda found: len(found) >= len(sent), patience=90)
        assert await answers() == sorted(sent)
    async with friends.bruno.client(after=0) as rpc:

        def came() -> list[str]:
            return [event["data"]["text"] for event in rpc.events if event["topic"] == "message.received"]

        await rpc.until(lambda: len(came()) == len(sent))
        listed = await items(rpc, "messages.list", contact=friends.ana_id, limit=500)
        given = [re.fullmatch(r"(\d+) of (.*)", item["text"]) for item in listed if not item["incoming"]]
        assert {int(one[1]): one[2] for one in given if one} == dict(enumerate(came(), 1))
