"""The command `mepassa tail`: events as lines, for people and for programs, until its pipe ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import anyio
from commanding import HOSTILE, SHOWN
from wire_node import WireNode


async def follow(node: WireNode, *arguments: str) -> str:
    """The first line of a `tail` in a process of its own, whose reader then goes away."""
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen([*command, "tail", *arguments], **pipes) as process:
        try:
            line = await anyio.to_thread.run_sync(process.stdout.readline)
            process.stdout.close()
            node.publish("message.sent", message_id="for the broken pipe")
            complaint = await anyio.to_thread.run_sync(process.stderr.read)
        finally:
            process.kill()
    assert complaint == ""
    return line.removesuffix("\n")


async def test_tail_prints_one_json_object_an_event_and_ends_with_its_pipe(node: WireNode) -> None:
    node.receive(HOSTILE)
    line = await follow(node, "--json", "--after", "0")
    assert json.loads(line) == {"seq": 1, "topic": "message.received", "data": node.log[0][1]}
    assert json.loads(line)["data"]["text"] == HOSTILE
    assert line.isprintable()


async def test_tail_ends_quietly_with_130_on_ctrl_c(node: WireNode) -> None:
    node.receive("hi")
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # also if the tests ignore it
    command = [sys.executable, "-c", f"{heard}; from mepassa.cli import main; main()", "--socket", str(node.path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen([*command, "tail", "--after", "0"], **pipes) as process:
        try:
            await anyio.to_thread.run_sync(process.stdout.readline)
            process.send_signal(signal.SIGINT)
            complaint = await anyio.to_thread.run_sync(process.stderr.read)
            code = await anyio.to_thread.run_sync(process.wait)
        finally:
            process.kill()
    assert (code, complaint) == (130, "")


async def test_tail_without_json_shows_facts_by_name(node: WireNode) -> None:
    node.receive(HOSTILE)
    line = await follow(node, "--after", "0", "--topic", "message.received", "--topic", "message.sent")
    assert line.startswith("1  message.received  account=mp1me")
    assert line.endswith(f"text={SHOWN}")


async def test_tail_tells_of_who_came_too_late_for_an_invite(node: WireNode) -> None:
    node.publish("invite.reused", account="mp1me", contact="mp1eve", time="2030-01-01T00:00:00.000Z")
    line = await follow(node, "--after", "0", "--topic", "invite.reused", "--topic", "message.sent")
    assert line == "1  invite.reused  account=mp1me  contact=mp1eve  time=2030-01-01T00:00:00.000Z"
