"""The command `mepassa tail`: events as lines, for people and for programs, until its pipe ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from commanding import HOSTILE, SHOWN, TIME, contact, run
from wire_node import ANA, ME, Refusal, Wire, WireNode


@pytest.fixture
def known(node: WireNode) -> WireNode:
    """A node where Ana has a name."""

    async def get(wire: Wire, **asked: Any) -> dict[str, Any]:
        if asked["contact"] != ANA:
            raise Refusal(1100, "UnknownContact", "There is no such contact.")
        return contact(ANA, HOSTILE)

    node.methods["contacts.get"] = get
    return node


async def follow(node: WireNode, *arguments: str, lines: int = 1) -> str:
    """The last of so many lines of a `tail` in a process of its own, whose reader then goes away."""
    command = [sys.executable, "-c", "from mepassa.cli import main; main()", "--socket", str(node.path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen([*command, "tail", *arguments], **pipes) as process:
        try:
            for _ in range(lines):
                line = await anyio.to_thread.run_sync(process.stdout.readline)
            process.stdout.close()
            node.publish("message.sent", message_id="for the broken pipe")
            complaint = await anyio.to_thread.run_sync(process.stderr.read)
            code = await anyio.to_thread.run_sync(process.wait)
        finally:
            process.kill()
    assert (code, complaint) == (1, "")
    return line.removesuffix("\n")


async def test_tail_prints_one_json_object_an_event_and_ends_with_its_pipe(node: WireNode) -> None:
    node.receive(HOSTILE)
    line = await follow(node, "--json", "--after", "0")
    assert json.loads(line) == {"seq": 1, "topic": "message.received", "data": node.log[0][1]}
    assert json.loads(line)["data"]["text"] == HOSTILE
    assert line.isprintable()


async def test_tail_ends_quietly_with_130_on_ctrl_c(known: WireNode) -> None:
    known.receive("hi")
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # also if the tests ignore it
    command = [sys.executable, "-c", f"{heard}; from mepassa.cli import main; main()", "--socket", str(known.path)]
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


# -- for people


WHEN = datetime(2027, 3, 1, 12, tzinfo=UTC).astimezone().strftime("%H:%M:%S")
NEVER = " " * len(WHEN)
PROGRESS = {"account": ME, "message_id": "m1", "contact": ANA, "route": "direct", "state": "delivered"}


@pytest.mark.parametrize(
    ("topic", "data", "line"),
    [
        ("message.received", {"contact": ANA, "text": HOSTILE, "time": TIME}, f"{WHEN}  {{topic}}  {SHOWN}  {SHOWN}"),
        ("message.received", {}, f"{NEVER}  message.received"),
        ("message.delivered", PROGRESS, f"{NEVER}  {{topic}}  {SHOWN}  delivered, direct"),
        ("message.failed", {**PROGRESS, "state": "failed", "route": None, "reason": "No."}, f"{SHOWN}  failed, No."),
        ("contact.added", {"contact": "mp1new", "state": "accepted", "name": "Eva"}, "{topic}  Eva  accepted"),
        ("contact.changed", {"contact": "mp1goneaway", "state": "removed"}, "{topic}  …goneaway  removed"),
        ("invite.reused", {"account": ME, "contact": "mp1mallory", "time": TIME}, f"{WHEN}  {{topic}}  …1mallory"),
        ("plugin.failed", {"plugin": "x\x1b", "reason": "It broke."}, "{topic}  x<U+001B>, It broke."),
        ("of.a.plugin", {"account": ME, "odd": [HOSTILE]}, '"odd": ["Ana\\u001b[2J\\u202e'),
    ],
)
async def test_a_line_tells_when_what_who_and_how(known: WireNode, topic: str, data: dict[str, Any], line: str) -> None:
    known.publish(topic, **data)
    shown = await follow(known, "--after", "0", "--topic", topic, "--topic", "message.sent")
    assert line.format(topic=f"{topic:<17}") in shown


@pytest.mark.parametrize(("active", "word"), [(True, "types"), (False, "stopped")])
async def test_what_happens_now_has_the_time_of_now(known: WireNode, active: bool, word: str) -> None:
    async def publish() -> None:
        await known.called("events.subscribe")
        known.publish("typing", account=ME, contact=ANA, conversation="c1", active=active)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(publish)
        line = await follow(known, "--topic", "typing", "--topic", "message.sent")
    assert re.fullmatch(rf"[0-2][0-9]:[0-5][0-9]:[0-5][0-9]  typing {{11}}  {re.escape(SHOWN)}  {word}", line)


async def test_a_name_is_asked_for_once(known: WireNode) -> None:
    known.receive("um")
    known.receive("dois")
    assert (await follow(known, "--after", "0", lines=2)).endswith(f"{SHOWN}  dois")
    assert [method for method, _ in known.calls].count("contacts.get") == 1


async def test_a_topic_that_there_is_not_is_told_with_those_there_are(node: WireNode) -> None:
    async def refuse(wire: Wire, **asked: Any) -> dict[str, Any]:
        raise Refusal(1701, "UnknownTopic", "There is no topic.", topic="mesage", topics=["message.received", "typing"])

    node.methods["events.subscribe"] = refuse
    for json_ in ([], ["--json"]):
        result = await run(node, "tail", "--topic", "mesage", *json_)
        assert (result.exit_code, result.stdout) == (1, "")
        told = "Error: There is no topic 'mesage'; there are message.received, typing. (UnknownTopic)\n"
        assert result.stderr == told


async def test_tail_goes_on_when_the_node_goes_away_before_a_name_is_known(known: WireNode) -> None:
    get, asked = known.methods["contacts.get"], 0

    async def cut_at_first(wire: Wire, **params: Any) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == 1:
            await known.cut()
        return await get(wire, **params)

    known.methods["contacts.get"] = cut_at_first
    for text in ("one", "two"):
        known.receive(text)
    line = await follow(known, "--after", "0", lines=2)
    assert line.endswith(f"{SHOWN}  two")
